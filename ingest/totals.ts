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
});

/** Counts dead letters of one reason. */
export function countLetters(counts: MutableTotals, reason: DeadLetter["reason"], letters: number): void {
  counts.dead_letter += letters;
  counts.dead_letters_by_reason[reason] = (counts.dead_letters_by_reason[reason] ?? 0) + letters;
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
}

/** For progress: what is committed and what is on its way. */
export function sumOfTotals(totals: MutableTotals, open: MutableTotals | undefined): IngestTotals {
  if (!open) return totals;
  const both = {
    ...totals,
    rows_by_table: { ...totals.rows_by_table },
    dead_letters_by_reason: { ...totals.dead_letters_by_reason },
  };
  addTotals(both, open);
  return both;
}
