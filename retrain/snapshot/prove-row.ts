import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { readParquet, readParquetPlace } from "../../warehouse/duckdb/read-parquet.ts";
import { type CellType, cellInWords, cellText, cellTypes, isCellText } from "../digest/cells.ts";
import {
  bucketHash,
  bucketHexLength,
  ContentHasher,
  cellColumns,
  contentAlgorithm,
  rootOf,
  rowHash,
} from "../digest/content-digest.ts";
import { type Snapshot, snapshotFiles } from "./snapshot.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const prefix = z.string().regex(new RegExp(`^[0-9a-f]{${bucketHexLength}}$`));

/** All that it takes to see that a row is among those of a content digest, beside the digest. Its bucket names no other row: hashes alone. */
export const rowProof = z.strictObject({
  format: z.literal("inboxloop-row-proof/1"),
  content: z.strictObject({ algorithm: z.literal(contentAlgorithm), value: sha256 }),
  rows: z.int().positive(),
  columns: z.array(z.strictObject({ name: z.string().min(1), type: z.enum(cellTypes) })).min(1),
  /** Canonical texts of the row's cells, in the order of the columns. */
  cells: z.array(z.string()),
  /** The hashes of the rows whose hash begins as this one's does, sorted. */
  bucket: z.array(sha256).min(1),
  /** The hashes of the other buckets. */
  others: z.record(prefix, sha256),
});
export type RowProof = z.infer<typeof rowProof>;

/** Proves that a row is in a snapshot. `row` is its message id, or its number from 1 in order of time (sent_at, message_id). */
export async function proveRow(snapshot: Snapshot, row: string, signal?: AbortSignal): Promise<RowProof> {
  const files = snapshotFiles(snapshot);
  const columns = cellColumns(snapshot.lock.lock.columns);
  const cellsOf = async (messageId: string) => {
    const hasher = new ContentHasher(columns);
    let cells: readonly string[] | undefined;
    await readParquet(
      files,
      columns,
      (valuesOf, rows) => {
        hasher.addColumns(valuesOf, rows);
        const at = cells === undefined ? valuesOf("message_id").indexOf(messageId) : -1;
        if (at >= 0) cells = columns.map(({ name, type }) => cellText(type, valuesOf(name)[at]));
      },
      signal,
    );
    return cells && { cells, hasher };
  };
  let found = await cellsOf(row);
  if (!found && /^[1-9]\d{0,14}$/.test(row)) {
    const id = await readParquetPlace(files, "message_id", ["sent_at", "message_id"], Number(row));
    if (id !== undefined) found = await cellsOf(id);
  }
  if (!found) {
    throw new UserError(`snapshot ${snapshot.id} has no row ${row}`, {
      code: "snapshot.no-row",
      exit: "usage",
      where: snapshot.path,
      next: `give a message id, or a number from 1 to ${snapshot.lock.lock.rows}`,
    });
  }
  const { cells, hasher } = found;
  const own = rowHash(cells).slice(0, bucketHexLength);
  const others = new Map(hasher.bucketHashes());
  others.delete(own);
  const proof: RowProof = {
    format: "inboxloop-row-proof/1",
    content: { algorithm: contentAlgorithm, value: snapshot.lock.lock.content.value },
    rows: snapshot.lock.lock.rows,
    columns: [...columns],
    cells: [...cells],
    bucket: [...hasher.bucket(own)],
    others: Object.fromEntries(others),
  };
  const { verdict, why } = checkProof(proof, proof.content.value);
  if (verdict === "pass") return proof;
  throw new UserError(`the files of snapshot ${snapshot.id} are not those of its lock: ${why}`, {
    code: "snapshot.changed",
    exit: "check",
    where: snapshot.path,
    next: `inboxloop snapshot verify ${snapshot.id}`,
  });
}

export interface ProofVerdict {
  readonly verdict: "pass" | "fail";
  /** The digest that the row was to be among. */
  readonly content: string;
  readonly why: string | null;
  /** The row, a value a column, for a person. */
  readonly row: Readonly<Record<string, string>>;
}

/**
 * Whether the row of a proof is among the rows of a content digest. Needs nothing but the two: cells are canonical, so the row's hash says what they
 * are and no other cells; its bucket holds that hash; the root over all buckets is the digest.
 */
export function checkProof(proof: RowProof, digest: string): ProofVerdict {
  const { columns, cells, bucket, others, rows } = proof;
  const words = columns.map(({ name, type }, i) => [name, cellInWords(type as CellType, cells[i] ?? "N")] as const);
  const answer = (why: string | null): ProofVerdict => ({
    verdict: why === null ? "pass" : "fail",
    content: digest,
    why,
    row: Object.fromEntries(words),
  });
  if (cells.length !== columns.length) return answer(`${cells.length} cells for ${columns.length} columns`);
  const odd = columns.find(({ type }, i) => !isCellText(type, cells[i]!));
  if (odd) return answer(`the cell of ${odd.name} is no ${odd.type}`);
  const hash = rowHash(cells);
  if (!bucket.includes(hash)) return answer("the row's hash is not among those of its bucket");
  const own = hash.slice(0, bucketHexLength);
  if (others[own] !== undefined) return answer("its bucket is there twice");
  const root = rootOf(columns, rows, new Map([...Object.entries(others), [own, bucketHash(bucket)]]));
  return answer(root.value === digest ? null : `it leads to ${root.value}, which is another digest`);
}
