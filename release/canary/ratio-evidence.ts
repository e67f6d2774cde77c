/**
 * Evidence about the ratio of two event rates that may be looked at as often as one likes.
 *
 * Given that an event (a complaint) about a send of one cohort happened, it is the candidate's with chance
 *   theta(r) = r n1 / (n0 + r n1)
 * where n1 and n0 are the cohort's sends and r the ratio of the rates (Przyborowski & Wilenski 1940, Biometrika 31). The rate itself, and whatever
 * moves it for both arms (an hour of the day, an outage), drops out, and with it the order in which complaints come in: each is
 * judged by the share that its own cohort was sent with.
 *
 * The evidence against "r = r0" is the likelihood ratio of a mixture of alternatives: a non-negative martingale that begins at 1, so by
 * Ville's inequality it ever reaches 1/alpha with chance at most alpha (Robbins 1970, Ann. Math. Statist. 41; Howard, Ramdas, McAuliffe & Sekhon 2021,
 * Annals of Statistics 49; for counts Lindon & Malek 2022, "Anytime-valid inference for multinomial count data", NeurIPS 35). All alternatives lie on
 * one side, so it is a supermartingale for every r beyond r0 too: the test is of "r >= r0" (or "r <= r0").
 *
 * Precondition: events are of different people (count a person's first), and both arms' outcomes are as old. That a send has one event at most,
 * where the law is of Poisson counts, makes the counts less dispersed and the error smaller, never larger.
 */
export interface Alternative {
  /** As a factor of r0. All of a mixture lie on one side of 1. */
  readonly factor: number;
  /** Share of the mixture; they add up to 1. */
  readonly weight: number;
}

const weighted = (pairs: readonly (readonly [number, number])[]): readonly Alternative[] => {
  const sum = pairs.reduce((total, [, weight]) => total + weight, 0);
  return pairs.map(([factor, weight]) => ({ factor, weight: weight / sum }));
};

/** Against "no more complaints than the champion": a tenth more to six times as many. */
export const worse = weighted([1.1, 1.2, 1.35, 1.5, 1.75, 2, 2.5, 3, 4, 6].map((factor) => [factor, 1] as const));

/**
 * Against "at least 1 + margin": half of the weight on the model that is as good as the champion, for which the test then is the fastest there is but
 * for ln 2 (Grünwald, de Heide & Koolen 2024, "Safe testing", JRSS B 86), the rest on better and slightly worse ones.
 */
export const notWorse = (margin: number): readonly Alternative[] => {
  const line = Math.log1p(margin);
  return weighted(
    (
      [
        [0.6, 0.1],
        [0, 0.5],
        [-0.6, 0.14],
        [-1.3, 0.12],
        [-2.6, 0.08],
        [-5.5, 0.06],
      ] as const
    ).map(([k, weight]) => [Math.exp(line * (k - 1)), weight] as const),
  );
};

/** What one event of either arm adds to each alternative's log likelihood ratio; a function of r0 and the cohort's sends. */
export interface EventWeights {
  readonly candidate: Float64Array;
  readonly champion: Float64Array;
}

export function eventWeights(
  ratio0: number,
  alternatives: readonly Alternative[],
  sends: { readonly candidate: number; readonly champion: number },
): EventWeights {
  const theta = (ratio: number) => (ratio * sends.candidate) / (sends.champion + ratio * sends.candidate);
  const p0 = theta(ratio0);
  const p = alternatives.map(({ factor }) => theta(ratio0 * factor));
  return {
    candidate: Float64Array.from(p, (p1) => Math.log(p1 / p0)),
    champion: Float64Array.from(p, (p1) => Math.log((1 - p1) / (1 - p0))),
  };
}

/** Gathers the evidence, cohort after cohort; events of a cohort may be added as they come in. */
export class RatioEvidence {
  readonly #logWeights: Float64Array;
  readonly #sums: Float64Array;
  #log = 0;
  #isFresh = true;

  constructor(alternatives: readonly Alternative[]) {
    this.#logWeights = Float64Array.from(alternatives, ({ weight }) => Math.log(weight));
    this.#sums = Float64Array.from(this.#logWeights);
  }

