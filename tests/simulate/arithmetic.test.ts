import { describe, expect, test } from "vitest";
import { exp, log, round } from "../../simulate/arithmetic.ts";
import { mix32, Random } from "../../simulate/random.ts";

describe("arithmetic", () => {
  test("when compared with Math, exp and log agree to 13 digits over their range", () => {
    const random = new Random("arithmetic");
    for (let n = 0; n < 20_000; n++) {
      const x = random.between(-60, 60);
      expect(Math.abs(exp(x) / Math.exp(x) - 1), `exp(${x})`).toBeLessThan(1e-13);
      const y = Math.exp(random.between(-80, 80));
      expect(Math.abs(log(y) - Math.log(y)), `log(${y})`).toBeLessThan(1e-12);
    }
  });

  test("when rounded, what is written has no more digits than asked for", () => {
    expect(round(0.123456789, 4)).toBe(0.1235);
    expect(round(-1.5, 0)).toBe(-1);
  });
});

describe("random", () => {
  test("when two streams have the same key they draw the same, and another key draws otherwise", () => {
    const draw = (...key: (string | number)[]) => {
      const random = new Random(...key);
      return Array.from({ length: 8 }, () => random.next());
    };
    expect(draw(7, "customer", 3)).toEqual(draw(7, "customer", 3));
    expect(draw(7, "customer", 3)).not.toEqual(draw(7, "customer", 4));
    expect(draw(7, "ab", "c")).not.toEqual(draw(7, "a", "bc"));
  });

  test("when many numbers are drawn, they have the moments of their distributions", () => {
    const random = new Random("moments");
    const n = 100_000;
    let uniform = 0;
    let normal = 0;
    let squared = 0;
    let exponential = 0;
    for (let i = 0; i < n; i++) {
      uniform += random.uniform();
      const z = random.normal();
      normal += z;
      squared += z * z;
      exponential += random.exponential(3);
    }
    expect(uniform / n).toBeCloseTo(0.5, 2);
    expect(normal / n).toBeCloseTo(0, 1);
    expect(squared / n).toBeCloseTo(1, 1);
    expect(exponential / n).toBeCloseTo(3, 1);
  });

  test("when counters are mixed, no two give the same bits", () => {
    const seen = new Set<number>();
    for (let n = 0; n < 50_000; n++) seen.add(mix32(n));
    expect(seen.size).toBe(50_000);
  });

  test("the first numbers of a stream stay what they are: the bytes of every world depend on them", () => {
    const random = new Random(7, "golden");
    expect([random.next(), random.next(), random.next()]).toMatchInlineSnapshot(`
      [
        3934785903,
        340254534,
        1995955466,
      ]
    `);
  });
});
