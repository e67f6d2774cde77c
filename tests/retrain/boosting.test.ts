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
import { crossFit, defaultTerms } from "../../retrain/trainer/boosting/cross-fit.ts";
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
  const outcome = { rows: every, weights, worth: null, known: every, labels, fold, folds: 3 };
  return { columns, labels, truth, found: crossFit(data, outcome, terms, 1) };
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
