import type { Policy } from "../policy/schema.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import type { CampaignInputs } from "./person.ts";

const number = (value: unknown): number | null => (value === null || value === undefined ? null : Number(value));

/**
 * What is known of a campaign: its description where there is one, else the policy's kind and topic, and the mean over all sending
 * domains and the last week's subjects for what no policy says.
 */
export async function readCampaign(
  warehouse: Pick<Warehouse, "query">,
  campaignId: string,
  policy: Pick<Policy, "kind" | "topic">,
  signal?: AbortSignal,
): Promise<CampaignInputs> {
  const { rows } = await warehouse.query(
    `with campaign as (
  select * from staging.stg_raw__campaigns where campaign_id = @campaign
),
senders as (
  select * from features.reputation_now where scope = 'sender_domain'
),
lately as (
  select avg(subject_length) as subject_length
  from staging.stg_raw__campaigns
)
select
  (select campaign_topic from campaign) as campaign_topic,
  (select count(*) from campaign) > 0 as is_described,
  coalesce((select subject_length from campaign), (select subject_length from lately)) as subject_length,
  coalesce(
    (select any_value(senders.complaint_rate_30d_before) from senders join campaign on senders.scope_key = campaign.sender_domain),
    (select safe_divide(sum(complaint_rate_30d_before * sends_30d_before), sum(sends_30d_before)) from senders)
  ) as sender_complaint_rate_30d`,
    { params: { campaign: campaignId }, file: "campaign inputs", signal },
  );
  const found = rows[0] ?? {};
  const topic = found["is_described"] === true ? found["campaign_topic"] : policy.topic;
  return {
    campaign_kind: policy.kind,
    campaign_topic: topic === null || topic === undefined ? null : String(topic),
    subject_length: number(found["subject_length"]),
    sender_complaint_rate_30d: number(found["sender_complaint_rate_30d"]),
  };
}
