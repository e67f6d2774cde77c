import type { ForestFile } from "../../../scoring/tree.ts";
import type { BinnedRows } from "./binned-rows.ts";
import { Booster, type BoostTerms, type Targets } from "./booster.ts";

export interface CrossFitTerms extends BoostTerms {
  /** Trees at most. */
  readonly trees: number;
  /** Rounds without a better cross-fitted loss after which growing ends. */
  readonly patience: number;
}

export interface OutcomeRows {
  /** Rows that are learned from, and their weights; null where all weigh 1. */
  readonly rows: Int32Array;
  readonly weights: Float32Array | null;
  /** All rows of the outcome's own time: those that were not drawn are scored too, so that calibration sees the natural rate. */
  readonly known: Int32Array;
  /** By binned row, what it counts where forests are compared; null where all count alike. */
  readonly worth: Float32Array | null;
  /** By binned row: what is learned. */
  readonly targets: Targets;
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
  /** Which of the settings it was grown with, and what each of them came to. */
  readonly chosen: number;
  readonly tried: readonly { readonly trees: number; readonly logLoss: number }[];
}

/**
 * Learns one outcome. One forest a fold grows in step on the people of the other folds; the number of trees is that with the least loss over people
 * that were not learned from. Of several settings, the one whose least loss is least, the earlier of two alike. Then one forest of so many trees is
 * grown from all rows with it. With no tree better than the base rate, the forest has none.
 */
export function crossFit(
  data: BinnedRows,
  outcome: OutcomeRows,
  settings: readonly [CrossFitTerms, ...CrossFitTerms[]],
  seed: number,
): CrossFitted {
  const [first, ...others] = settings;
  let best = growFolds(data, outcome, first, seed);
  let chosen = 0;
  const tried = [{ trees: best.trees, logLoss: best.logLoss }];
  for (const [i, terms] of others.entries()) {
    const found = growFolds(data, outcome, terms, seed);
    tried.push({ trees: found.trees, logLoss: found.logLoss });
    if (found.logLoss < best.logLoss) [best, chosen] = [found, i + 1];
  }
  const whole = growWhole(data, outcome, settings[chosen]!, best.trees, seed);
  return {
    forest: {
      format: "inboxloop-trees/1",
      base: whole.base,
      inputs: data.binnings.map((b) =>
        b.type === "number" ? { name: b.name, type: b.type } : { name: b.name, type: b.type, values: [...b.values] },
      ),
      trees: whole.trees.map(({ tree }) => tree),
    },
    crossFitted: best.crossFitted,
    logLoss: best.logLoss,
    baseLogLoss: best.baseLogLoss,
    scores: whole.scores,
    chosen,
    tried,
  };
}

/** The forests of the folds, as far as they are worth growing. */
function growFolds(data: BinnedRows, outcome: OutcomeRows, terms: CrossFitTerms, seed: number) {
  const { targets, fold, folds, known, weights, worth } = outcome;
  const counted = worth === null ? known.length : known.reduce((sum, row) => sum + worth[row]!, 0);
  const held = Array.from({ length: folds }, (_, k) => known.filter((row) => fold[row] === k));
  const boosters = held.map((scored, k) => {
    const rows = outcome.rows.filter((row) => fold[row] !== k);
    return new Booster(data, { rows, targets, weights }, scored, terms, seed + 1 + k);
  });
  const loss = (): number => {
    let sum = 0;
    for (const [k, booster] of boosters.entries()) sum += lossOf(booster.scores, targets, held[k]!, worth);
    return sum / counted;
  };
  const baseLogLoss = loss();
  let logLoss = baseLogLoss;
  let trees = 0;
  const scores = boosters.map((booster) => booster.scores.slice());
  for (let round = 1; round <= terms.trees && round - trees <= terms.patience; round++) {
    for (const booster of boosters) booster.step();
    const found = loss();
    if (found >= logLoss) continue;
    [logLoss, trees] = [found, round];
    for (const [k, booster] of boosters.entries()) scores[k]!.set(booster.scores);
  }
  return { trees, logLoss, baseLogLoss, crossFitted: Float64Array.from(known, (row) => scores[fold[row]!]![row]!) };
}

/** One forest of so many trees from all rows. */
function growWhole(data: BinnedRows, outcome: OutcomeRows, terms: CrossFitTerms, trees: number, seed: number): Booster {
  const { rows, targets, weights } = outcome;
  const isLearned = new Uint8Array(data.rows);
  for (const row of rows) isLearned[row] = 1;
  const others = Int32Array.from({ length: data.rows }, (_, row) => row).filter((row) => isLearned[row] === 0);
  const whole = new Booster(data, { rows, targets, weights }, others, terms, seed);
  for (let round = 0; round < trees; round++) whole.step();
  return whole;
}

/** Sum of the log loss over rows, each as often as it counts. */
function lossOf(scores: Float64Array, targets: Targets, rows: Int32Array, worth: Float32Array | null): number {
  let sum = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const x = scores[row]!;
    const loss = Math.max(x, 0) - x * targets[row]! + Math.log1p(Math.exp(-Math.abs(x)));
    sum += worth === null ? loss : worth[row]! * loss;
  }
  return sum;
}
