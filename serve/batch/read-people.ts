import decisions from "../../includes/decisions.js";
import sql from "../../includes/sql.js";
import { periodsOf } from "../../policy/caps.ts";
import type { PastSend } from "../../policy/decision.ts";
import type { Policy } from "../../policy/schema.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { nextInputs, type Place } from "../decision-inputs.ts";
import { type Person, personOf } from "../person.ts";

type Queries = Pick<Warehouse, "query">;

/** Decisions, each once, as the CTE `said`; narrowed before their attributes are read: what a run asks of some must not cost what all do. */
const saidWhere = (condition: string): string => `with since as (
  select decision_id, user_id_hash, campaign_id, arm, attributes, received_at, decided_at
  from staging.kept_decisions
  where
    ${condition}
),
each_once as (
  select * from since ${sql.latestPer("decision_id", "received_at, decided_at, arm, user_id_hash")}
),
said as (
  select user_id_hash, campaign_id, decided_at, ${decisions.selected("attributes").join(", ")} from each_once
)`;

/** The next people, person by person, each with what was decided for any of their ids since the features were worked out. */
export async function readPeople(
  warehouse: Queries,
  page: {
    readonly after: Place | null;
    readonly rows: number;
    readonly segments: readonly string[] | null;
    readonly only?: readonly string[] | null;
    /** The run's own decisions, which the caller counts: those of these campaigns at this instant. */
    readonly own: { readonly campaigns: readonly string[]; readonly decidedAt: Date };
  },
  signal: AbortSignal,
): Promise<readonly Person[]> {
  const { segments, only } = page;
  // Nobody outside of every campaign's segment is decided for; the rest is the decision's own to say.
  const inAudience =
    segments === null
      ? "true"
      : "exists (select 1 from unnest(inputs.segments) as segment where segment in unnest(@segments))";
  const rows = await nextInputs(
    warehouse,
    {
      after: page.after,
      rows: page.rows,
      where: `${inAudience}${only ? " and inputs.user_id_hash in (select id from unnest(@only) as id)" : ""}`,
      params: {
        ...(segments === null ? {} : { segments: [...segments] }),
        ...(only ? { only: [...only] } : {}),
      },
    },
    signal,
  );
  if (rows.length === 0) return [];
  const people = rows.map(personOf);
  const asOf = new Date(Math.min(...people.map((person) => person.as_of)));
  const pending = await warehouse.query(
    // (An id in a list is looked for from its beginning, in a subquery by its hash.)
    `${saidWhere(`user_id_hash in (select id from unnest(@ids) as id)
    and decided_at >= @as_of
    and not (decided_at = @decided_at and campaign_id in unnest(@campaigns))`)}
select user_id_hash, send_at, campaign_kind, campaign_id from said where action = 'send' and send_at is not null`,
    {
      params: {
        ids: [...new Set(people.flatMap(idsOf))],
        as_of: asOf,
        decided_at: page.own.decidedAt,
        campaigns: [...page.own.campaigns],
      },
      file: "decided since",
      signal,
    },
  );
  if (pending.rows.length === 0) return people;
  const byId = new Map<string, PastSend[]>();
  for (const row of pending.rows) {
    const id = String(row["user_id_hash"]);
    const sends = byId.get(id) ?? [];
    byId.set(id, sends);
    sends.push({
      at: Date.parse(String(row["send_at"])),
      kind: String(row["campaign_kind"]),
      campaign_id: String(row["campaign_id"]),
    });
  }
  return people.map((person) => {
    const more = idsOf(person).flatMap((id) => byId.get(id) ?? []);
    if (more.length === 0) return person;
    return { ...person, sends: [...person.sends, ...more.sort((a, b) => a.at - b.at)] };
  });
}

const idsOf = ({ user_id_hash, other_ids }: Person): readonly string[] => [user_id_hash, ...other_ids];

const beginningOf = {
  hour: (now: Date) => now.setUTCMinutes(0, 0, 0),
  day: (now: Date) => now.setUTCHours(0, 0, 0, 0),
  month: (now: Date) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1),
} as const;

/** What a policy's global caps have counted in the periods of `now`, a run's own requests left out; nothing where it has none. */
export async function readSent(
  warehouse: Queries,
  asked: { readonly policy: Policy; readonly but: readonly string[] },
  now: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const { name, caps } = asked.policy;
  if (caps.global.length === 0) return {};
  const since = Math.min(...caps.global.map(({ per }) => beginningOf[per](new Date(now))));
  const { rows } = await warehouse.query(
    `${saidWhere("decided_at >= @since")}
select timestamp_trunc(decided_at, hour) as decided_hour, count(*) as sends
from said
where policy_name = @policy and action = 'send' and (request_id is null or request_id not in unnest(@but))
group by decided_hour`,
    { params: { policy: name, but: [...asked.but], since: new Date(since) }, file: "sends so far", signal },
  );
  const sent: Record<string, number> = {};
  const own = new Set(Object.values(periodsOf(now)));
  for (const row of rows) {
    for (const period of Object.values(periodsOf(Date.parse(String(row["decided_hour"])))))
      if (own.has(period)) sent[period] = (sent[period] ?? 0) + Number(row["sends"]);
  }
  return sent;
}
