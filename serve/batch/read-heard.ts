import type { Warehouse } from "../../warehouse/warehouse.ts";
import {
  type Heard,
  heardInConsent,
  heardInErasure,
  heardInEvent,
  heardInSuppression,
  heardTypes,
  withOneMore,
} from "../heard.ts";
import { flag, millis, text } from "../row-values.ts";

/**
 * What was received since an instant and bears on whether somebody may be mailed, by id: unsubscribes, complaints, hard bounces, statements
 * of consent, suppressions and requests to be forgotten. What was taken back says nothing. A batch reads it at its beginning, so that nobody
 * is mailed on the knowledge of the last build alone. As many rows as there were such signals since then.
 */
export async function readHeard(
  warehouse: Pick<Warehouse, "query">,
  since: Date,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Heard[]>> {
  const found = new Map<string, readonly Heard[]>();
  const ask = async (
    what: string,
    sql: string,
    heardIn: (row: Readonly<Record<string, unknown>>, receivedAt: number) => readonly Heard[],
    more: Readonly<Record<string, unknown>> = {},
  ) => {
    const { rows } = await warehouse.query(sql, { params: { since, ...more }, file: `heard: ${what}`, signal });
    for (const row of rows) {
      const id = String(row["user_id_hash"]);
      const before = found.get(id) ?? [];
      const after = heardIn(row, millis(row["received_at"])!).reduce(withOneMore, before);
      if (after !== before) found.set(id, after);
    }
  };
  const said = "received_at >= @since and user_id_hash is not null";
  await ask(
    "events",
    // A report that hides its reader names the message, and that is one person's.
    `with told as (
  select
    coalesce(said.user_id_hash, messages.user_id_hash) as user_id_hash,
    said.event_type,
    said.provenance,
    said.consent,
    json_value(said.metadata, '$.class') as bounce_class,
    json_value(said.metadata, '$.method') as method,
    json_value(said.metadata, '$.list_id') as list_id,
    json_value(said.metadata, '$.feedback_type') as feedback_type,
    least(said.timestamp_utc, said.received_at) as said_at,
    said.received_at
  from staging.kept_events as said
  left join events.messages as messages on said.user_id_hash is null and said.message_id = messages.message_id
  where said.received_at >= @since${heardTypes === null ? "" : " and said.event_type in unnest(@types)"}
)

select
  user_id_hash, event_type, provenance, consent, bounce_class, method, list_id, feedback_type,
  max(said_at) as said_at,
  max(received_at) as received_at
from told
where user_id_hash is not null
group by user_id_hash, event_type, provenance, consent, bounce_class, method, list_id, feedback_type`,
    (row, receivedAt) =>
      heardInEvent({
        event_type: String(row["event_type"]),
        provenance: text(row["provenance"]),
        flag: flag(row["consent"]),
        bounce_class: text(row["bounce_class"]),
        method: text(row["method"]),
        list_id: text(row["list_id"]),
        feedback_type: text(row["feedback_type"]),
        at: millis(row["said_at"]) ?? receivedAt,
        received_at: receivedAt,
      }),
    heardTypes === null ? {} : { types: [...heardTypes] },
  );
  await ask(
    "consents",
    `select user_id_hash, purpose, channel, is_granted, legal_basis, jurisdiction, opt_in, effective_at, expires_at, received_at
from staging.kept_consents
where ${said} and effective_at is not null`,
    (row, receivedAt) =>
      heardInConsent({
        purpose: text(row["purpose"]),
        channel: text(row["channel"]),
        is_granted: flag(row["is_granted"]),
        legal_basis: text(row["legal_basis"]),
        jurisdiction: text(row["jurisdiction"]),
        opt_in: text(row["opt_in"]),
        effective_at: millis(row["effective_at"])!,
        expires_at: millis(row["expires_at"]),
        received_at: receivedAt,
      }),
  );
  await ask(
    "suppressions",
    `select user_id_hash, channel, reason, scope, scope_key, is_lifted, until_at, received_at from staging.kept_suppressions where ${said}`,
    (row, receivedAt) =>
      heardInSuppression({
        channel: text(row["channel"]),
        reason: text(row["reason"]),
        scope: text(row["scope"]),
        scope_key: text(row["scope_key"]),
        is_lifted: flag(row["is_lifted"]),
        until_at: millis(row["until_at"]),
        received_at: receivedAt,
      }),
  );
  await ask(
    "erasure requests",
    `select user_id_hash, max(received_at) as received_at from staging.kept_erasure_requests where ${said} group by user_id_hash`,
    (_, receivedAt) => heardInErasure(receivedAt),
  );
  return found;
}
