import { describe, expect, test } from "vitest";
import mixture from "../../includes/mixture.js";
import evidence from "../../includes/signal_evidence.js";

const start = {
  evidence: [
    { name: "speed", bins: ["fast", "slow"] },
    { name: "links", bins: ["one", "many"] },
  ],
  kinds: [
    {
      name: "person",
      isHuman: true,
      share: 0.5,
      firm: [],
      tables: [
        [0.2, 0.8],
        [0.9, 0.1],
      ],
    },
    {
      name: "scanner",
      isHuman: false,
      share: 0.5,
      firm: [],
      tables: [
        [0.8, 0.2],
        [0.4, 0.6],
      ],
    },
  ],
};
const answers = (patterns: { pattern: string; n: number }[], options = {}) =>
  new Map(
    mixture
      .fit({ start, strength: 20, rounds: 50, most: 1000, patterns, ...options })
      .map((answer) => [answer.pattern, answer]),
  );

describe("the mixture", () => {
  test("when nothing can be said of a signal then the share of people is its answer, and no reason is given", () => {
    const answer = answers([{ pattern: "-|-", n: 1 }]).get("-|-")!;
    expect(answer.p).toBeCloseTo(0.5, 6);
    expect(answer.reasons).toEqual([]);
  });

  test("when few signals were seen then the odds are those of Bayes' rule from what was written", () => {
    const answer = answers([{ pattern: "fast|many", n: 1 }], { strength: 1e9 }).get("fast|many")!;
    expect(answer.p).toBeCloseTo((0.2 * 0.1) / (0.2 * 0.1 + 0.8 * 0.6), 6);
    expect(answer.reasons).toEqual(["links:many-", "speed:fast-"]);
  });

  test("when scanners turn out to be slow then slowness speaks for nobody any more", () => {
    const slow = answers([
      { pattern: "slow|many", n: 5_000 },
      { pattern: "slow|one", n: 5_000 },
      { pattern: "fast|one", n: 100 },
    ]);
    expect(slow.get("slow|many")!.p).toBeLessThan(slow.get("slow|one")!.p);
    expect(answers([{ pattern: "slow|many", n: 1 }]).get("slow|many")!.reasons).toContain("speed:slow+");
    expect(slow.get("slow|many")!.reasons).not.toContain("speed:slow+");
  });

  test("when a kind holds to a piece of evidence then signals do not move it", () => {
    const held = { ...start, kinds: start.kinds.map((kind) => ({ ...kind, firm: ["speed", "links"] })) };
    const answer = answers([{ pattern: "slow|many", n: 10_000 }], { start: held, strength: 1e9 }).get("slow|many")!;
    expect(answer.p).toBeCloseTo((0.8 * 0.1) / (0.8 * 0.1 + 0.2 * 0.6), 4);
  });

  test("when there are more patterns than it learns from then all are answered, and nearly alike", () => {
    const wide = evidence.start(evidence.families[1]!);
    const patterns = wide.evidence[2]!.bins.flatMap((delay, d) =>
      wide.evidence[3]!.bins.flatMap((burst, b) =>
        wide.evidence[4]!.bins.map((gap, g) => ({
          pattern: `unsaid|browser|${delay}|${burst}|${gap}|-|-|-|-|nothing|no`,
          n: 1 + ((d * 7 + b * 3 + g) % 11),
        })),
      ),
    );
    const all = mixture.fit({ ...evidence.fitting, start: wide, patterns });
    const some = mixture.fit({ ...evidence.fitting, start: wide, patterns, most: 100 });
    expect(some.length).toBe(patterns.length);
    for (const { p } of [...all, ...some]) expect(p >= 0 && p <= 1).toBe(true);
    const off = all.map(({ p }, i) => Math.abs(p - some[i]!.p));
    expect(off.reduce((sum, x) => sum + x, 0) / off.length).toBeLessThan(0.12);
  });

  test("when its text is run as a function of the warehouse's then it gives the same", () => {
    const input = { start, strength: 20, rounds: 50, most: 1000, patterns: [{ pattern: "slow|many", n: 3 }] };
    const run = new Function("input", mixture.body()) as (input: string) => string;
    expect(JSON.parse(run(JSON.stringify(input)))).toEqual(mixture.fit(input));
  });
});

describe("the evidence", () => {
  test("when a kind's tables are spelled out then each is a distribution over its bins", () => {
    for (const family of evidence.families) {
      const { evidence: pieces, kinds } = evidence.start(family);
      expect(kinds.some(({ isHuman }) => isHuman) && kinds.some(({ isHuman }) => !isHuman)).toBe(true);
      for (const kind of kinds)
        kind.tables.forEach((table, e) => {
          expect(table.length).toBe(pieces[e]!.bins.length);
          expect(table.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9);
          expect(Math.min(...table)).toBeGreaterThan(0);
        });
    }
  });
});
