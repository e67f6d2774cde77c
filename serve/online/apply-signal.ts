import machines from "../../includes/machines.js";
import pit from "../../includes/pit.js";
import time from "../../includes/time.js";
import type { PlainRow } from "../../warehouse/duckdb/segment-store.ts";
import type { PushNote } from "./push.ts";
import type { StoreTransaction } from "./store.ts";
import type { FreshAct, StoredPerson } from "./stored-person.ts";

const repeatMicros = (time.repeatSeconds as number) * 1_000_000;
const judged = new Set<string>(machines.judgedTypes);
const machineAgent = new RegExp(
  [...(machines.wholeAgents as string[]).map((agent) => `^${agent}$`), ...(machines.agentWords as string[])].join("|"),
);
const mostFresh = 2000;

/** Signals that forbid a mail from the moment that we hear of them. */
const forbidding: Readonly<Record<string, (metadata: Readonly<Record<string, unknown>>) => string | undefined>> = {
  complaint: ({ feedback_type }) => (feedback_type === "not-spam" ? undefined : "complaint"),
  unsubscribe: () => "unsubscribed",
  bounce: (metadata) => (metadata["class"] === "hard" ? "hard_bounce" : undefined),
};

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
  const stored = tx.person(id);
  if (!stored) return false;
  const metadata = (row["metadata"] ?? {}) as Readonly<Record<string, unknown>>;
  const receivedAt = Number(row["received_at"]) / 1000;
  // Nothing happens later than it was received: a sender's clock may be ahead.
  const at = Math.min(Number(row["timestamp_utc"]), Number(row["received_at"]));
  if (push && receivedAt <= push.received_to && at < stored.base.as_of * 1000) return false;

  let next: StoredPerson = stored;
  const why = isMachine(type, metadata) ? undefined : forbidding[type]?.(metadata);
  if (why !== undefined && !next.base.suppressions.includes(why))
    next = { ...next, heard_to: receivedAt, base: { ...next.base, suppressions: [...next.base.suppressions, why] } };
  if (row["consent"] === false && (!next.consent || next.consent.at <= at / 1000))
    next = { ...next, consent: { is_granted: false, at: at / 1000 } };

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
  if (next === stored) return false;
  tx.putPerson(id, next);
  return true;
}

/** A statement of consent; of two the later one holds, of one instant the refusal. */
export function applyConsent(tx: StoreTransaction, row: PlainRow): boolean {
  const id = text(row["user_id_hash"]);
  if (id === null || row["purpose"] !== "activation") return false;
  const stored = tx.person(id);
  if (!stored) return false;
  const at = Number(row["effective_at"]) / 1000;
  const since = stored.consent?.at ?? stored.base.as_of;
  const isGranted = row["is_granted"] === true;
  if (at < since || (at === since && isGranted)) return false;
  tx.putPerson(id, { ...stored, consent: { is_granted: isGranted, at } });
  return true;
}

/** A request to be forgotten: nothing is sent from now on. */
export function applyErasure(tx: StoreTransaction, row: PlainRow): boolean {
  const id = text(row["user_id_hash"]);
  const stored = id === null ? undefined : tx.person(id);
  if (!stored || id === null || stored.base.suppressions.includes("forgotten")) return false;
  tx.putPerson(id, {
    ...stored,
    heard_to: Number(row["received_at"]) / 1000,
    base: { ...stored.base, suppressions: [...stored.base.suppressions, "forgotten"] },
  });
  return true;
}

/** A decision that a batch has made: its send counts here too. */
export function applyDecision(tx: StoreTransaction, row: PlainRow): boolean {
  const id = text(row["user_id_hash"]);
  const decisionId = text(row["decision_id"]);
  const said = (row["attributes"] ?? {}) as Readonly<Record<string, unknown>>;
  const at = Date.parse(String(said["send_at"]));
  if (id === null || decisionId === null || said["action"] !== "send" || Number.isNaN(at)) return false;
  if (tx.decision(decisionId) !== undefined || tx.note(`counted ${decisionId}`) !== undefined) return false;
  tx.addSend(id, { at, kind: String(said["campaign_kind"] ?? "bulk"), campaign_id: String(row["campaign_id"] ?? "") });
  tx.putNote(`counted ${decisionId}`, at);
  return true;
}
