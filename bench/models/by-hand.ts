import machines from "../../includes/machines.js";

/** What the tables by hand are compared by: every column that is made of signals alone. */
export const compared: Readonly<Record<string, readonly string[]>> = {
  "events.distinct_events": [
    "event_id",
    "subject_key",
    "event_type",
    "user_id_hash",
    "message_id",
    "campaign_id",
    "sender_domain",
    "bounce_class",
    "link_id",
    "order_hash",
    "session_id",
    "category",
    "is_repeat",
    "is_machine",
    "machine_reason",
    "deliveries",
    "revenue",
    "read_seconds",
    "sent_at",
    "occurred_at",
    "received_at",
  ],
  "events.messages": [
    "message_id",
    "user_id_hash",
    "campaign_id",
    "bounce_class",
    "is_sent_at_estimated",
    "is_mature",
    "has_summary_view",
    "opens",
    "machine_opens",
    "clicks",
    "machine_clicks",
    "machine_unsubscribes",
    "replies",
    "forwards",
    "read_seconds",
    "conversions",
    "revenue",
    "sent_at",
    "closes_at",
    "delivered_at",
    "bounced_at",
    "first_open_at",
    "first_click_at",
    "last_click_at",
    "replied_at",
    "complained_at",
    "unsubscribed_at",
    "converted_at",
  ],
  "labels.engagement_labels": [
    "message_id",
    "user_id_hash",
    "campaign_id",
    "first_open",
    "last_click",
    "complaints",
    "engagement_label",
    "is_mature",
  ],
};

const agents = [...machines.wholeAgents.map((agent) => `^${agent}$`), ...machines.agentWords].join("|");

/**
 * The same tables as somebody writes them in DuckDB for one full run: signals in the order they came, each message's outcomes, its label.
 * They read the raw events as the project does; nobody was erased, and nothing taken back, so neither is looked for.
 */
