import { longestPeriod } from "../policy/caps.ts";
import type { PastSend, Pause } from "../policy/decision.ts";
import { passGates } from "../policy/gates.ts";
import type { LoadedPolicy } from "../policy/load-policy.ts";
import { isCalledOff, type TriggerEvent } from "../policy/triggers.ts";
import { readHeard } from "../serve/batch/read-heard.ts";
import { campaignInputs, emptyBook } from "../serve/campaign-inputs.ts";
import { type Heard, withHeard } from "../serve/heard.ts";
import { customerOf, type Person, personOf } from "../serve/person.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import type { DecidedSend } from "./mail.ts";

/** What the gates say of a decided send at its hand-over. */
export type Verdict =
  | { readonly kind: "go" }
  | { readonly kind: "withhold"; readonly reason: string }
  /** Not now: it is asked again by a later run, until the mail expires. */
  | { readonly kind: "wait"; readonly reason: string; readonly until: number | null };

/** What is known of the people of some sends: of now, not of when it was decided. */
export interface Known {
  readonly people: ReadonlyMap<string, Person>;
  readonly heard: ReadonlyMap<string, readonly Heard[]>;
  /** Mails that went out to them, by any of their ids. */
  readonly out: ReadonlyMap<string, readonly (PastSend & { readonly message_id: string })[]>;
  /** What each id did that may call a mail off, of each type the last. */
  readonly acts: ReadonlyMap<string, readonly Pick<TriggerEvent, "event_type" | "at">[]>;
}

export interface InForce {
  readonly policies: ReadonlyMap<string, LoadedPolicy>;
  readonly pauses: readonly Pause[];
  readonly key: Uint8Array;
}

const emptyMonth = {};
/** What cannot be told now, or will be over, is no reason to withhold a mail for good. */
const passing = new Set([
  "paused",
  "consent-unknown",
  "consent-stale",
  "suppressions-unknown",
  "eligibility-unknown",
  "eligibility-stale",
  "audience-unknown",
  "counts-unknown",
  "clock-skew",
  "quiet-hours",
]);

/**
 * Passes a decided send through the gates of its policy once more: pause, consent, suppressions, eligibility, jurisdiction, caps and quiet hours,
 * hold-out, with what was heard since. What answers an event is withheld when something has called it off since: whatever of a person's ids
 * did it. Caps count what went out in their period before now; global caps were counted when it was decided. `now` is in milliseconds since
 * the epoch.
 */
export function checkAgain(send: DecidedSend, known: Known, inForce: InForce, expiresAt: number, now: number): Verdict {
  if (expiresAt <= now) return { kind: "withhold", reason: "expired" };
  const person = known.people.get(send.user_id_hash);
  if (!person) return { kind: "withhold", reason: "unknown-person" };
  const { policy, digest } = inForce.policies.get(send.policy)!;
  const ids = [person.user_id_hash, ...person.other_ids];
  const acts = ids.flatMap((id) => known.acts.get(id) ?? []);
  if (
    send.triggered_at !== null &&
    policy.trigger.on === "event" &&
    isCalledOff(policy.trigger, send.triggered_at, acts, now)
  )
    return { kind: "withhold", reason: "called-off" };
  const out = new Map(ids.flatMap((id) => known.out.get(id) ?? []).map((one) => [one.message_id, one]));
  out.delete(send.message_id);
  const customer = {
    ...customerOf(
      withHeard(person, (id) => known.heard.get(id) ?? [], now),
      campaignInputs(emptyBook, send.campaign_id, policy),
    ),
    sends: [...out.values()],
  };
  const gates = passGates(
    { request_id: send.decision_id, person_id: send.user_id_hash, campaign_id: send.campaign_id, context: {} },
    customer,
    { policy, digest, key: inForce.key, pauses: inForce.pauses, sent: emptyMonth },
    now,
  );
  if (gates.kind === "stopped") {
    const reason = gates.steps.at(-1)!.code;
    return passing.has(reason) ? { kind: "wait", reason, until: null } : { kind: "withhold", reason };
  }
  return gates.earliest > now ? { kind: "wait", reason: "quiet-hours", until: gates.earliest } : { kind: "go" };
}

