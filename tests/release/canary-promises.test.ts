import { describe, expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import { type CanaryPolicy, canaryPolicy, defaultCanaryPolicy } from "../../release/canary/canary-policy.ts";
import { normalDraw, poissonDraw } from "../../release/canary/draws.ts";
import { growthBookVerdict } from "../../release/canary/other-methods.ts";
import { planCanary } from "../../release/canary/plan-canary.ts";
import { RateJudge } from "../../release/canary/rate-judge.ts";
import {
  logEvidence,
  notWorse,
  type RateCohort,
  ratioBound,
  ratioEstimate,
  worse,
} from "../../release/canary/ratio-evidence.ts";
import { noPeople, type PersonSums, revenueDifference } from "../../release/canary/revenue-difference.ts";
import { logMismatch } from "../../release/canary/sample-ratio.ts";
import { CanarySimulator, type CanaryWorld, shareByLook } from "../../release/canary/simulate-canary.ts";

const seed = 20260131;

/** Shares of canaries promoted and rolled back. */
function outcomes(ratio: number, world: Partial<CanaryWorld>, canaries: number, policy: Partial<CanaryPolicy> = {}) {
  const simulator = new CanarySimulator({
    policy: { ...defaultCanaryPolicy, ramp: [{ share: 0.5, hours: 1 }], ...policy },
    sendsPerLook: 10_000,
    rates: { complaints: 0.001 },
    ratios: { complaints: ratio },
    delayHours: 12,
    ...world,
  });
  const random = seededRandom(seed);
  const ends = Array.from({ length: canaries }, () => simulator.run(random).verdict);
  const share = (kind: string) => ends.filter((verdict) => verdict === kind).length / canaries;
  return { promoted: share("pass"), rolledBack: share("fail") };
}

/** Three standard errors above a promise would still be compatible with it. */
const most = (error: number, canaries: number) => error + 3 * Math.sqrt((error * (1 - error)) / canaries);

describe("what a canary promises, hourly looks over four weeks", () => {
  const sizes: readonly (readonly [number, number])[] = [
    [1_000, 0.1],
    [4_000, 0.5],
    [10_000, 0.01],
    [100_000, 0.5],
  ];
  test.each(sizes)(
    "when %i sends a look meet a share of %d, then the errors stay within the promise",
    (sendsPerLook, share) => {
      const canaries = 300;
      const ramp = [{ share, hours: 1 }];
      const at = (ratio: number) => outcomes(ratio, { sendsPerLook }, canaries, { ramp });
      expect(at(1).rolledBack).toBeLessThanOrEqual(most(0.05, canaries));
      expect(at(1.2).promoted).toBeLessThanOrEqual(most(0.05, canaries));
      expect(at(1.5).promoted).toBeLessThanOrEqual(most(0.01, canaries));
    },
  );

  test("when all metrics and revenue are watched on a ramp with outcomes a day late, then an identical model is rolled back in 5 % at most", () => {
    const rates = { complaints: 0.001, unsubscribes: 0.003, deferrals: 0.01, negatives: 0.004 };
    const found = outcomes(1, { rates, delayHours: 24, revenue: { mean: 0.2, deviation: 3, factor: 1 } }, 300, {
      ramp: defaultCanaryPolicy.ramp,
    });
    expect(found.rolledBack).toBeLessThanOrEqual(most(0.05, 300));
    expect(found.promoted).toBeGreaterThan(0.9);
  });

  test("when a model is better or clearly worse, then it gets its verdict", () => {
    expect(outcomes(0.8, {}, 100).promoted).toBeGreaterThan(0.97);
    expect(outcomes(1.5, {}, 100).rolledBack).toBeGreaterThan(0.97);
    expect(outcomes(2, { sendsPerLook: 4_000 }, 100).rolledBack).toBeGreaterThan(0.97);
  });

  test("when GrowthBook's method looks at few complaints, then it promotes +50 % where ours does not", () => {
    const simulator = new CanarySimulator({
      policy: { ...defaultCanaryPolicy, ramp: [{ share: 0.5, hours: 1 }] },
      sendsPerLook: 4_000,
      rates: { complaints: 0.001 },
      ratios: { complaints: 1.5 },
      delayHours: 12,
    });
    const random = seededRandom(seed);
    const theirs = Array.from({ length: 200 }, () => simulator.run(random, (totals) => growthBookVerdict(totals, 0.2)));
    expect(theirs.filter(({ verdict }) => verdict === "pass").length / 200).toBeGreaterThan(0.02);
    expect(outcomes(1.5, { sendsPerLook: 4_000 }, 200).promoted).toBe(0);
  });
});

describe("evidence about a ratio", () => {
  const cohorts: readonly RateCohort[] = [
    { champion: { sends: 5_000, events: 40 }, candidate: { sends: 5_000, events: 55 } },
    { champion: { sends: 5_000, events: 44 }, candidate: { sends: 10_000, events: 120 } },
  ];

  test("when there are bounds, then the evidence is at its threshold on them and they hold the estimate", () => {
    const low = ratioBound(cohorts, 0.05, worse) as number;
    const high = ratioBound(cohorts, 0.05, notWorse(0.2)) as number;
    const estimate = ratioEstimate(cohorts) as number;
    expect(low).toBeLessThan(estimate);
    expect(high).toBeGreaterThan(estimate);
    expect(logEvidence(cohorts, low, worse)).toBeCloseTo(Math.log(20), 6);
    expect(logEvidence(cohorts, high, notWorse(0.2))).toBeCloseTo(Math.log(20), 6);
  });

  test("when an arm has no sends or nobody complained, then there is no evidence", () => {
    const none: RateCohort = { champion: { sends: 0, events: 0 }, candidate: { sends: 100, events: 3 } };
    expect(logEvidence([none], 1, worse)).toBe(0);
    expect(ratioBound([none], 0.05, worse)).toBeNull();
    expect(ratioEstimate([none])).toBeNull();
  });

  test("when the share changes while the rate doubles for both, then the estimate compares within cohorts", () => {
    const changing: readonly RateCohort[] = [
      { champion: { sends: 90_000, events: 90 }, candidate: { sends: 10_000, events: 10 } },
      { champion: { sends: 50_000, events: 100 }, candidate: { sends: 50_000, events: 100 } },
    ];
    expect(ratioEstimate(changing)).toBeCloseTo(1, 10);
    expect(logEvidence(changing, 1, worse)).toBeLessThan(0);
  });

  test("when complaints come after the last send, then they are judged", () => {
    const judge = new RateJudge(defaultCanaryPolicy.rates[0]!);
    const weights = judge.weights(10_000, 10_000)!;
    expect(judge.verdict()).toBe("insufficient-evidence");
    judge.known(weights, 100, 10);
    expect(judge.verdict()).toBe("fail");
  });

  test("when no outcome has matured, then nothing passes, however good it looks", () => {
    const judge = new RateJudge(defaultCanaryPolicy.rates[0]!);
    const weights = judge.weights(50_000, 50_000)!;
    judge.known(weights, 10, 500);
    expect(judge.verdict()).toBe("insufficient-evidence");
    judge.matured(weights, 10, 500);
    expect(judge.verdict()).toBe("pass");
  });

  test("when a leading indicator looks good, then it does not promote", () => {
    const judge = new RateJudge(defaultCanaryPolicy.rates[1]!);
    const weights = judge.weights(50_000, 50_000)!;
    judge.matured(weights, 10, 500);
    expect(judge.verdict()).toBe("insufficient-evidence");
  });
});

describe("sample ratio", () => {
  test("when people land as planned, then a mismatch is called in at most its error over all looks", () => {
    const random = seededRandom(seed);
    let alarms = 0;
    for (let run = 0; run < 400; run++) {
      let [a, b] = [0, 0];
      for (let look = 0; look < 50; look++) {
        for (let i = 0; i < 100; i++) random() < 0.05 ? a++ : b++;
        if (logMismatch([{ share: 0.05, candidate: a, champion: b }]) >= Math.log(20)) {
          alarms += 1;
          break;
        }
      }
    }
    expect(alarms / 400).toBeLessThanOrEqual(most(0.05, 400));
  });

  test("when a fifth of the candidate's people get lost, then it is seen", () => {
    expect(logMismatch([{ share: 0.1, candidate: 4_000, champion: 45_000 }])).toBeGreaterThan(Math.log(1_000));
    expect(logMismatch([{ share: 0.1, candidate: 5_000, champion: 45_000 }])).toBeLessThan(0);
  });
});

describe("revenue per send", () => {
  /** Sums of simulated people: some buy more by nature, before and during; each is mailed one to three times. */
  function people(random: () => number, n: number, lift: number): PersonSums {
    const sums = { ...noPeople };
    for (let i = 0; i < n; i++) {
      const sends = 1 + Math.floor(3 * random());
      const taste = random() < 0.3 ? 20 * random() : 0;
      const before = taste * (0.7 + 0.6 * random());
      let revenue = 0;
      for (let s = 0; s < sends; s++) revenue += lift + taste * (0.7 + 0.6 * random());
      sums.people += 1;
      sums.sends += sends;
      sums.sends_squared += sends ** 2;
      sums.revenue += revenue;
      sums.revenue_squared += revenue ** 2;
      sums.revenue_sends += revenue * sends;
      sums.before += before;
      sums.before_squared += before ** 2;
      sums.before_sends += before * sends;
      sums.before_revenue += before * revenue;
    }
    return sums;
  }
  const add = (a: PersonSums, b: PersonSums) =>
    Object.fromEntries(Object.entries(a).map(([k, v]) => [k, v + b[k as keyof PersonSums]])) as unknown as PersonSums;

  test("when both arms earn the same, then the interval holds zero at all looks together in 95 % of canaries", () => {
    const random = seededRandom(seed);
    let misses = 0;
    for (let run = 0; run < 200; run++) {
      let arms: readonly [PersonSums, PersonSums] = [noPeople, noPeople];
      for (let look = 0; look < 15; look++) {
        arms = [add(arms[0], people(random, 60, 0)), add(arms[1], people(random, 60, 0))];
        const found = revenueDifference(arms[0], arms[1], 0.05);
        if (found && (found.interval[0] > 0 || found.interval[1] < 0)) {
          misses += 1;
          break;
        }
      }
    }
    expect(misses / 200).toBeLessThanOrEqual(most(0.05, 200));
  });

  test("when the time before explains people's spending, then the interval is narrower and still holds the lift", () => {
    const random = seededRandom(seed);
    const [candidate, champion] = [people(random, 6_000, 0.5), people(random, 6_000, 0)];
    const adjusted = revenueDifference(candidate, champion, 0.05)!;
    const plain = revenueDifference(
      { ...candidate, before: 0, before_squared: 0, before_sends: 0, before_revenue: 0 },
      { ...champion, before: 0, before_squared: 0, before_sends: 0, before_revenue: 0 },
      0.05,
    )!;
    const width = ({ interval: [low, high] }: { interval: readonly [number, number] }) => high - low;
    expect(adjusted.explained).toBeGreaterThan(0.5);
    expect(plain.explained).toBe(0);
    expect(width(adjusted)).toBeLessThan(0.8 * width(plain));
    expect(adjusted.interval[0]).toBeLessThan(0.5);
    expect(adjusted.interval[1]).toBeGreaterThan(0.5);
  });
});

describe("plan", () => {
  const traffic = { rates: { complaints: 0.001 }, delayHours: 12 };
  const options = { canaries: 120, seed, random: seededRandom };

  test("when traffic is plenty, then the plan keeps its promise and says by when", () => {
    const plan = planCanary(defaultCanaryPolicy, { ...traffic, sendsPerDay: 400_000 }, options);
    expect(plan.isBlind).toBe(false);
    expect(plan.ratios.map(({ ratio }) => ratio)).toEqual([0.8, 1, 1.2, 1.5, 2]);
    const identical = plan.ratios.find(({ ratio }) => ratio === 1)!;
    expect(identical.days.at(-1)?.pass).toBe(identical.pass);
    expect(identical.days[2]?.pass).toBe(0);
    expect(identical.pass + identical.fail + identical.undecided).toBeCloseTo(1, 10);
    expect(plan.proposal?.days).toBeLessThanOrEqual(defaultCanaryPolicy.days);
  });

  test("when traffic is thin, then it is called blind", () => {
    const plan = planCanary(defaultCanaryPolicy, { ...traffic, sendsPerDay: 2_000 }, options);
    expect(plan.isBlind).toBe(true);
    expect(plan.sees.some(({ chance, promised }) => chance < promised)).toBe(true);
    expect(plan.proposal).toBeNull();
  });

  test("when a ramp is planned, then each step lasts its hours and the last one stays", () => {
    const ramp = [
      { share: 0.01, hours: 2 },
      { share: 0.1, hours: 3 },
      { share: 0.5, hours: 1 },
    ];
    expect([...shareByLook({ ...defaultCanaryPolicy, ramp }, 8)]).toEqual([0.01, 0.01, 0.1, 0.1, 0.1, 0.5, 0.5, 0.5]);
  });
});

test("when harm errors add up to more than 5 % or a ramp shrinks, then the policy is refused", () => {
  const rates = defaultCanaryPolicy.rates.map((rule) => ({ ...rule, harm_error: 0.02 }));
  expect(canaryPolicy.safeParse({ ...defaultCanaryPolicy, rates }).success).toBe(false);
  const ramp = [
    { share: 0.5, hours: 1 },
    { share: 0.1, hours: 1 },
  ];
  expect(canaryPolicy.safeParse({ ...defaultCanaryPolicy, ramp }).success).toBe(false);
  expect(canaryPolicy.safeParse(defaultCanaryPolicy).success).toBe(true);
});

test("when numbers are drawn, then they have their mean and variance", () => {
  const random = seededRandom(seed);
  for (const mean of [0.3, 5, 11.9, 12.1, 80]) {
    const drawn = Array.from({ length: 20_000 }, () => poissonDraw(random, mean));
    const average = drawn.reduce((a, b) => a + b, 0) / drawn.length;
    const variance = drawn.reduce((a, b) => a + (b - average) ** 2, 0) / drawn.length;
    expect(Math.abs(average - mean)).toBeLessThan(4 * Math.sqrt(mean / drawn.length));
    expect(variance / mean).toBeGreaterThan(0.94);
    expect(variance / mean).toBeLessThan(1.06);
  }
  const normal = Array.from({ length: 20_000 }, () => normalDraw(random));
  expect(Math.abs(normal.reduce((a, b) => a + b, 0) / normal.length)).toBeLessThan(0.03);
});
