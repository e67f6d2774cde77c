import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import {
  areaUnderCurve,
  aucDifference,
  calibrationError,
  isMiscalibrated,
  logLosses,
  mean,
  outcomeMetrics,
  reliability,
} from "../../retrain/evaluate/metrics.ts";
import {
  coverage,
  doublyRobust,
  empiricalPropensities,
  type LoggedSend,
  perSend,
  perSendDifference,
} from "../../retrain/evaluate/off-policy.ts";
import { everyKth, sampleByWeight } from "../../retrain/trainer/sampling.ts";
import { calibrated, fitCalibration, sigmoid } from "../../scoring/calibration.ts";

describe("AUC", () => {
  test("when computed by midranks, then it equals the share of pairs in order, ties counting half", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 5 })), { minLength: 2, maxLength: 40 }),
        (rows) => {
          const positive = rows.filter(([label]) => label).map(([, s]) => s);
          const negative = rows.filter(([label]) => !label).map(([, s]) => s);
          fc.pre(positive.length > 0 && negative.length > 0);
          const pairs = positive.flatMap((p) => negative.map((n): number => (p > n ? 1 : p === n ? 0.5 : 0)));
          const { auc } = areaUnderCurve({ labels: rows.map(([l]) => (l ? 1 : 0)), scores: rows.map(([, s]) => s) });
          expect(auc).toBeCloseTo(mean(pairs), 10);
        },
      ),
    );
  });

  test("when DeLong's error is stated, then it is the spread of the AUC over repeated samples", () => {
    const random = seededRandom(5);
    const aucs: number[] = [];
    const errors: number[] = [];
    for (let run = 0; run < 300; run++) {
      const labels = Array.from({ length: 300 }, () => (random() < 0.2 ? 1 : 0));
      const { auc, standardError } = areaUnderCurve({ labels, scores: labels.map((l) => random() + 0.3 * l) });
      aucs.push(auc as number);
      errors.push(standardError as number);
    }
    const centre = mean(aucs);
    const spread = Math.sqrt(mean(aucs.map((a) => (a - centre) ** 2)));
    expect(mean(errors) / spread).toBeGreaterThan(0.85);
    expect(mean(errors) / spread).toBeLessThan(1.15);
  });

  test("when nothing is known and positives are few, then the interval lies above 0.5 in no more than one world in forty", () => {
    const random = seededRandom(23);
    for (const positives of [1, 2, 3, 5, 20]) {
      let above = 0;
      for (let run = 0; run < 500; run++) {
        const labels = Array.from({ length: 400 }, (_, i) => (i < positives ? 1 : 0));
        if (outcomeMetrics({ labels, scores: labels.map(() => random()) }).auc_low! > 0.5) above += 1;
      }
      expect(above, `${positives} positives`).toBeLessThanOrEqual(23);
    }
  });

  test("when three positives come first of all, then that is shown, but not that it is always so", () => {
    const labels = Array.from({ length: 3_000 }, (_, i) => (i < 3 ? 1 : 0));
    const found = outcomeMetrics({ labels, scores: labels.map((_, i) => 1 / (1 + i)) });
    expect(found.auc).toBe(1);
    expect(found.auc_low).toBeGreaterThan(0.5);
    expect(found.auc_low).toBeLessThan(0.8);
    const alone = outcomeMetrics({
      labels: labels.map((_, i) => (i === 0 ? 1 : 0)),
      scores: labels.map((_, i) => 1 / (1 + i)),
    });
    expect(alone.auc_low).toBeLessThan(0.5);
  });

  test("when a model is compared with itself, then the difference is nothing", () => {
    const labels = [1, 0, 1, 0, 0, 1];
    const found = areaUnderCurve({ labels, scores: [0.9, 0.2, 0.4, 0.5, 0.1, 0.7] });
    expect(aucDifference(found, found)).toEqual({ difference: 0, standardError: 0 });
  });

  test("when there is one class only, then there is no AUC", () => {
    expect(outcomeMetrics({ labels: [0, 0], scores: [0.1, 0.2] })).toMatchObject({
      auc: null,
      auc_low: null,
      positives: 0,
    });
  });
});

