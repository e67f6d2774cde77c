import { everyNumber, type Tree, toLeafStep } from "../../../scoring/tree.ts";
import {
  type Bounds,
  bestSplit,
  boundsOfChildren,
  leafValue,
  type Split,
  type SplitTerms,
  unbounded,
} from "./best-split.ts";
import type { BinnedRows } from "./binned-rows.ts";
import { type Binning, binCount } from "./binning.ts";
import { addOne, addTwo, addUnusual } from "./histogram.ts";

export interface TreeTerms extends SplitTerms {
  readonly leaves: number;
  readonly depth: number;
  readonly shrinkage: number;
}

interface Leaf {
  readonly node: number;
  readonly start: number;
  readonly end: number;
  readonly depth: number;
  readonly gradient: number;
  readonly hessian: number;
  readonly bounds: Bounds;
  readonly histogram: Float64Array;
  readonly split: Split | null;
}

/** A node while its tree grows; `left` is 0 for a leaf. */
interface Grown {
  split: Split | null;
  left: number;
  right: number;
  value: number;
}

/** A tree, its cover still to be counted, and the same asked by bins: what training rows go through. */
export interface GrownTree {
  readonly tree: Tree;
  /** By node and bin (256 a node), 1 where it goes left. */
  readonly goesLeft: Uint8Array;
}

/**
 * Grows trees over one set of binned rows: leaf by leaf, the one that gains most first, by histograms of gradients (Friedman 2001, Annals of
 * Statistics 29; Ke et al. 2017, "LightGBM", NIPS). Of two siblings the smaller is counted and the other is the difference. Holds all memory that
 * growing takes, so a tree allocates next to nothing.
 */
export class TreeGrower {
  readonly #data: BinnedRows;
  readonly #terms: TreeTerms;
  readonly #offsets: readonly number[];
  readonly #free: Float64Array[] = [];
  readonly #rows: Int32Array;
  readonly #scratch: Int32Array;
  readonly #gradients: Float32Array;
  readonly #hessians: Float32Array;
  readonly #histogramLength: number;

