import { z } from "zod";

/** `not-measurable`: what it asks is not in the data at all, so no amount of rows will answer it. */
export const verdict = z.enum(["pass", "fail", "insufficient-evidence", "not-measurable"]);
export type Verdict = z.infer<typeof verdict>;

/** A guardrail is data. What it allows: `margin` beyond the champion's value (a share of it), or beyond `limit` (absolute). */
export interface Guardrail {
  readonly id: string;
  /** Name of the metric in the evaluation or in the canary's counts. */
  readonly metric: string;
  readonly direction: "lower-is-better" | "higher-is-better";
  readonly relativeTo: "champion" | "absolute";
  /** Share of the champion's value; with `absolute`, the limit itself. */
  readonly margin: number;
  readonly minimumEvidence: { readonly of: "sends" | "rows" | "positives"; readonly least: number };
  /** Chance, over all looks together, that an identical model fails this guardrail. */
  readonly falseAlarm: number;
  /** Whether promotion waits for a pass, or is stopped by a fail only. */
  readonly blocks: "until-pass" | "on-fail";
}

export const guardrailResult = z.strictObject({
  id: z.string(),
  metric: z.string(),
  verdict,
  /** The candidate's value. */
  actual: z.number().nullable(),
  /** The champion's value, where the guardrail is relative to it. */
  champion: z.number().nullable(),
  /** The bound: the candidate may be there, not beyond. */
  expected: z.number().nullable(),
  /** Interval of candidate against champion: a ratio in a canary, a difference in an evaluation. */
  interval: z.tuple([z.number().nullable(), z.number().nullable()]),
  evidence: z.number(),
  minimum_evidence: z.number(),
  blocks: z.enum(["until-pass", "on-fail"]),
  /** What the test could see: power and false alarms, in words. */
  note: z.string(),
  /** Why it may be passed over although it could not be measured, where somebody said so. */
  waived: z.string().optional(),
});
export type GuardrailResult = z.infer<typeof guardrailResult>;

export interface Measured {
  readonly actual: number | null;
  readonly champion: number | null;
  readonly evidence: number;
  /** The data show that the candidate is worse at all (at the guardrail's false-alarm rate). */
  readonly isProvenWorse: boolean;
  /** For a non-inferiority test: the data show that it is within the bound. Not given, the best estimate decides. */
  readonly isShownWithin?: boolean;
  readonly interval: readonly [number | null, number | null];
  readonly note: string;
}

/** The bound that the candidate may reach. */
export function bound(guardrail: Guardrail, champion: number | null): number | null {
  if (guardrail.relativeTo === "absolute") return guardrail.margin;
  if (champion === null) return null;
  const sign = guardrail.direction === "lower-is-better" ? 1 : -1;
  return champion + sign * guardrail.margin * Math.abs(champion);
}

/**
 * fail: the best estimate is beyond the bound and the data show that the candidate is worse at all.
 * pass: there is the minimum of evidence and the best estimate is within the bound (non-inferiority: shown to be).
 * insufficient-evidence: anything else. It is never read as a pass.
 */
export function judge(guardrail: Guardrail, measured: Measured): GuardrailResult {
  const expected = bound(guardrail, measured.champion);
  const { actual } = measured;
  const isBeyond =
    actual !== null &&
    expected !== null &&
    (guardrail.direction === "lower-is-better" ? actual > expected : actual < expected);
  const isKnown = actual !== null && expected !== null;
  const hasEvidence = measured.evidence >= guardrail.minimumEvidence.least;
  const isWithin = isKnown && hasEvidence && !isBeyond && measured.isShownWithin !== false;
  return {
    id: guardrail.id,
    metric: guardrail.metric,
    verdict: isBeyond && measured.isProvenWorse ? "fail" : isWithin ? "pass" : "insufficient-evidence",
    actual,
    champion: measured.champion,
    expected,
    interval: [measured.interval[0], measured.interval[1]],
    evidence: measured.evidence,
    minimum_evidence: guardrail.minimumEvidence.least,
    blocks: guardrail.blocks,
    note: measured.note,
  };
}

