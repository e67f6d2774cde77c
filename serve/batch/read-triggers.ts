import type { Policy } from "../../policy/schema.ts";
import { dueTrigger, type TriggerEvent, triggerReach } from "../../policy/triggers.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";

type EventTrigger = Extract<Policy["trigger"], { on: "event" }>;

const millis = (value: unknown): number => Date.parse(String(value));

/** Who is to be answered now and by which event, by person. What was decided before for the campaign is not answered again. */
export async function readTriggers(
  warehouse: Pick<Warehouse, "query">,
  campaignId: string,
  trigger: EventTrigger,
  now: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, TriggerEvent>> {
  const since = new Date(now - triggerReach(trigger));
  const events = await warehouse.query(
    `select user_id_hash, event_id, event_type, category, occurred_at, received_at
from events.events
where
  user_id_hash is not null
  and event_type in unnest(@types)
  and occurred_at >= @since
  and occurred_at <= @now
order by user_id_hash, occurred_at, event_id`,
    {
      params: { types: [...trigger.events, ...trigger.cancelled_by], since, now: new Date(now) },
      file: "events of triggers",
      signal,
    },
  );
  const answered = await warehouse.query(
    `select user_id_hash, max(decided_at) as answered_at
from staging.stg_raw__decisions
where campaign_id = @campaign and user_id_hash is not null and decided_at <= @now
group by user_id_hash`,
    { params: { campaign: campaignId, now: new Date(now) }, file: "answered triggers", signal },
  );
  const answeredAt = new Map(answered.rows.map((row) => [String(row["user_id_hash"]), millis(row["answered_at"])]));
  const byPerson = new Map<string, TriggerEvent[]>();
  for (const row of events.rows) {
    const person = String(row["user_id_hash"]);
    const own = byPerson.get(person) ?? [];
    byPerson.set(person, own);
    own.push({
      event_id: String(row["event_id"]),
      event_type: String(row["event_type"]),
      category: row["category"] === null ? null : String(row["category"]),
      at: millis(row["occurred_at"]),
      received_at: millis(row["received_at"]),
    });
  }
  const due = new Map<string, TriggerEvent>();
  for (const [person, own] of byPerson) {
    const event = dueTrigger(trigger, own, answeredAt.get(person) ?? null, now);
    if (event) due.set(person, event);
  }
  return due;
}
