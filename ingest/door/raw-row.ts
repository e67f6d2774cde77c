import rawTables from "../../includes/raw_tables.js";
import type { Micros } from "./instant.ts";

/**
 * A row of a raw table in its canonical form, columns in the order of includes/raw_tables.js: STRING text, BOOL boolean,
 * INT64 a safe integer, TIMESTAMP microseconds since the epoch, JSON a JSON value, BYTES base64 text; null where absent.
 */
export type RawRow = Readonly<Record<string, string | number | boolean | object | null>>;

export interface RawColumn {
  readonly name: string;
  /** GoogleSQL type. */
  readonly type: string;
}

const columnsByTable: ReadonlyMap<string, readonly RawColumn[]> = new Map(
  (rawTables.names as readonly string[]).map((name) => [name, rawTables.columns(name) as readonly RawColumn[]]),
);

export const isRawTable = (name: string): boolean => columnsByTable.has(name);

export function rawColumns(table: string): readonly RawColumn[] {
  const columns = columnsByTable.get(table);
  if (!columns) throw new Error(`no raw table "${table}"`);
  return columns;
}

const columnNames: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  [...columnsByTable].map(([table, columns]) => [table, new Set(columns.map(({ name }) => name))]),
);

export const hasRawColumn = (table: string, name: string): boolean => columnNames.get(table)?.has(name) === true;

/** What a record leaves out: nothing, null, or an empty text. */
export const isAbsent = (value: unknown): value is undefined | null | "" =>
  value === undefined || value === null || value === "";

/**
 * The row as one line of text: what is written, hashed and compared. JSON with every column in order; texts are
 * well-formed Unicode without NUL, so that every engine stores the same characters.
 */
export const canonicalLine = (row: RawRow): string => storedJson(row);

/** A JSON value as part of a canonical line. */
export function storedJson(value: unknown): string {
  const json = JSON.stringify(value);
  return json.includes("\\u") ? JSON.stringify(storable(value)) : json;
}

/** The received time of a row. */
export const receivedAt = (row: RawRow): Micros => row["received_at"] as number;

function storable(value: unknown): unknown {
  if (typeof value === "string") return wellFormed(value);
  if (Array.isArray(value)) return value.map(storable);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [wellFormed(key), storable(item)]));
  }
  return value;
}

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const wellFormed = (text: string): string => text.replaceAll("\0", "").replace(loneSurrogate, "\ufffd");