/** Reads what `checkAgain` asks of the people of some sends. */
export async function readKnown(
  warehouse: Pick<Warehouse, "query">,
  sends: readonly DecidedSend[],
  policies: readonly LoadedPolicy[],
  now: number,
  signal: AbortSignal,
): Promise<Known> {
  const ids = [...new Set(sends.map(({ user_id_hash }) => user_id_hash))];
  const inputs = await warehouse.query(
    "select inputs.* from features.decision_inputs as inputs where inputs.user_id_hash in (select id from unnest(@ids) as id)",
    { params: { ids }, file: "whom the mails are for", signal },
  );
  const people = new Map(inputs.rows.map(personOf).map((person) => [person.user_id_hash, person]));
  if (people.size === 0) return { people, heard: new Map(), out: new Map(), acts: new Map() };
  const asOf = new Date(Math.min(...[...people.values()].map((person) => person.as_of)));
  const heard = await readHeard(warehouse, asOf, signal);
  const everyId = [...new Set([...people.values()].flatMap((one) => [one.user_id_hash, ...one.other_ids]))];
  const since = new Date(now - longestPeriod(policies.map(({ policy }) => policy)));
  const sent = await warehouse.query(
    `with sent as (
  select user_id_hash, message_id, campaign_id, campaign_kind, sent_at
  from events.messages
  where user_id_hash in (select id from unnest(@ids) as id) and sent_at >= @since and sent_at <= @now
  union all
  select user_id_hash, message_id, campaign_id, null, timestamp_utc
  from staging.kept_events
  where
    user_id_hash in (select id from unnest(@ids) as id)
    and event_type = 'sent'
    and message_id is not null
    and received_at >= @as_of
    and timestamp_utc >= @since
    and timestamp_utc <= @now
)

select
  sent.user_id_hash,
  sent.message_id,
  max(coalesce(sent.campaign_id, '')) as campaign_id,
  coalesce(max(sent.campaign_kind), max(decisions.campaign_kind), 'bulk') as campaign_kind,
  max(sent.sent_at) as sent_at
from sent
left join staging.stg_raw__decisions as decisions on sent.message_id = decisions.message_id
group by sent.user_id_hash, sent.message_id`,
    { params: { ids: everyId, since, now: new Date(now), as_of: asOf }, file: "mails that went out", signal },
  );
  const out = new Map<string, (PastSend & { readonly message_id: string })[]>();
  for (const row of sent.rows) {
    const id = String(row["user_id_hash"]);
    const list = out.get(id) ?? [];
    out.set(id, list);
    list.push({
      message_id: String(row["message_id"]),
      campaign_id: String(row["campaign_id"]),
      kind: String(row["campaign_kind"]),
      at: Date.parse(String(row["sent_at"])),
    });
  }
  return { people, heard, out, acts: await readActs(warehouse, sends, everyId, policies, now, signal) };
}

/** What may have called off a mail that answers an event, since the earliest of these events. */
async function readActs(
  warehouse: Pick<Warehouse, "query">,
  sends: readonly DecidedSend[],
  ids: readonly string[],
  policies: readonly LoadedPolicy[],
  now: number,
  signal: AbortSignal,
): Promise<Known["acts"]> {
  const acts = new Map<string, Pick<TriggerEvent, "event_type" | "at">[]>();
  const answered = sends.flatMap(({ triggered_at }) => triggered_at ?? []);
  const types = [
    ...new Set(policies.flatMap(({ policy: { trigger } }) => (trigger.on === "event" ? trigger.cancelled_by : []))),
  ];
  if (answered.length === 0 || types.length === 0) return acts;
  const { rows } = await warehouse.query(
    `select user_id_hash, event_type, max(timestamp_utc) as happened_at
from staging.kept_events
where
  user_id_hash in (select id from unnest(@ids) as id)
  and event_type in unnest(@types)
  and timestamp_utc >= @since
  and timestamp_utc <= @now
group by user_id_hash, event_type`,
    {
      params: { ids, types, since: new Date(Math.min(...answered)), now: new Date(now) },
      file: "what calls mails off",
      signal,
    },
  );
  for (const row of rows) {
    const id = String(row["user_id_hash"]);
    const own = acts.get(id) ?? [];
    acts.set(id, own);
    own.push({ event_type: String(row["event_type"]), at: Date.parse(String(row["happened_at"])) });
  }
  return acts;
}
