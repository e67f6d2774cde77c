import type { ForestFile } from "../../../scoring/tree.ts";
import type { BinnedRows } from "./binned-rows.ts";
import { Booster, type BoostTerms } from "./booster.ts";

export interface CrossFitTerms extends BoostTerms {
  /** Trees at most. */
  readonly trees: number;
  /** Rounds without a better cross-fitted loss after which growing ends. */
  readonly patience: number;
}

/**
 * What every outcome is learned with; docs/adr/0028 has what was tried beside it.
 */
export const defaultTerms: CrossFitTerms = {
  trees: 500,
  patience: 15,
  leaves: 15,
  depth: 8,
  shrinkage: 0.1,
  l2: 5,
  leastHessian: 1,
  leastRows: 20,
  leastGain: 0,
  featureShare: 0.8,
  seenShare: 0.3,
  leastSeen: 20_000,
};

export interface OutcomeRows {
  /** Rows that are learned from, and their weights; null where all weigh 1. */
  readonly rows: Int32Array;
  readonly weights: Float32Array | null;
  /** All rows of the outcome's own time: those that were not drawn are scored too, so that calibration sees the natural rate. */
  readonly known: Int32Array;
  /** By binned row, what it counts where forests are compared; null where all count alike. */
  readonly worth: Float32Array | null;
  /** By binned row. */
  readonly labels: Uint8Array;
  /** By binned row, which of the folds its person is in. */
  readonly fold: Uint8Array;
  readonly folds: number;
}

export interface CrossFitted {
  readonly forest: ForestFile;
  /** Log-odds of `known`, in its order, by the forests that had not seen their people. */
  readonly crossFitted: Float64Array;
  /** Mean log loss of these, and of the base rates of the same folds. */
  readonly logLoss: number;
  readonly baseLogLoss: number;
  /** Log-odds of all binned rows by the forest. */
  readonly scores: Float64Array;
}

/**
 * Learns one outcome. One forest a fold grows in step on the people of the other folds; the number of trees is that with the least loss over people
 * that were not learned from. Then one forest of so many trees is grown from all rows. With no tree better than the base rate, the forest has none.
 */
export function crossFit(data: BinnedRows, outcome: OutcomeRows, terms: CrossFitTerms, seed: number): CrossFitted {
  const { labels, fold, folds, known, weights, worth } = outcome;
  const counted = worth === null ? known.length : known.reduce((sum, row) => sum + worth[row]!, 0);
  const held = Array.from({ length: folds }, (_, k) => known.filter((row) => fold[row] === k));
  const boosters = held.map((scored, k) => {
    const rows = outcome.rows.filter((row) => fold[row] !== k);
    return new Booster(data, { rows, labels, weights }, scored, terms, seed + 1 + k);
  });
  const loss = (): number => {
    let sum = 0;
    for (const [k, booster] of boosters.entries()) sum += lossOf(booster.scores, labels, held[k]!, worth);
    return sum / counted;
  };
  const baseLogLoss = loss();
  let logLoss = baseLogLoss;
  let best = 0;
  const scores = boosters.map((booster) => booster.scores.slice());
  for (let round = 1; round <= terms.trees && round - best <= terms.patience; round++) {
    for (const booster of boosters) booster.step();
    const found = loss();
    if (found >= logLoss) continue;
    [logLoss, best] = [found, round];
    for (const [k, booster] of boosters.entries()) scores[k]!.set(booster.scores);
  }
  const crossFitted = Float64Array.from(known, (row) => scores[fold[row]!]![row]!);
  const isLearned = new Uint8Array(data.rows);
  for (const row of outcome.rows) isLearned[row] = 1;
  const others = Int32Array.from({ length: data.rows }, (_, row) => row).filter((row) => isLearned[row] === 0);
  const whole = new Booster(data, { rows: outcome.rows, labels, weights }, others, terms, seed);
  for (let round = 0; round < best; round++) whole.step();
  return {
    forest: {
      format: "inboxloop-trees/1",
      base: whole.base,
      inputs: data.binnings.map((b) =>
        b.type === "number" ? { name: b.name, type: b.type } : { name: b.name, type: b.type, values: [...b.values] },
      ),
      trees: whole.trees.map(({ tree }) => tree),
    },
    crossFitted,
    logLoss,
    baseLogLoss,
    scores: whole.scores,
  };
}

/** Sum of the log loss over rows, each as often as it counts. */
function lossOf(scores: Float64Array, labels: Uint8Array, rows: Int32Array, worth: Float32Array | null): number {
  let sum = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const x = scores[row]!;
    const loss = Math.max(x, 0) - x * labels[row]! + Math.log1p(Math.exp(-Math.abs(x)));
    sum += worth === null ? loss : worth[row]! * loss;
  }
  return sum;
}
