import { periodsOf } from "../../policy/caps.ts";
import type { PastSend } from "../../policy/decision.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { type Person, personOf } from "../person.ts";

type Queries = Pick<Warehouse, "query">;

/** The next people by id, each with what was decided for them since the features were worked out. */
export async function readPeople(
  warehouse: Queries,
  page: {
    readonly after: string;
    readonly rows: number;
    readonly segments: readonly string[] | null;
    readonly only?: readonly string[] | null;
  },
  signal: AbortSignal,
): Promise<readonly Person[]> {
  const { after, rows: limit, segments, only } = page;
  // Nobody outside of every campaign's segment is decided for; the rest is the decision's own to say.
  const inAudience =
    segments === null
      ? "true"
      : "exists (select 1 from unnest(inputs.segments) as segment where segment in unnest(@segments))";
  const { rows } = await warehouse.query(
    `select inputs.*
from features.decision_inputs as inputs
where inputs.user_id_hash > @after and ${inAudience}${only ? " and inputs.user_id_hash in unnest(@only)" : ""}
order by inputs.user_id_hash
limit ${limit}`,
    {
      params: {
        after,
        ...(segments === null ? {} : { segments: [...segments] }),
        ...(only ? { only: [...only] } : {}),
      },
      file: "people to decide for",
      signal,
    },
  );
  if (rows.length === 0) return [];
  const people = rows.map(personOf);
  const asOf = new Date(Math.min(...people.map((person) => person.as_of)));
  const pending = await warehouse.query(
    `select user_id_hash, send_at, campaign_kind, campaign_id
from staging.stg_raw__decisions
where user_id_hash between @first and @last and decided_at >= @as_of and action = 'send' and send_at is not null
order by user_id_hash, send_at`,
    {
      params: { first: people[0]!.person_id, last: people.at(-1)!.person_id, as_of: asOf },
      file: "decided since",
      signal,
    },
  );
  if (pending.rows.length === 0) return people;
  const byPerson = new Map<string, PastSend[]>();
  for (const row of pending.rows) {
    const person = String(row["user_id_hash"]);
    const sends = byPerson.get(person) ?? [];
    byPerson.set(person, sends);
    sends.push({
      at: Date.parse(String(row["send_at"])),
      kind: String(row["campaign_kind"]),
      campaign_id: String(row["campaign_id"]),
    });
  }
  return people.map((person) => {
    const more = byPerson.get(person.person_id);
    return more ? { ...person, sends: [...person.sends, ...more] } : person;
  });
}

/** What a policy's global caps have counted in the periods of `now`, a run's own requests left out. */
export async function readSent(
  warehouse: Queries,
  asked: { readonly policy: string; readonly but: readonly string[] },
  now: number,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const month = new Date(Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth(), 1));
  const { rows } = await warehouse.query(
    `select timestamp_trunc(decided_at, hour) as decided_hour, count(*) as sends
from staging.stg_raw__decisions
where policy_name = @policy and action = 'send' and decided_at >= @month
  and (request_id is null or request_id not in unnest(@but))
group by decided_hour`,
    { params: { policy: asked.policy, but: [...asked.but], month }, file: "sends so far", signal },
  );
  const sent: Record<string, number> = {};
  const own = new Set(Object.values(periodsOf(now)));
  for (const row of rows) {
    for (const period of Object.values(periodsOf(Date.parse(String(row["decided_hour"])))))
      if (own.has(period)) sent[period] = (sent[period] ?? 0) + Number(row["sends"]);
  }
  return sent;
}
