import { z } from "zod";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { number } from "../row-values.ts";
import type { PlannedTraffic } from "./plan-canary.ts";

const row = z.object({
  sends: number,
  days: number,
  complaints: number,
  unsubscribes: number,
  delay_hours: number.nullable(),
  revenue_mean: number.nullable(),
  revenue_deviation: number.nullable(),
});

/** Days of mail that a plan learns its traffic from. */
const days = 28;

/** What the last four weeks with mail were like: sends a day, rates, revenue, how late complaints came. null without any mail. */
export async function readTraffic(
  warehouse: Pick<Warehouse, "query">,
  signal?: AbortSignal,
): Promise<PlannedTraffic | null> {
  const { rows } = await warehouse.query(
    `with recent as (
  select *, max(sent_at) over () as _last_sent_at from events.messages
)
select
  count(*) as sends,
  count(distinct sent_date) as days,
  countif(complained_at is not null) as complaints,
  countif(unsubscribed_at is not null) as unsubscribes,
  avg(if(complained_at is null, null, timestamp_diff(complained_at, sent_at, minute) / 60)) as delay_hours,
  avg(cast(revenue as float64)) as revenue_mean,
  stddev_samp(cast(revenue as float64)) as revenue_deviation
from recent
where sent_at >= timestamp_sub(_last_sent_at, interval ${days} day)`,
    { params: {}, file: "planned traffic", signal },
  );
  const found = row.parse(rows[0]);
  if (found.sends === 0 || found.days === 0) return null;
  return {
    sendsPerDay: Math.round(found.sends / found.days),
    rates: { complaints: found.complaints / found.sends, unsubscribes: found.unsubscribes / found.sends },
    revenue:
      found.revenue_mean !== null && found.revenue_deviation !== null && found.revenue_deviation > 0
        ? { mean: found.revenue_mean, deviation: found.revenue_deviation }
        : undefined,
    delayHours: Math.max(1, found.delay_hours ?? 12),
  };
}
