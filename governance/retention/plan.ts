import { UserError } from "../../errors/user-error.ts";
import type { DataPolicy } from "../data-policy/data-policy.ts";
import { keptDays } from "../data-policy/kept-days.ts";

/** Until when rows were received (of a snapshot: mails were sent) that are to go. */
export interface RetentionCutoff {
  /** A raw table without its dataset, or `snapshots`. */
  readonly of: string;
  readonly kept_days: number;
  readonly before: string;
}

/** Without these somebody could be reached who said no, or comes back who was erased; they are the accounts, or go by themselves. */
const never: ReadonlySet<string> = new Set([
  "consents",
  "suppressions",
  "identity_links",
  "erasure_requests",
  "erasures",
  "erased_ids",
  "retractions",
  "release_entries",
  "ingest_ledger",
]);

/** What of a home goes by its age. Snapshots are made of events, and are kept as long. */
export const snapshotsWord = "snapshots";

/**
 * The cutoffs of a data policy at an instant: midnight UTC, so that all runs of a day are one. `file` is for messages. Throws where the policy would let
 * something go that must stay.
 */
export function retentionCutoffs(policy: DataPolicy, file: string, now: Date): readonly RetentionCutoff[] {
  const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  return Object.keys(policy.columns).flatMap((name): readonly RetentionCutoff[] => {
    const [schema, table = ""] = name.split(".");
    const days = schema === "raw" ? keptDays(policy, name) : null;
    if (days === null) return [];
    if (never.has(table)) {
      throw new UserError(
        `${name} would go after ${days} days, and it must stay: it says who may not be reached, or what happened here`,
        {
          code: "retention.must-stay",
          exit: "config",
          where: file,
          next: `retention: { ${name}: { after_days: null, because: ... } }`,
        },
      );
    }
    const cutoff = { kept_days: days, before: new Date(midnight - days * 86_400_000).toISOString() };
    return [{ of: table, ...cutoff }, ...(table === "events" ? [{ of: snapshotsWord, ...cutoff }] : [])];
  });
}
