import type { FileOutcome } from "../../../ingest/ingest-files.ts";
import type { BatchCounts } from "../../../ingest/ledger.ts";
import { addTotals, type IngestTotals, noTotals } from "../../../ingest/totals.ts";
import type { Unreadable } from "../../../ingest/unreadable.ts";
import { renderTable } from "../../table.ts";

export type Totals = Omit<IngestTotals, "batches">;

/** What `ingest file --json` prints. */
export interface IngestSummary {
  readonly files: readonly FileOutcome[];
  readonly totals: Totals;
  /** What could not be read; nothing else of the run is missing. */
  readonly unreadable: readonly Unreadable[];
  readonly bytes: number;
  readonly seconds: number;
}

/** The sums of all files. */
export function totalsOf(outcomes: readonly FileOutcome[]): Totals {
  const sums = noTotals();
  for (const outcome of outcomes) addTotals(sums, outcome);
  const { batches: _, ...totals } = sums;
  return totals;
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

/** Every signal accounted for, as a line. */
export function sumOf(totals: BatchCounts & { readonly conflict?: number }): string {
  const { received, landed, duplicate, dead_letter, conflict = 0 } = totals;
  const sum = `received ${received} = landed ${landed} + duplicate ${duplicate} + dead letter ${dead_letter}`;
  if (conflict === 0) return sum;
  return `${sum}; of what landed ${conflict} say something else under the id of a record that was there: both are kept`;
}

/** Of a run over more files than this, a table names the first that had anything new; --json names all. */
export const mostFilesNamed = 40;

export function renderOutcome({ files: outcomes, totals, unreadable }: IngestSummary): string {
  const isLong = outcomes.length > mostFilesNamed;
  const fresh = isLong ? outcomes.filter(({ state }) => state !== "already-ingested") : outcomes;
  const named = fresh.slice(0, mostFilesNamed);
  const files = table(
    ["file", "state", "records", "received", "landed", "duplicate", "dead letter"],
    named.map((one) => [
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
  const sum = sumOf(totals);
  const left = leftOutLines(totals.left_out);
  const unnamed = outcomes.length - named.length;
  const others = unnamed > 0 ? [`and ${unnamed.toLocaleString("en-US")} more files (--json lists them)`] : [];
  return [
    files,
    ...others,
    ...(rows.length > 0 ? ["", table(["table", "rows landed"], rows)] : []),
    ...left,
    "",
    sum,
    ...unreadableLines(unreadable),
  ].join("\n");
}

/** How many files of a run were set aside, and what to do; which ones stands on stderr and in --json. */
export function unreadableLines(unreadable: readonly Unreadable[]): readonly string[] {
  if (unreadable.length === 0) return [];
  const [first] = unreadable;
  const which = unreadable.length === 1 ? first!.path : `${unreadable.length} files or folders, first ${first!.path}`;
  return [`not read: ${which}. The same command takes in what is mended and nothing twice`];
}

/** What the door left out of the rows that landed, and where it says what may pass. */
export function leftOutLines(leftOut: Readonly<Record<string, number>>): readonly string[] {
  const names = Object.entries(leftOut).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  if (names.length === 0) return [];
  return ["", table(["left out at the door (docs/reference/attributes.md)", "rows"], names)];
}
