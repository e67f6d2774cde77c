import type { RateRule } from "./canary-policy.ts";
import { type EventWeights, eventWeights, notWorse, RatioEvidence, worse } from "./ratio-evidence.ts";

export type RateVerdict = "pass" | "fail" | "insufficient-evidence";

/** What the events of one cohort weigh in both tests; made once per number of sends of both arms. */
export interface CohortWeights {
  readonly harm: EventWeights;
  readonly pass: EventWeights;
  /** The candidate's share of the cohort's sends, for the estimate. */
  readonly share: number;
}

/** What of a rule the judge goes by, whatever it counts. */
export type JudgedRule = Pick<RateRule, "role" | "margin" | "harm_error" | "pass_error" | "least_outcomes">;

/**
 * Judges one rate, and is the code behind checks, plans and simulations alike.
 *
 * fail: the evidence against "no worse than the champion" has reached 1/harm_error and the best estimate is beyond the margin. Outcomes count as
 * soon as they are known, each in the cohort of its send: a model no worse at any age of a send never has more than the promised error.
 * pass: the evidence against "at the line or beyond" has reached 1/pass_error, that is, the confidence sequence of the ratio lies below
 * 1 + margin; outcomes of mature cohorts only, so that a model cannot pass by being complained of later.
 */
export class RateJudge {
  readonly #rule: JudgedRule;
  readonly #harm: RatioEvidence;
  readonly #pass: RatioEvidence;
  readonly #weights = new Map<string, CohortWeights>();
  readonly #notWorse;
  #above = 0;
  #below = 0;
  #mature = 0;
  #verdict: RateVerdict | null = null;

  constructor(rule: JudgedRule) {
    this.#rule = rule;
    this.#notWorse = notWorse(rule.margin);
    this.#harm = new RatioEvidence(worse);
    this.#pass = new RatioEvidence(this.#notWorse);
  }

  reset(): void {
    this.#harm.reset();
    this.#pass.reset();
    this.#above = 0;
    this.#below = 0;
    this.#mature = 0;
    this.#verdict = null;
  }

  /** null when an arm has no sends: such a cohort says nothing. */
  weights(candidateSends: number, championSends: number): CohortWeights | null {
    if (candidateSends <= 0 || championSends <= 0) return null;
    const key = `${candidateSends}/${championSends}`;
    let found = this.#weights.get(key);
    if (!found) {
      const sends = { candidate: candidateSends, champion: championSends };
      found = {
        harm: eventWeights(1, worse, sends),
        pass: eventWeights(1 + this.#rule.margin, this.#notWorse, sends),
        share: candidateSends / (candidateSends + championSends),
      };
      this.#weights.set(key, found);
    }
    return found;
  }

  /** Outcomes that have become known, at whatever age. */
  known(weights: CohortWeights, candidate: number, champion: number): void {
    if (candidate === 0 && champion === 0) return;
    this.#verdict = null;
    this.#harm.add(weights.harm, candidate, champion);
    this.#above += candidate * (1 - weights.share);
    this.#below += champion * weights.share;
  }

  /** All outcomes of a cohort that has matured. */
  matured(weights: CohortWeights, candidate: number, champion: number): void {
    if (candidate === 0 && champion === 0) return;
    this.#verdict = null;
    this.#pass.add(weights.pass, candidate, champion);
    this.#mature += candidate + champion;
  }

  /** Mantel and Haenszel's ratio over all cohorts; null without an event of the champion. */
  get estimate(): number | null {
    return this.#below > 0 ? this.#above / this.#below : null;
  }

  get matureOutcomes(): number {
    return this.#mature;
  }

  verdict(): RateVerdict {
    this.#verdict ??= this.#judge();
    return this.#verdict;
  }

  #judge(): RateVerdict {
    const { margin, harm_error, pass_error, least_outcomes, role } = this.#rule;
    const isBeyond = this.#above > (1 + margin) * this.#below;
    if (isBeyond) return this.#harm.reaches(harm_error) ? "fail" : "insufficient-evidence";
    const isShown = role === "promotes" && this.#mature >= least_outcomes && this.#pass.reaches(pass_error);
    return isShown ? "pass" : "insufficient-evidence";
  }
}
