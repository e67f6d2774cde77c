import type { Binning } from "./binning.ts";

/** Rows by feature: their bins, and what the bins mean. */
export interface BinnedRows {
  readonly rows: number;
  readonly binnings: readonly Binning[];
  /** Feature by feature: the bin of row r in feature f is bins[f * rows + r]. */
  readonly bins: Uint8Array;
  /** By feature, the bin that most rows are in; -1 where there is no such bin. */
  readonly usual: Int16Array;
}

/** A bin with this share of the rows is the usual one. */
const usualShare = 0.7;

/** A column's binning, and what puts its rows into their bins. */
export interface BinnedColumn {
  readonly binning: Binning;
  readonly fill: (into: Uint8Array) => void;
}

/** Binned columns side by side, where other threads can read them; each is asked for once, in order. */
export async function binnedRows(
  rows: number,
  columns: number,
  column: (index: number) => Promise<BinnedColumn>,
): Promise<BinnedRows> {
  const bins = new Uint8Array(new SharedArrayBuffer(rows * columns));
  const usual = new Int16Array(columns);
  const binnings: Binning[] = [];
  for (let f = 0; f < columns; f++) {
    const { binning, fill } = await column(f);
    const into = bins.subarray(f * rows, (f + 1) * rows);
    fill(into);
    binnings.push(binning);
    const counts = new Int32Array(256);
    for (let i = 0; i < rows; i++) counts[into[i]!]! += 1;
    usual[f] = counts.findIndex((count) => count >= usualShare * rows);
  }
  return { rows, binnings, bins, usual };
}
