import { z } from "zod";
import { UserError } from "../errors/user-error.ts";
import type { Journal, JournalKind } from "../platform/journal/journal.ts";

/** Rows that go from a table in place, under the id of an erasure. Written before they go, so that no kill leaves a table short without a word. */
const deletion = z.strictObject({
  kind: z.literal("deletion"),
  id: z.string().min(1),
  table: z.string(),
  rows: z.int().positive(),
  at: z.iso.datetime(),
});
export type Deletion = z.infer<typeof deletion>;

/** The journal's name at a target. */
export const deletionsName = "governance/deletions";

/** What was deleted from raw tables of BigQuery, wherever they were landed from. It names nobody. */
export const deletionsJournal: JournalKind<Deletion> = {
  name: "the journal of deletions",
  parse: (body) => deletion.parse(body),
  damaged: (where, what) =>
    new UserError(`the journal of deletions is not whole: ${what}`, {
      code: "deletions.journal-broken",
      exit: "check",
      where,
      next: "restore the table (for system_time as of); without it `inboxloop ingest verify` misses rows that went",
    }),
};

/** Rows by table: of an id, or of all that ever went. */
export async function deletedRows(journal: Journal<Deletion>, id?: string): Promise<ReadonlyMap<string, number>> {
  const byTable = new Map<string, number>();
  for (const entry of (await journal.read()).entries)
    if (id === undefined || entry.id === id) byTable.set(entry.table, (byTable.get(entry.table) ?? 0) + entry.rows);
  return byTable;
}

/** Deletes rows with a word in the journal before. */
export function notedDeletions(journal: Journal<Deletion>, now: () => Date, fault: (point: string) => void) {
  /** What this process has seen gone; what was noted last and is not among these may have been left by a kill. */
  const gone = new Set<string>();
  return async (id: string, table: string, rows: number, work: () => Promise<void>): Promise<void> => {
    if (rows === 0) return;
    const key = `${id} ${table}`;
    for (;;) {
      const { entries, head } = await journal.read();
      const last = gone.has(key) ? undefined : entries.findLast((entry) => entry.id === id && entry.table === table);
      const more = rows - (last?.rows ?? 0);
      if (more <= 0) break;
      const entry: Deletion = { kind: "deletion", id, table, rows: more, at: now().toISOString() };
      if ((await journal.append([entry], head)).kind === "appended") break;
    }
    fault("deletion-noted");
    await work();
    gone.add(key);
    fault("rows-deleted");
  };
}
