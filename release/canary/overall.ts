import type { CanaryPolicy } from "./canary-policy.ts";
import type { RateVerdict } from "./rate-judge.ts";
import type { RevenueDifference } from "./revenue-difference.ts";

export type CanaryVerdict = RateVerdict | "sample-ratio-mismatch";

/**
 * fail: the interval lies below no difference. pass: it excludes a loss beyond the margin. doubt: the best estimate is such a loss; it blocks promotion.
 */
export function revenueVerdict(
  rule: NonNullable<CanaryPolicy["revenue"]>,
  found: RevenueDifference | null,
  people: number,
): RateVerdict | "doubt" {
  if (!found || people < rule.least_people) return "insufficient-evidence";
  const most = -rule.margin * Math.abs(found.champion);
  if (found.interval[1] < 0 && found.difference < most) return "fail";
  if (found.interval[0] >= most) return "pass";
  return found.difference < most ? "doubt" : "insufficient-evidence";
}

/**
 * The verdict of a look. Harm first: it ends a canary, whoever landed where. Then whether people landed in the arms as planned: if they did not, the arms
 * are not comparable and nothing passes. Then every rule that promotes must have passed, and revenue must leave no doubt.
 */
export function overallVerdict(
  rates: readonly { readonly role: "promotes" | "stops"; readonly verdict: RateVerdict }[],
  revenue: RateVerdict | "doubt" | null,
  isMismatch: boolean,
): CanaryVerdict {
  if (revenue === "fail" || rates.some(({ verdict }) => verdict === "fail")) return "fail";
  if (isMismatch) return "sample-ratio-mismatch";
  if (revenue === "doubt") return "insufficient-evidence";
  return rates.every(({ role, verdict }) => role === "stops" || verdict === "pass") ? "pass" : "insufficient-evidence";
}
