import { z } from "zod";

const count = z.number().nonnegative();

/** What came of one arm's messages of one cohort. */
export const cohortArm = z.strictObject({
  people_new: count,
  sends: count,
  delivered: count,
  opens: count,
  clicks: count,
  conversions: count,
  complaints: count,
  unsubscribes: count,
  deferrals: count,
  negatives: count,
});
export type CohortArm = z.infer<typeof cohortArm>;

export const noMessages: CohortArm = {
  people_new: 0,
  sends: 0,
  delivered: 0,
  opens: 0,
  clicks: 0,
  conversions: 0,
  complaints: 0,
  unsubscribes: 0,
  deferrals: 0,
  negatives: 0,
};

/** Messages sent in one hour at one planned share. */
export const canaryCohort = z.strictObject({
  at: z.iso.datetime(),
  /** The candidate's planned share of people; null: not known. */
  share: z.number().gt(0).lt(1).nullable(),
  is_mature: z.boolean(),
  candidate: cohortArm,
  champion: cohortArm,
});
export type CanaryCohort = z.infer<typeof canaryCohort>;

const number = z.number();
const personSums = z.strictObject({
  people: count,
  sends: count,
  sends_squared: count,
  revenue: number,
  revenue_squared: count,
  revenue_sends: number,
  before: number,
  before_squared: count,
  before_sends: number,
  before_revenue: number,
});

const plainArm = z.strictObject({ sends: count, complaints: count });

const seedReports = z.strictObject({ reports: count, misplaced: count });

/**
 * Where the seeds that the release decided for found their mail, by the hour of the decision and mailbox provider. A seed counts until it first
 * finds one in the spam folder or nowhere, that report included.
 */
export const placementCohort = z.strictObject({
  at: z.iso.datetime(),
  isp: z.string(),
  candidate: seedReports,
  champion: seedReports,
});
export type PlacementCohort = z.infer<typeof placementCohort>;

/** Everything that a look at a canary judges. */
export const canaryEvidence = z.strictObject({
  cohorts: z.array(canaryCohort),
  /** Evidence of before has none. */
  placements: z.array(placementCohort).optional(),
  people: z.strictObject({ candidate: personSums, champion: personSums }).nullable(),
  /** Both arms in the first hours, for the plain rule; null before they are over. */
  first_hours: z.strictObject({ candidate: plainArm, champion: plainArm }).nullable(),
});
export type CanaryEvidence = z.infer<typeof canaryEvidence>;

/** Sums of both arms over cohorts. */
export function totals(cohorts: readonly CanaryCohort[]): { candidate: CohortArm; champion: CohortArm } {
  const sum = (arm: "candidate" | "champion") => {
    const total = { ...noMessages };
    for (const cohort of cohorts) {
      for (const key of Object.keys(total) as (keyof CohortArm)[]) total[key] += cohort[arm][key];
    }
    return total;
  };
  return { candidate: sum("candidate"), champion: sum("champion") };
}
