import type { CanaryPolicy, RateRule } from "./canary-policy.ts";
import { normalDraw, poissonDraw } from "./draws.ts";
import { type CanaryVerdict, overallVerdict, revenueVerdict } from "./overall.ts";
import { type CohortWeights, RateJudge } from "./rate-judge.ts";
import { noPeople, type PersonSums, revenueDifference } from "./revenue-difference.ts";

/** A world for canaries to be run in: traffic, rates, how late outcomes come. One look is the unit of time. */
export interface CanaryWorld {
  readonly policy: CanaryPolicy;
  readonly sendsPerLook: number;
  /** The champion's outcomes per send, by metric; a metric of the policy that is not here is not judged. */
  readonly rates: Readonly<Partial<Record<RateRule["metric"], number>>>;
  /** True ratio candidate to champion, by metric; 1 where it is not given. */
  readonly ratios: Readonly<Partial<Record<RateRule["metric"], number>>>;
  /** Revenue per send: mean, standard deviation, the candidate's as a factor. */
  readonly revenue?: { readonly mean: number; readonly deviation: number; readonly factor: number } | undefined;
  /** Mean hours between a send and its outcome (exponential). */
  readonly delayHours: number;
}

export interface CanaryEnd {
  readonly verdict: CanaryVerdict;
  /** 1-based look of the verdict; of the last look where there was none. */
  readonly look: number;
}

/** One look as others may judge it too: sends and outcomes of the cohorts that have matured, so far. */
export interface MatureTotals {
  candidateSends: number;
  championSends: number;
  candidate: number;
  champion: number;
}

interface Metric {
  readonly judge: RateJudge;
  readonly role: RateRule["role"];
  readonly rate: number;
  readonly ratio: number;
  /** [look * steps + step]: outcomes that become known at the look, of cohorts sent in the step. */
  readonly candidateKnown: Int32Array;
  readonly championKnown: Int32Array;
  readonly candidateSent: Int32Array;
  readonly championSent: Int32Array;
  readonly weights: readonly (CohortWeights | null)[];
}

const quantiles = 4096;

/** The candidate's share at each look, as the ramp has it. */
export function shareByLook(policy: CanaryPolicy, looks: number): Float64Array {
  const shares = new Float64Array(looks);
  let step = 0;
  let left = policy.ramp[0]?.hours ?? 0;
  for (let look = 0; look < looks; look++) {
    while (left <= 0 && step < policy.ramp.length - 1) {
      step += 1;
      left += policy.ramp[step]?.hours ?? 0;
    }
    shares[look] = policy.ramp[step]?.share ?? 0;
    left -= policy.look_every_hours;
  }
  return shares;
}

/**
 * Runs canaries of one world, each with looks until a verdict or the policy's last day, through the judges that judge real ones. Given the sends, a
 * cohort's outcomes are Poisson, each known after its own delay; they are drawn by cohort, so the work is by outcome and look, not by send.
 */
export class CanarySimulator {
  readonly looks: number;
  readonly #world: CanaryWorld;
  readonly #metrics: readonly Metric[];
  readonly #steps: number;
  readonly #stepOf: Uint8Array;
  readonly #sends: readonly { readonly candidate: number; readonly champion: number }[];
  readonly #matureLooks: number;
  /** Looks between a send and its outcome, one entry per quantile. */
  readonly #delays: Int32Array;

