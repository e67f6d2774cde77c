import type { Policy } from "../policy/schema.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import type { CampaignInputs } from "./person.ts";

interface Described {
  readonly topic: string | null;
  readonly subject_length: number | null;
  readonly sender_complaint_rate_30d: number | null;
}

/** What is known of campaigns, and of a campaign that nobody has described: means over all. */
export interface CampaignBook {
  readonly described: Readonly<Record<string, Described>>;
  readonly otherwise: Omit<Described, "topic">;
}

export const emptyBook: CampaignBook = {
  described: {},
  otherwise: { subject_length: null, sender_complaint_rate_30d: null },
};

const number = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));

/** Reads what is known of all campaigns, or of those named. */
export async function readCampaigns(
  warehouse: Pick<Warehouse, "query">,
  only: readonly string[] | null,
  signal?: AbortSignal,
): Promise<CampaignBook> {
  const { rows } = await warehouse.query(
    `with senders as (
  select * from features.reputation_now where scope = 'sender_domain'
)
select
  campaigns.campaign_id,
  campaigns.campaign_topic,
  campaigns.subject_length,
  senders.complaint_rate_30d_before as sender_complaint_rate_30d
from staging.stg_raw__campaigns as campaigns
left join senders on campaigns.sender_domain = senders.scope_key
where ${only === null ? "true" : "campaigns.campaign_id in unnest(@only)"}
union all
select
  null,
  null,
  (select cast(round(avg(subject_length)) as int64) from staging.stg_raw__campaigns),
  (select safe_divide(sum(complaint_rate_30d_before * sends_30d_before), sum(sends_30d_before)) from senders)`,
    { params: only === null ? {} : { only: [...only] }, file: "campaign inputs", signal },
  );
  const described: Record<string, Described> = {};
  let otherwise = emptyBook.otherwise;
  for (const row of rows) {
    const found = {
      topic: row["campaign_topic"] === null ? null : String(row["campaign_topic"]),
      subject_length: number(row["subject_length"]),
      sender_complaint_rate_30d: number(row["sender_complaint_rate_30d"]),
    };
    if (row["campaign_id"] === null) otherwise = found;
    else described[String(row["campaign_id"])] = found;
  }
  return { described, otherwise };
}

/** A campaign as its description says, else as the policy does, else as campaigns are on the whole. */
export function campaignInputs(
  book: CampaignBook,
  campaignId: string,
  policy: Pick<Policy, "kind" | "topic">,
): CampaignInputs {
  const own = Object.hasOwn(book.described, campaignId) ? book.described[campaignId] : undefined;
  return {
    campaign_kind: policy.kind,
    campaign_topic: own ? own.topic : policy.topic,
    subject_length: own?.subject_length ?? book.otherwise.subject_length,
    sender_complaint_rate_30d: own?.sender_complaint_rate_30d ?? book.otherwise.sender_complaint_rate_30d,
  };
}
