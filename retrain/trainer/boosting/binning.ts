import { encodeCategory } from "../../../scoring/encode-inputs.ts";

/** How the values of one feature fall into at most 255 bins. Bin 0 holds what is not known. */
export type Binning =
  | {
      readonly type: "number";
      readonly name: string;
      /** A known value falls into bin 1 + the number of edges below it: bin i holds edges[i-2] < value <= edges[i-1]. Ascending. */
      readonly edges: readonly number[];
    }
  /** values[i] is bin i + 1; every other value counts as not known. */
  | { readonly type: "category"; readonly name: string; readonly values: readonly string[] };

export const mostBins = 255;
/** Values that edges are drawn from, at most; evenly spaced over the rows. */
const edgeSample = 200_000;

export const binCount = (binning: Binning): number =>
  1 + (binning.type === "number" ? binning.edges.length + 1 : binning.values.length);

/**
 * Edges between values: one between each two neighbours while there are few, else at equal counts. Each lies in the middle between two values that
 * were seen, so that a value between them is scored as the nearer one.
 */
export function numberBinning(name: string, values: Float64Array): Binning {
  const step = Math.max(1, Math.ceil(values.length / edgeSample));
  const sample = new Float64Array(Math.ceil(values.length / step));
  let known = 0;
  for (let i = 0; i < values.length; i += step) if (!Number.isNaN(values[i]!)) sample[known++] = values[i]!;
  const sorted = sample.subarray(0, known).sort();
  const distinct: number[] = [];
  const counts: number[] = [];
  for (const value of sorted) {
    if (distinct.length > 0 && distinct.at(-1) === value) counts[counts.length - 1]! += 1;
    else {
      distinct.push(value);
      counts.push(1);
    }
  }
  const bins = mostBins - 1;
  const edges: number[] = [];
  const perBin = distinct.length <= bins ? 0 : known / bins;
  let inBin = 0;
  for (let i = 0; i < distinct.length - 1; i++) {
    inBin += counts[i]!;
    // A value that is a bin by itself does not take its neighbours in.
    if (inBin < perBin && counts[i + 1]! < perBin) continue;
    if (edges.length === bins - 1) break;
    const [low, high] = [distinct[i]!, distinct[i + 1]!];
    const middle = low + (high - low) / 2;
    edges.push(middle < high ? middle : low);
    inBin = 0;
  }
  return { type: "number", name, edges };
}

/** The most frequent categories; the rest is not known. */
export function categoryBinning(name: string, values: readonly string[]): Binning {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
  const kept = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, mostBins - 1);
  return { type: "category", name, values: kept.map(([value]) => value).sort() };
}

/** The bin of a known number. */
export function numberBin(edges: readonly number[] | Float64Array, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low + 1;
}

/** Puts a column into its bins. Throws TypeError on a category that cannot be. */
export function binColumn(binning: Binning, values: Float64Array | readonly string[], into: Uint8Array): void {
  if (binning.type === "number") {
    const edges = Float64Array.from(binning.edges);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      into[i] = Number.isNaN(value) ? 0 : numberBin(edges, value);
    }
  } else {
    const codes = new Map(binning.values.map((value, i) => [value, i + 1]));
    for (let i = 0; i < values.length; i++) into[i] = codes.get(encodeCategory(binning.name, values[i])) ?? 0;
  }
}
