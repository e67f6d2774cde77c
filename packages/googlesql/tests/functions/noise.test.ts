import { expect, test } from "vitest";
import { discreteLaplace, fractionOf } from "../../functions/privacy/discrete-laplace.ts";
import { leaves, noisyPercentile } from "../../functions/privacy/quantile-tree.ts";
import { below, seeded } from "../../functions/privacy/randomness.ts";
import { groupThreshold } from "../../functions/privacy/threshold.ts";

/** P(Z = z) of the discrete Laplace law. */
const law = (rate: number, z: number): number => Math.tanh(rate / 2) * Math.exp(-rate * Math.abs(z));

/** The value that a chi-square of so many degrees of freedom exceeds once in 10,000 times, after Wilson and Hilferty. */
const critical = (degrees: number): number =>
  degrees * (1 - 2 / (9 * degrees) + 3.719 * Math.sqrt(2 / (9 * degrees))) ** 3;

function chiSquare(counts: ReadonlyMap<number, number>, draws: number, probability: (cell: number) => number) {
  let [sum, degrees, rest, restShare] = [0, 0, draws, 1];
  for (const [cell, count] of counts) {
    const expected = draws * probability(cell);
    if (expected < 10) continue;
    sum += (count - expected) ** 2 / expected;
    degrees++;
    rest -= count;
    restShare -= probability(cell);
  }
  const expected = draws * restShare;
  return { sum: sum + (expected >= 10 ? (rest - expected) ** 2 / expected : 0), degrees };
}

test.each([
  ["noise-1", { over: 1n, under: 10n }],
  ["noise-2", { over: 1n, under: 1n }],
  ["noise-3", { over: 7n, under: 3n }],
  ["noise-4", fractionOf(0.123456789)],
])("when noise is drawn 100,000 times from the seed %s, then it has the law of its rate", (seed, rate) => {
  const random = seeded(seed);
  const draws = 100_000;
  const counts = new Map<number, number>();
  const real = Number(rate.over) / Number(rate.under);
  for (let z = -200; z <= 200; z++) counts.set(z, 0);
  for (let i = 0; i < draws; i++) {
    const z = Number(discreteLaplace(random, rate));
    counts.set(z, (counts.get(z) ?? 0) + 1);
  }
  const { sum, degrees } = chiSquare(counts, draws, (z) => law(real, z));
  expect(degrees).toBeGreaterThan(4);
  expect(sum).toBeLessThan(critical(degrees));
  // The test sees a law whose rate is 5 % off.
  expect(chiSquare(counts, draws, (z) => law(real * 1.05, z)).sum).toBeGreaterThan(critical(degrees));
});

test("when a number below a limit is drawn 100,000 times, then each is as likely as another", () => {
  const random = seeded("below");
  const counts = new Map<number, number>();
  for (let i = 0; i < 100_000; i++) {
    const value = Number(below(random, 37n));
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  expect(counts.size).toBe(37);
  expect(chiSquare(counts, 100_000, () => 1 / 37).sum).toBeLessThan(critical(36));
});

test("when a double is taken for a fraction, then it is exactly that", () => {
  for (const value of [1, 0.1, 1e20, 1e-300, 5e-324, 2 ** 53 + 2, Math.PI]) {
    const { over, under } = fractionOf(value);
    // By powers of 2 until what is left is a whole number of at most 53 bits.
    const bits = under.toString(2).length - 1;
    expect(under).toBe(1n << BigInt(bits));
    expect(Number(over) * 2 ** -Math.min(bits, 1000) * 2 ** -Math.max(0, bits - 1000)).toBe(value);
  }
  for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => fractionOf(value)).toThrow(RangeError);
});

test("when a group has one unit, then it is shown with a probability of at most delta, and the threshold is the least of that kind", () => {
  const tail = (rate: number, from: number): number => {
    let sum = 0;
    for (let z = from; z < from + 4000; z++) sum += law(rate, z);
    return sum;
  };
  for (const epsilon of [0.1, 1, 3])
    for (const delta of [1e-8, 1e-5, 0.01, 0.4, 0.99])
      for (const groups of [1, 4]) {
        const rate = epsilon / 2 / groups;
        const threshold = groupThreshold(epsilon, delta, groups, rate);
        const each = 1 - (1 - delta) ** (1 / groups);
        const what = `epsilon ${epsilon}, delta ${delta}, groups ${groups}, threshold ${threshold}`;
        expect(tail(rate, threshold - 1), what).toBeLessThanOrEqual(each * (1 + 1e-9));
        expect(tail(rate, threshold - 2), what).toBeGreaterThan(each * (1 - 1e-6));
      }
  expect(groupThreshold(1e20, 0.01, 1, 5e19)).toBe(1);
  expect(groupThreshold(1, 0, 1, 0.5)).toBeGreaterThan(2 ** 50);
  expect(groupThreshold(1, 1, 1, 0.5)).toBeLessThan(-(2 ** 50));
});

test("when there are many values, then the noisy percentile is near the true one, and the noise is there", () => {
  const random = seeded("tree");
  const values = Array.from({ length: 20_000 }, (_, i) => Math.floor((i / 20_000) ** 2 * leaves));
  const rate = { over: 1n, under: 20n };
  const medians = Array.from({ length: 20 }, () => noisyPercentile(random, values, 0.5, rate));
  for (const median of medians) expect(Math.abs(median - 0.25)).toBeLessThan(0.02);
  expect(new Set(medians).size).toBeGreaterThan(10);
  const all = { over: 10n ** 20n, under: 1n };
  expect(noisyPercentile(random, values, 0, all)).toBeLessThan(0.001);
  expect(noisyPercentile(random, values, 1, all)).toBeGreaterThan(0.999);
  expect(noisyPercentile(random, [], 0.5, all)).toBe(0.5);
});
