/**
 * Noise on whole numbers whose law holds exactly, in integer arithmetic only: what is drawn in floating point has gaps and unequal
 * steps, by which the value underneath can be told (Mironov, "On significance of the least significant bits for differential
 * privacy", CCS 2012). The algorithms are those of Canonne, Kamath and Steinke, "The discrete Gaussian for differential privacy"
 * (NeurIPS 2020, https://arxiv.org/abs/2004.00010), algorithms 1 and 2.
 */
import { below, type Randomness } from "./randomness.ts";

/** `over / under`, both whole, `under` above 0. */
export interface Fraction {
  readonly over: bigint;
  readonly under: bigint;
}

/** A positive finite double as the fraction that it is. */
export function fractionOf(value: number): Fraction {
  if (!(value > 0) || !Number.isFinite(value)) throw new RangeError(`${value} is not a positive number`);
  let exponent = 0;
  let whole = value;
  // Scaling by powers of 2 is exact, but for what is below the normal range, which only grows here.
  while (!Number.isInteger(whole)) {
    whole *= 2;
    exponent++;
  }
  return { over: BigInt(whole), under: 1n << BigInt(exponent) };
}

/** True with probability over / under, which is at most 1. */
const bernoulli = (random: Randomness, over: bigint, under: bigint): boolean => below(random, under) < over;

/** True with probability exp(-over / under), for a fraction from 0 to 1. */
function bernoulliExp(random: Randomness, over: bigint, under: bigint): boolean {
  let k = 1n;
  while (bernoulli(random, over, under * k)) k++;
  return (k & 1n) === 1n;
}

/** A whole number z with probability proportional to exp(-|z| rate). */
export function discreteLaplace(random: Randomness, rate: Fraction): bigint {
  const { over: s, under: t } = rate;
  if (s <= 0n || t <= 0n) throw new RangeError("the rate of a discrete Laplace law is positive");
  for (;;) {
    const u = below(random, t);
    if (!bernoulliExp(random, u, t)) continue;
    let v = 0n;
    while (bernoulliExp(random, 1n, 1n)) v++;
    const size = (u + t * v) / s;
    const isNegative = below(random, 2n) === 1n;
    // Else 0 would come twice as often as it should.
    if (isNegative && size === 0n) continue;
    return isNegative ? -size : size;
  }
}
