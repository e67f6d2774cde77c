/**
 * A percentile from noisy counts of a tree of ranges: 16 children, 4 levels, so 65,536 leaves between the bounds. One value is in one
 * range of each level. Counts of ranges that nobody looks at need no noise drawn. The method is that of Google's library
 * (https://github.com/google/differential-privacy/blob/main/common_docs/Differentially_Private_Quantile_Trees.pdf).
 */
import { discreteLaplace, type Fraction } from "./discrete-laplace.ts";
import type { Randomness } from "./randomness.ts";

export const levels = 4;
const fanOut = 16;
export const leaves = fanOut ** levels;

/** `values` are leaves, in any order; `rate` is that of the noise on each count. Gives a place between 0 and 1 of the range. */
export function noisyPercentile(
  random: Randomness,
  values: readonly number[],
  percentile: number,
  rate: Fraction,
): number {
  let within = values;
  let start = 0;
  let width = leaves;
  let rank = percentile;
  while (width > 1) {
    width /= fanOut;
    const parts: number[][] = Array.from({ length: fanOut }, () => []);
    for (const value of within) parts[Math.floor((value - start) / width)]!.push(value);
    const counts = parts.map((part) => Math.max(0, part.length + Number(discreteLaplace(random, rate))));
    const total = counts.reduce((sum, count) => sum + count, 0);
    // Nothing to be seen in it: the place is where the rank points to.
    if (total === 0) return (start + rank * width * fanOut) / leaves;
    const wanted = rank * total;
    let before = 0;
    let at = 0;
    while (at < fanOut - 1 && before + counts[at]! < wanted) before += counts[at++]!;
    // A rank of 0 points to the first range with anything in it.
    while (at < fanOut - 1 && counts[at] === 0) at++;
    const count = counts[at]!;
    rank = count === 0 ? 1 : Math.min(1, Math.max(0, (wanted - before) / count));
    within = parts[at]!;
    start += at * width;
  }
  return (start + rank) / leaves;
}
