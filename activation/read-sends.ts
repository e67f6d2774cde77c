import { millis, text } from "../serve/row-values.ts";
import type { Row, Warehouse } from "../warehouse/warehouse.ts";
import type { DecidedSend } from "./mail.ts";

type Queries = Pick<Warehouse, "query">;

/** Where a page ends. */
export interface SendPlace {
  readonly send_at: number;
  readonly decision_id: string;
}

const columns = `decision_id,
  message_id,
  user_id_hash,
  campaign_id,
  coalesce(campaign_kind, 'bulk') as campaign_kind,
  policy_name,
  variant,
  json_value(attributes, '$.offer') as offer,
  safe_cast(json_value(attributes, '$.trigger.happened_at') as timestamp) as triggered_at,
  send_at`;
const isSend =
  "action = 'send' and user_id_hash is not null and message_id is not null and variant is not null and send_at is not null";

const sendOf = (row: Row): DecidedSend => ({
  decision_id: String(row["decision_id"]),
  message_id: String(row["message_id"]),
  user_id_hash: String(row["user_id_hash"]),
  campaign_id: String(row["campaign_id"]),
  campaign_kind: String(row["campaign_kind"]),
  policy: String(row["policy_name"]),
  variant: String(row["variant"]),
  offer: text(row["offer"]),
  send_at: Date.parse(String(row["send_at"])),
  triggered_at: millis(row["triggered_at"]),
});

/** The next decided sends of some campaigns whose time has come, the earliest first. */
export async function nextSends(
  warehouse: Queries,
  page: {
    readonly campaigns: readonly string[];
    readonly from: number;
    readonly to: number;
    readonly after: SendPlace | null;
    readonly rows: number;
  },
  signal: AbortSignal,
): Promise<readonly DecidedSend[]> {
  const { send_at, decision_id } = page.after ?? { send_at: page.from, decision_id: "" };
  const { rows } = await warehouse.query(
    `select
  ${columns}
from staging.stg_raw__decisions
where
  ${isSend}
  and campaign_id in unnest(@campaigns)
  and send_at >= @at
  and send_at <= @to
  and (send_at > @at or decision_id > @id)
order by send_at, decision_id
limit ${page.rows}`,
    {
      params: { campaigns: [...page.campaigns], at: new Date(send_at), to: new Date(page.to), id: decision_id },
      file: "decided sends",
      signal,
    },
  );
  return rows.map(sendOf);
}

/** Decided sends by id. */
export async function sendsOf(
  warehouse: Queries,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly DecidedSend[]> {
  if (ids.length === 0) return [];
  const { rows } = await warehouse.query(
    `select
  ${columns}
from staging.stg_raw__decisions
where
  ${isSend}
  and decision_id in (select id from unnest(@ids) as id)
order by send_at, decision_id`,
    { params: { ids: [...ids] }, file: "decided sends by id", signal },
  );
  return rows.map(sendOf);
}

/** Which of these decisions' mails an event has named: they are out, whatever their request was answered. */
export async function heardOf(
  warehouse: Queries,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await warehouse.query(
    `select distinct decisions.decision_id
from staging.stg_raw__decisions as decisions
inner join staging.kept_events as events on decisions.message_id = events.message_id
where decisions.decision_id in (select id from unnest(@ids) as id)`,
    { params: { ids: [...ids] }, file: "mails heard of", signal },
  );
  return new Set(rows.map((row) => String(row["decision_id"])));
}
