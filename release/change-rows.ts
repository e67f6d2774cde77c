import { signerOf } from "./control/sshsig.ts";
import type { ReleaseEvent } from "./events.ts";
import { type Entry, statementOf } from "./log.ts";
import { apply, nothingReleased } from "./state.ts";

/** An entry of the log as a row of raw.release_entries. */
export interface ChangeRow {
  readonly table: "release_entries";
  readonly log_id: string;
  readonly log_sequence: number;
  readonly entry_hash: string;
  readonly entry_kind: ReleaseEvent["kind"];
  readonly changed_thing: string;
  readonly changed_name: string;
  readonly changed_digest: string | null;
  readonly decided_by: string | null;
  readonly release_stage: string | null;
  readonly change_verdict: string | null;
  readonly change_reason: string | null;
  readonly waiver: string | null;
  readonly decided_at: string;
}

/** The whole log as rows. Who decided is a key, not a name; where a version stands is the fold of the log up to there. */
export function changeRows(entries: readonly Entry[]): readonly ChangeRow[] {
  let state = nothingReleased;
  return entries.map((entry): ChangeRow => {
    const { event } = entry;
    state = apply(state, entry);
    const waived = waiversOf(event);
    return {
      table: "release_entries",
      log_id: entries[0]!.entry_hash,
      log_sequence: entry.sequence,
      entry_hash: entry.entry_hash,
      entry_kind: event.kind,
      ...subjectOf(event),
      changed_digest: digestOf(event),
      decided_by:
        entry.signature === null
          ? null
          : (signerOf(statementOf(entry, entry.previous_hash), entry.signature)?.fingerprint ?? null),
      release_stage: "version" in event ? (state.versions.get(event.version)?.stage ?? null) : null,
      change_verdict:
        event.kind === "canary_checked"
          ? event.verdict
          : event.kind === "submitted"
            ? (event.evaluation?.verdict ?? null)
            : null,
      change_reason: reasonOf(event),
      waiver: waived.length === 0 ? null : waived.join("; "),
      decided_at: entry.at,
    };
  });
}

function subjectOf(event: ReleaseEvent): Pick<ChangeRow, "changed_thing" | "changed_name"> {
  if ("version" in event) return { changed_thing: "model", changed_name: event.version };
  if ("thing" in event) return { changed_thing: event.thing, changed_name: event.name };
  return { changed_thing: "sending", changed_name: event.what };
}

function digestOf(event: ReleaseEvent): string | null {
  if ("artefact" in event) return event.artefact;
  return "digest" in event ? event.digest : null;
}

function reasonOf(event: ReleaseEvent): string | null {
  if ("reason" in event) return event.reason;
  if (event.kind === "alerted") return event.message;
  return "note" in event ? event.note : null;
}

/** Each reason for which something that was not shown was passed over. */
function waiversOf(event: ReleaseEvent): readonly string[] {
  if (event.kind === "approved") return said(event.despite);
  if (event.kind === "canary_started") return said(event.accept_blind, event.without_shadow);
  if (event.kind === "canary_checked") return event.source.kind === "file" ? [event.source.waiver] : [];
  if (event.kind !== "submitted" || event.evaluation === null) return [];
  const { source, waived = {} } = event.evaluation;
  return [
    ...(source.kind === "file" ? [source.waiver] : []),
    ...Object.entries(waived).map(([guardrail, why]) => `${guardrail}: ${why}`),
  ];
}

const said = (...reasons: readonly (string | null | undefined)[]): readonly string[] =>
  reasons.filter((one): one is string => typeof one === "string");
