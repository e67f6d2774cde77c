import type { GuardrailResult } from "../../policy/guardrails.ts";
import type { CanaryPolicy } from "./canary-policy.ts";
import type { PlacementCohort } from "./evidence.ts";
import { RateJudge } from "./rate-judge.ts";
import { type RateCohort, ratioBound, worse } from "./ratio-evidence.ts";

type PlacementRule = NonNullable<CanaryPolicy["placement"]>;

/**
 * Judges where the seeds in the arms found their mail; may end a canary, never promotes.
 *
 * A cell is one hour of one mailbox provider. Seeds fall into the arms by the hash that everybody does, so of the seeds of a cell that still count, those
 * that find their mail misplaced are a draw without replacement under "no worse": less dispersed than the binomial that the evidence goes by, so the error
 * over all looks stays within the rule's. What a provider does to all mail of an hour moves both arms of a cell, and says nothing of either. That a seed
 * counts until its first misplaced mail only is what makes it so: a seed whose own mailbox puts everything into spam is one piece of evidence, not one for each mail.
 */
export function judgePlacement(rule: PlacementRule): RateJudge {
  return new RateJudge({
    role: "stops",
    margin: rule.margin,
    harm_error: rule.harm_error,
    // It never passes.
    pass_error: rule.harm_error,
    least_outcomes: 1,
  });
}

const cohortOf = ({ candidate, champion }: PlacementCohort): RateCohort => ({
  candidate: { sends: candidate.reports, events: candidate.misplaced },
  champion: { sends: champion.reports, events: champion.misplaced },
});

/** A look's result for the seeds; null where no policy or no report asks for one. */
export function checkPlacement(
  rule: CanaryPolicy["placement"],
  placements: readonly PlacementCohort[] | undefined,
): (GuardrailResult & { readonly verdict: "fail" | "insufficient-evidence" }) | null {
  if (!rule || !placements || placements.length === 0) return null;
  const judge = judgePlacement(rule);
  const sum = { candidate: { reports: 0, misplaced: 0 }, champion: { reports: 0, misplaced: 0 } };
  for (const { candidate, champion } of placements) {
    for (const [arm, found] of [
      ["candidate", candidate],
      ["champion", champion],
    ] as const) {
      sum[arm].reports += found.reports;
      sum[arm].misplaced += found.misplaced;
    }
    const weights = judge.weights(candidate.reports, champion.reports);
    if (weights) judge.known(weights, candidate.misplaced, champion.misplaced);
  }
  const rate = ({ reports, misplaced }: typeof sum.candidate) => (reports > 0 ? misplaced / reports : null);
  const champion = rate(sum.champion);
  const low = ratioBound(placements.map(cohortOf), rule.harm_error, worse);
  const { estimate } = judge;
  return {
    id: "canary-placement",
    metric: "misplaced_per_seed_report",
    verdict: judge.verdict() === "fail" ? "fail" : "insufficient-evidence",
    actual: rate(sum.candidate),
    champion,
    expected: champion === null ? null : champion * (1 + rule.margin),
    interval: [low, null],
    evidence: sum.candidate.misplaced + sum.champion.misplaced,
    minimum_evidence: 1,
    blocks: "on-fail",
    note:
      `ratio ${estimate === null ? "unknown" : estimate.toFixed(2)} of seeds' mail in spam or nowhere, shown to be above ` +
      `${low === null ? "nothing" : low.toFixed(2)}; ${sum.candidate.reports} and ${sum.champion.reports} reports; may stop, never promotes; ` +
      `error over all looks at most ${(100 * rule.harm_error).toPrecision(3)} % to stop`,
  };
}
