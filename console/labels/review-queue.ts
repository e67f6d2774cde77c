import type { Row, Warehouse } from "../../warehouse/warehouse.ts";

/** Why a message is put before a person; includes/human_labels.js. */
export type Origin = "uncertain" | "random" | "second";

export interface QueuedMessage {
  readonly message_id: string;
  readonly origin: Origin;
}

export interface QueueRequest {
  readonly reviewer: string;
  readonly rows: number;
  /** Share of the queue that chance picks, so that the worth of the rest can be measured against it. */
  readonly randomShare: number;
  /** Share that others have labelled already, so that agreement can be measured. */
  readonly secondShare: number;
}

type Reader = Pick<Warehouse, "query">;

const pools: Readonly<Record<Origin, string>> = {
  uncertain: "array_length(labelled_by_people) = 0 order by priority desc, random_key",
  random: "array_length(labelled_by_people) = 0 order by random_key",
  second: "array_length(labelled_by_people) > 0 and @reviewer not in unnest(labelled_by_people) order by random_key",
};

/** The next messages for a reviewer, the three kinds mixed evenly; each message once. */
export async function reviewQueue(
  warehouse: Reader,
  request: QueueRequest,
  signal?: AbortSignal,
): Promise<readonly QueuedMessage[]> {
  const poolOf = async (origin: Origin): Promise<readonly string[]> => {
    const { rows } = await warehouse.query(
      `select message_id from labels.review_queue where ${pools[origin]} limit @rows`,
      { params: { reviewer: request.reviewer, rows: request.rows * 2 }, signal, file: `review queue, ${origin}` },
    );
    return rows.map((row) => String(row["message_id"]));
  };
  return mixed(
    { uncertain: await poolOf("uncertain"), random: await poolOf("random"), second: await poolOf("second") },
    request,
  );
}

/** Takes from the pools so that after any number of messages each kind has its share of them, as far as there are any. */
export function mixed(
  candidates: Readonly<Record<Origin, readonly string[]>>,
  { rows, randomShare, secondShare }: Pick<QueueRequest, "rows" | "randomShare" | "secondShare">,
): readonly QueuedMessage[] {
  const left: Record<Origin, string[]> = {
    random: [...candidates.random],
    second: [...candidates.second],
    uncertain: [...candidates.uncertain],
  };
  const shares: Readonly<Record<Origin, number>> = {
    random: randomShare,
    second: secondShare,
    uncertain: 1 - randomShare - secondShare,
  };
  const taken: Record<Origin, number> = { random: 0, second: 0, uncertain: 0 };
  const seen = new Set<string>();
  const queue: QueuedMessage[] = [];
  while (queue.length < rows) {
    const owed = (Object.keys(left) as Origin[])
      .filter((origin) => left[origin].length > 0 && shares[origin] > 0)
      .sort((a, b) => shares[b] * (queue.length + 1) - taken[b] - (shares[a] * (queue.length + 1) - taken[a]));
    const origin = owed[0];
    if (origin === undefined) break;
    const message_id = left[origin].shift()!;
    if (seen.has(message_id)) continue;
    seen.add(message_id);
    taken[origin] += 1;
    queue.push({ message_id, origin });
  }
  return queue;
}

/** What a person is shown of a message: nothing that names anybody. Times are from the send. */
export interface Evidence {
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly events: readonly {
    readonly seconds: number;
    readonly event_type: string;
    readonly detail: string;
    /** Chance that a person did it; null where it is no act that a machine could do. */
    readonly p_human: number | null;
    readonly reasons: readonly string[];
  }[];
  readonly votes: readonly { readonly question: string; readonly voter: string; readonly vote: string }[];
}

const factSql = `select
  message_id, campaign_kind, campaign_topic, isp, region, bounce_class, format_timestamp('%A %H:00', sent_at) as sent,
  if(delivered_at is null, null, timestamp_diff(delivered_at, sent_at, second)) as delivered_after
from events.messages
where message_id in unnest(@ids)`;

