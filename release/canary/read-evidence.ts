import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import experiments from "../../includes/experiments.js";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { instant, number } from "../row-values.ts";
import {
  type CanaryCohort,
  type CanaryEvidence,
  type CohortArm,
  canaryEvidence,
  noMessages,
  type PlacementCohort,
} from "./evidence.ts";
import { noPeople, type PersonSums } from "./revenue-difference.ts";

const cohortRow = z.object({
  model_version: z.string(),
  cohort_at: instant,
  planned_share: number.nullable(),
  is_mature: z.boolean(),
  people_new: number,
  sends: number,
  delivered: number,
  opens: number,
  clicks: number,
  conversions: number,
  complaints: number,
  unsubscribes: number,
  deferrals: number,
  negatives: number,
});
const personRow = z.object({
  model_version: z.string(),
  people: number,
  sends: number,
  sends_squared: number,
  revenue: number,
  revenue_squared: number,
  revenue_sends: number,
  before: number,
  before_squared: number,
  before_sends: number,
  before_revenue: number,
});
const placementRow = z.object({
  model_version: z.string(),
  cohort_at: instant,
  isp: z.string(),
  seed_reports: number,
  seeds_misplaced: number,
});
const firstRow = z.object({ model_version: z.string(), sends: number, complaints: number, is_over: z.boolean() });

export interface CanaryQuestion {
  /** Name under which the canary's decisions were logged; the candidate's version unless stated. */
  readonly release: string;
  readonly candidate: string;
  readonly champion: string;
}

/** What both arms of a canary have seen so far, from monitoring.canary_cohorts, canary_people and canary. */
export async function readCanaryEvidence(
  warehouse: Pick<Warehouse, "query">,
  question: CanaryQuestion,
  signal?: AbortSignal,
): Promise<CanaryEvidence> {
  const ask = async (text: string) => {
    const { rows } = await warehouse.query(text, { params: { ...question }, file: "canary evidence", signal });
    return rows;
  };
  const where = "where release_id = @release and model_version in (@candidate, @champion)";
  const cohorts = (
    await ask(`select
  model_version, cohort_at, planned_share, logical_and(is_mature) as is_mature,
  sum(people_new) as people_new, sum(sends) as sends, sum(delivered) as delivered, sum(opens) as opens, sum(clicks) as clicks,
  sum(conversions) as conversions, sum(complaints) as complaints, sum(unsubscribes) as unsubscribes, sum(deferrals) as deferrals,
  sum(negatives) as negatives
from monitoring.canary_cohorts
${where}
group by model_version, cohort_at, planned_share
order by cohort_at, planned_share, model_version`)
  ).map((row) => cohortRow.parse(row));
  if (cohorts.length === 0) {
    throw new UserError(`monitoring.canary_cohorts has no decision of release ${question.release}`, {
      code: "canary.no-evidence",
      exit: "check",
      where: "monitoring.canary_cohorts",
      next: "inboxloop build",
    });
  }
  const people = (
    await ask(`select
  model_version, sum(people) as people, sum(sends) as sends, sum(sends_squared) as sends_squared, sum(revenue) as revenue,
  sum(revenue_squared) as revenue_squared, sum(revenue_sends) as revenue_sends, sum(revenue_before) as before,
  sum(revenue_before_squared) as before_squared, sum(revenue_before_sends) as before_sends, sum(revenue_before_revenue) as before_revenue
from monitoring.canary_people
${where}
group by model_version`)
  ).map((row) => personRow.parse(row));
  const first = (
    await ask(`select
  model_version, sum(sends_24h) as sends, sum(complaints_24h) as complaints,
  logical_or(timestamp_diff(last_decided_at, first_decided_at, hour) >= 24) or (
    select logical_or(is_mature) from monitoring.canary_cohorts where release_id = @release
  ) as is_over
from monitoring.canary
${where}
group by model_version`)
  ).map((row) => firstRow.parse(row));

  const placements = (
    await ask(`select model_version, cohort_at, isp, sum(seed_reports) as seed_reports, sum(seeds_misplaced) as seeds_misplaced
from monitoring.canary_placements
${where}
group by model_version, cohort_at, isp
order by cohort_at, isp, model_version`)
  ).map((row) => placementRow.parse(row));

  const sumsOf = (version: string): PersonSums => {
    const found = people.find((p) => p.model_version === version);
    if (!found) return noPeople;
    const { model_version: _, ...sums } = found;
    return sums;
  };
  const firstOf = (version: string) => {
    const found = first.find((f) => f.model_version === version);
    return { sends: found?.sends ?? 0, complaints: found?.complaints ?? 0 };
  };
  return canaryEvidence.parse({
    cohorts: pairedCohorts(cohorts, question),
    placements: pairedSeeds(placements, question),
    people: { candidate: sumsOf(question.candidate), champion: sumsOf(question.champion) },
    first_hours: first.some(({ is_over }) => is_over)
      ? { candidate: firstOf(question.candidate), champion: firstOf(question.champion) }
      : null,
  });
}