export const byHand = (asOf: string): Readonly<Record<string, string>> => ({
  "events.distinct_events": `create or replace table by_hand.distinct_events as
with opened as (
  select
    event_id, event_type, user_id_hash, message_id, campaign_id, received_at,
    least(timestamp_utc, received_at) as occurred_at,
    case when event_type in ('sent', 'delivered', 'deferred', 'bounce', 'spam_trap_hit') then lower(metadata ->> '$.sender_domain') end as sender_domain,
    case when event_type = 'bounce' then metadata ->> '$.class' end as bounce_class,
    case when event_type = 'click' then coalesce(metadata ->> '$.link_id', metadata ->> '$.url') end as link_id,
    case when event_type in ('conversion', 'purchase') then metadata ->> '$.order_hash' end as order_hash,
    case when event_type in ('conversion', 'purchase') then metadata ->> '$.revenue' end as revenue_said,
    metadata ->> '$.session_id' as session_id,
    case when event_type in ('page_view', 'category_view', 'product_view', 'content_download', 'add_to_cart', 'purchase') then metadata ->> '$.category' end as category,
    case when event_type = 'read_time' then try_cast(try_cast(metadata ->> '$.seconds' as double) as bigint) end as read_seconds,
    case when event_type = 'inbox_placement' then metadata ->> '$.seed_id' end as seed_id,
    case when event_type in ('open', 'click', 'unsubscribe') then lower(metadata ->> '$.user_agent') end as user_agent,
    case
      when event_type in ('open', 'click', 'unsubscribe') then (metadata ->> '$.machine') = 'true'
      when event_type = 'reply' then (metadata ->> '$.automatic') = 'true'
    end as machine_flag
  from raw.events
  where event_type != 'complaint' or lower(metadata ->> '$.feedback_type') is distinct from 'not-spam'
),
keyed as (
  select
    *,
    coalesce(message_id, user_id_hash || ' ' || event_type || ' ' || order_hash, user_id_hash || ' ' || event_id, event_id) as subject_key,
    coalesce(link_id, order_hash, revenue_said, seed_id) as detail,
    try_cast(revenue_said as decimal(38, 9)) as revenue
  from opened
),
mails as (
  select
    subject_key,
    min(occurred_at) filter (event_type = 'sent') as sent_at,
    min(occurred_at) filter (event_type in ('delivered', 'deferred', 'bounce')) as handled_at,
    min(occurred_at) filter (event_type = 'delivered') as delivered_at
  from keyed
  group by subject_key
),
firsts as (
  select *, count(*) over (partition by subject_key, event_type, event_id) as deliveries
  from keyed
  qualify row_number() over (partition by subject_key, event_type, event_id order by received_at, occurred_at, user_id_hash, campaign_id) = 1
),
followed as (
  select *, lag(occurred_at) over (partition by subject_key, user_id_hash, event_type, detail order by occurred_at, received_at, event_id) as previous_at
  from firsts
),
counted as (
  select
    *,
    count(*) filter (event_type in ('click', 'unsubscribe') and previous_at is null) over (
      partition by subject_key order by occurred_at
      range between interval ${machines.scannerSeconds} seconds preceding and interval ${machines.scannerSeconds} seconds following
    ) as links_at_once
  from followed
),
judged as (
  select
    counted.*,
    mails.sent_at,
    mails.handled_at,
    case
      when machine_flag then 'provider'
      when event_type not in ('open', 'click', 'unsubscribe') then null
      when event_type != 'unsubscribe' and machine_flag is distinct from false and regexp_matches(user_agent, '${agents.replaceAll("'", "''")}') then 'agent'
      when occurred_at >= delivered_at and occurred_at < delivered_at + interval ${machines.instantSeconds} seconds then 'instant'
      when event_type in ('click', 'unsubscribe') and links_at_once >= ${machines.scannerLinks} then 'scanner'
    end as machine_reason
  from counted
  join mails using (subject_key)
)
select
  event_id, subject_key, event_type, user_id_hash, message_id, campaign_id, sender_domain, bounce_class, link_id, order_hash, session_id, category,
  coalesce(occurred_at < previous_at + interval 60 seconds, false) as is_repeat,
  machine_reason is not null as is_machine,
  machine_reason, deliveries, revenue, read_seconds,
  case when message_id is not null then coalesce(sent_at, handled_at) end as sent_at,
  occurred_at, received_at
from judged`,
  "events.messages": `create or replace table by_hand.messages as
with seen as (
  select *, sent_at + interval 7 days as closes_at
  from by_hand.distinct_events
  where not is_repeat and message_id is not null and sent_at < timestamptz '${asOf}'
    and occurred_at < sent_at + interval 7 days and occurred_at < timestamptz '${asOf}'
)
select
  message_id,
  max(user_id_hash) as user_id_hash,
  max(campaign_id) filter (event_type in ('sent', 'delivered', 'deferred', 'bounce')) as campaign_id,
  case
    when bool_or(event_type = 'bounce' and bounce_class is not distinct from 'hard') then 'hard'
    when bool_or(event_type = 'bounce' and bounce_class is not distinct from 'block') then 'block'
    when bool_or(event_type = 'bounce') then 'soft'
  end as bounce_class,
  not bool_or(event_type = 'sent') as is_sent_at_estimated,
  min(closes_at) <= timestamptz '${asOf}' as is_mature,
  bool_or(event_type = 'summary_view') as has_summary_view,
  count(*) filter (event_type = 'open' and not is_machine) as opens,
  count(*) filter (event_type = 'open' and is_machine) as machine_opens,
  count(*) filter (event_type = 'click' and not is_machine) as clicks,
  count(*) filter (event_type = 'click' and is_machine) as machine_clicks,
  count(*) filter (event_type = 'unsubscribe' and is_machine) as machine_unsubscribes,
  count(*) filter (event_type = 'reply' and not is_machine) as replies,
  count(*) filter (event_type = 'forward') as forwards,
  coalesce(sum(read_seconds), 0) as read_seconds,
  count(*) filter (event_type = 'conversion' and coalesce(revenue, 0) >= 0) as conversions,
  coalesce(sum(revenue) filter (event_type = 'conversion'), 0) as revenue,
  min(sent_at) as sent_at,
  min(closes_at) as closes_at,
  min(occurred_at) filter (event_type = 'delivered') as delivered_at,
  min(occurred_at) filter (event_type = 'bounce') as bounced_at,
  min(occurred_at) filter (event_type = 'open' and not is_machine) as first_open_at,
  min(occurred_at) filter (event_type = 'click' and not is_machine) as first_click_at,
  max(occurred_at) filter (event_type = 'click' and not is_machine) as last_click_at,
  min(occurred_at) filter (event_type = 'reply' and not is_machine) as replied_at,
  min(occurred_at) filter (event_type = 'complaint') as complained_at,
  min(occurred_at) filter (event_type = 'unsubscribe' and not is_machine) as unsubscribed_at,
  min(occurred_at) filter (event_type = 'conversion' and coalesce(revenue, 0) >= 0) as converted_at
from seen
group by message_id`,
  "labels.engagement_labels": `create or replace view by_hand.engagement_labels as
select
  message_id, user_id_hash, campaign_id,
  first_open_at as first_open,
  last_click_at as last_click,
  case when complained_at is not null then 1 else 0 end as complaints,
  case
    when not is_mature then null
    when complained_at is not null then 'complaint'
    when last_click_at is not null then 'click'
    when first_open_at is not null then 'open'
    else 'no_engagement'
  end as engagement_label,
  is_mature
from by_hand.messages`,
});
