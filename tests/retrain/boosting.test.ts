import { describe, expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import { areaUnderCurve } from "../../retrain/evaluate/metrics.ts";
import { binnedRows } from "../../retrain/trainer/boosting/binned-rows.ts";
import {
  binColumn,
  binCount,
  categoryBinning,
  mostBins,
  numberBin,
  numberBinning,
} from "../../retrain/trainer/boosting/binning.ts";
import { crossFit } from "../../retrain/trainer/boosting/cross-fit.ts";
import { defaultTerms, settingsToTry } from "../../retrain/trainer/boosting/settings.ts";
import { sigmoid } from "../../scoring/calibration.ts";
import type { FeatureColumns } from "../../scoring/feature-columns.ts";
import { openForest, readForest } from "../../scoring/forest.ts";

const rows = 6_000;

/** Rows in which `age` and the topic tell, what is missing of `income` tells too, and `noise` tells nothing. */
function world(seed: number, effect = 1.5) {
  const random = seededRandom(seed);
  const topics = ["garden", "books", "music", "tools"];
  const age = Float64Array.from({ length: rows }, () => Math.floor(random() * 60));
  const income = Float64Array.from({ length: rows }, () => (random() < 0.3 ? Number.NaN : random() * 1e5));
  const noise = Float64Array.from({ length: rows }, () => random());
  const topic = Array.from({ length: rows }, () => (random() < 0.1 ? "" : topics[Math.floor(random() * 4)]!));
  const truth = Float64Array.from({ length: rows }, (_, i) =>
    sigmoid(
      -2 +
        effect *
          ((age[i]! > 40 ? 1 : 0) +
            (topic[i] === "books" || topic[i] === "tools" ? 1 : 0) -
            (Number.isNaN(income[i]!) ? 1 : 0)),
    ),
  );
  const labels = Uint8Array.from(truth, (p) => (random() < p ? 1 : 0));
  const columns: FeatureColumns = { age, income, noise, topic };
  return { columns, labels, truth };
}

const every = Int32Array.from({ length: rows }, (_, i) => i);
const fold = Uint8Array.from({ length: rows }, (_, i) => (i >> 1) % 3);

async function learned(seed: number, effect?: number, terms = defaultTerms, weights: Float32Array | null = null) {
  const { columns, labels, truth } = world(seed, effect);
  const names = Object.keys(columns);
  const data = await binnedRows(rows, names.length, async (i) => {
    const name = names[i]!;
    const values = columns[name]!;
    const binning = values instanceof Float64Array ? numberBinning(name, values) : categoryBinning(name, values);
    return { binning, fill: (into) => binColumn(binning, values, into) };
  });
  const outcome = { rows: every, weights, worth: null, known: every, targets: labels, fold, folds: 3 };
  return { columns, labels, truth, data, outcome, found: crossFit(data, outcome, [terms], 1) };
}

describe("bins", () => {
  test("when a number has few values, then each has a bin of its own, and what lies between goes to the nearer", () => {
    const binning = numberBinning("n", Float64Array.from([0, 0, 4, 4, 10, Number.NaN]));
    expect(binning).toEqual({ type: "number", name: "n", edges: [2, 7] });
    expect([0, 2, 3, 7, 8, -5, 99].map((v) => numberBin([2, 7], v))).toEqual([1, 1, 2, 2, 3, 1, 3]);
  });

  test("when a number has many values, then at most 255 bins share the rows, and a frequent one stands alone", () => {
    const values = Float64Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? 0 : i));
    const binning = numberBinning("n", values);
    const into = new Uint8Array(values.length);
    binColumn(binning, values, into);
    const counts = new Int32Array(256);
    for (const bin of into) counts[bin]! += 1;
    expect(binCount(binning)).toBeLessThanOrEqual(mostBins);
    expect(counts[1]).toBe(10_000);
    expect(Math.max(...counts.slice(2))).toBeLessThan(120);
  });

  test("when a category was never seen, or is one of too many, then it is not known", () => {
    const values = Array.from({ length: 1_000 }, (_, i) => `t${i % 400}`);
    const binning = categoryBinning("t", [...values, "t0"]);
    expect(binCount(binning)).toBe(mostBins);
    const into = new Uint8Array(3);
    binColumn(binning, ["t0", "never", ""], into);
    expect([...into].map((bin) => bin > 0)).toEqual([true, false, false]);
  });
});

