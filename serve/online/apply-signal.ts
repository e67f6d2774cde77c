import machines from "../../includes/machines.js";
import pit from "../../includes/pit.js";
import time from "../../includes/time.js";
import type { PlainRow } from "../../warehouse/duckdb/segment-store.ts";
import { type Heard, heardInConsent, heardInErasure, heardInEvent, heardInSuppression, withOneMore } from "../heard.ts";
import { isSiteAct } from "./acts.ts";
import type { PushNote } from "./push.ts";
import { countedNote, keptMs, type StoreTransaction } from "./store.ts";
import type { FreshAct, StoredPerson } from "./stored-person.ts";

const repeatMicros = (time.repeatSeconds as number) * 1_000_000;
const judged = new Set<string>(machines.judgedTypes);
const machineAgent = new RegExp(
  [...(machines.wholeAgents as string[]).map((agent) => `^${agent}$`), ...(machines.agentWords as string[])].join("|"),
);
const mostFresh = 2000;

/** A session's id: trackers write it as text or as a number. */
const sessionOf = (value: unknown): string | null => (typeof value === "number" ? String(value) : text(value));
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** Whether a signal may be a machine's by what it says itself. What only its neighbours tell (instants, many links) is known after the next build. */
function isMachine(type: string, metadata: Readonly<Record<string, unknown>>): boolean {
  if (metadata["machine"] === true || metadata["automatic"] === true) return true;
  const agent = text(metadata["user_agent"]);
  return judged.has(type) && agent !== null && machineAgent.test(agent.toLowerCase());
}

/**
 * Counts a row of raw.events for its person. One that the store has, or that the warehouse had when the store was loaded, changes
 * nothing. Gives whether it changed something.
 */
export function applyEvent(
  tx: StoreTransaction,
  row: PlainRow,
  push: PushNote | undefined,
  topicOf: (campaignId: string) => string | null,
): boolean {
  const id = text(row["user_id_hash"]);
  const type = text(row["event_type"]);
  if (id === null || type === null) return false;
  const metadata = (row["metadata"] ?? {}) as Readonly<Record<string, unknown>>;
  const receivedAt = Number(row["received_at"]) / 1000;
  // Nothing happens later than it was received: a sender's clock may be ahead.
  const at = Math.min(Number(row["timestamp_utc"]), Number(row["received_at"]));
  const isNews = hear(
    tx,
    id,
    heardInEvent({
      event_type: type,
      provenance: text(row["provenance"]),
      flag: typeof row["consent"] === "boolean" ? row["consent"] : null,
      bounce_class: text(metadata["class"]),
      method: text(metadata["method"]),
      list_id: text(metadata["list_id"]),
      feedback_type: text(metadata["feedback_type"]),
      at: at / 1000,
      received_at: receivedAt,
    }),
  );
  const stored = tx.person(id);
  if (!stored) return isNews;
  if (push && receivedAt <= push.received_to && at < stored.base.as_of * 1000) return isNews;

  let next: StoredPerson = stored;
  const bounceClass = metadata["class"];
  const act = pit.actOf({ event_type: type, is_machine: isMachine(type, metadata), bounce_class: bounceClass }) as
    | string
    | undefined;
  if (act !== undefined) {
    const message = text(row["message_id"]);
    const detail = text(metadata["link_id"]) ?? text(metadata["url"]) ?? "";
    const order = act === "order" ? text(metadata["order_hash"]) : null;
    const made: FreshAct = {
      key: `${row["event_id"]} ${type} ${message ?? ""}`,
      signature: order === null ? `${type} ${message ?? row["event_id"]} ${detail}` : `order ${order}`,
      at,
      act,
      amount: type === "read_time" ? Math.round(Number(metadata["seconds"] ?? 0)) : 1,
      topic:
        text(metadata["category"]) ?? (text(row["campaign_id"]) === null ? null : topicOf(String(row["campaign_id"]))),
      ...(isSiteAct(act) ? { session: sessionOf(metadata["session_id"]) } : {}),
      revenue: act === "order" && typeof metadata["revenue"] === "number" ? metadata["revenue"] : null,
      received_at: receivedAt,
    };
    const isKnown = next.fresh.some(
      (one) =>
        one.key === made.key ||
        (one.signature === made.signature && (order !== null || Math.abs(one.at - made.at) < repeatMicros)),
    );
    if (!isKnown) next = { ...next, fresh: [...next.fresh.slice(-mostFresh + 1), made] };
  }
  if (next === stored) return isNews;
  tx.putPerson(id, next);
  return true;
}

/** Keeps what was heard of an id. Gives whether any of it is new. */
function hear(tx: StoreTransaction, id: string, heard: readonly Heard[]): boolean {
  const before = tx.heard(id);
  const after = heard.reduce(withOneMore, before);
  if (after === before) return false;
  tx.putHeard(id, after);
  return true;
}

const millis = (micros: unknown): number | null =>
  micros === null || micros === undefined ? null : Number(micros) / 1000;

/** A statement of consent. */
export function applyConsent(tx: StoreTransaction, row: PlainRow): boolean {
  const id = text(row["user_id_hash"]);
  const effectiveAt = millis(row["effective_at"]);
  if (id === null || effectiveAt === null) return false;
  return hear(
    tx,
    id,
    heardInConsent({
      purpose: text(row["purpose"]),
      channel: text(row["channel"]),
      is_granted: row["is_granted"] === true,
      legal_basis: text(row["legal_basis"]),
      jurisdiction: text(row["jurisdiction"]),
      opt_in: text(row["opt_in"]),
      effective_at: effectiveAt,
      expires_at: millis(row["expires_at"]),
      received_at: Number(row["received_at"]) / 1000,
    }),
  );
}

/** A suppression that a provider, a file or a person stated. */
export function applySuppression(tx: StoreTransaction, row: PlainRow): boolean {
  const id = text(row["user_id_hash"]);
  if (id === null) return false;
  return hear(
    tx,
    id,
    heardInSuppression({
      channel: text(row["channel"]),
      reason: text(row["reason"]),
      scope: text(row["scope"]),
      scope_key: text(row["scope_key"]),
      is_lifted: row["is_lifted"] === true,
      until_at: millis(row["until_at"]),
      received_at: Number(row["received_at"]) / 1000,
    }),
  );
}

/** A request to be forgotten: nothing is sent from now on. */
export function applyErasure(tx: StoreTransaction, row: PlainRow): boolean {
  const id = text(row["user_id_hash"]);
  return id !== null && hear(tx, id, heardInErasure(Number(row["received_at"]) / 1000));
}

/** A decision that a batch has made: its send counts here too, unless it is so old that `features push` has let go of what was counted then. */
export function applyDecision(tx: StoreTransaction, row: PlainRow, push: PushNote | undefined): boolean {
  const id = text(row["user_id_hash"]);
  const decisionId = text(row["decision_id"]);
  const said = (row["attributes"] ?? {}) as Readonly<Record<string, unknown>>;
  const at = Date.parse(String(said["send_at"]));
  if (id === null || decisionId === null || said["action"] !== "send" || Number.isNaN(at)) return false;
  if (push && at < push.as_of - keptMs) return false;
  if (tx.hasDecision(decisionId) || tx.note(countedNote(decisionId)) !== undefined) return false;
  tx.addSend(id, {
    at,
    kind: String(said["campaign_kind"] ?? "bulk"),
    campaign_id: String(row["campaign_id"] ?? ""),
    decided_at: millis(row["decided_at"]) ?? at,
  });
  tx.putNote(countedNote(decisionId), at);
  return true;
}