const eventSql = `select
  seen.message_id,
  timestamp_diff(seen.occurred_at, sent.sent_at, second) as seconds,
  seen.event_type,
  seen.bounce_class,
  seen.agent_class,
  seen.read_seconds,
  trust.p_human,
  trust.trust_reasons
from events.events as seen
join events.messages as sent on seen.message_id = sent.message_id
left join labels.signal_trust as trust
  on seen.event_id = trust.event_id and seen.event_type = trust.event_type and seen.subject_key = trust.subject_key
where seen.message_id in unnest(@ids) and seen.occurred_at < sent.closes_at
order by seen.message_id, seen.occurred_at, seen.event_type`;

const voteSql = `select message_id, question, voter, vote
from labels.votes
where message_id in unnest(@ids) and not starts_with(voter, 'person:')
order by message_id, question, voter`;

const text = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));

/** The evidence of some messages, by id. What other people said is left out: two people are to say it by themselves. */
export async function evidenceOf(
  warehouse: Reader,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Evidence>> {
  const ask = async (sql: string, file: string): Promise<ReadonlyMap<string, readonly Row[]>> => {
    const { rows } = await warehouse.query(sql, { params: { ids }, signal, file });
    const byMessage = new Map<string, Row[]>();
    for (const row of rows) {
      const id = String(row["message_id"]);
      const own = byMessage.get(id) ?? [];
      byMessage.set(id, own);
      own.push(row);
    }
    return byMessage;
  };
  if (ids.length === 0) return new Map();
  const facts = await ask(factSql, "facts of messages to review");
  const events = await ask(eventSql, "events of messages to review");
  const votes = await ask(voteSql, "votes on messages to review");
  return new Map(
    ids.map((id) => [
      id,
      {
        facts: factsOf(facts.get(id)?.[0]),
        events: (events.get(id) ?? []).map(eventOf),
        votes: (votes.get(id) ?? []).map((row) => ({
          question: String(row["question"]),
          voter: String(row["voter"]),
          vote: String(row["vote"]),
        })),
      },
    ]),
  );
}

function factsOf(row: Row | undefined): Evidence["facts"] {
  if (row === undefined) return [];
  const after = row["delivered_after"];
  const all: readonly (readonly [string, string | null])[] = [
    ["campaign", [text(row["campaign_kind"]), text(row["campaign_topic"])].filter((one) => one !== null).join(", ")],
    ["mailbox provider", text(row["isp"])],
    ["region", text(row["region"])],
    ["sent (UTC)", text(row["sent"])],
    ["delivered", after === null || after === undefined ? "not reported" : `after ${span(Number(after))}`],
    ["bounce", text(row["bounce_class"])],
  ];
  return all.flatMap(([name, value]) => (value === null || value === "" ? [] : [{ name, value }]));
}

function eventOf(row: Row): Evidence["events"][number] {
  const read = Number(row["read_seconds"] ?? 0);
  const detail = [text(row["bounce_class"]), text(row["agent_class"]), read > 0 ? `${read} s on the screen` : null];
  const p = row["p_human"];
  return {
    seconds: Number(row["seconds"]),
    event_type: String(row["event_type"]),
    detail: detail.filter((one) => one !== null).join(", "),
    p_human: p === null || p === undefined ? null : Number(p),
    reasons:
      text(row["trust_reasons"])
        ?.split(" ")
        .filter((one) => one !== "") ?? [],
  };
}

/** A stretch of time for a person: `40 s`, `3 min`, `5 h`, `2 d`. */
export function span(seconds: number): string {
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "-" : "";
  if (size < 90) return `${sign}${Math.round(size)} s`;
  if (size < 5400) return `${sign}${Math.round(size / 60)} min`;
  if (size < 172_800) return `${sign}${Math.round(size / 3600)} h`;
  return `${sign}${Math.round(size / 86_400)} d`;
}
