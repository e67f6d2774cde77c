import { describe, expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import { attributeChange, type Part, type PlacementCell } from "../../release/canary/attribute-change.ts";
import { normalDraw } from "../../release/canary/draws.ts";

const isps = ["gmail", "yahoo", "outlook", "gmx"] as const;

/** A world of four providers in two regions: 90 % placement, an outage at one of them, a worse model. */
function world(random: () => number, outage: number, worse: number): readonly PlacementCell[] {
  const part = (of: number, p: number): Part => {
    const count = Math.round(of * p + Math.sqrt(of * p * (1 - p)) * normalDraw(random));
    return { of, count: Math.max(0, Math.min(of, count)) };
  };
  return isps.flatMap((isp) =>
    ["US", "DE"].map((region) => {
      const hit = isp === "gmail" ? outage : 0;
      return {
        isp,
        region,
        before: part(20_000, 0.9),
        control: part(5_000, 0.9 - hit),
        canary: part(5_000, 0.9 - hit - worse),
        seeds: { before: part(200, 0.9), now: part(100, 0.9 - hit) },
      };
    }),
  );
}

/** What was injected, over all cells: gmail is a quarter of the mail. */
const truth = (outage: number, worse: number) => {
  const sum = outage / 4 + worse;
  return { isp: outage / 4 / sum, model: worse / sum };
};

describe("mailbox provider or model", () => {
  test("when a provider fails for both arms and the seeds, then it is named and the model is not blamed", () => {
    const random = seededRandom(3);
    for (let run = 0; run < 50; run++) {
      const found = attributeChange(world(random, 0.3, 0));
      expect(found.verdict).toBe("isp");
      expect(new Set(found.troubled.map(({ isp }) => isp))).toEqual(new Set(["gmail"]));
      expect(found.shares.isp).toBeGreaterThan(0.9);
    }
  });

  test("when the model is worse everywhere, then it is the model", () => {
    const random = seededRandom(4);
    for (let run = 0; run < 50; run++) {
      const found = attributeChange(world(random, 0, 0.05));
      expect(found.verdict).toBe("model");
      expect(found.shares.model).toBeGreaterThan(0.85);
      expect(found.model.low).toBeLessThan(-0.04);
    }
  });

  test("when both happen, then the shares are within ten points of the truth", () => {
    const random = seededRandom(5);
    for (let run = 0; run < 50; run++) {
      const found = attributeChange(world(random, 0.3, 0.06));
      expect(found.verdict).toBe("both");
      expect(Math.abs(found.shares.isp - truth(0.3, 0.06).isp)).toBeLessThan(0.1);
      expect(Math.abs(found.shares.model - truth(0.3, 0.06).model)).toBeLessThan(0.1);
      expect(found.parts.isp + found.parts.model + found.parts.interaction).toBeCloseTo(found.change, 12);
    }
  });

  test("when nothing happens, then in most worlds nothing is called", () => {
    const random = seededRandom(6);
    const verdicts = Array.from({ length: 200 }, () => attributeChange(world(random, 0, 0)).verdict);
    expect(verdicts.filter((verdict) => verdict !== "neither").length).toBeLessThanOrEqual(8);
    expect(attributeChange([]).verdict).toBe("neither");
  });

  test("when the control moved and the seeds did not, then no provider is blamed", () => {
    const random = seededRandom(7);
    const cells = world(random, 0.3, 0).map((cell) => ({
      ...cell,
      seeds: { before: { of: 200, count: 180 }, now: { of: 100, count: 90 } },
    }));
    expect(attributeChange(cells).troubled).toEqual([]);
  });
});
