import { csvCell } from "../../../platform/csv.ts";
import type { QueryResult } from "../../../warehouse/warehouse.ts";
import { jsonText } from "../../console.ts";
import { cellText, renderTable } from "../../table.ts";

export const rowFormats = ["table", "vertical", "csv", "ndjson"] as const;
export type RowFormat = (typeof rowFormats)[number];

const isNumber = (type: string): boolean => /^(INT64|FLOAT64|NUMERIC|BIGNUMERIC)$/.test(type);

/**
 * Rows for people (a table with the numbers to the right, or a line for each value) or for programs (CSV, a JSON document a line).
 * For people at most `limit` rows, and how many there are; where no format is wanted, a line for each value where a table would be wider
 * than `width` cells.
 */
export function renderRows(
  result: QueryResult,
  options: {
    readonly limit: number;
    readonly format?: RowFormat | undefined;
    /** Of the terminal; undefined for a pipe. */
    readonly width?: number | undefined;
  },
): string {
  const { format, limit, width } = options;
  const names = result.columns.map(({ name }) => name);
  if (names.length === 0) return "done";
  if (format === "csv")
    return [names, ...cellsOf(result, csvText)].map((row) => row.map(csvCell).join(",")).join("\r\n");
  if (format === "ndjson") return result.rows.map((row) => jsonText(row).replace(/\n\s*/g, "")).join("\n");
  const rows = cellsOf({ ...result, rows: result.rows.slice(0, limit) }, cellText);
  const text = format === "vertical" ? vertical(names, rows) : tableOf(result, rows);
  const isWide = format === undefined && width !== undefined && text.indexOf("\n") > width;
  const count = `${result.rows.length.toLocaleString("en-US")} ${result.rows.length === 1 ? "row" : "rows"}`;
  const more = rows.length < result.rows.length ? `, ${rows.length.toLocaleString("en-US")} shown` : "";
  return `${isWide ? vertical(names, rows) : text}\n\n${count}${more}`;
}

const cellsOf = ({ columns, rows }: QueryResult, textOf: (value: unknown) => string): readonly (readonly string[])[] =>
  rows.map((row) => columns.map(({ name }) => textOf(row[name])));

const tableOf = ({ columns }: QueryResult, rows: readonly (readonly string[])[]): string =>
  renderTable(
    columns.map(({ name, type }) => ({ title: name, align: isNumber(type) ? "right" : "left" })),
    rows,
  );

function vertical(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const widest = Math.max(...names.map((name) => name.length));
  return rows
    .map((row, n) => [`row ${n + 1}`, ...row.map((cell, i) => `  ${names[i]!.padEnd(widest)}  ${cell}`)].join("\n"))
    .join("\n");
}

/** A value in CSV: nothing for NULL, JSON for what has parts. */
const csvText = (value: unknown): string =>
  value === null || value === undefined
    ? ""
    : typeof value === "object" && !(value instanceof Uint8Array)
      ? jsonText(value).replace(/\n\s*/g, "")
      : cellText(value);
