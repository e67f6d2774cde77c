import { halfWidth } from "./revenue-difference.ts";
import type { MatureTotals } from "./simulate-canary.ts";

type OtherVerdict = "pass" | "fail" | null;

/**
 * What GrowthBook's sequential method says of a rate: the asymptotic confidence sequence of the relative difference, its variance by the delta
 * method, tuned to 5,000 observations (their default), two-sided at 5 % (docs.growthbook.io/statistics/sequential, after Waudby-Smith et al.
 * 2024). Below the margin is a pass, above no difference and beyond the margin a fail: as our own verdicts read their interval.
 */
export function growthBookVerdict(totals: MatureTotals, margin: number, alpha = 0.05, tunedTo = 5_000): OtherVerdict {
  const { candidateSends: n1, championSends: n0, candidate: x1, champion: x0 } = totals;
  if (n1 === 0 || n0 === 0 || x0 === 0) return null;
  const p1 = x1 / n1;
  const p0 = x0 / n0;
  const lift = p1 / p0 - 1;
  const variance = (p1 * (1 - p1)) / n1 / p0 ** 2 + ((p0 * (1 - p0)) / n0) * (p1 ** 2 / p0 ** 4);
  const half = halfWidth(n1 + n0, variance * (n1 + n0), alpha, tunedTo);
  if (variance > 0 && lift + half < margin) return "pass";
  return lift - half > 0 && lift > margin ? "fail" : null;
}

/** The rule of the thumb: so much above the champion by the end of the first hours is a fail, anything else a pass. */
export function plainVerdict(totals: MatureTotals, margin: number): Exclude<OtherVerdict, null> {
  const { candidateSends: n1, championSends: n0, candidate: x1, champion: x0 } = totals;
  return x1 * n0 > (1 + margin) * x0 * n1 ? "fail" : "pass";
}
