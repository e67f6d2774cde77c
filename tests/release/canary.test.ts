import { describe, expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import { type CanaryCounts, checkCanary } from "../../release/canary/check-canary.ts";
import { meanDifference } from "../../release/canary/mean-difference.ts";
import {
  detectableRatio,
  detectionChance,
  logEvidence,
  normalCdf,
  type RateLook,
  ratioBounds,
  sendsNeeded,
} from "../../release/canary/rate-ratio.ts";

const seed = 20260131;

/** Poisson draw; normal approximation above 50. */
function poisson(random: () => number, mean: number): number {
  if (mean > 50) {
    const z = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * z));
  }
  const limit = Math.exp(-mean);
  let product = random();
  let n = 0;
  while (product > limit) {
    product *= random();
    n += 1;
  }
  return n;
}

/** Shares of simulated canaries that alarm, and the sends they took; the share of the candidate changes from look to look. */
function simulate(ratio: number, rate: number, perLook: number, looks: number, runs: number, alpha: number) {
  const random = seededRandom(seed);
  let alarms = 0;
  for (let run = 0; run < runs; run++) {
    const seen: RateLook[] = [];
    for (let look = 0; look < looks; look++) {
      const share = look < looks / 4 ? 0.05 : look < looks / 2 ? 0.25 : 0.5;
      const n1 = Math.round(perLook * share);
      const n0 = perLook - n1;
      seen.push({
        champion: { sends: n0, events: poisson(random, n0 * rate) },
        candidate: { sends: n1, events: poisson(random, n1 * rate * ratio) },
      });
      if (logEvidence(seen, 1) >= Math.log(1 / alpha)) {
        alarms += 1;
        break;
      }
    }
  }
  return alarms / runs;
}

describe("sequential test of a rate ratio", () => {
  test("when the arms are identical, then looks at every step alarm in at most alpha of the canaries", () => {
    const alpha = 0.05;
    const runs = 2_000;
    const alarms = simulate(1, 0.001, 4_000, 60, runs, alpha);
    // Three standard errors above alpha would still be compatible with alpha.
    expect(alarms, `seed ${seed}`).toBeLessThanOrEqual(alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / runs));
    expect(alarms).toBeGreaterThan(0);
  });

  test("when the candidate is better, then it alarms even less", () => {
    expect(simulate(0.7, 0.002, 4_000, 40, 500, 0.05)).toBeLessThan(0.02);
  });

  test("when complaints double or triple, then nearly every canary alarms", () => {
    expect(simulate(2, 0.002, 4_000, 60, 300, 0.02)).toBeGreaterThan(0.95);
    expect(simulate(3, 0.002, 4_000, 30, 300, 0.02)).toBeGreaterThan(0.95);
  });

  test("when its power is stated, then a simulation finds it so", () => {
    const random = seededRandom(seed);
    for (const [ratio, baseline] of [
      [2, 0.002],
      [1.5, 0.002],
    ] as const) {
      const question = { ratio, baseline, share: 0.5, alpha: 0.05 };
      const sends = sendsNeeded(question);
      const runs = 400;
      const steps = 40;
      let found = 0;
      for (let run = 0; run < runs; run++) {
        const looks: RateLook[] = [];
        for (let i = 0; i < steps; i++) {
          const n = sends / steps / 2;
          looks.push({
            champion: { sends: n, events: poisson(random, n * baseline) },
            candidate: { sends: n, events: poisson(random, n * baseline * ratio) },
          });
          if (logEvidence(looks, 1) >= Math.log(1 / question.alpha)) {
            found += 1;
            break;
          }
        }
      }
      // The formula uses one grid point where the test uses the whole mixture, so it may understate.
      expect(found / runs, `x${ratio}, seed ${seed}`).toBeGreaterThan(0.74);
      expect(found / runs).toBeLessThan(0.97);
    }
  });

  test("when +20 % at 0.1 % must be seen, then it takes hundreds of thousands of sends, as the arithmetic says", () => {
    const sends = sendsNeeded({ ratio: 1.2, baseline: 0.001, share: 0.5, alpha: 0.05 });
    // A single look at a fixed size takes about 340,000 an arm; looking all the time costs more.
    expect(sends / 2).toBeGreaterThan(340_000);
    expect(sends / 2).toBeLessThan(1_200_000);
  });

  test("when detection is asked both ways, then the answers agree", () => {
    const question = { baseline: 0.002, share: 0.3, alpha: 0.02 };
    const sends = sendsNeeded({ ...question, ratio: 1.8 });
    expect(detectableRatio(question, sends)).toBeCloseTo(1.8, 2);
    expect(detectionChance({ ...question, ratio: 1.8 }, sends)).toBeCloseTo(0.8, 2);
  });

  test("when there are bounds, then evidence is at its threshold on them and they hold the estimate", () => {
    const looks: RateLook[] = [
      { champion: { sends: 5_000, events: 40 }, candidate: { sends: 5_000, events: 55 } },
      { champion: { sends: 5_000, events: 44 }, candidate: { sends: 10_000, events: 120 } },
    ];
    const [low, high] = ratioBounds(looks, 0.05) as [number, number];
    expect(low).toBeLessThan(1.3);
    expect(high).toBeGreaterThan(1.3);
    expect(logEvidence(looks, low, 1)).toBeCloseTo(Math.log(20), 6);
    expect(logEvidence(looks, high, -1)).toBeCloseTo(Math.log(20), 6);
  });

  test("when there are no events or an arm has no sends, then there is no evidence", () => {
    const none: RateLook = { champion: { sends: 0, events: 0 }, candidate: { sends: 100, events: 3 } };
    expect(logEvidence([none], 1)).toBe(0);
    expect(ratioBounds([none], 0.05)).toEqual([null, null]);
  });

  test("when the normal distribution is asked, then it knows its table", () => {
    for (const [z, p] of [
      [0, 0.5],
      [1.959964, 0.975],
      [-1.281552, 0.1],
      [3.090232, 0.999],
    ] as const) {
      expect(normalCdf(z)).toBeCloseTo(p, 5);
    }
  });
});

