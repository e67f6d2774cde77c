/** Sum and sum of squares of a measure over an arm's sends. */
export interface Moments {
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
}

const mean = (m: Moments): number => m.sum / m.count;
const variance = (m: Moments): number => Math.max(0, (m.squares - m.sum ** 2 / m.count) / Math.max(1, m.count - 1));

export interface MeanDifference {
  readonly candidate: number;
  readonly champion: number;
  readonly difference: number;
  /** Always-valid interval of the difference. */
  readonly interval: readonly [number, number];
}

/**
 * Candidate minus champion with a confidence sequence: it holds at all looks at once with chance 1 - alpha, in the limit of many
 * sends (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence
 * sequences", Annals of Statistics 52, theorem 2.2):
 *   half width = s sqrt( 2 (n rho^2 + 1) / (n^2 rho^2) * ln( sqrt(n rho^2 + 1) / alpha ) )
 * with n the sends of both arms and s^2 = n (var1/n1 + var0/n0). rho is chosen so that it is tightest at `tightAt` sends (their
 * appendix B.2). null while an arm has fewer than two sends.
 */
export function meanDifference(
  candidate: Moments,
  champion: Moments,
  alpha: number,
  tightAt = 20_000,
): MeanDifference | null {
  if (candidate.count < 2 || champion.count < 2) return null;
  const n = candidate.count + champion.count;
  const s = Math.sqrt(n * (variance(candidate) / candidate.count + variance(champion) / champion.count));
  const log = -2 * Math.log(alpha);
  const rhoSquared = (log + Math.log(log + 1)) / tightAt;
  const half =
    s *
    Math.sqrt(((2 * (n * rhoSquared + 1)) / (n * n * rhoSquared)) * Math.log(Math.sqrt(n * rhoSquared + 1) / alpha));
  const difference = mean(candidate) - mean(champion);
  return {
    candidate: mean(candidate),
    champion: mean(champion),
    difference,
    interval: [difference - half, difference + half],
  };
}