describe("calibration", () => {
  test("when a forest is over-confident and its level is off, then calibrated probabilities meet the natural rate in every tenth of the scores", () => {
    const random = seededRandom(11);
    const truth = Array.from({ length: 60_000 }, () => sigmoid(-5 + 1.5 * (random() + random() + random())));
    const labels = truth.map((p) => (random() < p ? 1 : 0));
    // As if trained on all positives and 4 % of the negatives, over-confident by a slope of 1.6.
    const offset = Math.log(1 / 0.04);
    const forest = truth.map((p) => sigmoid(1.6 * (Math.log(p / (1 - p)) + offset)));
    const half = truth.length / 2;
    const fitted = fitCalibration(forest.slice(0, half), labels.slice(0, half));
    const scores = forest.slice(half).map((s) => calibrated(s, fitted));
    const later = { labels: labels.slice(half), scores };
    expect(fitted.method).toBe("platt");
    expect(fitted.slope).toBeCloseTo(1 / 1.6, 1);
    expect(mean(scores) / mean(later.labels)).toBeCloseTo(1, 1);
    expect(calibrationError(reliability(later))).toBeLessThan(0.006);
    expect(isMiscalibrated(reliability(later))).toBe(false);
    expect(isMiscalibrated(reliability({ ...later, scores: scores.map((p) => p * 1.3) }))).toBe(true);
    expect(calibrationError(reliability({ ...later, scores: forest.slice(half) }))).toBeGreaterThan(0.2);
  });

  /** Rows in order of time whose base rate moves after the half, as a forest would score them that cannot see it. */
  function moving(rows: number, seed: number, moveBy: number) {
    const random = seededRandom(seed);
    const signal = Float64Array.from({ length: rows }, () => 4 * random() - 2);
    const truth = signal.map((x, i) => sigmoid(-5 + x + (i > rows / 2 ? moveBy : 0)));
    return {
      scores: signal.map((x) => sigmoid(1.5 * x - 4)),
      labels: Uint8Array.from(truth, (p) => (random() < p ? 1 : 0)),
    };
  }

  test("when the base rate moves, then the level follows the latest rows, and the slope is that of all", () => {
    for (const moveBy of [0.9, -0.7, 0]) {
      const { scores, labels } = moving(100_000, 17, moveBy);
      const until = 0.85 * labels.length;
      const fitted = fitCalibration(scores.subarray(0, until), labels.subarray(0, until));
      expect(fitted.slope).toBeCloseTo(1 / 1.5, 1);
      expect([fitted.rows, fitted.level_rows]).toEqual([until, 0.2 * until]);
      const later = labels.subarray(until);
      const predicted = mean(scores.subarray(until).map((s) => calibrated(s, fitted)));
      const error = Math.sqrt(1 / fitted.level_positives + 1 / later.reduce((sum, one) => sum + one, 0));
      expect(Math.abs(Math.log(predicted / mean(later)))).toBeLessThan(3 * error);
      const earlier = mean(labels.subarray(0, until / 2));
      if (moveBy !== 0) expect(Math.abs(Math.log(predicted / earlier))).toBeGreaterThan(5 * error);
    }
  });

  test("when the latest fifth holds few positives, then the level reaches back until it is known within a fifth", () => {
    const labels = Uint8Array.from({ length: 10_000 }, (_, i) => (i % 100 === 0 ? 1 : 0));
    const fitted = fitCalibration(new Float64Array(10_000).fill(0.3), labels);
    expect(fitted).toMatchObject({ positives: 100, level_positives: 30, level_rows: 3_000 });
    expect(calibrated(0.3, fitted)).toBeCloseTo(30.5 / 3_001, 8);
    const rare = fitCalibration(
      new Float64Array(10_000).fill(0.3),
      labels.map((one, i) => (i < 2_000 ? one : 0)),
    );
    expect(rare).toMatchObject({ level_positives: 20, level_rows: 10_000 });
  });

  test("when positives are few, then the level is fitted and the order kept", () => {
    const scores = Array.from({ length: 500 }, (_, i) => 0.1 + i / 1000);
    const labels = scores.map((_, i) => (i === 499 || i === 300 ? 1 : 0));
    const fitted = fitCalibration(scores, labels);
    expect(fitted).toMatchObject({ method: "intercept", slope: 1 });
    expect(mean(scores.map((s) => calibrated(s, fitted)))).toBeCloseTo(2.5 / 501, 8);
  });

  test("when nothing happened at all, then nobody gets probability zero", () => {
    const fitted = fitCalibration([0.2, 0.4, 0.6], [0, 0, 0]);
    expect(calibrated(0.2, fitted)).toBeGreaterThan(0);
  });

  test("when the loss of a sure miss is taken, then it is finite", () => {
    expect(logLosses({ labels: [1], scores: [0] })[0]).toBeLessThan(25);
  });
});

