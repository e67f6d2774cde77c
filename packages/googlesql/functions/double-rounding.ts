/**
 * ROUND and TRUNC of a FLOAT64 to decimal digits, as the reference implementation computes them: in x87 extended precision
 * (64 bits of mantissa), with a table of powers of ten made by repeated multiplication and division. A number is m x 2^e.
 */
interface Extended {
  readonly m: bigint;
  readonly e: number;
}

const bitLength = (value: bigint): number => value.toString(2).length;

/** To `bits` bits of mantissa, ties to even. */
function normalise(m: bigint, e: number, sticky: boolean, bits = 64): Extended {
  if (m === 0n) return { m: 0n, e: 0 };
  const extra = bitLength(m) - bits;
  if (extra <= 0) return { m, e };
  const shift = BigInt(extra);
  let kept = m >> shift;
  const rest = m & ((1n << shift) - 1n);
  const half = 1n << (shift - 1n);
  if (rest > half || (rest === half && (sticky || (kept & 1n) === 1n))) kept += 1n;
  return { m: kept, e: e + extra };
}

const multiply = (a: Extended, b: Extended): Extended => normalise(a.m * b.m, a.e + b.e, false);

function divide(a: Extended, b: Extended): Extended {
  if (a.m === 0n) return a;
  const shift = Math.max(0, bitLength(b.m) + 66 - bitLength(a.m));
  const up = a.m << BigInt(shift);
  const quotient = up / b.m;
  return normalise(quotient * 2n + (up % b.m === 0n ? 0n : 1n), a.e - b.e - shift - 1, false);
}

const ten: Extended = { m: 10n, e: 0 };
const powers = new Map<number, Extended>([[0, { m: 1n, e: 0 }]]);

function powerOfTen(exponent: number): Extended {
  const known = powers.get(exponent);
  if (known) return known;
  const made = exponent > 0 ? multiply(powerOfTen(exponent - 1), ten) : divide(powerOfTen(exponent + 1), ten);
  powers.set(exponent, made);
  return made;
}

function fromNumber(value: number): Extended {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const exponent = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return exponent === 0 ? { m: fraction, e: -1074 } : { m: fraction | (1n << 52n), e: exponent - 1075 };
}

function toNumber(value: Extended): number {
  if (value.m === 0n) return 0;
  // Numbers below the normal range have fewer bits.
  const bits = Math.min(53, bitLength(value.m) + value.e + 1074);
  if (bits <= 0) {
    return bits === 0 && value.m > 1n << BigInt(bitLength(value.m) - 1) ? 5e-324 : 0;
  }
  const rounded = normalise(value.m, value.e, false, bits);
  const high = Math.max(-1000, Math.min(900, rounded.e));
  return Number(rounded.m) * 2 ** high * 2 ** (rounded.e - high);
}

function whole(value: Extended, round: boolean): Extended {
  if (value.e >= 0) return value;
  const shift = BigInt(-value.e);
  const down = value.m >> shift;
  const rest = value.m & ((1n << shift) - 1n);
  const up = round && rest * 2n >= 1n << shift ? 1n : 0n;
  return { m: down + up, e: 0 };
}

const smallestExponent = 323;
const largestExponent = 308;

export function roundDouble(value: number, digits: bigint, mode: "round" | "trunc"): number {
  // So far before the point there is nothing, not even of infinity and NaN.
  if (digits < BigInt(-largestExponent)) return 0;
  if (digits > BigInt(smallestExponent) || !Number.isFinite(value)) return value;
  const power = powerOfTen(-Number(digits));
  const scaled = divide(fromNumber(value), power);
  const result = toNumber(multiply(whole(scaled, mode === "round"), power));
  if (!Number.isFinite(result)) throw new Error(`Floating point overflow in function: ROUND(${value}, ${digits})`);
  return value < 0 || Object.is(value, -0) ? -result : result;
}
