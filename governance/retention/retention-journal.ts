import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import type { JournalKind } from "../../platform/journal/journal.ts";

const instant = z.iso.datetime();

/** A retention begins, with its cutoffs: whoever goes on after a kill goes on with these. */
const begun = z.strictObject({
  kind: z.literal("begun"),
  retention_id: z.string().min(1),
  at: instant,
  /** SHA-256 of the data policy that it follows. */
  policy: z.string(),
  cutoffs: z.array(z.strictObject({ of: z.string(), kept_days: z.int().positive(), before: instant })),
  /** Snapshots with rows that are to go, when it began. */
  snapshots: z.array(z.strictObject({ id: z.string(), rows: z.int().positive() })),
});

/** It is done: how many rows went, where. */
const done = z.strictObject({
  kind: z.literal("done"),
  retention_id: z.string().min(1),
  at: instant,
  places: z.array(z.strictObject({ where: z.string(), rows: z.int().nonnegative() })),
  rows: z.int().nonnegative(),
  snapshots: z.array(z.strictObject({ parent: z.string(), successor: z.string().nullable(), rows: z.int() })),
});

const retentionEntry = z.discriminatedUnion("kind", [begun, done]);
export type RetentionEntry = z.infer<typeof retentionEntry>;
export type RetentionBegun = z.infer<typeof begun>;
export type RetentionDone = z.infer<typeof done>;

/** Receipts of what went by its age. They name nobody. */
export const retentionJournal: JournalKind<RetentionEntry> = {
  name: "the journal of retention",
  parse: (body) => retentionEntry.parse(body),
  damaged: (where, what) =>
    new UserError(`the journal of retention is not whole: ${what}`, {
      code: "retention.journal-broken",
      exit: "check",
      where,
      next: "restore the file from a backup; what went by its age is gone all the same",
    }),
};
