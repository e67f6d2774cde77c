import type { FileOutcome } from "../../../ingest/ingest-files.ts";
import { renderTable } from "../../table.ts";

export interface Totals {
  readonly records: number;
  /** Records that the mapping asks nothing of. */
  readonly filtered: number;
  readonly received: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly dead_letter: number;
  readonly rows_by_table: Readonly<Record<string, number>>;
  readonly dead_letters_by_reason: Readonly<Record<string, number>>;
}

/** What `ingest file --json` prints. */
export interface IngestSummary {
  readonly files: readonly FileOutcome[];
  readonly totals: Totals;
  readonly bytes: number;
  readonly seconds: number;
}

export function addTotals(outcomes: readonly FileOutcome[]): Totals {
  const rows: Record<string, number> = {};
  const reasons: Record<string, number> = {};
  const sums = { records: 0, filtered: 0, received: 0, landed: 0, duplicate: 0, dead_letter: 0 };
  for (const outcome of outcomes) {
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += outcome[key];
    for (const [table, count] of Object.entries(outcome.rows_by_table)) rows[table] = (rows[table] ?? 0) + count;
    for (const [reason, count] of Object.entries(outcome.dead_letters_by_reason)) {
      reasons[reason] = (reasons[reason] ?? 0) + count;
    }
  }
  return { ...sums, rows_by_table: rows, dead_letters_by_reason: reasons };
}

/** Rows as a table; a column of numbers stands to the right, its thousands apart. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const isNumeric = (at: number) => rows.length > 0 && rows.every((row) => typeof row[at] === "number");
  const columns = head.map((title, at) => ({ title, align: isNumeric(at) ? ("right" as const) : undefined }));
  return renderTable(
    columns,
    rows.map((row) => row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en-US") : cell))),
  );
}

export function renderOutcome({ files: outcomes, totals }: IngestSummary): string {
  const files = table(
    ["file", "state", "records", "received", "landed", "duplicate", "dead letter"],
    outcomes.map((one) => [
      one.path.split("/").at(-1)!,
      one.state,
      one.records,
      one.received,
      one.landed,
      one.duplicate,
      one.dead_letter,
    ]),
  );
  const rows = Object.entries(totals.rows_by_table).map(([name, count]) => [`raw.${name}`, count] as const);
  const sum = `received ${totals.received} = landed ${totals.landed} + duplicate ${totals.duplicate} + dead letter ${totals.dead_letter}`;
  return [files, ...(rows.length > 0 ? ["", table(["table", "rows landed"], rows)] : []), "", sum].join("\n");
}