describe("sampling", () => {
  test("when a class is sampled, then each stratum keeps its share", () => {
    const rows = Array.from({ length: 1000 }, (_, i) => i);
    const kept = everyKth(rows, 100, (row) => (row % 10 === 0 ? "rare" : "common"), seededRandom(2));
    expect(new Set(kept).size).toBe(100);
    expect(kept.filter((row) => row % 10 === 0).length).toBe(10);
  });

  const hundredth = Uint8Array.from({ length: 10_000 }, (_, row) => (row % 100 === 0 ? 1 : 0));
  const every = Int32Array.from({ length: 10_000 }, (_, i) => i);

  test("when rows fit into the budget, then all are kept and none weighs more", () => {
    const sample = sampleByWeight(every, hundredth, 10_000, seededRandom(1));
    expect(sample.weights).toBeNull();
    expect(sample.rows).toBe(every);
  });

  test("when positives are rare, then all of them are kept, and the negatives weigh for those that were left out", () => {
    const sample = sampleByWeight(every, hundredth, 3_000, seededRandom(1));
    expect(sample).toMatchObject({ keptPositives: 100, positives: 100, negatives: 9_900 });
    expect(Math.abs(sample.rows.length - 3_000)).toBeLessThan(150);
    const weight = (isPositive: number) =>
      [...sample.rows]
        .filter((row) => hundredth[row] === isPositive)
        .reduce((sum, row) => sum + sample.weights![row]!, 0);
    expect(weight(1)).toBe(100);
    expect(weight(0)).toBeCloseTo(9_900, 0);
  });
});

