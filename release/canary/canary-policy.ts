import { z } from "zod";
import { defaultShadowRule, shadowRule } from "../shadow.ts";

const share = z.number().gt(0).lt(1);

const rateRule = z.strictObject({
  id: z.string().min(1),
  /** Which count of a cohort, by sends. */
  metric: z.enum(["complaints", "unsubscribes", "deferrals", "negatives"]),
  /** `promotes`: promotion waits until it is shown to be within the margin. `stops`: a leading indicator, may only end a canary early. */
  role: z.enum(["promotes", "stops"]),
  /** How much above the champion's rate is allowed, as a share of it. */
  margin: z.number().gt(0),
  /** Chance, over all looks together, that a model no worse than the champion is rolled back by this rule. */
  harm_error: share,
  /** Chance, over all looks together, that a model at the line or beyond is shown to be within it. */
  pass_error: share,
  /** Mature outcomes of both arms together before anything passes. */
  least_outcomes: z.int().positive(),
  owner: z.string().min(1),
});
export type RateRule = z.infer<typeof rateRule>;

/**
 * What a canary promises, as data. The harm errors are of different tests of one truth, so they add up (Bonferroni): an identical model is rolled back
 * with at most their sum, which is at most 5 %. Pass errors need no sharing: promotion takes every rule that promotes, so a model beyond one line
 * must pass that very test (intersection-union; Berger 1982, Technometrics 24).
 */
export const canaryPolicy = z
  .strictObject({
    version: z.string().min(1),
    rates: z.array(rateRule).min(1),
    revenue: z
      .strictObject({
        /** Loss of the champion's revenue per send beyond which a best estimate blocks promotion. */
        margin: z.number().gt(0),
        harm_error: share,
        /** People in each arm before it says anything: its interval holds in the limit of many. */
        least_people: z.int().positive(),
        owner: z.string().min(1),
      })
      .nullable(),
    /**
     * Where seeds in the arms found their mail: a leading indicator, may only end a canary early. Policies of old logs have none; null leaves it out.
     */
    placement: z
      .strictObject({
        /** How much above the champion's share of mail in the spam folder or nowhere is allowed, as a share of it. */
        margin: z.number().gt(0),
        harm_error: share,
        owner: z.string().min(1),
      })
      .nullable()
      .optional(),
    /** Outcomes later than this after the send are not waited for, and a send younger than this is no evidence for a pass. */
    matures_after_hours: z.number().gt(0),
    /** What must have been seen of it in the shadow before it decides for anybody; policies of old logs have none. */
    shadow: shadowRule.optional(),
    /** Share of people and hours at it at least; the last step stays. */
    ramp: z.array(z.strictObject({ share, hours: z.number().gt(0) })).min(1),
    /** Hours between looks. */
    look_every_hours: z.number().gt(0),
    /** A canary that is undecided by then ends. */
    days: z.number().gt(0),
    /** Chance that people land in the arms as planned and it is called a mismatch all the same. */
    mismatch_error: share,
    /** What a canary must be able to see to be worth its readers' patience. */
    promise: z.strictObject({
      /** This ratio is rolled back ... */
      worse: z.number().gt(1),
      /** ... and this one promoted ... */
      good: z.number().gt(0),
      /** ... each with at least this chance within the days. */
      chance: share,
    }),
    /** The rule of the thumb: so much above the champion in the first hours. No errors are promised for it. */
    plain_rule: z.strictObject({ margin: z.number().gt(0), hours: z.number().gt(0), binding: z.boolean() }),
  })
  .superRefine((policy, context) => {
    const others = (policy.revenue?.harm_error ?? 0) + (policy.placement?.harm_error ?? 0);
    const harm = policy.rates.reduce((sum, r) => sum + r.harm_error, others);
    if (harm > 0.05 + 1e-9)
      context.addIssue({ code: "custom", message: `harm errors add up to ${harm}, more than 0.05` });
    if (!policy.rates.some(({ role }) => role === "promotes"))
      context.addIssue({ code: "custom", message: "no rule promotes: nothing could ever pass" });
    if (policy.ramp.some(({ share: s }, i) => i > 0 && s < (policy.ramp[i - 1]?.share ?? 0)))
      context.addIssue({ code: "custom", message: "a ramp only grows" });
  });
export type CanaryPolicy = z.infer<typeof canaryPolicy>;

const rate = (id: string, metric: RateRule["metric"], role: RateRule["role"], harm: number): RateRule => ({
  id,
  metric,
  role,
  margin: 0.2,
  harm_error: harm,
  pass_error: 0.05,
  least_outcomes: 20,
  owner: "deliverability",
});

/** The policy where no file says otherwise. */
export const defaultCanaryPolicy: CanaryPolicy = canaryPolicy.parse({
  version: "1",
  rates: [
    rate("canary-complaints", "complaints", "promotes", 0.02),
    rate("canary-unsubscribes", "unsubscribes", "stops", 0.01),
    rate("canary-deferrals", "deferrals", "stops", 0.0025),
    rate("canary-negatives", "negatives", "stops", 0.0025),
  ],
  placement: { margin: 0.5, harm_error: 0.005, owner: "deliverability" },
  revenue: { margin: 0.1, harm_error: 0.01, least_people: 1_000, owner: "growth" },
  matures_after_hours: 72,
  shadow: defaultShadowRule,
  ramp: [
    { share: 0.01, hours: 12 },
    { share: 0.05, hours: 12 },
    { share: 0.1, hours: 24 },
    { share: 0.25, hours: 24 },
    { share: 0.5, hours: 24 },
  ],
  look_every_hours: 1,
  days: 28,
  mismatch_error: 0.001,
  promise: { worse: 2, good: 0.8, chance: 0.8 },
  plain_rule: { margin: 0.2, hours: 24, binding: false },
} satisfies CanaryPolicy);
