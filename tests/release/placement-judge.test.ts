import { describe, expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import { canaryPolicy, defaultCanaryPolicy } from "../../release/canary/canary-policy.ts";
import { checkCanary } from "../../release/canary/check-canary.ts";
import { noMessages, type PlacementCohort } from "../../release/canary/evidence.ts";
import { checkPlacement, judgePlacement } from "../../release/canary/placement-judge.ts";

const rule = { margin: 0.5, harm_error: 0.05, owner: "deliverability" };
const isps = ["gmail", "yahoo", "outlook"];

interface World {
  readonly seeds: number;
  readonly share: number;
  /** How likely a mail of the candidate is misplaced, as a factor of the champion's. */
  readonly factor: number;
  /** Every report counts, not those up to a seed's first misplaced mail. */
  readonly everyReport?: boolean;
}

/**
 * One canary of two weeks of seed tests, six a day, looked at after each: most seeds seldom find mail in spam, a tenth nearly always do whoever sends, and on one
 * test in ten a provider puts most of everybody's mail into spam.
 */
function stops({ seeds, share, factor, everyReport = false }: World, random: () => number): boolean {
  const judge = judgePlacement(rule);
  const people = Array.from({ length: seeds }, (_, i) => ({
    isp: isps[i % isps.length]!,
    isCandidate: random() < share,
    misplaces: random() < 0.1 ? 0.9 : 0.03,
    isOut: false,
  }));
  for (let look = 0; look < 84; look++) {
    for (const isp of isps) {
      const outage = random() < 0.1 ? 0.6 : 0;
      const counts = { true: { reports: 0, misplaced: 0 }, false: { reports: 0, misplaced: 0 } };
      for (const seed of people) {
        if (seed.isp !== isp || (seed.isOut && !everyReport)) continue;
        const arm = counts[`${seed.isCandidate}`];
        const chance = Math.min(0.95, Math.max(outage, seed.misplaces * (seed.isCandidate ? factor : 1)));
        arm.reports += 1;
        if (random() >= chance) continue;
        arm.misplaced += 1;
        seed.isOut = true;
      }
      const weights = judge.weights(counts.true.reports, counts.false.reports);
      if (weights) judge.known(weights, counts.true.misplaced, counts.false.misplaced);
    }
    if (judge.verdict() === "fail") return true;
  }
  return false;
}

function shareStopped(world: World, canaries: number): number {
  const random = seededRandom(20260131);
  return Array.from({ length: canaries }, () => stops(world, random)).filter(Boolean).length / canaries;
}
/** Three standard errors above a promise would still be compatible with it. */
const most = (error: number, canaries: number) => error + 3 * Math.sqrt((error * (1 - error)) / canaries);

describe("what the seeds of a canary promise, a look after each test for two weeks", () => {
  test.each([
    [60, 0.5],
    [300, 0.5],
    [300, 0.05],
    [1_000, 0.25],
  ])(
    "when %i seeds are in the arms at a share of %d and the models are alike, then the error stays within the rule's",
    (seeds, share) => {
      const canaries = 1_000;
      expect(shareStopped({ seeds, share, factor: 1 }, canaries)).toBeLessThanOrEqual(most(0.05, canaries));
    },
  );

  test("when every report of a seed counted, then seeds with a spam folder of their own would break it", () => {
    expect(shareStopped({ seeds: 60, share: 0.5, factor: 1, everyReport: true }, 500)).toBeGreaterThan(0.1);
  });

  test("when the candidate's mail goes to spam four times as often, then most canaries of 300 seeds are stopped", () => {
    expect(shareStopped({ seeds: 300, share: 0.5, factor: 4 }, 200)).toBeGreaterThan(0.9);
  });
});

const cell = (candidate: [number, number], champion: [number, number], isp = "gmail"): PlacementCohort => ({
  at: "2026-03-01T12:00:00.000Z",
  isp,
  candidate: { reports: candidate[0], misplaced: candidate[1] },
  champion: { reports: champion[0], misplaced: champion[1] },
});

test("when the candidate's seeds find their mail in spam, then the canary fails on them alone; with better ones it does not pass for it", () => {
  const cohort = {
    at: "2026-03-01T12:00:00.000Z",
    share: 0.5,
    is_mature: true,
    candidate: { ...noMessages, sends: 1_000, complaints: 1 },
    champion: { ...noMessages, sends: 1_000, complaints: 1 },
  };
  const look = (placements: readonly PlacementCohort[]) =>
    checkCanary(defaultCanaryPolicy, {
      cohorts: [cohort],
      placements: [...placements],
      people: null,
      first_hours: null,
    });
  const bad = look([cell([100, 40], [100, 5])]);
  expect(bad.verdict).toBe("fail");
  expect(bad.results.find(({ id }) => id === "canary-placement")).toMatchObject({
    verdict: "fail",
    actual: 0.4,
    champion: 0.05,
    evidence: 45,
    blocks: "on-fail",
    note: expect.stringContaining("100 and 100 reports"),
  });
  expect(look([cell([100, 0], [100, 40])]).verdict).toBe("insufficient-evidence");
});

test("when a provider puts the mail of both arms into spam, then it says nothing of either, whatever their sizes", () => {
  const found = checkPlacement(rule, [cell([50, 50], [5, 5]), cell([10, 0], [100, 0], "yahoo")])!;
  expect(found).toMatchObject({ verdict: "insufficient-evidence", note: expect.stringContaining("ratio 1.00 ") });
  expect(found.actual).toBeGreaterThan(5 * found.champion!);
  expect(found.interval[0]).toBeLessThan(1);
});

test("when there is no report or no rule, then there is no result; harm errors are promised together", () => {
  expect(checkPlacement(rule, [])).toBeNull();
  expect(checkPlacement(null, [cell([10, 9], [10, 0])])).toBeNull();
  const { placement: _, ...before } = defaultCanaryPolicy;
  expect(canaryPolicy.parse(before).placement).toBeUndefined();
  const asked = { ...defaultCanaryPolicy, placement: { ...rule, harm_error: 0.02 } };
  expect(canaryPolicy.safeParse(asked).error?.issues[0]?.message).toContain("harm errors add up to 0.065");
});
