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
  /** By feature, 1 where the score may only rise with it, -1 where it may only fall, 0 where it is free; empty where all are. */
  readonly monotone: readonly number[];
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

/** What the values of all leaves below a node lie between: a split above it promised so. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}
export const unbounded: Bounds = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

interface Node {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
  readonly bounds: Bounds;
}

/** A leaf's value before it is shrunk: the one that takes most of the loss away, within its bounds. */
export const leafValue = (gradient: number, hessian: number, l2: number, { low, high }: Bounds): number =>
  Math.min(high, Math.max(low, -gradient / (hessian + l2)));

/** Twice the loss that a leaf of this value takes away. */
const gainOf = (gradient: number, hessian: number, l2: number, value: number): number =>
  -(2 * gradient * value + (hessian + l2) * value * value);

/**
 * Bounds of both children. A split of a feature that the score may only rise or fall with keeps all leaves of one side below the middle of the two
 * sides' values, and all of the other above it: so rows that differ in this feature alone are in order, whatever grows below
 * (LightGBM's "basic" method; Auguste, Malory & Smirnov 2020, arXiv:2011.00986).
 */
export function boundsOfChildren(
  split: Split,
  node: Omit<Node, "rows">,
  { monotone, l2 }: SplitTerms,
): readonly [left: Bounds, right: Bounds] {
  const direction = monotone[split.feature] ?? 0;
  if (direction === 0) return [node.bounds, node.bounds];
  const left = leafValue(split.leftGradient, split.leftHessian, l2, node.bounds);
  const right = leafValue(node.gradient - split.leftGradient, node.hessian - split.leftHessian, l2, node.bounds);
  const middle = (left + right) / 2;
  const below = { low: node.bounds.low, high: middle };
  const above = { low: middle, high: node.bounds.high };
  return direction > 0 ? [below, above] : [above, below];
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
  /** Whether the value of a side may have to give way. */
  readonly #isHeld: boolean;

  constructor(histogram: Float64Array, node: Node, terms: SplitTerms) {
    this.#histogram = histogram;
    this.#node = node;
    this.#terms = terms;
    this.#rowsPerHessian = node.rows / node.hessian;
    this.#gain = terms.leastGain;
    this.#isHeld = terms.monotone.length > 0;
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
    const base = this.#base(l2);
    const direction = this.#terms.monotone[feature] ?? 0;
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
      const gain = this.#isHeld
        ? this.#heldGain(gradient, hessian, other, otherHessian, l2, direction) - base
        : (gradient * gradient) / (hessian + l2) + (other * other) / (otherHessian + l2) - base;
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
    const base = this.#base(l2);
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
        const gain = this.#isHeld
          ? this.#heldGain(gradient, hessian, other, otherHessian, l2, 0) - base
          : (gradient * gradient) / (hessian + l2) + (other * other) / (otherHessian + l2) - base;
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

  /** Twice the loss that the node takes away as a leaf. */
  #base(l2: number): number {
    const { gradient, hessian, bounds } = this.#node;
    return this.#isHeld
      ? gainOf(gradient, hessian, l2, leafValue(gradient, hessian, l2, bounds))
      : (gradient * gradient) / (hessian + l2);
  }

  /** Twice the loss that both sides take away within the node's bounds; less than anything where they would stand in the wrong order. */
  #heldGain(
    gradient: number,
    hessian: number,
    other: number,
    otherHessian: number,
    l2: number,
    direction: number,
  ): number {
    const { bounds } = this.#node;
    const left = leafValue(gradient, hessian, l2, bounds);
    const right = leafValue(other, otherHessian, l2, bounds);
    if (direction * (right - left) < 0) return Number.NEGATIVE_INFINITY;
    return gainOf(gradient, hessian, l2, left) + gainOf(other, otherHessian, l2, right);
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
