import { UserError } from "../../errors/user-error.ts";
import features from "../../includes/features.js";
import { type Counts, ParquetDiff, type RowDiff } from "../../warehouse/duckdb/diff-parquet.ts";
import { type Snapshot, snapshotFiles } from "./snapshot.ts";
import type { SnapshotLock } from "./snapshot-lock.ts";
import { splitColumn } from "./split.ts";

/** Something of which each of two snapshots says another thing; null where one says nothing. */
export interface Difference {
  readonly what: string;
  readonly a: string | null;
  readonly b: string | null;
}

export interface SnapshotDiff {
  readonly a: string;
  readonly b: string;
  /** Whether both hold the same rows. */
  readonly identical: boolean;
  readonly key: string;
  readonly schema: readonly Difference[];
  readonly rows: Omit<RowDiff, "repeated">;
  /** Rows by what came of them: column, value, how many in each. */
  readonly outcomes: readonly CountDifference[];
  /** Rows by provider, region and side. */
  readonly segments: readonly CountDifference[];
  /** What was asked, and what the rows were worked out by. */
  readonly provenance: readonly Difference[];
}

export interface CountDifference {
  readonly column: string;
  readonly value: string;
  readonly a: number;
  readonly b: number;
}

const segments = ["isp", "region", splitColumn.name] as const;

/** What differs between two snapshots: columns, rows by their key, counts, provenance. Rows are compared on disk. */
export async function diffSnapshots(a: Snapshot, b: Snapshot, key = "message_id"): Promise<SnapshotDiff> {
  const [ofA, ofB] = [typesOf(a), typesOf(b)];
  for (const [snapshot, columns] of [
    [a, ofA],
    [b, ofB],
  ] as const)
    if (!columns.has(key)) throw noKey(snapshot, key);
  const shared = [...ofA].filter(([name, type]) => ofB.get(name) === type).map(([name]) => name);
  const identical = a.lock.lock.content.value === b.lock.lock.content.value;
  const diff = await ParquetDiff.open();
  try {
    const { repeated, ...rows } = identical
      ? allTheSame(a.lock.lock.rows)
      : await diff.rows(snapshotFiles(a), snapshotFiles(b), key, shared);
    const twice = repeated[0] > 0 ? a : repeated[1] > 0 ? b : undefined;
    if (twice) {
      throw new UserError(`${key} stands more than once in snapshot ${twice.id}: it tells no rows apart`, {
        code: "snapshot.key",
        exit: "usage",
        where: twice.path,
        next: "inboxloop snapshot diff A B --key <a column that does>",
      });
    }
    const counted = async (columns: readonly string[]): Promise<readonly CountDifference[]> => {
      const found: CountDifference[] = [];
      for (const column of columns) {
        const [mine, theirs] = [
          ofA.has(column) ? await diff.counts(snapshotFiles(a), column) : {},
          ofB.has(column) ? await diff.counts(snapshotFiles(b), column) : {},
        ];
        found.push(...countDifferences(column, mine, theirs));
      }
      return found;
    };
    return {
      a: a.id,
      b: b.id,
      identical,
      key,
      schema: differences(Object.fromEntries(ofA), Object.fromEntries(ofB)),
      rows,
      outcomes: await counted((features.outcomes as readonly { column: string }[]).map(({ column }) => column)),
      segments: await counted(segments),
      provenance: differences(told(a.lock), told(b.lock)),
    };
  } finally {
    await diff.close();
  }
}

const typesOf = ({ lock }: Snapshot): ReadonlyMap<string, string> =>
  new Map(lock.lock.columns.map(({ name, type }) => [name, type]));

const allTheSame = (rows: number): RowDiff => ({
  gone: 0,
  come: 0,
  changed: 0,
  same: rows,
  changedBy: {},
  examples: { gone: [], come: [], changed: [] },
  repeated: [0, 0],
});

const noKey = (snapshot: Snapshot, key: string): UserError =>
  new UserError(`snapshot ${snapshot.id} has no column ${key}`, {
    code: "snapshot.key",
    exit: "usage",
    where: snapshot.path,
    next: "inboxloop snapshot diff A B --key <a column of both>",
  });

function countDifferences(column: string, a: Counts, b: Counts): readonly CountDifference[] {
  const values = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return values.map((value) => ({ column, value, a: a[value] ?? 0, b: b[value] ?? 0 }));
}

function differences(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): readonly Difference[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .sort()
    .filter((what) => a[what] !== b[what])
    .map((what) => ({ what, a: a[what] ?? null, b: b[what] ?? null }));
}

/** Everything that a lock says beside its rows, one text a thing. */
function told({ spec, lock, made }: SnapshotLock): Readonly<Record<string, string>> {
  const all: Record<string, string> = {};
  const add = (what: string, value: unknown): void => {
    if (value === undefined || value === null) return;
    if (typeof value !== "object") all[what] = String(value);
    else for (const [name, one] of Object.entries(value)) add(`${what}.${name}`, one);
  };
  add("spec", { ...spec, sample: spec.sample && JSON.stringify(spec.sample) });
  add("query", lock.query.value);
  for (const { table, content } of lock.parents) add(`parent.${table}`, content.value);
  add("split.cut", lock.split?.cut);
  add("split.learn_from", lock.split?.learn_from);
  add("features", lock.features?.version);
  for (const { name, version } of lock.features?.list ?? []) add(`feature.${name}`, version);
  const { graph, vars, consent_rules, label_model } = lock.provenance ?? {};
  add("graph", graph?.value);
  add("vars", vars);
  add("consent_rules", consent_rules?.value);
  add("label_model", label_model?.value);
  add("git", made.git);
  return all;
}
