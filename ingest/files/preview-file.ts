import { createIdHasher } from "../door/id-hasher.ts";
import { doorOf, type IngestContext } from "../ingest-files.ts";
import { countLeftOut, noTotals } from "../totals.ts";
import type { FileInput } from "./file.ts";

export interface FilePreview {
  readonly path: string;
  readonly records: number;
  /** Rows that would be admitted, repeats of earlier ones included: what has landed before is not looked at. */
  readonly rows_by_table: Readonly<Record<string, number>>;
  readonly dead_letters_by_reason: Readonly<Record<string, number>>;
  /** Rows of which something would be left out, by `table.column.key`. */
  readonly left_out: Readonly<Record<string, number>>;
}

/** What a file, or its first records, would give, decoded and passed through the door with nothing written. */
export async function previewFile(
  input: FileInput,
  context: IngestContext,
  signal: AbortSignal,
  most = Number.POSITIVE_INFINITY,
): Promise<FilePreview> {
  const hashId = createIdHasher(context.keys.ids.active);
  const door = await doorOf(context, hashId);
  const counts = noTotals();
  const rows: Record<string, number> = {};
  const reasons: Record<string, number> = {};
  let records = 0;
  read: for await (const block of input.open(0).pull(signal)) {
    for (const message of block) {
      if (records >= most) break read;
      records += 1;
      for (const item of await input.decode(message)) {
        const admitted = door(item, context.now().getTime() * 1000);
        if (admitted.kind === "row") {
          rows[admitted.table] = (rows[admitted.table] ?? 0) + 1;
          countLeftOut(counts, admitted.table, admitted.leftOut);
        } else reasons[admitted.reason] = (reasons[admitted.reason] ?? 0) + 1;
      }
    }
  }
  return {
    path: input.path,
    records,
    rows_by_table: rows,
    dead_letters_by_reason: reasons,
    left_out: counts.left_out,
  };
}