  constructor(world: CanaryWorld) {
    const { policy } = world;
    this.#world = world;
    this.looks = Math.max(1, Math.round((24 * policy.days) / policy.look_every_hours));
    this.#matureLooks = Math.max(1, Math.ceil(policy.matures_after_hours / policy.look_every_hours));
    this.#delays = Int32Array.from({ length: quantiles }, (_, i) => {
      const hours = -world.delayHours * Math.log(1 - (i + 0.5) / quantiles);
      return Math.min(this.#matureLooks - 1, Math.floor(hours / policy.look_every_hours));
    });
    const shares = shareByLook(policy, this.looks);
    const distinct = [...new Set(shares)];
    this.#steps = distinct.length;
    this.#stepOf = Uint8Array.from(shares, (s) => distinct.indexOf(s));
    this.#sends = distinct.map((s) => {
      const candidate = Math.max(1, Math.round(world.sendsPerLook * s));
      return { candidate, champion: Math.max(1, world.sendsPerLook - candidate) };
    });
    const size = (this.looks + this.#matureLooks + 1) * this.#steps;
    this.#metrics = policy.rates.flatMap((rule) => {
      const rate = world.rates[rule.metric];
      if (rate === undefined) return [];
      const judge = new RateJudge(rule);
      return [
        {
          judge,
          role: rule.role,
          rate,
          ratio: world.ratios[rule.metric] ?? 1,
          candidateKnown: new Int32Array(size),
          championKnown: new Int32Array(size),
          candidateSent: new Int32Array(this.looks),
          championSent: new Int32Array(this.looks),
          weights: this.#sends.map(({ candidate, champion }) => judge.weights(candidate, champion)),
        },
      ];
    });
  }

  /**
   * One canary. `watch` sees the first metric's mature totals at each look, and may end it with a verdict of its own: other
   * methods are compared on the same draws.
   */
  run(random: () => number, watch?: (totals: MatureTotals, look: number) => CanaryVerdict | null): CanaryEnd {
    for (const metric of this.#metrics) {
      metric.judge.reset();
      metric.candidateKnown.fill(0);
      metric.championKnown.fill(0);
    }
    const totals: MatureTotals = { candidateSends: 0, championSends: 0, candidate: 0, champion: 0 };
    const money = { candidate: { ...noPeople }, champion: { ...noPeople } };
    for (let look = 0; look < this.looks; look++) {
      const step = this.#stepOf[look] as number;
      const sends = this.#sends[step] as { candidate: number; champion: number };
      for (const metric of this.#metrics) this.#send(metric, look, step, sends, random);
      for (const metric of this.#metrics) this.#learn(metric, look);
      const cohort = look - this.#matureLooks;
      if (cohort >= 0 && this.#metrics[0]) {
        const sent = this.#sends[this.#stepOf[cohort] as number] as { candidate: number; champion: number };
        totals.candidateSends += sent.candidate;
        totals.championSends += sent.champion;
        totals.candidate += this.#metrics[0].candidateSent[cohort] as number;
        totals.champion += this.#metrics[0].championSent[cohort] as number;
      }
      const verdict = watch ? watch(totals, look) : this.#verdict(money, sends, random);
      if (verdict === "pass" || verdict === "fail") return { verdict, look: look + 1 };
    }
    return { verdict: "insufficient-evidence", look: this.looks };
  }

  #send(
    metric: Metric,
    look: number,
    step: number,
    sends: { readonly candidate: number; readonly champion: number },
    random: () => number,
  ): void {
    const x1 = poissonDraw(random, sends.candidate * metric.rate * metric.ratio);
    const x0 = poissonDraw(random, sends.champion * metric.rate);
    metric.candidateSent[look] = x1;
    metric.championSent[look] = x0;
    for (let i = 0; i < x1; i++) this.#tell(metric.candidateKnown, look, step, random);
    for (let i = 0; i < x0; i++) this.#tell(metric.championKnown, look, step, random);
  }

  #tell(known: Int32Array, look: number, step: number, random: () => number): void {
    const delay = this.#delays[Math.floor(random() * quantiles)] as number;
    const at = (look + delay) * this.#steps + step;
    known[at] = (known[at] as number) + 1;
  }

  #learn(metric: Metric, look: number): void {
    for (let step = 0; step < this.#steps; step++) {
      const at = look * this.#steps + step;
      const weights = metric.weights[step];
      if (weights) metric.judge.known(weights, metric.candidateKnown[at] as number, metric.championKnown[at] as number);
    }
    const cohort = look - this.#matureLooks;
    if (cohort < 0) return;
    const weights = metric.weights[this.#stepOf[cohort] as number];
    if (weights)
      metric.judge.matured(weights, metric.candidateSent[cohort] as number, metric.championSent[cohort] as number);
  }

  #verdict(
    money: { candidate: PersonSums; champion: PersonSums },
    sends: { readonly candidate: number; readonly champion: number },
    random: () => number,
  ): CanaryVerdict {
    const { revenue, policy } = this.#world;
    const rates = this.#metrics.map(({ role, judge }) => ({ role, verdict: judge.verdict() }));
    if (!revenue || !policy.revenue) return overallVerdict(rates, null, false);
    money.candidate = earn(money.candidate, sends.candidate, revenue.mean * revenue.factor, revenue.deviation, random);
    money.champion = earn(money.champion, sends.champion, revenue.mean, revenue.deviation, random);
    const found = revenueDifference(money.candidate, money.champion, policy.revenue.harm_error);
    const people = Math.min(money.candidate.people, money.champion.people);
    return overallVerdict(rates, revenueVerdict(policy.revenue, found, people), false);
  }
}

/** A look's sends to as many people, their revenue as its sum would be. */
function earn(sums: PersonSums, sends: number, mean: number, deviation: number, random: () => number): PersonSums {
  const revenue = sends * mean + Math.sqrt(sends) * deviation * normalDraw(random);
  return {
    ...sums,
    people: sums.people + sends,
    sends: sums.sends + sends,
    sends_squared: sums.sends_squared + sends,
    revenue: sums.revenue + revenue,
    revenue_squared: sums.revenue_squared + sends * (deviation ** 2 + mean ** 2),
    revenue_sends: sums.revenue_sends + revenue,
  };
}