  add(weights: EventWeights, candidateEvents: number, championEvents: number): void {
    if (candidateEvents === 0 && championEvents === 0) return;
    const sums = this.#sums;
    for (let k = 0; k < sums.length; k++) {
      sums[k] =
        (sums[k] as number) +
        candidateEvents * (weights.candidate[k] as number) +
        championEvents * (weights.champion[k] as number);
    }
    this.#isFresh = false;
  }

  /** Back to no evidence, for the next simulated canary. */
  reset(): void {
    this.#sums.set(this.#logWeights);
    this.#log = 0;
    this.#isFresh = true;
  }

  /** Natural logarithm of the evidence. */
  log(): number {
    if (!this.#isFresh) {
      let top = Number.NEGATIVE_INFINITY;
      for (const v of this.#sums) if (v > top) top = v;
      let sum = 0;
      for (const v of this.#sums) sum += Math.exp(v - top);
      this.#log = top + Math.log(sum);
      this.#isFresh = true;
    }
    return this.#log;
  }

  /** Whether the evidence is at least 1/alpha; the sum of few terms is only formed where it could be. */
  reaches(alpha: number): boolean {
    const threshold = -Math.log(alpha);
    if (!this.#isFresh) {
      let top = Number.NEGATIVE_INFINITY;
      for (const v of this.#sums) if (v > top) top = v;
      if (top + Math.log(this.#sums.length) < threshold) return false;
    }
    return this.log() >= threshold;
  }
}

/** Sends and events of both arms of one cohort. */
export interface RateCohort {
  readonly candidate: { readonly sends: number; readonly events: number };
  readonly champion: { readonly sends: number; readonly events: number };
}

const informs = ({ candidate, champion }: RateCohort): boolean => candidate.sends > 0 && champion.sends > 0;

/** Log evidence of all cohorts against a ratio. */
export function logEvidence(
  cohorts: readonly RateCohort[],
  ratio0: number,
  alternatives: readonly Alternative[],
): number {
  const evidence = new RatioEvidence(alternatives);
  for (const cohort of cohorts) {
    if (!informs(cohort)) continue;
    const sends = { candidate: cohort.candidate.sends, champion: cohort.champion.sends };
    evidence.add(eventWeights(ratio0, alternatives, sends), cohort.candidate.events, cohort.champion.events);
  }
  return evidence.log();
}

/**
 * The end of the confidence sequence of the ratio on one side: with `worse` the lower, with `notWorse` the upper bound; it is
 * beyond the truth at any look ever with chance at most alpha. null where the data bound nothing. The upper one is below 1 + margin exactly
 * where the evidence against 1 + margin has reached 1/alpha: with a factor's side fixed, the evidence is monotone in the ratio.
 */
export function ratioBound(
  cohorts: readonly RateCohort[],
  alpha: number,
  alternatives: readonly Alternative[],
): number | null {
  const threshold = -Math.log(alpha);
  const isLower = (alternatives[0]?.factor ?? 1) > 1;
  let rejected = Math.log(isLower ? 1e-4 : 1e4);
  let kept = -rejected;
  if (logEvidence(cohorts, Math.exp(rejected), alternatives) < threshold) return null;
  if (logEvidence(cohorts, Math.exp(kept), alternatives) >= threshold) return Math.exp(kept);
  for (let i = 0; i < 50; i++) {
    const middle = (rejected + kept) / 2;
    if (logEvidence(cohorts, Math.exp(middle), alternatives) >= threshold) rejected = middle;
    else kept = middle;
  }
  return Math.exp(rejected);
}

/**
 * Ratio of the rates over cohorts of changing shares (Mantel & Haenszel 1959): within each cohort the arms are compared, never
 * one arm's good hour with the other's bad one. null while the champion has no event beside sends of the candidate.
 */
export function ratioEstimate(cohorts: readonly RateCohort[]): number | null {
  let above = 0;
  let below = 0;
  for (const { candidate, champion } of cohorts) {
    const sends = candidate.sends + champion.sends;
    if (sends === 0) continue;
    above += (candidate.events * champion.sends) / sends;
    below += (champion.events * candidate.sends) / sends;
  }
  return below > 0 ? above / below : null;
}
