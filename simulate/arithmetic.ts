/**
 * exp, log and sigmoid from +, -, *, / and bit patterns alone. IEEE 754 fixes those to the last bit, whereas it leaves
 * Math.exp and Math.log to the implementation; the same seed must give the same bytes on every machine.
 */

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const INVERSE_LN2 = Math.LOG2E;
const SQRT_HALF = Math.SQRT1_2;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** Index of the word with the exponent: 1 on little-endian machines, which is all that Node runs on but s390x. */
const HIGH = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** e^x to about 1e-15 relative; 0 below -700, clamped above 700. Range reduction as in fdlibm, then the Taylor series. */
export function exp(x: number): number {
  if (x < -700) return 0;
  const bounded = Math.min(x, 700);
  const k = Math.floor(bounded * INVERSE_LN2 + 0.5);
  const r = bounded - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1 + r / 13;
  for (let n = 12; n >= 1; n--) sum = 1 + (r / n) * sum;
  float[0] = 1;
  words[HIGH] = (1023 + k) << 20;
  return sum * (float[0] as number);
}

/** Natural logarithm of a positive, normal number, by the atanh series after taking out the exponent. */
export function log(x: number): number {
  float[0] = x;
  const high = words[HIGH] as number;
  let k = (high >>> 20) - 1023;
  words[HIGH] = (high & 0x000fffff) | (1023 << 20);
  let m = float[0] as number;
  if (m > 2 * SQRT_HALF) {
    m = m / 2;
    k += 1;
  }
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let sum = 0;
  for (let n = 23; n >= 1; n -= 2) sum = sum * s2 + 1 / n;
  return k * LN2_HIGH + (2 * s * sum + k * LN2_LOW);
}

export const sigmoid = (x: number): number => 1 / (1 + exp(-x));

/** Rounds to `digits` decimal places; what is written to a file goes through here. */
export function round(x: number, digits: number): number {
  let scale = 1;
  for (let n = 0; n < digits; n++) scale *= 10;
  return Math.round(x * scale) / scale;
}
