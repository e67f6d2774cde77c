import type { Policy } from "../../policy/schema.ts";
import { dueTrigger, type TriggerEvent, triggerReach } from "../../policy/triggers.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";

type EventTrigger = Extract<Policy["trigger"], { on: "event" }>;

const millis = (value: unknown): number => Date.parse(String(value));

/**
 * Who is to be answered now and by which event, by the id that is written to. What a person did under any of their ids counts, as an
 * event and as what calls one off, and the person is written to once: under the id that did it where that one has a profile, else under
 * the first that has. What was decided before for the campaign, under any of these ids, is not answered again.
 */
export async function readTriggers(
  warehouse: Pick<Warehouse, "query">,
  campaignId: string,
  trigger: EventTrigger,
  now: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, TriggerEvent>> {
  const since = new Date(now - triggerReach(trigger));
  const events = await warehouse.query(
    `with reachable as (
  select person_id, min(user_id_hash) as user_id_hash from features.decision_inputs group by person_id
)

select
  reachable.person_id,
  coalesce(own.user_id_hash, reachable.user_id_hash) as user_id_hash,
  events.event_id,
  events.event_type,
  events.category,
  events.occurred_at,
  events.received_at
from events.events as events
left join identity.persons as persons on events.user_id_hash = persons.user_id_hash
inner join reachable on coalesce(persons.person_id, events.user_id_hash) = reachable.person_id
left join features.decision_inputs as own on events.user_id_hash = own.user_id_hash
where
  events.event_type in unnest(@types)
  and events.occurred_at >= @since
  and events.occurred_at <= @now
order by reachable.person_id, events.occurred_at, events.event_id`,
    {
      params: { types: [...trigger.events, ...trigger.cancelled_by], since, now: new Date(now) },
      file: "events of triggers",
      signal,
    },
  );
  const answered = await warehouse.query(
    `select coalesce(persons.person_id, decisions.user_id_hash) as person, max(decisions.decided_at) as answered_at
from staging.stg_raw__decisions as decisions
left join identity.persons as persons on decisions.user_id_hash = persons.user_id_hash
where decisions.campaign_id = @campaign and decisions.user_id_hash is not null and decisions.decided_at <= @now
group by person`,
    { params: { campaign: campaignId, now: new Date(now) }, file: "answered triggers", signal },
  );
  const answeredAt = new Map(answered.rows.map((row) => [String(row["person"]), millis(row["answered_at"])]));
  const byPerson = new Map<string, (TriggerEvent & { readonly answered_as: string })[]>();
  for (const row of events.rows) {
    const person = String(row["person_id"]);
    const own = byPerson.get(person) ?? [];
    byPerson.set(person, own);
    own.push({
      answered_as: String(row["user_id_hash"]),
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
    if (event) due.set(event.answered_as, event);
  }
  return due;
}