describe("off-policy estimates", () => {
  /** Variants "a" (3 of 4) and "b"; b converts twice as often. */
  function logs(rows: number, seed: number) {
    const random = seededRandom(seed);
    const logged = Array.from({ length: rows }, () => (random() < 0.75 ? "a" : "b"));
    const outcome = logged.map((v) => (random() < (v === "b" ? 0.2 : 0.1) ? 1 : 0));
    const propensity = empiricalPropensities(
      logged.map(() => "campaign"),
      logged,
    );
    const send = (chosen: string | null): LoggedSend[] =>
      logged.map((v, i) => ({ logged: v, propensity: propensity.of(i), chosen }));
    return { outcome, send, people: logged.map((_, i) => i) };
  }

  test("when a policy would send the better variant to all, then its interval holds the truth in about 95 % of worlds", () => {
    let held = 0;
    let better = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const { outcome, send, people } = logs(2_000, seed);
      const found = perSend(send("b"), outcome, people);
      if (found.low! <= 0.2 && found.high! >= 0.2) held += 1;
      if (perSendDifference(send("b"), send("a"), outcome, people)!.low > 0) better += 1;
    }
    expect(held).toBeGreaterThanOrEqual(180);
    expect(better).toBeGreaterThanOrEqual(190);
  });

  test("when a policy would send nothing, then there is no estimate", () => {
    const { outcome, send, people } = logs(100, 1);
    expect(perSend(send(null), outcome, people)).toMatchObject({ value: null, effective_sends: 0 });
    expect(perSendDifference(send(null), send("a"), outcome, people)).toBeNull();
    expect(coverage(send(null), people)).toBeNull();
  });

  /**
   * Sends that a model chose and a fifth of the time explored, to people who get three mails each and take to mail alike: old hands were sent "b" mostly, new ones "a".
   * "b" is good for new people and bad for old hands. The judged policy sends "b" to all; what that comes to is known by construction.
   */
  const people = 400;
  function chosenLogs(seed: number, explored = 0.2) {
    const random = seededRandom(seed);
    const logged: LoggedSend[] = [];
    const outcome: number[] = [];
    const owner: number[] = [];
    const isOld: boolean[] = [];
    const rate = (old: boolean, variant: string): number => (variant === "b" ? (old ? 0.1 : 0.4) : 0.25);
    for (let person = 0; person < people; person++) {
      const old = random() < 0.5;
      // Somebody who likes mail likes all of it: rows of one person go together.
      const liking = random() < 0.5 ? 1.8 : 0.2;
      for (let mail = 0; mail < 3; mail++) {
        const best = old ? "b" : "a";
        const variant = random() < explored ? (random() < 0.5 ? "a" : "b") : best;
        const propensity = variant === best ? 1 - explored / 2 : explored / 2;
        logged.push({ logged: variant, propensity, chosen: "b" });
        outcome.push(random() < liking * rate(old, variant) ? 1 : 0);
        owner.push(person);
        isOld.push(old);
      }
    }
    // A model that has learned elsewhere, and is not quite right.
    const expects = (i: number, variant: string): number => 0.9 * rate(isOld[i]!, variant) + 0.02;
    const expected = {
      ofLogged: logged.map((s, i) => expects(i, s.logged)),
      ofChosen: logged.map((s, i) => expects(i, s.chosen!)),
    };
    return { logged, outcome, owner, expected };
  }
  const truth = 0.25;

  test("when a model chose what was sent, then the logged chances give the truth, in at least 93 % of 1,000 logs, and shares do not", () => {
    let [plain, robust, narrower, byShares, alone] = [0, 0, 0, 0, 0];
    const holds = ({ low, high }: { low: number | null; high: number | null }) => low! <= truth && truth <= high!;
    for (let seed = 1; seed <= 1_000; seed++) {
      const { logged, outcome, owner, expected } = chosenLogs(seed);
      const own = perSend(logged, outcome, owner);
      const dr = doublyRobust({ sends: logged, expected }, outcome, owner)!;
      if (holds(own)) plain += 1;
      if (holds(dr)) robust += 1;
      if (dr.high - dr.low < own.high! - own.low!) narrower += 1;
      const shares = empiricalPropensities(
        logged.map(() => "campaign"),
        logged.map((s) => s.logged),
      );
      const drawn = logged.map((s, i) => ({ ...s, propensity: shares.of(i) }));
      if (holds(perSend(drawn, outcome, owner))) byShares += 1;
      const rowByRow = perSend(
        logged,
        outcome,
        owner.map((_, i) => i),
      );
      if (holds(rowByRow)) alone += 1;
    }
    expect(plain).toBeGreaterThanOrEqual(930);
    expect(robust).toBeGreaterThanOrEqual(930);
    expect(narrower).toBeGreaterThan(900);
    expect(byShares).toBeLessThan(500);
    // Rows of one person counted as strangers promise more than they hold.
    expect(alone).toBeLessThan(plain - 10);
  });

  test("when the model that expects is right and the chances are not, or the other way round, then the doubly robust value is right", () => {
    const mean = (of: (seed: number) => number): number =>
      Array.from({ length: 300 }, (_, seed) => of(seed + 1)).reduce((total, value) => total + value / 300, 0);
    const wrongChances = mean((seed) => {
      const { logged, outcome, owner, expected } = chosenLogs(seed);
      const right = { ofLogged: expected.ofLogged.map(unbiased), ofChosen: expected.ofChosen.map(unbiased) };
      const sends = logged.map((s) => ({ ...s, propensity: 0.5 }));
      return doublyRobust({ sends, expected: right }, outcome, owner)!.value;
    });
    const wrongModel = mean((seed) => {
      const { logged, outcome, owner } = chosenLogs(seed);
      const flat = {
        ofLogged: logged.map((s) => (s.logged === "b" ? 0.1 : 0.7)),
        ofChosen: logged.map(() => 0.1),
      };
      return doublyRobust({ sends: logged, expected: flat }, outcome, owner)!.value;
    });
    expect(wrongChances).toBeCloseTo(truth, 2);
    expect(wrongModel).toBeCloseTo(truth, 2);
  });
  const unbiased = (expected: number): number => (expected - 0.02) / 0.9;

  test("when some of what a policy would send was never tried, then the log's coverage says so, and else it is 1", () => {
    const fine = chosenLogs(1);
    const found = coverage(fine.logged, fine.owner)!;
    expect(found.low).toBeLessThan(1);
    expect(found.high).toBeGreaterThan(1);
    const never = chosenLogs(2, 0);
    // Half of the people were never sent "b".
    const missing = coverage(never.logged, never.owner)!;
    expect(missing.high).toBeLessThan(0.65);
    expect(missing.low).toBeGreaterThan(0.35);
  });
});
