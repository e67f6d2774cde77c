import { type Binning, binCount } from "./binning.ts";

export interface SplitTerms {
  /** Added to the hessian of a leaf: draws its value towards 0. */
  readonly l2: number;
  /** Hessian of a leaf, at least: about the events expected in it. */
  readonly leastHessian: number;
  /** Rows of a leaf, at least. */
  readonly leastRows: number;
  /** Loss that a split takes away, at least. */
  readonly leastGain: number;
}

export interface Split {
  readonly feature: number;
  readonly gain: number;
  /** Of a number: the last bin that goes left. */
  readonly bin: number;
  /** By bin, 1 where it goes left; bin 0 is what is not known. */
  readonly goesLeft: Uint8Array;
  readonly leftGradient: number;
  readonly leftHessian: number;
}

interface Node {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
}

/** Of a category: added to the hessian of its mean gradient when categories are put in order, and to `l2`. */
const categorySmoothing = 10;
/** Categories with less hessian than this are not told apart from the rest. */
const categoryLeast = 1;

/**
 * The split that takes most of the loss away: G^2 / (H + l2) of both sides less that of the node (Chen & Guestrin 2016, "XGBoost", KDD). What is not
 * known is tried on both sides of a number. Categories are put in order of their smoothed mean gradient and cut like a number (Fisher 1958, JASA 53).
 */
export function bestSplit(
  histogram: Float64Array,
  node: Node,
  features: readonly number[],
  binnings: readonly Binning[],
  offsets: readonly number[],
  terms: SplitTerms,
): Split | null {
  if (node.rows < 2 * terms.leastRows || node.hessian < 2 * terms.leastHessian) return null;
  const search = new Search(histogram, node, terms);
  for (const feature of features) {
    const bins = binCount(binnings[feature]!);
    if (bins < 2) continue;
    if (binnings[feature]!.type === "number") search.number(feature, offsets[feature]!, bins);
    else search.category(feature, offsets[feature]!, bins);
  }
  return search.found();
}

class Search {
  readonly #histogram: Float64Array;
  readonly #node: Node;
  readonly #terms: SplitTerms;
  readonly #rowsPerHessian: number;
  #gain: number;
  #feature = -1;
  #bin = 0;
  #bins = 0;
  #isUnknownLeft = false;
  #left: readonly number[] | null = null;
  #leftGradient = 0;
  #leftHessian = 0;

  constructor(histogram: Float64Array, node: Node, terms: SplitTerms) {
    this.#histogram = histogram;
    this.#node = node;
    this.#terms = terms;
    this.#rowsPerHessian = node.rows / node.hessian;
    this.#gain = terms.leastGain;
  }

  number(feature: number, offset: number, bins: number): void {
    const unknownHessian = this.#histogram[offset + 1]!;
    this.#scan(feature, offset, bins, false);
    if (unknownHessian > 0) this.#scan(feature, offset, bins, true);
  }

  #scan(feature: number, offset: number, bins: number, isUnknownLeft: boolean): void {
    const histogram = this.#histogram;
    const { gradient: all, hessian: allHessian } = this.#node;
    const { l2, leastHessian, leastRows } = this.#terms;
    const least = Math.max(leastHessian, leastRows / this.#rowsPerHessian);
    const base = (all * all) / (allHessian + l2);
    let gradient = isUnknownLeft ? histogram[offset]! : 0;
    let hessian = isUnknownLeft ? histogram[offset + 1]! : 0;
    // The last cut is between what is known and what is not; with the unknown on the left it would leave nothing on the right.
    const last = isUnknownLeft ? bins - 2 : bins - 1;
    for (let bin = 1; bin <= last; bin++) {
      const here = histogram[offset + 2 * bin + 1]!;
      if (here <= 1e-12) continue;
      gradient += histogram[offset + 2 * bin]!;
      hessian += here;
      if (hessian < least) continue;
      const otherHessian = allHessian - hessian;
      if (otherHessian < least) break;
      const other = all - gradient;
      const gain = (gradient * gradient) / (hessian + l2) + (other * other) / (otherHessian + l2) - base;
      if (gain <= this.#gain) continue;
      this.#gain = gain;
      this.#feature = feature;
      this.#bin = bin;
      this.#bins = bins;
      this.#isUnknownLeft = isUnknownLeft;
      this.#left = null;
      this.#leftGradient = gradient;
      this.#leftHessian = hessian;
    }
  }

  category(feature: number, offset: number, bins: number): void {
    const histogram = this.#histogram;
    const { gradient: all, hessian: allHessian } = this.#node;
    const { leastHessian, leastRows } = this.#terms;
    const l2 = this.#terms.l2 + categorySmoothing;
    const least = Math.max(leastHessian, leastRows / this.#rowsPerHessian);
    const base = (all * all) / (allHessian + l2);
    const codes: number[] = [];
    for (let bin = 0; bin < bins; bin++) if (histogram[offset + 2 * bin + 1]! >= categoryLeast) codes.push(bin);
    const mean = (bin: number): number =>
      histogram[offset + 2 * bin]! / (histogram[offset + 2 * bin + 1]! + categorySmoothing);
    codes.sort((a, b) => mean(a) - mean(b) || a - b);
    // From both ends, as what is left out of the order goes right.
    for (const order of [codes, codes.toReversed()]) {
      let gradient = 0;
      let hessian = 0;
      for (let i = 0; i < order.length; i++) {
        gradient += histogram[offset + 2 * order[i]!]!;
        hessian += histogram[offset + 2 * order[i]! + 1]!;
        if (hessian < least) continue;
        const otherHessian = allHessian - hessian;
        if (otherHessian < least) break;
        const other = all - gradient;
        const gain = (gradient * gradient) / (hessian + l2) + (other * other) / (otherHessian + l2) - base;
        if (gain <= this.#gain) continue;
        this.#gain = gain;
        this.#feature = feature;
        this.#bin = -1;
        this.#bins = bins;
        this.#left = order.slice(0, i + 1);
        this.#leftGradient = gradient;
        this.#leftHessian = hessian;
      }
    }
  }

  found(): Split | null {
    if (this.#feature < 0) return null;
    const goesLeft = new Uint8Array(this.#bins);
    if (this.#left) for (const code of this.#left) goesLeft[code] = 1;
    else goesLeft.fill(1, this.#isUnknownLeft ? 0 : 1, this.#bin + 1);
    return {
      feature: this.#feature,
      gain: this.#gain,
      bin: this.#bin,
      goesLeft,
      leftGradient: this.#leftGradient,
      leftHessian: this.#leftHessian,
    };
  }
}
