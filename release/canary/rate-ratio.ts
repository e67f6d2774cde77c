/**
 * Is the candidate's event rate higher than the champion's? Watched as often as one likes.
 *
 * Given that an event (a complaint) happened, it is the candidate's with probability
 * theta(r) = r n1 / (n0 + r n1), where n0 and n1 are the sends of the look and r the ratio of the rates (Przyborowski &
 * Wilenski 1940, "Homogeneity of results in testing samples from Poisson series", Biometrika 31). The baseline rate drops out.
 *
 * The evidence against r <= r0 is the mixture likelihood ratio over a grid of r > r0 (Robbins 1970, "Statistical methods related
 * to the law of the iterated logarithm"; for A/B tests Johari, Pekelis & Walsh 2022, "Always valid inference", Operations
 * Research 70). Under every r <= r0 it is a non-negative supermartingale that begins at 1, so by Ville's inequality the chance
 * that it ever reaches 1/alpha is at most alpha: no matter how many looks there are, when they are, or when one stops.
 */
export interface RateLook {
  /** Since the look before. */
  readonly champion: { readonly sends: number; readonly events: number };
  readonly candidate: { readonly sends: number; readonly events: number };
}

/** How much worse the candidate may be, as factors; each gets the same weight. */
export const worseFactors = [1.1, 1.2, 1.35, 1.5, 1.75, 2, 2.5, 3, 4, 6] as const;

const theta = (ratio: number, look: Pick<RateLook, "champion" | "candidate">): number =>
  (ratio * look.candidate.sends) / (look.champion.sends + ratio * look.candidate.sends);

const logMeanExp = (values: readonly number[]): number => {
  const top = Math.max(...values);
  return top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0) / values.length);
};

/** Natural logarithm of the evidence that the ratio is above `ratio0` (`side` 1) or below it (`side` -1). */
export function logEvidence(looks: readonly RateLook[], ratio0: number, side: 1 | -1 = 1): number {
  const informative = looks.filter((l) => l.champion.sends > 0 && l.candidate.sends > 0);
  return logMeanExp(
    worseFactors.map((factor) => {
      const ratio = side === 1 ? ratio0 * factor : ratio0 / factor;
      return informative.reduce((sum, look) => {
        const p = theta(ratio, look);
        const p0 = theta(ratio0, look);
        return sum + look.candidate.events * Math.log(p / p0) + look.champion.events * Math.log((1 - p) / (1 - p0));
      }, 0);
    }),
  );
}

/** Always-valid bounds of the ratio, each with error `alpha`. null where the data bound nothing. */
export function ratioBounds(looks: readonly RateLook[], alpha: number): readonly [number | null, number | null] {
  const threshold = Math.log(1 / alpha);
  const search = (side: 1 | -1): number | null => {
    // Evidence for "above r0" falls as r0 rises, and the other way round: bisect on log r0.
    let rejected = side === 1 ? Math.log(1e-4) : Math.log(1e4);
    let kept = -rejected;
    if (logEvidence(looks, Math.exp(rejected), side) < threshold) return null;
    if (logEvidence(looks, Math.exp(kept), side) >= threshold) return Math.exp(kept);
    for (let i = 0; i < 60; i++) {
      const middle = (rejected + kept) / 2;
      if (logEvidence(looks, Math.exp(middle), side) >= threshold) rejected = middle;
      else kept = middle;
    }
    return Math.exp(rejected);
  };
  return [search(1), search(-1)];
}

/** Ratio of the rates, null while the champion has no events or an arm no sends. */
export function ratioEstimate(looks: readonly RateLook[]): number | null {
  const sum = (pick: (l: RateLook) => number) => looks.reduce((total, l) => total + pick(l), 0);
  const n0 = sum((l) => l.champion.sends);
  const n1 = sum((l) => l.candidate.sends);
  const x0 = sum((l) => l.champion.events);
  if (n0 === 0 || n1 === 0 || x0 === 0) return null;
  return sum((l) => l.candidate.events) / n1 / (x0 / n0);
}

/** Standard normal distribution function (Abramowitz & Stegun 7.1.26; error below 1.5e-7). */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp(-x * x);
  return z >= 0 ? 1 - tail : tail;
}

export interface PowerQuestion {
  /** True ratio of the rates. */
  readonly ratio: number;
  /** The champion's events per send. */
  readonly baseline: number;
  /** Share of the sends that the candidate gets. */
  readonly share: number;
  readonly alpha: number;
}

/**
 * Chance that the evidence has reached 1/alpha within `sends` sends of both arms together. The log likelihood ratio of the best
 * grid point is taken as a Brownian motion with its drift and variance, whose first passage is inverse Gaussian (Siegmund
 * 1985, "Sequential Analysis", ch. 3). A simulation in the tests holds it against the truth.
 */
export function detectionChance(question: PowerQuestion, sends: number): number {
  const { ratio, baseline, share, alpha } = question;
  const events = sends * baseline * (1 - share + share * ratio);
  const p = (share * ratio) / (1 - share + share * ratio);
  let best = 0;
  for (const factor of worseFactors) {
    const q = (share * factor) / (1 - share + share * factor);
    const up = Math.log(q / share);
    const down = Math.log((1 - q) / (1 - share));
    const drift = p * up + (1 - p) * down;
    if (drift <= 0) continue;
    const sigma = Math.sqrt(p * (1 - p)) * (up - down);
    const barrier = Math.log(worseFactors.length / alpha);
    const spread = sigma * Math.sqrt(events);
    const exponent = (2 * drift * barrier) / sigma ** 2;
    const reflected = exponent > 500 ? 0 : Math.exp(exponent) * normalCdf((-barrier - drift * events) / spread);
    best = Math.max(best, Math.min(1, normalCdf((drift * events - barrier) / spread) + reflected));
  }
  return best;
}

/** Sends of both arms together until a true `ratio` is seen with chance `power`. Infinity when it cannot be. */
export function sendsNeeded(question: PowerQuestion, power = 0.8): number {
  if (question.baseline <= 0 || question.ratio <= 1) return Number.POSITIVE_INFINITY;
  let low = 1;
  let high = 1;
  while (detectionChance(question, high) < power) {
    high *= 2;
    if (high > 1e13) return Number.POSITIVE_INFINITY;
  }
  low = high / 2;
  while (high - low > Math.max(1, high * 1e-3)) {
    const middle = (low + high) / 2;
    if (detectionChance(question, middle) < power) low = middle;
    else high = middle;
  }
  return Math.ceil(high);
}

/** The smallest ratio that so many sends would have shown with chance `power`; null above 100. */
export function detectableRatio(question: Omit<PowerQuestion, "ratio">, sends: number, power = 0.8): number | null {
  let low = 1;
  let high = 100;
  if (detectionChance({ ...question, ratio: high }, sends) < power) return null;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (detectionChance({ ...question, ratio: middle }, sends) < power) low = middle;
    else high = middle;
  }
  return high;
}
