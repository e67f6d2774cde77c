import { instantText } from "./door/instant.ts";
import { type RawRow, rawColumns } from "./door/raw-row.ts";

/** A row as a record of NDJSON that says the same, for `replay`. */
export function recordOf(table: string, row: RawRow): string {
  const record: Record<string, unknown> = { table };
  for (const { name, type } of rawColumns(table)) {
    const value = row[name];
    record[name] = type === "TIMESTAMP" && typeof value === "number" ? instantText(value) : value;
  }
  return JSON.stringify(record);
}

/** The row of a canonical line; undefined where the line is not JSON, which may be why it was refused. */
export function rowOf(line: string): RawRow | undefined {
  try {
    return JSON.parse(line) as RawRow;
  } catch {
    return undefined;
  }
}
