/** Sums over the people of one arm, each person once: what is needed for a ratio of sums, its variance, and a covariate. */
export interface PersonSums {
  readonly people: number;
  readonly sends: number;
  readonly sends_squared: number;
  /** Net of refunds, each message's part cut off at both ends. */
  readonly revenue: number;
  readonly revenue_squared: number;
  readonly revenue_sends: number;
  /** Revenue of the same person before the canary, cut off alike; it cannot have been touched by it. */
  readonly before: number;
  readonly before_squared: number;
  readonly before_sends: number;
  readonly before_revenue: number;
}

export const noPeople: PersonSums = {
  people: 0,
  sends: 0,
  sends_squared: 0,
  revenue: 0,
  revenue_squared: 0,
  revenue_sends: 0,
  before: 0,
  before_squared: 0,
  before_sends: 0,
  before_revenue: 0,
};

export interface RevenueDifference {
  /** Revenue per send of each arm, as it is. */
  readonly candidate: number;
  readonly champion: number;
  /** Candidate minus champion, adjusted where the covariate narrows it. */
  readonly difference: number;
  /** Always-valid interval of the difference. */
  readonly interval: readonly [number, number];
  /** Share of the variance that the time before explains; 0 when it is not used. */
  readonly explained: number;
}

/**
 * Revenue per send, candidate minus champion, with a confidence sequence: it holds at all looks at once with chance 1 - alpha, in the
 * limit of many people (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence sequences",
 * Annals of Statistics 52, theorem 2.2), tightest at `tightAt` people (their appendix B.2).
 *
 * The unit is the person, not the message: customers mailed twice are one draw. Revenue per send is then a ratio of two sums per person, and its variance that
 * of the linearised (revenue - R sends) / mean sends (delta method; Deng, Knoblich & Lu 2018, KDD). The covariate of the time before is
 * subtracted as in CUPED (Deng, Xu, Kohavi & Walker 2013, WSDM) when it explains at least one per cent.
 *
 * null while an arm has fewer than two people or no send.
 */
export function revenueDifference(
  candidate: PersonSums,
  champion: PersonSums,
  alpha: number,
  tightAt = 20_000,
): RevenueDifference | null {
  if (candidate.people < 2 || champion.people < 2 || candidate.sends === 0 || champion.sends === 0) return null;
  const people = candidate.people + champion.people;
  const ratio = (candidate.revenue + champion.revenue) / (candidate.sends + champion.sends);
  const meanSends = (candidate.sends + champion.sends) / people;
  const arms = [candidate, champion].map((arm) => linearised(arm, ratio, meanSends));
  const [one, two] = arms as [Linearised, Linearised];

  const spreadBefore = one.beforeSpread + two.beforeSpread;
  const together = one.together + two.together;
  const spread = one.spread + two.spread;
  const explained = spreadBefore > 0 && spread > 0 ? together ** 2 / (spreadBefore * spread) : 0;
  const slope = explained >= 0.01 ? together / spreadBefore : 0;
  const variance = (arm: Linearised) =>
    Math.max(0, arm.spread - 2 * slope * arm.together + slope ** 2 * arm.beforeSpread) / (arm.people - 1) / arm.people;

  const difference = one.mean - two.mean - slope * (one.before - two.before);
  const half = halfWidth(people, people * (variance(one) + variance(two)), alpha, tightAt);
  return {
    candidate: candidate.revenue / candidate.sends,
    champion: champion.revenue / champion.sends,
    difference,
    interval: [difference - half, difference + half],
    explained: slope === 0 ? 0 : Math.min(1, explained),
  };
}

interface Linearised {
  readonly people: number;
  readonly mean: number;
  readonly before: number;
  /** Sums of squares about the arm's own mean. */
  readonly spread: number;
  readonly beforeSpread: number;
  readonly together: number;
}

function linearised(arm: PersonSums, ratio: number, meanSends: number): Linearised {
  const n = arm.people;
  const sum = (arm.revenue - ratio * arm.sends) / meanSends;
  const squares =
    (arm.revenue_squared - 2 * ratio * arm.revenue_sends + ratio ** 2 * arm.sends_squared) / meanSends ** 2;
  const products = (arm.before_revenue - ratio * arm.before_sends) / meanSends;
  return {
    people: n,
    mean: sum / n,
    before: arm.before / n,
    spread: Math.max(0, squares - sum ** 2 / n),
    beforeSpread: Math.max(0, arm.before_squared - arm.before ** 2 / n),
    together: products - (sum * arm.before) / n,
  };
}

/** Half width of the asymptotic confidence sequence after n observations of variance s2 each. */
export function halfWidth(n: number, s2: number, alpha: number, tightAt: number): number {
  const log = -2 * Math.log(alpha);
  const rho2 = (log + Math.log(log + 1)) / tightAt;
  return Math.sqrt(s2) * Math.sqrt(((2 * (n * rho2 + 1)) / (n * n * rho2)) * Math.log(Math.sqrt(n * rho2 + 1) / alpha));
}
