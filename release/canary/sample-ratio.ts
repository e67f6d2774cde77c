import { logGamma } from "./log-gamma.ts";

/** New people of both arms while a planned share was in force; whoever was seen before counts at the share they were first seen at. */
export interface PlannedSplit {
  /** The candidate's planned share. */
  readonly share: number;
  readonly candidate: number;
  readonly champion: number;
}

/** How far a broken split is imagined from the planned one: as a Beta distribution of so many pseudo-people around the plan. */
const concentration = 200;

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

/**
 * Evidence (natural logarithm) that people did not land in the arms as planned, valid at every look: the beta-binomial mixture of Lindon & Malek 2022,
 * "Anytime-valid inference for multinomial count data" (NeurIPS 35), one factor per planned share. Reaches 1/alpha with chance at most alpha when
 * each new person falls to the candidate with the planned chance.
 */
export function logMismatch(splits: readonly PlannedSplit[]): number {
  return splits.reduce((sum, { share, candidate, champion }) => {
    const a = concentration * share;
    const b = concentration * (1 - share);
    return (
      sum +
      logBeta(a + candidate, b + champion) -
      logBeta(a, b) -
      candidate * Math.log(share) -
      champion * Math.log1p(-share)
    );
  }, 0);
}
