import type { GuardrailResult } from "../../policy/guardrails.ts";
import type { CanaryPolicy, RateRule } from "./canary-policy.ts";
import { type CanaryCohort, type CanaryEvidence, type CohortArm, totals } from "./evidence.ts";
import { plainVerdict } from "./other-methods.ts";
import { type CanaryVerdict, overallVerdict, revenueVerdict } from "./overall.ts";
import { checkPlacement } from "./placement-judge.ts";
import { RateJudge, type RateVerdict } from "./rate-judge.ts";
import { notWorse, type RateCohort, ratioBound, worse } from "./ratio-evidence.ts";
import { type RevenueDifference, revenueDifference } from "./revenue-difference.ts";
import { logMismatch, type PlannedSplit } from "./sample-ratio.ts";

export interface ArmTotals {
  readonly candidate: CohortArm;
  readonly champion: CohortArm;
}

export interface CanaryCheck {
  readonly verdict: CanaryVerdict;
  readonly results: readonly GuardrailResult[];
  /** Since the canary began, at any age. */
  readonly counts: ArmTotals;
  /** Of the cohorts that have matured: the evidence for a pass. */
  readonly mature: ArmTotals;
  /** Whether people landed in the arms as planned; null where no decision says what was planned. */
  readonly split: { readonly planned: number; readonly found: number; readonly is_mismatch: boolean } | null;
  /** What the plain rule says; null before its hours are over. */
  readonly plain: {
    readonly verdict: "pass" | "fail";
    readonly ratio: number | null;
    readonly is_binding: boolean;
  } | null;
}

/**
 * Judges all that a canary has seen. However often it is asked, an identical model is rolled back with at most the sum of the harm errors, and a model at
 * the line of a rule that promotes passes with at most its pass error. A look without new sends is a look like any other: outcomes came, cohorts matured.
 */
export function checkCanary(policy: CanaryPolicy, evidence: CanaryEvidence): CanaryCheck {
  const { cohorts } = evidence;
  const counts = totals(cohorts);
  const mature = totals(cohorts.filter(({ is_mature }) => is_mature));
  const rates = policy.rates.map((rule) => ({ role: rule.role, result: checkRate(rule, cohorts) }));
  const revenue = checkRevenue(policy, evidence);
  const placement = checkPlacement(policy.placement, evidence.placements);
  const split = checkSplit(policy, cohorts);
  const plain = checkPlain(policy, evidence);
  const verdict = overallVerdict(
    [
      ...rates.map(({ role, result }) => ({ role, verdict: result.verdict })),
      ...(placement ? [{ role: "stops" as const, verdict: placement.verdict }] : []),
    ],
    revenue?.verdict ?? null,
    split?.is_mismatch ?? false,
  );
  const isPlainlyWorse = plain?.is_binding === true && plain.verdict === "fail";
  return {
    verdict: isPlainlyWorse ? "fail" : verdict,
    results: [
      ...rates.map(({ result }) => result),
      ...(placement ? [placement] : []),
      ...(revenue ? [revenue.result] : []),
    ],
    counts,
    mature,
    split,
    plain,
  };
}

const percent = (value: number): string => `${(100 * value).toPrecision(3)} %`;

export const rateCohorts = (cohorts: readonly CanaryCohort[], metric: RateRule["metric"]): readonly RateCohort[] =>
  cohorts.map(({ candidate, champion }) => ({
    candidate: { sends: candidate.sends, events: candidate[metric] },
    champion: { sends: champion.sends, events: champion[metric] },
  }));

function checkRate(
  rule: RateRule,
  cohorts: readonly CanaryCohort[],
): GuardrailResult & { readonly verdict: RateVerdict } {
  const judge = new RateJudge(rule);
  for (const { candidate, champion, is_mature } of cohorts) {
    const weights = judge.weights(candidate.sends, champion.sends);
    if (!weights) continue;
    judge.known(weights, candidate[rule.metric], champion[rule.metric]);
    if (is_mature) judge.matured(weights, candidate[rule.metric], champion[rule.metric]);
  }
  const all = totals(cohorts);
  const rate = (arm: CohortArm) => (arm.sends > 0 ? arm[rule.metric] / arm.sends : null);
  const champion = rate(all.champion);
  const matured = rateCohorts(
    cohorts.filter(({ is_mature }) => is_mature),
    rule.metric,
  );
  const low = ratioBound(rateCohorts(cohorts, rule.metric), rule.harm_error, worse);
  const high = ratioBound(matured, rule.pass_error, notWorse(rule.margin));
  const { estimate } = judge;
  return {
    id: rule.id,
    metric: `${rule.metric}_per_send`,
    verdict: judge.verdict(),
    actual: rate(all.candidate),
    champion,
    expected: champion === null ? null : champion * (1 + rule.margin),
    interval: [low, high],
    evidence: judge.matureOutcomes,
    minimum_evidence: rule.least_outcomes,
    blocks: rule.role === "promotes" ? "until-pass" : "on-fail",
    note:
      `ratio ${estimate === null ? "unknown" : estimate.toFixed(2)}, shown to be above ${low === null ? "nothing" : low.toFixed(2)} ` +
      `and below ${high === null ? "nothing" : high.toFixed(2)}; ` +
      (rule.role === "promotes"
        ? `passes below ${(1 + rule.margin).toFixed(2)}, with ${judge.matureOutcomes} mature outcomes`
        : "may stop, never promotes") +
      `; error over all looks at most ${percent(rule.harm_error)} to stop${rule.role === "promotes" ? `, ${percent(rule.pass_error)} to pass` : ""}`,
  };
}

