import { z } from "zod";
import experiments from "../../includes/experiments.js";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { number } from "../row-values.ts";
import type { PlacementCell } from "./attribute-change.ts";
import type { CanaryQuestion } from "./read-evidence.ts";

const row = z.object({
  isp: z.string(),
  region: z.string(),
  before_of: number,
  before_count: number,
  control_of: number,
  control_count: number,
  canary_of: number,
  canary_count: number,
  seeds_before_of: number,
  seeds_before_count: number,
  seeds_now_of: number,
  seeds_now_count: number,
});

/**
 * By mailbox provider and region: opens by people of delivered messages in the four weeks before the canary and in both arms, and where the seeds
 * found our mail before and since. Opens stand in for the placement, which nobody reports of a reader.
 */
export async function readPlacement(
  warehouse: Pick<Warehouse, "query">,
  question: CanaryQuestion,
  signal?: AbortSignal,
): Promise<readonly PlacementCell[]> {
  const days = experiments.beforeReleaseDays;
  const { rows } = await warehouse.query(
    `with cohorts as (
  select * from monitoring.canary_cohorts where release_id = @release and model_version in (@candidate, @champion)
),
began as (
  select min(cohort_at) as began_at from cohorts
),
arms as (
  select
    isp, region,
    sum(if(model_version = @champion, delivered, 0)) as control_of, sum(if(model_version = @champion, opens, 0)) as control_count,
    sum(if(model_version = @candidate, delivered, 0)) as canary_of, sum(if(model_version = @candidate, opens, 0)) as canary_count
  from cohorts
  group by isp, region
),
earlier as (
  select
    messages.isp, messages.region, count(*) as before_of,
    countif(messages.first_open_at < timestamp_add(messages.sent_at, interval ${experiments.canaryMaturityHours} hour)) as before_count
  from events.messages as messages
  cross join began
  where messages.delivered_at is not null and messages.sent_at < began.began_at
    and messages.sent_at >= timestamp_sub(began.began_at, interval ${days} day)
  group by messages.isp, messages.region
),
seeds as (
  select
    tests.isp, tests.region,
    sum(if(tests.tested_at < began.began_at, tests.seeds, 0)) as seeds_before_of,
    sum(if(tests.tested_at < began.began_at, tests.seeds_inbox + tests.seeds_promotions, 0)) as seeds_before_count,
    sum(if(tests.tested_at >= began.began_at, tests.seeds, 0)) as seeds_now_of,
    sum(if(tests.tested_at >= began.began_at, tests.seeds_inbox + tests.seeds_promotions, 0)) as seeds_now_count
  from staging.stg_raw__seed_tests as tests
  cross join began
  where tests.tested_at >= timestamp_sub(began.began_at, interval ${days} day)
  group by tests.isp, tests.region
)
select
  arms.*, coalesce(earlier.before_of, 0) as before_of, coalesce(earlier.before_count, 0) as before_count,
  coalesce(seeds.seeds_before_of, 0) as seeds_before_of, coalesce(seeds.seeds_before_count, 0) as seeds_before_count,
  coalesce(seeds.seeds_now_of, 0) as seeds_now_of, coalesce(seeds.seeds_now_count, 0) as seeds_now_count
from arms
left join earlier on arms.isp = earlier.isp and arms.region = earlier.region
left join seeds on arms.isp = seeds.isp and arms.region = seeds.region
order by isp, region`,
    { params: { ...question }, file: "placement by provider", signal },
  );
  return rows.map((found) => {
    const cell = row.parse(found);
    const hasSeeds = cell.seeds_before_of > 0 && cell.seeds_now_of > 0;
    return {
      isp: cell.isp,
      region: cell.region,
      before: { of: cell.before_of, count: cell.before_count },
      control: { of: cell.control_of, count: cell.control_count },
      canary: { of: cell.canary_of, count: cell.canary_count },
      seeds: hasSeeds
        ? {
            before: { of: cell.seeds_before_of, count: cell.seeds_before_count },
            now: { of: cell.seeds_now_of, count: cell.seeds_now_count },
          }
        : null,
    };
  });
}
