import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import type { JournalKind } from "../../platform/journal/journal.ts";

/** What one answer may have told, at most. Written before it is shown; it names nobody. */
const spent = z.strictObject({
  kind: z.literal("spent"),
  at: z.iso.datetime(),
  audience: z.string().min(1),
  period: z.string().min(1),
  epsilon: z.number().positive(),
  delta: z.number().min(0),
  table: z.string().min(1),
  /** SHA-256 of the statement: its text may name somebody. */
  statement: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Spent = z.infer<typeof spent>;

/** The journal's name, where the target keeps it. */
export const privacyBudgetJournalName = "governance/privacy_budget";

export const privacyBudgetJournal: JournalKind<Spent> = {
  name: "the journal of the privacy budget",
  parse: (body) => spent.parse(body),
  damaged: (where, what) =>
    new UserError(`the journal of the privacy budget is not whole: ${what}`, {
      code: "privacy-budget.journal-broken",
      exit: "check",
      where,
      next: "restore the file from a backup: without it what was told already would be told again for nothing",
    }),
};
