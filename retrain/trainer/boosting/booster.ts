import { seededRandom } from "../../../platform/seeded-random.ts";
import { sigmoid } from "../../../scoring/calibration.ts";
import { type Tree, toLeafStep } from "../../../scoring/tree.ts";
import type { BinnedRows } from "./binned-rows.ts";
import { type GrownTree, TreeGrower, type TreeTerms } from "./grow-tree.ts";

export interface BoostTerms extends TreeTerms {
  /** Share of features that a tree may ask for. */
  readonly featureShare: number;
  /** Share of the rows that a tree sees, and how many rows it sees at least: two thirds those with the greatest gradients, a third drawn from the rest. */
  readonly seenShare: number;
  readonly leastSeen: number;
}

/** Labels by binned row: 1, 0, or how likely it is a 1. */
export type Targets = Uint8Array | Float32Array;

/** Rows to learn from: places in the binned rows, targets and weights of all of them. */
export interface LearningRows {
  readonly rows: Int32Array;
  readonly targets: Targets;
  /** Weight of each row; null where all weigh 1. */
  readonly weights: Float32Array | null;
}

/**
 * Gradient boosting of the binomial log loss, one tree at a time. Of the rows each tree sees those with the greatest gradients and a weighted draw of
 * the rest (gradient-based one-side sampling, Ke et al. 2017), drawn anew, so that all rows are learned from. The scores
 * of these rows and of the `others` are kept up to date.
 */
export class Booster {
  /** Log-odds that every row starts from. */
  readonly base: number;
  readonly trees: GrownTree[] = [];
  /** Log-odds by binned row. */
  readonly scores: Float64Array;
  readonly #data: BinnedRows;
  readonly #terms: BoostTerms;
  readonly #learning: LearningRows;
  readonly #others: Int32Array;
  readonly #grower: TreeGrower;
  readonly #random: () => number;
  readonly #gradients: Float32Array;
  readonly #hessians: Float32Array;
  readonly #sample: Int32Array;

  constructor(data: BinnedRows, learning: LearningRows, others: Int32Array, terms: BoostTerms, seed: number) {
    this.#others = others;
    this.#data = data;
    this.#terms = terms;
    this.#learning = learning;
    this.#random = seededRandom(seed);
    this.#grower = new TreeGrower(data, terms, learning.rows.length);
    this.#gradients = new Float32Array(data.rows);
    this.#hessians = new Float32Array(data.rows);
    this.#sample = new Int32Array(learning.rows.length);
    let weight = 0;
    let positives = 0;
    for (const row of learning.rows) {
      const w = learning.weights?.[row] ?? 1;
      weight += w;
      positives += w * learning.targets[row]!;
    }
    this.base = toLeafStep(Math.log(positives / (weight - positives)));
    this.scores = new Float64Array(data.rows).fill(this.base);
  }

  /** Grows the next tree and adds it to the scores. */
  step(): void {
    const { rows, targets, weights } = this.#learning;
    const g = this.#gradients;
    const h = this.#hessians;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const p = sigmoid(this.scores[row]!);
      const w = weights === null ? 1 : weights[row]!;
      g[row] = w * (p - targets[row]!);
      h[row] = w * p * (1 - p);
    }
    const count = this.#draw();
    const grown = this.#grower.grow(this.#sample, count, g, h, this.#features());
    this.trees.push(grown);
    const leaves = addTree(grown, this.#data, this.scores, rows, weights);
    fillCover(grown.tree, leaves);
    addTree(grown, this.#data, this.scores, this.#others, null);
  }

  #features(): readonly number[] {
    const all = this.#data.binnings.map((_, i) => i);
    const { featureShare } = this.#terms;
    if (featureShare >= 1) return all;
    const wanted = Math.max(1, Math.round(all.length * featureShare));
    for (let i = 0; i < wanted; i++) {
      const j = i + Math.floor(this.#random() * (all.length - i));
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    return all.slice(0, wanted).sort((a, b) => a - b);
  }

  /** Puts the rows of the next tree into the sample, in order; how many there are. */
  #draw(): number {
    const { rows } = this.#learning;
    const sample = this.#sample;
    const share = Math.max(this.#terms.seenShare, this.#terms.leastSeen / rows.length);
    if (share >= 1) {
      sample.set(rows);
      return rows.length;
    }
    const topShare = (2 / 3) * share;
    const least = this.#leastOfTop(topShare);
    const g = this.#gradients;
    const h = this.#hessians;
    const chance = share / 3 / (1 - topShare);
    const factor = 1 / chance;
    let count = 0;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (Math.abs(g[row]!) < least) {
        if (this.#random() >= chance) continue;
        g[row]! *= factor;
        h[row]! *= factor;
      }
      sample[count++] = row;
    }
    return count;
  }

  /** The gradient that about `share` of the rows reach, by a histogram of 4,096 bins on a logarithmic scale. */
  #leastOfTop(share: number): number {
    const { rows } = this.#learning;
    const g = this.#gradients;
    const counts = new Int32Array(4_096);
    const binOf = (value: number): number => Math.min(4_095, Math.max(0, Math.floor(4_000 + 128 * Math.log2(value))));
    for (let i = 0; i < rows.length; i++) counts[binOf(Math.abs(g[rows[i]!]!))]! += 1;
    let above = 0;
    for (let bin = 4_095; bin >= 0; bin--) {
      above += counts[bin]!;
      if (above >= share * rows.length) return 2 ** ((bin - 4_000) / 128);
    }
    return 0;
  }
}

/** Adds a tree's values to the scores of rows; by node, the weight of the rows that end there. */
function addTree(
  { tree, goesLeft }: GrownTree,
  data: BinnedRows,
  scores: Float64Array,
  rows: Int32Array,
  weights: Float32Array | null,
): Float64Array {
  const feature = Int32Array.from(tree.feature, (f) => f * data.rows);
  const right = Int32Array.from(tree.right);
  const value = Float64Array.from(tree.at);
  const { bins } = data;
  const leaves = new Float64Array(tree.feature.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    let node = 0;
    for (let column = feature[0]!; column >= 0; column = feature[node]!)
      node = goesLeft[(node << 8) + bins[column + row]!] === 1 ? node + 1 : right[node]!;
    scores[row]! += value[node]!;
    leaves[node]! += weights === null ? 1 : weights[row]!;
  }
  return leaves;
}

/** A tree sees a draw of its rows in which hard ones are more frequent: what its nodes weigh is counted over all of them. */
function fillCover({ feature, right, cover }: Tree, leaves: Float64Array): void {
  for (let node = feature.length - 1; node >= 0; node--)
    cover[node] = feature[node]! < 0 ? Math.round(leaves[node]!) : cover[node + 1]! + cover[right[node]!]!;
}
