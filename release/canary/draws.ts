import { logGamma } from "./log-gamma.ts";

/** Random numbers for simulations, from a uniform source. */

/** Standard normal (Box & Muller 1958). */
export const normalDraw = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/**
 * Poisson. Below 12 by multiplying uniforms (Knuth), above by transformed rejection (Hörmann 1993, "The transformed rejection method for generating
 * Poisson random variables", Insurance: Mathematics and Economics 12; PTRS): exact at every mean.
 */
export function poissonDraw(random: () => number, mean: number): number {
  if (mean <= 0) return 0;
  if (mean < 12) {
    const limit = Math.exp(-mean);
    let product = random();
    let n = 0;
    while (product > limit) {
      product *= random();
      n += 1;
    }
    return n;
  }
  const logMean = Math.log(mean);
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const vr = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= vr) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b) <= -mean + k * logMean - logGamma(k + 1))
      return k;
  }
}
