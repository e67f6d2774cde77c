import {
  canaryGuardrails,
  type Guardrail,
  type GuardrailResult,
  judge,
  overall,
  type Verdict,
} from "../../policy/guardrails.ts";
import type { ArmCounts } from "../events.ts";
import { meanDifference } from "./mean-difference.ts";
import { detectableRatio, logEvidence, type RateLook, ratioBounds, ratioEstimate, sendsNeeded } from "./rate-ratio.ts";

/** Both arms at one look, counted since the canary began. */
export interface CanaryCounts {
  readonly candidate: ArmCounts;
  readonly champion: ArmCounts;
}

export interface CanaryCheck {
  readonly verdict: Verdict;
  readonly counts: CanaryCounts;
  readonly results: readonly GuardrailResult[];
}

type EventCount = "complaints" | "unsubscribes" | "clicks" | "conversions";
const eventOf: Readonly<Record<string, EventCount>> = {
  complaint_rate: "complaints",
  unsubscribe_rate: "unsubscribes",
  click_rate: "clicks",
  conversion_rate: "conversions",
};

/**
 * Judges a canary on every look so far, the newest last (counts since the canary began, so they never fall). However often it
 * is called, an identical model fails with at most the sum of the guardrails' false-alarm shares.
 */
export function checkCanary(
  looks: readonly CanaryCounts[],
  guardrails: readonly Guardrail[] = canaryGuardrails,
): CanaryCheck {
  const counts = looks.at(-1);
  if (!counts) throw new Error("a canary check needs at least one look");
  const results = guardrails.map((guardrail) => {
    const event = eventOf[guardrail.metric];
    if (event) return checkRate(guardrail, looks, event);
    if (guardrail.metric === "revenue_per_send") return checkRevenue(guardrail, counts);
    throw new Error(`no canary metric is called ${guardrail.metric}`);
  });
  return { verdict: overall(results), counts, results };
}

/** What was added between looks. */
function increments(looks: readonly CanaryCounts[], event: EventCount): readonly RateLook[] {
  const none = { sends: 0, [event]: 0 } as Pick<ArmCounts, "sends" | EventCount>;
  return looks.map((look, i) => {
    const before = looks[i - 1];
    const added = (arm: "candidate" | "champion") => ({
      sends: look[arm].sends - (before?.[arm] ?? none).sends,
      events: look[arm][event] - (before?.[arm] ?? none)[event],
    });
    return { candidate: added("candidate"), champion: added("champion") };
  });
}

const share = (value: number): string => `${(100 * value).toPrecision(3)} %`;
const whole = (value: number): string =>
  Number.isFinite(value) ? Math.ceil(value).toLocaleString("en-US") : "more than any";

function checkRate(guardrail: Guardrail, looks: readonly CanaryCounts[], event: EventCount): GuardrailResult {
  const steps = increments(looks, event);
  const { candidate, champion } = looks.at(-1) as CanaryCounts;
  const estimate = ratioEstimate(steps);
  const alpha = guardrail.falseAlarm;
  const baseline = champion.sends > 0 ? champion[event] / champion.sends : 0;
  const sends = candidate.sends + champion.sends;
  const question = { baseline, share: sends > 0 ? candidate.sends / sends : 0.5, alpha };
  const canSee = baseline > 0 && candidate.sends > 0 && champion.sends > 0;
  const needed = canSee ? sendsNeeded({ ...question, ratio: 1 + guardrail.margin }) : Number.POSITIVE_INFINITY;
  const seen = canSee ? detectableRatio(question, sends) : null;
  return judge(guardrail, {
    actual: candidate.sends > 0 ? candidate[event] / candidate.sends : null,
    champion: champion.sends > 0 ? baseline : null,
    evidence: Math.min(candidate.sends, champion.sends),
    isProvenWorse: logEvidence(steps, 1) >= Math.log(1 / alpha),
    interval: ratioBounds(steps, alpha),
    note:
      `ratio ${estimate === null ? "unknown" : estimate.toFixed(2)}; to see +${Math.round(100 * guardrail.margin)} % at ` +
      `${share(baseline)} with 80 % chance takes ${whole(needed)} sends in all; these ${whole(sends)} would show ` +
      `${seen === null ? "no ratio up to 100" : `x${seen.toFixed(2)}`}; false alarm at most ${share(alpha)} over all looks`,
  });
}

function checkRevenue(guardrail: Guardrail, counts: CanaryCounts): GuardrailResult {
  const moments = (arm: ArmCounts) => ({ count: arm.sends, sum: arm.revenue, squares: arm.revenue_squared });
  const found = meanDifference(moments(counts.candidate), moments(counts.champion), guardrail.falseAlarm);
  const margin = found ? guardrail.margin * Math.abs(found.champion) : 0;
  const isNonInferior = found !== null && found.interval[0] >= -margin;
  return judge(guardrail, {
    actual: found?.candidate ?? null,
    champion: found?.champion ?? null,
    evidence: Math.min(counts.candidate.sends, counts.champion.sends),
    isProvenWorse: found !== null && found.interval[1] < 0,
    isShownWithin: isNonInferior,
    interval: found ? found.interval : [null, null],
    note: found
      ? `winsorised; difference ${found.difference.toFixed(4)} in [${found.interval.map((v) => v.toFixed(4)).join(", ")}]; ` +
        `${isNonInferior ? "shown to lose less than" : "not yet shown to lose less than"} ${share(guardrail.margin)}`
      : "no sends yet",
  });
}
