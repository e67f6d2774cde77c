import { expect, test } from "vitest";
import experiments from "../../includes/experiments.js";
import { seededRandom } from "../../platform/seeded-random.ts";

const seed = 20261201;

/** A formula of SQL over numbers, worked out here. */
const worked = (formula: string, names: readonly string[]): ((...values: number[]) => number) =>
  new Function("sqrt", "ln", ...names, `return ${formula}`).bind(undefined, Math.sqrt, Math.log) as (
    ...values: number[]
  ) => number;

test(`when nothing differs and somebody looks after each customer then the interval for all looks leaves 0 out in at most 5 % of experiments, and the one for a single look in far more (seed ${seed})`, () => {
  const errors = worked(experiments.anytimeErrors("n"), ["n"]);
  const random = seededRandom(seed);
  const runs = 1000;
  let anytime = 0;
  let single = 0;
  for (let run = 0; run < runs; run++) {
    let [sum, squares] = [0, 0];
    let [hasLeft, hasLeftSingle] = [false, false];
    for (let n = 1; n <= 2000 && !hasLeft; n++) {
      const x = random() < 0.1 ? 0.9 : -0.1;
      sum += x;
      squares += x * x;
      if (n < 100) continue;
      const error = Math.sqrt((squares - (sum * sum) / n) / (n - 1) / n);
      hasLeft ||= Math.abs(sum / n) > errors(n) * error;
      hasLeftSingle ||= Math.abs(sum / n) > 1.96 * error;
    }
    anytime += Number(hasLeft);
    single += Number(hasLeftSingle);
  }
  // 1,000 runs at a true rate of 5 % stay below 7.1 % in 99.9 % of cases
  expect(anytime / runs).toBeLessThan(0.071);
  expect(single / runs).toBeGreaterThan(0.25);
});

test("when there are many more customers than where it is narrowest then it is hardly wider", () => {
  const errors = worked(experiments.anytimeErrors("n"), ["n"]);
  expect(errors(1000)).toBeCloseTo(3.035, 2);
  for (const n of [100, 10_000, 100_000, 1_000_000]) expect(errors(n) / errors(1000), String(n)).toBeLessThan(1.34);
});

test("when Wilson's interval is worked out then it is that of his paper's formula, also of nobody", () => {
  const low = worked(experiments.wilson("p", "n", "-"), ["p", "n"]);
  const high = worked(experiments.wilson("p", "n", "+"), ["p", "n"]);
  // Newcombe 1998 (Statistics in Medicine 17:857), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29
  expect([low(81 / 263, 263), high(81 / 263, 263)].map((x) => x.toFixed(4))).toEqual(["0.2553", "0.3662"]);
  expect([low(15 / 148, 148), high(15 / 148, 148)].map((x) => x.toFixed(4))).toEqual(["0.0624", "0.1605"]);
  expect(Math.abs(low(0, 20))).toBeLessThan(1e-12);
  expect(high(0, 20).toFixed(4)).toBe("0.1611");
  expect([low(1 / 29, 29), high(1 / 29, 29)].map((x) => x.toFixed(4))).toEqual(["0.0061", "0.1718"]);
});