describe("confidence sequence of a mean difference", () => {
  test("when both arms earn the same, then the interval holds zero at all looks together in 95 % of canaries", () => {
    const random = seededRandom(seed);
    const runs = 400;
    let misses = 0;
    for (let run = 0; run < runs; run++) {
      const arms = [0, 1].map(() => ({ count: 0, sum: 0, squares: 0 }));
      for (let look = 0; look < 40; look++) {
        for (const arm of arms) {
          for (let i = 0; i < 100; i++) {
            const spent = random() < 0.1 ? random() * 80 : 0;
            arm.count += 1;
            arm.sum += spent;
            arm.squares += spent * spent;
          }
        }
        const found = meanDifference(arms[0]!, arms[1]!, 0.05);
        if (found && (found.interval[0] > 0 || found.interval[1] < 0)) {
          misses += 1;
          break;
        }
      }
    }
    expect(misses / runs, `seed ${seed}`).toBeLessThanOrEqual(0.05);
  });
});

describe("canary check", () => {
  const arm = (sends: number, rates: { complaint: number; unsubscribe?: number; revenue?: number }) => ({
    sends,
    complaints: Math.round(sends * rates.complaint),
    unsubscribes: Math.round(sends * (rates.unsubscribe ?? 0.003)),
    clicks: Math.round(sends * 0.03),
    conversions: Math.round(sends * 0.005),
    revenue: sends * (rates.revenue ?? 0.2),
    revenue_squared: sends * 4,
  });
  const verdicts = (look: CanaryCounts) =>
    Object.fromEntries(checkCanary([look]).results.map((r) => [r.id, r.verdict]));

  test("when only complaints are worse, then only the complaint guardrail fails, with its bound", () => {
    const look = { champion: arm(20_000, { complaint: 0.001 }), candidate: arm(20_000, { complaint: 0.004 }) };
    expect(verdicts(look)).toMatchObject({ "canary-complaints": "fail", "canary-unsubscribes": "pass" });
    const result = checkCanary([look]).results[0];
    expect(result?.actual).toBeCloseTo(0.004, 6);
    expect(result?.expected).toBeCloseTo(0.0012, 6);
    expect(result?.interval[0]).toBeGreaterThan(1);
    expect(result?.note).toMatch(/to see \+20 % at 0\.100 % with 80 % chance takes [\d,]+ sends/);
  });

  test("when revenue per send collapses, then its guardrail fails", () => {
    const look = {
      champion: arm(50_000, { complaint: 0.001, revenue: 0.5 }),
      candidate: arm(50_000, { complaint: 0.001, revenue: 0.2 }),
    };
    expect(verdicts(look)["canary-revenue"]).toBe("fail");
  });

  test("when revenue is the same but not yet shown to be, then its guardrail does not pass, and more sends make it pass", () => {
    const look = (sends: number) => ({
      champion: arm(sends, { complaint: 0.001 }),
      candidate: arm(sends, { complaint: 0.001 }),
    });
    expect(verdicts(look(5_000))["canary-revenue"]).toBe("insufficient-evidence");
    expect(verdicts(look(400_000))["canary-revenue"]).toBe("pass");
  });

  test("when complaints are +20 % at 1,000 sends, then nobody is rolled back on noise", () => {
    const look = { champion: arm(10_000, { complaint: 0.001 }), candidate: arm(10_000, { complaint: 0.0013 }) };
    expect(verdicts(look)["canary-complaints"]).toBe("insufficient-evidence");
  });
});