describe("forests", () => {
  test("when numbers, categories and what is missing tell, then the forest comes near to the truth", async () => {
    const { labels, truth, found } = await learned(1);
    const auc = (scores: ArrayLike<number>) => areaUnderCurve({ labels, scores }).auc!;
    expect(auc(found.crossFitted)).toBeGreaterThan(auc(truth) - 0.015);
    expect(found.logLoss).toBeLessThan(0.9 * found.baseLogLoss);
  });

  test("when a forest is read back, then it scores every row as the trainer did, to the last bit", async () => {
    const { columns, found } = await learned(2);
    const forest = openForest(readForest(JSON.stringify(found.forest)));
    expect(forest.predict(columns, rows)).toEqual(found.scores.map(sigmoid));
    const values = ["books", "garden", "never seen", ""];
    const each = forest.predictEach({ ...columns, topic: [] }, rows, "topic", values);
    for (const [i, value] of values.entries())
      expect(each[i]).toEqual(forest.predict({ ...columns, topic: new Array<string>(rows).fill(value) }, rows));
  });

  test("when nothing tells anything, then there is no tree", async () => {
    const { found } = await learned(3, 0);
    expect(found.forest.trees.length).toBeLessThanOrEqual(2);
    expect(found.logLoss).toBeGreaterThan(0.998 * found.baseLogLoss);
  });

  test("when trees see a part of the rows, then the same seed gives the same forest, and it is nearly as good", async () => {
    const terms = { ...defaultTerms, leastSeen: 1_000 };
    const [one, two] = [await learned(4, 1.5, terms), await learned(4, 1.5, terms)];
    expect(JSON.stringify(one.found.forest)).toBe(JSON.stringify(two.found.forest));
    const whole = await learned(4);
    expect(JSON.stringify(one.found.forest)).not.toBe(JSON.stringify(whole.found.forest));
    expect(one.found.logLoss).toBeLessThan(whole.found.logLoss + 0.01);
    for (const { cover, feature, right } of one.found.forest.trees) {
      expect(cover[0]).toBe(rows);
      for (const [node, asked] of feature.entries())
        if (asked >= 0) expect(cover[node]).toBe(cover[node + 1]! + cover[right[node]!]!);
    }
  });

  test("when every row weighs twice, then the base rate stays and leaves trust their rows more", async () => {
    const { found } = await learned(5, 1.5, defaultTerms, new Float32Array(rows).fill(2));
    const plain = (await learned(5)).found;
    expect(found.forest.base).toBe(plain.forest.base);
    expect(found.forest.trees[0]!.cover[0]).toBe(2 * plain.forest.trees[0]!.cover[0]!);
  });

  test("when the score may only rise with a number, then no row scores less for more of it, and what the truth does otherwise goes unlearned", async () => {
    const free = await learned(7);
    const [up, down] = [1, -1].map((way) => ({ ...defaultTerms, monotone: [way, 0, 0, 0] }));
    const steps = [0, 10, 25, 39, 40, 41, 42, 55, 80].map((age) => new Float64Array(rows).fill(age));
    const scoresBy = async (terms: typeof defaultTerms) => {
      const { columns, found } = await learned(7, 1.5, terms);
      const forest = openForest(readForest(JSON.stringify(found.forest)));
      const scores = steps.map((age) => forest.predict({ ...columns, age }, rows));
      return { found, scores };
    };
    const fallsOf = (scores: readonly Float64Array[], way: number): number => {
      let falls = 0;
      for (let i = 1; i < scores.length; i++)
        for (let row = 0; row < rows; row++) if (way * (scores[i]![row]! - scores[i - 1]![row]!) < 0) falls += 1;
      return falls;
    };
    expect(fallsOf((await scoresBy(defaultTerms)).scores, 1)).toBeGreaterThan(100);
    const [rising, falling] = [await scoresBy(up!), await scoresBy(down!)];
    expect(fallsOf(rising.scores, 1)).toBe(0);
    expect(fallsOf(falling.scores, -1)).toBe(0);
    // What the truth does costs nothing, and what it does not do costs much.
    expect(rising.found.logLoss).toBeLessThan(free.found.logLoss + 0.0005);
    expect(falling.found.logLoss).toBeGreaterThan(free.found.logLoss + 0.01);
    expect(falling.found.logLoss).toBeLessThan(falling.found.baseLogLoss - 0.01);
  });

  test("when rows say how likely they are, then the forest comes nearer to the truth than by one throw each", async () => {
    const { truth, data, outcome, found } = await learned(8);
    const soft = crossFit(data, { ...outcome, targets: Float32Array.from(truth) }, [defaultTerms], 1);
    const distance = (scores: Float64Array): number =>
      scores.reduce((sum, score, i) => sum + (sigmoid(score) - truth[i]!) ** 2, 0) / rows;
    expect(distance(soft.crossFitted)).toBeLessThan(distance(found.crossFitted) / 2);
    const same = crossFit(data, { ...outcome, targets: Float32Array.from(outcome.targets) }, [defaultTerms], 1);
    expect(same.forest).toEqual(found.forest);
  });

  test("when several settings are tried, then the one with the least cross-fitted loss is kept, and it is what it is alone", async () => {
    const { data, outcome } = await learned(9);
    const [first, ...others] = settingsToTry(4, []);
    const alone = [first, ...others].map(({ terms }) => crossFit(data, outcome, [terms], 1));
    const tried = crossFit(data, outcome, [first.terms, ...others.map(({ terms }) => terms)], 1);
    const losses = alone.map(({ logLoss }) => logLoss);
    expect(tried.tried.map(({ logLoss }) => logLoss)).toEqual(losses);
    expect(tried.chosen).toBe(losses.indexOf(Math.min(...losses)));
    expect(tried.forest).toEqual(alone[tried.chosen]!.forest);
    expect(new Set(losses).size).toBe(4);
  });

  test("when a tree's nodes point astray, then the forest is refused by what is wrong", async () => {
    const { found } = await learned(6);
    const broken = (change: (tree: { feature: number[]; right: number[] }) => void): string => {
      const copy = JSON.parse(JSON.stringify(found.forest)) as typeof found.forest;
      change(copy.trees[0]!);
      return JSON.stringify(copy);
    };
    expect(() => readForest(broken((tree) => tree.feature.splice(0, 1, 17)))).toThrow(
      "tree 0: node 0 asks for input 17",
    );
    expect(() => readForest(broken((tree) => tree.right.splice(0, 1, 0)))).toThrow("tree 0: node 0 has no children");
    expect(() => readForest(broken((tree) => tree.right.pop()))).toThrow("differ in length");
  });
});
