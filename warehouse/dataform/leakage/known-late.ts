import { z } from "zod";
import events from "../../../includes/events.js";
import pit from "../../../includes/pit.js";
import time from "../../../includes/time.js";
import type { Warehouse } from "../../warehouse.ts";

/** What the rows of a warehouse say of what features knew. */
export interface RunTimeCount {
  /** Messages with features. */
  readonly messages: number;
  /** Rows of features.point_in_time that are counted up to another instant than the send of their message: none, if the build is whole. */
  readonly moments_not_at_send: number;
  /** Signals that had happened before a send and were received only after it: features count them, serving could not have known them. */
  readonly late_signals: number;
  /** Messages with one of these just before them. */
  readonly late_messages: number;
  /** Signals received more than an outcome window after they happened: imported history, of which nobody knows when it was first known. */
  readonly imported_signals: number;
}

const tables = ["events.events", "events.messages", "features.point_in_time"];
const eventTypes = [...pit.eventTypes, "conversion", "purchase"];

/** One pass over the signals and the sends of each customer; a signal is late for the next send after it. */
export const lateSignalsSql = `
with timeline as (
  select user_id_hash, cast(null as string) as message_id, occurred_at as happened_at, received_at
  from events.events
  where user_id_hash is not null and received_at > occurred_at and event_type in (${events.sqlList(...eventTypes)})
  union all
  select user_id_hash, message_id, sent_at, sent_at from events.messages where user_id_hash is not null
),
followed as (
  select
    *,
    min(if(message_id is not null, unix_micros(happened_at), null)) over (
      partition by user_id_hash order by unix_micros(happened_at) range between 1 following and unbounded following
    ) as next_send_micros
  from timeline
),
marked as (
  select
    *,
    message_id is null and received_at >= ${time.daysAfter("happened_at", time.outcomeDays)} as is_imported,
    coalesce(message_id is null and next_send_micros <= unix_micros(received_at), false)
      and received_at < ${time.daysAfter("happened_at", time.outcomeDays)} as is_late
  from followed
)
select
  countif(message_id is not null) as messages,
  countif(is_late) as late_signals,
  countif(is_imported) as imported_signals,
  count(distinct if(is_late, concat(user_id_hash, ' ', cast(next_send_micros as string)), null)) as late_messages
from marked`;

export const momentsSql = `
select count(*) as moments_not_at_send
from features.point_in_time as moments
join events.messages as messages on moments.moment_id = messages.message_id
where moments.moment_kind = 'message' and moments.as_of_at != messages.sent_at`;

const counts = z.record(z.string(), z.coerce.number());

/** Counts the rows that break what the check proves of the text; undefined where the tables are not built. */
export async function countKnownLate(
  warehouse: Pick<Warehouse, "query" | "columns">,
  signal?: AbortSignal,
): Promise<RunTimeCount | undefined> {
  for (const table of tables) if ((await warehouse.columns(table)) === undefined) return undefined;
  const ask = async (sql: string) =>
    counts.parse((await warehouse.query(sql, { signal, file: "check leakage" })).rows[0]);
  const late = await ask(lateSignalsSql);
  const moments = await ask(momentsSql);
  return {
    messages: late["messages"]!,
    moments_not_at_send: moments["moments_not_at_send"]!,
    late_signals: late["late_signals"]!,
    late_messages: late["late_messages"]!,
    imported_signals: late["imported_signals"]!,
  };
}
