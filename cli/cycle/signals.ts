import type { CyclePolicy } from "../../retrain/cycle/cycle-policy.ts";
import type { CycleSignals, KpiCounts } from "../../retrain/cycle/decide-retrain.ts";
import { listModels } from "../../scoring/model.ts";
import type { Environment } from "../environment.ts";

const drift = "monitoring.drift";
const scores = "monitoring.prediction_drift";
const estimates = "monitoring.estimated_performance";
const labels = "monitoring.label_drift";
const kpis = "monitoring.kpis_daily";
/** Stages of a version that somebody has yet to decide about. */
const onTheirWay = new Set(["submitted", "approved", "shadow", "canary"]);

/** What the warehouse, the models and the release log say before it is decided whether to train. */
export async function readSignals(world: Environment, policy: CyclePolicy): Promise<CycleSignals> {
  const { releaseStatus } = await import("../../release/release.ts");
  const { state } = await releaseStatus(world.releaseLog);
  const models = await listModels(await world.target.models.refresh());
  const trained = models.map(({ record }) => Date.parse(record.made.at));
  const underWay = [...state.versions.values()].find(({ stage }) => onTheirWay.has(stage))?.version ?? null;
  const seen = { now: world.now(), trainedAt: trained.length === 0 ? null : new Date(Math.max(...trained)), underWay };
  const warehouse = await world.target.openWarehouse();
  try {
    const rowsOf = async (table: string, sql: string, params: Readonly<Record<string, unknown>> = {}) =>
      (await warehouse.columns(table)) === undefined
        ? []
        : (await warehouse.query(sql, { signal: world.signal, params })).rows;
    const moved = await rowsOf(
      drift,
      `select feature, drift_level from ${drift} where drift_level in ('moved', 'drifted') order by psi desc, feature`,
    );
    const champion = { champion: state.champion ?? "" };
    const scored = await rowsOf(
      scores,
      `select outcome, drift_level from ${scores}
      where model_version = @champion and drift_level in ('moved', 'drifted')
      order by psi desc, outcome`,
      champion,
    );
    const worse = await rowsOf(estimates, worseSql, champion);
    const [mix] = await rowsOf(
      labels,
      `select sent_week, drift_level from ${labels} where drift_level != 'unknown' order by sent_week desc limit 1`,
    );
    const counts: { current: KpiCounts; reference: KpiCounts }[] = [];
    for (const trigger of policy.kpis) counts.push(periodsOf(await rowsOf(kpis, kpiSql(trigger))));
    return {
      ...seen,
      drift: moved.map((row) => ({ feature: String(row["feature"]), level: String(row["drift_level"]) })),
      scores: scored.map((row) => ({ outcome: String(row["outcome"]), level: String(row["drift_level"]) })),
      worse: worse.map((row) => ({
        outcome: String(row["outcome"]),
        metric: String(row["metric"]),
        week: String(row["sent_week"]),
      })),
      labels: mix === undefined ? null : { week: String(mix["sent_week"]), level: String(mix["drift_level"]) },
      kpis: counts,
    };
  } finally {
    await warehouse.close();
  }
}

/** What the champion was wrong about, by the last week of each figure that could be tested. */
const worseSql = `with
last_tested as (
  select outcome, metric, sent_week, estimate_verdict
  from ${estimates}
  where model_version = @champion and is_mature and estimate_verdict != 'unknown'
  qualify row_number() over (partition by outcome, metric order by sent_week desc) = 1
)
select outcome, metric, sent_week from last_tested where estimate_verdict = 'worse' order by outcome, metric`;

/** Sends and outcomes of the latest days whose outcomes are in, and of the days before. */
const kpiSql = ({ kpi, days, against_days }: CyclePolicy["kpis"][number]): string => `with
edge as (
  select max(sent_date) as last_date from ${kpis} where is_mature
),
told as (
  select
    if(daily.sent_date > date_sub(edge.last_date, interval ${days} day), 'current', 'reference') as period,
    daily.sends,
    daily.${kpi} as outcomes
  from ${kpis} as daily
  cross join edge
  where daily.is_mature
    and daily.sent_date <= edge.last_date
    and daily.sent_date > date_sub(edge.last_date, interval ${days + against_days} day)
)
select period, sum(sends) as sends, sum(outcomes) as outcomes from told group by period`;

function periodsOf(rows: readonly Readonly<Record<string, unknown>>[]): { current: KpiCounts; reference: KpiCounts } {
  const of = (period: string): KpiCounts => {
    const row = rows.find((one) => one["period"] === period);
    return { sends: Number(row?.["sends"] ?? 0), outcomes: Number(row?.["outcomes"] ?? 0) };
  };
  return { current: of("current"), reference: of("reference") };
}