  constructor(data: BinnedRows, terms: TreeTerms, mostRows: number) {
    this.#data = data;
    this.#terms = terms;
    let length = 0;
    this.#offsets = data.binnings.map((binning) => {
      const offset = length;
      length += 2 * binCount(binning);
      return offset;
    });
    this.#histogramLength = length;
    this.#rows = new Int32Array(mostRows);
    this.#scratch = new Int32Array(mostRows);
    this.#gradients = new Float32Array(mostRows);
    this.#hessians = new Float32Array(mostRows);
  }

  /** One tree from the first `count` of `rows`, by gradients and hessians of all rows. `features` are those it may ask for. */
  grow(
    rows: Int32Array,
    count: number,
    gradients: Float32Array,
    hessians: Float32Array,
    features: readonly number[],
  ): GrownTree {
    const order = this.#rows;
    order.set(rows.subarray(0, count));
    let gradient = 0;
    let hessian = 0;
    for (let i = 0; i < count; i++) {
      gradient += gradients[order[i]!]!;
      hessian += hessians[order[i]!]!;
    }
    const nodes: Grown[] = [{ split: null, left: 0, right: 0, value: 0 }];
    const histogram = this.#take();
    this.#fill(histogram, 0, count, gradients, hessians, features);
    const whole = { node: 0, start: 0, end: count, depth: 0, gradient, hessian, bounds: unbounded, histogram };
    const open: Leaf[] = [{ ...whole, split: this.#split(whole, features) }];
    const done: Leaf[] = [];
    while (open.length > 0) {
      let best = 0;
      for (let i = 1; i < open.length; i++) if ((open[i]!.split?.gain ?? 0) > (open[best]!.split?.gain ?? 0)) best = i;
      const leaf = open[best]!;
      const { split } = leaf;
      if (split === null || open.length + done.length >= this.#terms.leaves) break;
      open.splice(best, 1);
      const middle = this.#partition(leaf.start, leaf.end, split);
      nodes[leaf.node]!.split = split;
      const children = this.#children(leaf, split, middle, nodes, gradients, hessians, features);
      for (const child of children) (child.split === null ? done : open).push(child);
    }
    for (const leaf of [...open, ...done]) {
      const { l2, shrinkage } = this.#terms;
      nodes[leaf.node]!.value = toLeafStep(shrinkage * leafValue(leaf.gradient, leaf.hessian, l2, leaf.bounds));
      this.#free.push(leaf.histogram);
    }
    return inPreorder(nodes, this.#data.binnings);
  }

  #children(
    leaf: Leaf,
    split: Split,
    middle: number,
    nodes: Grown[],
    gradients: Float32Array,
    hessians: Float32Array,
    features: readonly number[],
  ): readonly Leaf[] {
    const parent = nodes[leaf.node]!;
    parent.left = nodes.push({ split: null, left: 0, right: 0, value: 0 }) - 1;
    parent.right = nodes.push({ split: null, left: 0, right: 0, value: 0 }) - 1;
    const depth = leaf.depth + 1;
    const [leftBounds, rightBounds] = boundsOfChildren(split, leaf, this.#terms);
    const left = { node: parent.left, start: leaf.start, end: middle, depth, bounds: leftBounds };
    const right = { node: parent.right, start: middle, end: leaf.end, depth, bounds: rightBounds };
    const leftSums = { gradient: split.leftGradient, hessian: split.leftHessian };
    const rightSums = { gradient: leaf.gradient - split.leftGradient, hessian: leaf.hessian - split.leftHessian };
    const isLeftSmaller = middle - leaf.start <= leaf.end - middle;
    const small = isLeftSmaller ? left : right;
    const smaller = this.#take();
    if (depth < this.#terms.depth) this.#fill(smaller, small.start, small.end, gradients, hessians, features);
    const larger = leaf.histogram;
    if (depth < this.#terms.depth) for (let i = 0; i < larger.length; i++) larger[i]! -= smaller[i]!;
    const made = [
      { ...left, ...leftSums, histogram: isLeftSmaller ? smaller : larger },
      { ...right, ...rightSums, histogram: isLeftSmaller ? larger : smaller },
    ];
    return made.map((one) => ({ ...one, split: depth < this.#terms.depth ? this.#split(one, features) : null }));
  }

  #take(): Float64Array {
    return this.#free.pop() ?? new Float64Array(this.#histogramLength);
  }

  #split(leaf: Omit<Leaf, "split">, features: readonly number[]): Split | null {
    const rows = leaf.end - leaf.start;
    return bestSplit(leaf.histogram, { ...leaf, rows }, features, this.#data.binnings, this.#offsets, this.#terms);
  }

  #fill(
    histogram: Float64Array,
    start: number,
    end: number,
    gradients: Float32Array,
    hessians: Float32Array,
    features: readonly number[],
  ): void {
    histogram.fill(0);
    const order = this.#rows;
    const g = this.#gradients;
    const h = this.#hessians;
    let gradient = 0;
    let hessian = 0;
    for (let i = start; i < end; i++) {
      const row = order[i]!;
      gradient += g[i] = gradients[row]!;
      hessian += h[i] = hessians[row]!;
    }
    const { bins, rows, usual } = this.#data;
    const few = features.filter((f) => usual[f]! >= 0);
    for (const f of few) addUnusual(histogram, bins, f * rows, this.#offsets[f]!, usual[f]!, order, g, h, start, end);
    const many = features.filter((f) => usual[f]! < 0);
    let f = 0;
    for (; f + 1 < many.length; f += 2) {
      const [one, two] = [many[f]!, many[f + 1]!];
      addTwo(
        histogram,
        bins,
        one * rows,
        this.#offsets[one]!,
        two * rows,
        this.#offsets[two]!,
        order,
        g,
        h,
        start,
        end,
      );
    }
    if (f < many.length) addOne(histogram, bins, many[f]! * rows, this.#offsets[many[f]!]!, order, g, h, start, end);
    for (const f of few) this.#fillUsual(histogram, f, gradient, hessian);
  }

  /** The bin that was left out holds what the others do not. */
  #fillUsual(histogram: Float64Array, feature: number, gradient: number, hessian: number): void {
    const offset = this.#offsets[feature]!;
    const length = 2 * binCount(this.#data.binnings[feature]!);
    let [g, h] = [gradient, hessian];
    for (let i = 0; i < length; i += 2) {
      g -= histogram[offset + i]!;
      h -= histogram[offset + i + 1]!;
    }
    const at = offset + 2 * this.#data.usual[feature]!;
    histogram[at] = g;
    histogram[at + 1] = h;
  }

  /** Puts the rows that go left first, both in their order; where the right ones begin. */
  #partition(start: number, end: number, split: Split): number {
    const { bins, rows } = this.#data;
    const column = split.feature * rows;
    const goesLeft = split.goesLeft;
    const order = this.#rows;
    const scratch = this.#scratch;
    let at = start;
    let aside = 0;
    for (let i = start; i < end; i++) {
      const row = order[i]!;
      if (goesLeft[bins[column + row]!] === 1) order[at++] = row;
      else scratch[aside++] = row;
    }
    order.set(scratch.subarray(0, aside), at);
    return at;
  }
}

function inPreorder(nodes: readonly Grown[], binnings: readonly Binning[]): GrownTree {
  const feature: number[] = [];
  const at: number[] = [];
  const unknown: number[] = [];
  const right: number[] = [];
  const cover: number[] = [];
  const sets: number[][] = [];
  const goesLeft = new Uint8Array(256 * nodes.length);
  const visit = (index: number): void => {
    const node = nodes[index]!;
    const place = feature.length;
    const { split } = node;
    const binning = split && binnings[split.feature]!;
    feature.push(split?.feature ?? -1);
    unknown.push(split?.goesLeft[0] ?? 0);
    right.push(0);
    cover.push(0);
    if (split) goesLeft.set(split.goesLeft, 256 * place);
    if (!split || !binning) at.push(node.value);
    else if (binning.type === "number") at.push(binning.edges[split.bin - 1] ?? everyNumber);
    else at.push(sets.push([...split.goesLeft.keys()].filter((code) => code > 0 && split.goesLeft[code] === 1)) - 1);
    if (split) {
      visit(node.left);
      right[place] = feature.length;
      visit(node.right);
    }
  };
  visit(0);
  return { tree: { feature, at, unknown, right, cover, sets }, goesLeft };
}
