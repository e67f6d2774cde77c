import type { Item } from "../door/signal.ts";
import { readSuppressions } from "./formats.ts";

/** A provider's list, or a record of one, as rows of raw.suppressions still outside the door. `reason` overrules what the list says. */
export function decodeSuppressions(format: string, value: unknown, reason?: string): readonly Item[] {
  return readSuppressions(format, value).map((entry): Item => {
    if (entry === undefined) return { kind: "dead-letter", reason: "missing-field", detail: "it names no address" };
    return {
      kind: "row",
      table: "suppressions",
      values: {
        user_id: entry.address,
        channel: "email",
        reason: reason ?? entry.reason,
        scope: entry.scope,
        scope_key: entry.scopeKey,
        since_at: entry.sinceAt,
        provenance: `suppressions/${format}`,
      },
    };
  });
}