function checkRevenue(
  policy: CanaryPolicy,
  evidence: CanaryEvidence,
): { readonly verdict: ReturnType<typeof revenueVerdict>; readonly result: GuardrailResult } | null {
  const rule = policy.revenue;
  if (!rule) return null;
  const arms = evidence.people;
  const found = arms ? revenueDifference(arms.candidate, arms.champion, rule.harm_error) : null;
  const people = arms ? Math.min(arms.candidate.people, arms.champion.people) : 0;
  const verdict = revenueVerdict(rule, found, people);
  return {
    verdict,
    result: {
      id: "canary-revenue",
      metric: "revenue_per_send",
      verdict: verdict === "doubt" ? "insufficient-evidence" : verdict,
      actual: found?.candidate ?? null,
      champion: found?.champion ?? null,
      expected: found ? found.champion - rule.margin * Math.abs(found.champion) : null,
      interval: found ? [found.interval[0], found.interval[1]] : [null, null],
      evidence: people,
      minimum_evidence: rule.least_people,
      blocks: "on-fail",
      note: revenueNote(rule.margin, found, verdict),
    },
  };
}

function revenueNote(margin: number, found: RevenueDifference | null, verdict: string): string {
  if (!found) return "no revenue of both arms yet";
  const what = {
    pass: `shown to lose less than ${percent(margin)}`,
    fail: "shown to lose",
    doubt: `the best estimate loses more than ${percent(margin)}: no promotion until it does not`,
    "insufficient-evidence": `not yet shown to lose less than ${percent(margin)}`,
  }[verdict];
  return (
    `difference ${found.difference.toFixed(4)} in [${found.interval.map((v) => v.toFixed(4)).join(", ")}], by person, cut off both ways` +
    `${found.explained > 0 ? `, ${percent(found.explained)} of the variance explained by the time before` : ""}; ${what}`
  );
}

/** New people by planned share; cohorts whose decisions do not say are left out. */
function checkSplit(policy: CanaryPolicy, cohorts: readonly CanaryCohort[]): CanaryCheck["split"] {
  const byShare = new Map<number, PlannedSplit>();
  for (const { share, candidate, champion } of cohorts) {
    if (share === null) continue;
    const before = byShare.get(share) ?? { share, candidate: 0, champion: 0 };
    byShare.set(share, {
      share,
      candidate: before.candidate + candidate.people_new,
      champion: before.champion + champion.people_new,
    });
  }
  const splits = [...byShare.values()];
  const people = splits.reduce((sum, { candidate, champion }) => sum + candidate + champion, 0);
  if (people === 0) return null;
  return {
    planned: splits.reduce((sum, s) => sum + s.share * (s.candidate + s.champion), 0) / people,
    found: splits.reduce((sum, s) => sum + s.candidate, 0) / people,
    is_mismatch: logMismatch(splits) >= -Math.log(policy.mismatch_error),
  };
}

function checkPlain(policy: CanaryPolicy, { first_hours: first }: CanaryEvidence): CanaryCheck["plain"] {
  if (!first) return null;
  const { candidate, champion } = first;
  const verdict = plainVerdict(
    {
      candidateSends: candidate.sends,
      championSends: champion.sends,
      candidate: candidate.complaints,
      champion: champion.complaints,
    },
    policy.plain_rule.margin,
  );
  const isKnown = candidate.sends > 0 && champion.sends > 0 && champion.complaints > 0;
  const ratio = isKnown ? candidate.complaints / candidate.sends / (champion.complaints / champion.sends) : null;
  return { verdict, ratio, is_binding: policy.plain_rule.binding };
}
