import { join } from "node:path";
import { type Reading, readParquetTable, type Table } from "../../warehouse/duckdb/read-parquet.ts";
import { type ImplausibleFeature, implausibleFeatures } from "../alarm/implausible-features.ts";
import { personColumn, type SnapshotLock } from "../snapshot/snapshot-lock.ts";
import { type BinnedRows, binnedRows } from "./boosting/binned-rows.ts";
import { binColumn, categoryBinning, numberBinning } from "./boosting/binning.ts";
import type { TrainingJob } from "./job.ts";

export interface Feature {
  readonly name: string;
  readonly type: "number" | "category";
}
export interface Outcome {
  readonly name: string;
  readonly column: string;
}

/** A snapshot as the trainer holds it: a byte for each cell of a feature, rows in order of time. */
export interface LearningSet {
  readonly rows: number;
  readonly data: BinnedRows;
  /** Seconds since 1970. */
  readonly sentAt: Float64Array;
  readonly revenue: Float64Array;
  /** By outcome's column: 1, 0, or NaN where it is not known. */
  readonly labels: ReadonlyMap<string, Float64Array>;
  /** By row, what it counts when the forests grow; null where all count 1. */
  readonly weights: Float64Array | null;
  /** By row, 1 where it may be learned from; null where all may. */
  readonly isLearned: Uint8Array | null;
  /** By row, the group that counts like any other; null where rows count for themselves. */
  readonly groups: readonly string[] | null;
  /** By outcome, how likely it happened; NaN where nothing says. */
  readonly soft: ReadonlyMap<string, Float64Array>;
  /** By row, the fold that its person is in. */
  readonly fold: Uint8Array;
  /** By row, 1 where it is of the side that is learned from, 0 where it is of the one that judges. */
  readonly isLearnSide: Uint8Array;
  readonly variants: readonly string[];
  readonly implausible: readonly ImplausibleFeature[];
}

/** Features that are held as numbers or texts at once, before they are bytes. */
const featuresAtOnce = 8;

/**
 * Reads a snapshot a few features at a time, so that what is held besides a byte a cell does not grow with their number: at 10 million rows and 36
 * features 360 MB of bins, and 640 MB for the columns in hand.
 */
export async function readLearningSet(
  folder: string,
  lock: SnapshotLock,
  features: readonly Feature[],
  outcomes: readonly Outcome[],
  { folds, weight, only, balance, soft }: Pick<TrainingJob, "folds" | "weight" | "only" | "balance" | "soft">,
  onProgress: (done: number, total: number) => void,
): Promise<LearningSet> {
  const files = lock.files.map((f) => join(folder, f.name));
  const { rows } = lock.lock;
  const read = (wanted: Record<string, Reading>): Promise<Table> =>
    readParquetTable(files, wanted, ["sent_at", "message_id"], rows);
  const person = personColumn(lock);
  const wanted: Record<string, Reading> = {
    sent_at: "seconds",
    revenue: "number",
    variant: "text",
    split: "text",
    [person]: "group",
  };
  for (const o of outcomes) wanted[o.column] = "number";
  for (const column of [weight, only, ...Object.values(soft)]) if (column !== null) wanted[column] = "number";
  if (balance !== null) wanted[balance] = "text";
  onProgress(0, features.length);
  const keys = await read(wanted);
  const groups = keys.numbers(person);
  const fold = new Uint8Array(new SharedArrayBuffer(rows));
  // Who is not known is a person by himself.
  for (let row = 0; row < rows; row++) fold[row] = (Number.isNaN(groups[row]!) ? row : groups[row]!) % folds;

  const columns = new Set(outcomes.map(({ column }) => column));
  const implausible: ImplausibleFeature[] = [];
  const tables = new Map<string, Table>();
  const data = await binnedRows(rows, features.length, async (at) => {
    const feature = features[at]!;
    if (!tables.has(feature.name)) {
      tables.clear();
      const some = features.slice(at, at + featuresAtOnce);
      const table = await read(
        Object.fromEntries(some.map(({ name, type }) => [name, type === "number" ? "number" : "text"])),
      );
      implausible.push(...implausibleFeatures(joined(table, keys, columns), some, outcomes));
      for (const { name } of some) tables.set(name, table);
      onProgress(at, features.length);
    }
    const table = tables.get(feature.name)!;
    if (feature.type === "number") {
      const values = table.numbers(feature.name);
      const binning = numberBinning(feature.name, values);
      return { binning, fill: (into) => binColumn(binning, values, into) };
    }
    const values = table.texts(feature.name);
    const binning = categoryBinning(feature.name, values);
    return { binning, fill: (into) => binColumn(binning, values, into) };
  });
  return {
    rows,
    data,
    sentAt: keys.numbers("sent_at"),
    revenue: keys.numbers("revenue"),
    weights: weight === null ? null : keys.numbers(weight),
    isLearned: only === null ? null : Uint8Array.from(keys.numbers(only), (value) => (value === 1 ? 1 : 0)),
    labels: new Map(outcomes.map(({ column }) => [column, keys.numbers(column)])),
    groups: balance === null ? null : keys.texts(balance),
    soft: new Map(Object.entries(soft).map(([outcome, column]) => [outcome, keys.numbers(column)])),
    fold,
    isLearnSide: Uint8Array.from(keys.texts("split"), (side) => (side === "learn" ? 1 : 0)),
    variants: [...new Set(keys.texts("variant"))].filter((v) => v !== "").sort(),
    implausible: implausible.sort((a, b) => b.auc - a.auc),
  };
}

/** Features from one table, outcomes from the other: the same rows in the same order. */
function joined(features: Table, outcomes: Table, columns: ReadonlySet<string>): Table {
  return {
    rows: features.rows,
    numbers: (name) => (columns.has(name) ? outcomes : features).numbers(name),
    texts: (name) => features.texts(name),
  };
}
