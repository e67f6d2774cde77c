import { createHash } from "node:crypto";
import retractions from "../../includes/retractions.js";
import type { RawColumn, RawRow } from "../door/raw-row.ts";

const columnsByTable = new Map<string, readonly RawColumn[]>();

/** Whether rows of a raw table can be taken back: of our own accounts and receipts they cannot. */
export const isRetractable = (table: string): boolean => (retractions.tables as readonly string[]).includes(table);

/** The digest of a row of a raw table by which raw.retractions names it: the same as `digestOf` of includes/retractions.js gives in SQL. */
export function rowDigest(table: string, row: RawRow): string {
  let columns = columnsByTable.get(table);
  if (!columns) {
    columns = retractions.digestColumns(table) as readonly RawColumn[];
    columnsByTable.set(table, columns);
  }
  const texts = columns.map(({ name }) => String(row[name] ?? ""));
  return createHash("sha256")
    .update([table, ...texts].join(retractions.separator))
    .digest("hex");
}
