import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { fileSha256 } from "../../platform/files.ts";
import { readParquet } from "../../warehouse/duckdb/read-parquet.ts";
import type { Column } from "../../warehouse/warehouse.ts";
import { type ContentDigest, ContentHasher } from "../digest/content-digest.ts";
import { type Snapshot, snapshotFiles } from "./snapshot.ts";

/** The hashes of the rows of Parquet files, computed from their values without SQL. */
async function hashesOf(
  files: readonly string[],
  columns: readonly Column[],
  signal: AbortSignal | undefined,
): Promise<ContentHasher> {
  const hasher = new ContentHasher(columns);
  await readParquet(files, columns, (valuesOf, rows) => hasher.addColumns(valuesOf, rows), signal);
  return hasher;
}

/** The content digest of Parquet files. */
export const digestOfFiles = async (
  files: readonly string[],
  columns: readonly Column[],
  signal?: AbortSignal,
): Promise<ContentDigest> => (await hashesOf(files, columns, signal)).digest();

export interface SnapshotVerdict {
  readonly id: string;
  readonly verdict: "pass" | "fail";
  readonly expected: { readonly rows: number; readonly content: string };
  readonly actual: { readonly rows: number; readonly content: string } | null;
  /** Files whose bytes are not those of the lock, or that are gone. */
  readonly changedFiles: readonly string[];
  /** Rows taken out because their people were erased, by the snapshot that it was before; `proven` when nothing else differs from that one. */
  readonly erased: readonly { readonly parent: string; readonly rows: number; readonly proven: boolean }[];
}

/** Recomputes a snapshot's digest from its files, with code that shares nothing with the SQL that froze it. */
export async function verifySnapshot(snapshot: Snapshot, signal?: AbortSignal): Promise<SnapshotVerdict> {
  const { lock, files } = snapshot.lock;
  const changedFiles: string[] = [];
  for (const file of files) {
    const sha = await fileSha256(join(snapshot.path, file.name)).catch(() => undefined);
    if (sha !== file.sha256) changedFiles.push(file.name);
  }
  const expected = { rows: lock.rows, content: lock.content.value };
  const hasher = await hashesOf(snapshotFiles(snapshot), lock.columns, signal).catch((error: unknown) => {
    if (error instanceof UserError || error instanceof TypeError) return null;
    throw error;
  });
  const found = hasher?.digest();
  const actual = found === undefined ? null : { rows: found.rows, content: found.content.value };
  const same = actual?.content === expected.content && actual.rows === expected.rows;
  const erased = hasher === null ? [] : provenParents(snapshot, hasher);
  return {
    id: snapshot.id,
    verdict: same && changedFiles.length === 0 && erased.every(({ proven }) => proven) ? "pass" : "fail",
    expected,
    actual,
    changedFiles,
    erased,
  };
}

/** Whether the rows that are left and the hashes of those that went give the content of each snapshot that this one was before. Adds those to `hasher`. */
const provenParents = (snapshot: Snapshot, hasher: ContentHasher): SnapshotVerdict["erased"] =>
  (snapshot.lock.erased ?? []).toReversed().map(({ parent, rows, row_hashes }) => {
    for (const hash of row_hashes) hasher.addHash(hash);
    const before = hasher.digest();
    const proven = before.content.value === parent.content.value && before.rows === parent.rows;
    return { parent: parent.id, rows, proven };
  });
