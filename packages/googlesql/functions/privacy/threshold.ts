/** From here on epsilon takes all noise away, as BigQuery documents it for looking at data that are not private. */
export const withoutNoise = 1e20;

/**
 * The least noisy number of privacy units that shows a group: a group of one unit comes through with a probability of at most
 * 1 - (1 - delta)^(1/groups), so that of all `groups` that only this unit is in, none does with 1 - delta. `rate` is that of the
 * discrete Laplace noise on the number of units.
 * Wilson et al., "Differentially private SQL with bounded user contribution" (PoPETs 2020, https://arxiv.org/abs/1909.01917), for
 * the law of whole numbers: P(Z >= m) = q^m / (1 + q) for m >= 0, q = exp(-rate).
 */
export function groupThreshold(epsilon: number, delta: number, groups: number, rate: number): number {
  if (delta <= 0) return 2 ** 53;
  if (epsilon >= withoutNoise) return 1;
  if (delta >= 1) return -(2 ** 53);
  const each = -Math.expm1(Math.log1p(-delta) / groups);
  const log1q = Math.log1p(Math.exp(-rate));
  // Rounding of these few steps must not let a smaller threshold through.
  const slack = 1e-9;
  const above = (-Math.log(each) - log1q) / rate + slack;
  if (above > 0) return Math.min(1 + Math.ceil(above), 2 ** 53);
  // P(Z >= -j) = 1 - q^(j + 1) / (1 + q)
  const below = Math.floor((-Math.log1p(-each) - log1q) / rate - 1 - slack);
  return Math.max(1 - Math.max(0, below), -(2 ** 53));
}