/** Rows of both arms beside each other, each pair with the first row of it; `none` stands for an arm of which there is none. */
function paired<Row extends { readonly model_version: string }, Arm>(
  rows: readonly Row[],
  { candidate }: CanaryQuestion,
  keyOf: (row: Row) => string,
  armOf: (row: Row) => Arm,
  none: Arm,
) {
  const found = new Map<string, { readonly row: Row; readonly candidate: Arm; readonly champion: Arm }>();
  for (const row of rows) {
    const before = found.get(keyOf(row)) ?? { row, candidate: none, champion: none };
    const arm = row.model_version === candidate ? "candidate" : "champion";
    found.set(keyOf(row), { ...before, [arm]: armOf(row) });
  }
  return [...found.values()];
}

/** Seeds of both arms, by hour and mailbox provider. */
const pairedSeeds = (
  rows: readonly z.infer<typeof placementRow>[],
  question: CanaryQuestion,
): readonly PlacementCohort[] =>
  paired(
    rows,
    question,
    ({ cohort_at, isp }) => `${cohort_at.toISOString()} ${isp}`,
    ({ seed_reports, seeds_misplaced }) => ({ reports: seed_reports, misplaced: seeds_misplaced }),
    { reports: 0, misplaced: 0 },
  ).map(({ row, ...arms }) => ({ at: row.cohort_at.toISOString(), isp: row.isp, ...arms }));

/** Both arms of each cohort, by hour and planned share. */
const pairedCohorts = (rows: readonly z.infer<typeof cohortRow>[], question: CanaryQuestion): readonly CanaryCohort[] =>
  paired(
    rows,
    question,
    ({ cohort_at, planned_share }) => `${cohort_at.toISOString()} ${planned_share}`,
    ({ model_version: _, cohort_at: __, planned_share: ___, is_mature: ____, ...counts }): CohortArm => counts,
    noMessages,
  ).map(({ row: { cohort_at, planned_share, is_mature }, ...arms }) => ({
    at: cohort_at.toISOString(),
    share: planned_share !== null && planned_share > 0 && planned_share < 1 ? planned_share : null,
    is_mature,
    ...arms,
  }));

/** Hours after which the warehouse lets a cohort count; a policy that waits for something else cannot be judged from it. */
export function refuseOtherMaturity(hours: number): void {
  if (hours === experiments.canaryMaturityHours) return;
  throw new UserError(
    `the policy waits ${hours} hours for outcomes, monitoring.canary_cohorts ${experiments.canaryMaturityHours}`,
    { code: "canary.maturity", exit: "config", where: "includes/experiments.js: canaryMaturityHours" },
  );
}

/** Evidence from JSON, as `release check --evidence` takes it. */
export function parseCanaryEvidence(text: string, file: string): CanaryEvidence {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = undefined;
  }
  const parsed = canaryEvidence.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(`not the evidence of a canary: ${issue?.message}`, {
    code: "canary.evidence",
    exit: "usage",
    where: `${file} ${issue?.path.join(".")}`,
  });
}