/** A guardrail that asks for what is not there. It blocks, unless somebody waived it with a reason. */
export const notMeasurable = (guardrail: Guardrail, why: string, waived: string | undefined): GuardrailResult => ({
  id: guardrail.id,
  metric: guardrail.metric,
  verdict: "not-measurable",
  actual: null,
  champion: null,
  expected: null,
  interval: [null, null],
  evidence: 0,
  minimum_evidence: guardrail.minimumEvidence.least,
  blocks: guardrail.blocks,
  note: waived === undefined ? why : `${why}; waived: ${waived}`,
  ...(waived === undefined ? {} : { waived }),
});

/** The ids of those that failed, or could not be measured and were not waived. */
export const failedGuardrails = (results: readonly GuardrailResult[]): string[] =>
  results
    .filter((r) => r.verdict === "fail" || (r.verdict === "not-measurable" && r.waived === undefined))
    .map(({ id }) => id);

/** Why each was waived that could not be measured. */
export const waivedGuardrails = (
  results: readonly Pick<GuardrailResult, "id" | "waived">[],
): Readonly<Record<string, string>> =>
  Object.fromEntries(results.flatMap(({ id, waived }) => (waived === undefined ? [] : [[id, waived]])));

/** The verdict of a list: any fail fails; what cannot be measured and is not waived blocks; all that block until they pass must pass. */
export function overall(results: readonly GuardrailResult[]): Verdict {
  if (results.some((r) => r.verdict === "fail")) return "fail";
  if (results.some((r) => r.verdict === "not-measurable" && r.waived === undefined)) return "not-measurable";
  const counted = results.filter(({ verdict }) => verdict !== "not-measurable");
  // Everything waived away is nothing shown.
  if (counted.length === 0) return "insufficient-evidence";
  return counted.some((r) => r.verdict !== "pass" && r.blocks === "until-pass") ? "insufficient-evidence" : "pass";
}

const offline = (
  id: string,
  metric: string,
  direction: Guardrail["direction"],
  margin: number,
  minimumEvidence: Guardrail["minimumEvidence"],
  blocks: Guardrail["blocks"],
): Guardrail => ({
  id,
  metric,
  direction,
  relativeTo: "champion",
  margin,
  minimumEvidence,
  falseAlarm: 0.025,
  blocks,
});

/** Checked by `inboxloop evaluate` before anybody is asked to approve. */
export const evaluationGuardrails: readonly Guardrail[] = [
  offline("click-auc", "click.auc", "higher-is-better", 0.02, { of: "positives", least: 100 }, "until-pass"),
  offline("complaint-auc", "complaint.auc", "higher-is-better", 0.05, { of: "positives", least: 50 }, "on-fail"),
  offline("click-log-loss", "click.log_loss", "lower-is-better", 0.02, { of: "positives", least: 100 }, "until-pass"),
  offline(
    "complaint-log-loss",
    "complaint.log_loss",
    "lower-is-better",
    0.05,
    { of: "positives", least: 50 },
    "on-fail",
  ),
  {
    ...offline(
      "click-calibration",
      "click.ece",
      "lower-is-better",
      0.02,
      { of: "positives", least: 100 },
      "until-pass",
    ),
    relativeTo: "absolute",
  },
  offline(
    "policy-complaints",
    "policy.complaints_per_send",
    "lower-is-better",
    0.2,
    { of: "rows", least: 1_000 },
    "on-fail",
  ),
  offline(
    "policy-unsubscribes",
    "policy.unsubscribes_per_send",
    "lower-is-better",
    0.2,
    { of: "rows", least: 1_000 },
    "on-fail",
  ),
  offline(
    "policy-revenue",
    "policy.revenue_per_send",
    "higher-is-better",
    0.1,
    { of: "rows", least: 1_000 },
    "on-fail",
  ),
];
