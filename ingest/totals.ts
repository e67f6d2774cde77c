import type { DeadLetter } from "./door/dead-letter.ts";
import type { BatchCounts } from "./ledger.ts";

export interface IngestTotals extends BatchCounts {
  /** Lines, rows or calls read; one may say several things. */
  readonly records: number;
  /** Records that the mapping asks nothing of. */
  readonly filtered: number;
  readonly batches: number;
  /** Of what landed: rows that say something else under the key of one that is there. */
  readonly conflict: number;
  readonly rows_by_table: Readonly<Record<string, number>>;
  readonly dead_letters_by_reason: Readonly<Record<string, number>>;
  /** Of what landed: rows of which something was left out at the door, by `table.column.key`. */
  readonly left_out: Readonly<Record<string, number>>;
}

export interface MutableTotals {
  records: number;
  filtered: number;
  batches: number;
  received: number;
  landed: number;
  duplicate: number;
  dead_letter: number;
  conflict: number;
  rows_by_table: Record<string, number>;
  dead_letters_by_reason: Record<string, number>;
  left_out: Record<string, number>;
}

/** The totals of a run that has taken nothing in yet. */
export const noTotals = (): MutableTotals => ({
  records: 0,
  filtered: 0,
  batches: 0,
  received: 0,
  landed: 0,
  duplicate: 0,
  dead_letter: 0,
  conflict: 0,
  rows_by_table: {},
  dead_letters_by_reason: {},
  left_out: {},
});

/** Counts dead letters of one reason. */
export function countLetters(counts: MutableTotals, reason: DeadLetter["reason"], letters: number): void {
  counts.dead_letter += letters;
  counts.dead_letters_by_reason[reason] = (counts.dead_letters_by_reason[reason] ?? 0) + letters;
}

/** So many names of what was left out are told apart; a record may bring along as many keys as it likes. */
const mostNames = 100;

/** Counts what was left out of a row, each name once. Beyond `mostNames` they count as `*`, which may then be more than once a row. */
export function countLeftOut(counts: MutableTotals, table: string, paths: readonly string[]): void {
  for (const path of new Set(paths)) addLeftOut(counts.left_out, `${table}.${path}`, 1);
}

function addLeftOut(into: Record<string, number>, name: string, rows: number): void {
  const isKnown = Object.hasOwn(into, name) || Object.keys(into).length < mostNames;
  const counted = isKnown ? name : "*";
  into[counted] = (into[counted] ?? 0) + rows;
}

/** Adds what another run or batch took in. */
export function addTotals(into: MutableTotals, more: IngestTotals): void {
  into.records += more.records;
  into.filtered += more.filtered;
  into.batches += more.batches;
  into.received += more.received;
  into.landed += more.landed;
  into.duplicate += more.duplicate;
  into.dead_letter += more.dead_letter;
  into.conflict += more.conflict;
  for (const [table, rows] of Object.entries(more.rows_by_table)) {
    into.rows_by_table[table] = (into.rows_by_table[table] ?? 0) + rows;
  }
  for (const [reason, letters] of Object.entries(more.dead_letters_by_reason)) {
    into.dead_letters_by_reason[reason] = (into.dead_letters_by_reason[reason] ?? 0) + letters;
  }
  for (const [name, rows] of Object.entries(more.left_out)) addLeftOut(into.left_out, name, rows);
}

/** For progress: what is committed and what is on its way. */
export function sumOfTotals(totals: MutableTotals, open: MutableTotals | undefined): IngestTotals {
  if (!open) return totals;
  const both = {
    ...totals,
    rows_by_table: { ...totals.rows_by_table },
    dead_letters_by_reason: { ...totals.dead_letters_by_reason },
    left_out: { ...totals.left_out },
  };
  addTotals(both, open);
  return both;
}
