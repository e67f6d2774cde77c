/**
 * NUMERIC and BIGNUMERIC arithmetic on unscaled integers (NUMERIC: value x 10^9, BIGNUMERIC: value x 10^38), rounding half
 * away from zero as GoogleSQL does. Functions throw where the result leaves the type.
 */
export interface DecimalKind {
  readonly name: "numeric" | "BIGNUMERIC";
  readonly scale: number;
  readonly one: bigint;
  readonly max: bigint;
  readonly min: bigint;
}

export const numericKind: DecimalKind = {
  name: "numeric",
  scale: 9,
  one: 10n ** 9n,
  max: 10n ** 38n - 1n,
  min: -(10n ** 38n) + 1n,
};

export const bigNumericKind: DecimalKind = {
  name: "BIGNUMERIC",
  scale: 38,
  one: 10n ** 38n,
  max: 2n ** 255n - 1n,
  min: -(2n ** 255n),
};

const absolute = (value: bigint): bigint => (value < 0n ? -value : value);

export function checked(kind: DecimalKind, value: bigint): bigint {
  if (value > kind.max || value < kind.min) throw new Error(`${kind.name} overflow`);
  return value;
}

/** a / b to the nearest integer, half away from zero. */
export function divideRounded(a: bigint, b: bigint): bigint {
  const negative = a < 0n !== b < 0n;
  const up = absolute(a);
  const down = absolute(b);
  const quotient = (up * 2n + down) / (down * 2n);
  return negative ? -quotient : quotient;
}

export const multiply = (kind: DecimalKind, a: bigint, b: bigint): bigint =>
  checked(kind, divideRounded(a * b, kind.one));

export function divide(kind: DecimalKind, a: bigint, b: bigint): bigint {
  if (b === 0n) throw new Error("division by zero");
  return checked(kind, divideRounded(a * kind.one, b));
}

/** DIV: the quotient without its fraction. */
export function integerDivide(kind: DecimalKind, a: bigint, b: bigint): bigint {
  if (b === 0n) throw new Error("division by zero");
  return checked(kind, (a / b) * kind.one);
}

export function modulo(_kind: DecimalKind, a: bigint, b: bigint): bigint {
  if (b === 0n) throw new Error("division by zero");
  return a % b;
}

export type Rounding = "half away" | "half even" | "toward zero" | "floor" | "ceil";

/** Rounds to `digits` after the point (before it when negative). */
export function roundDigits(kind: DecimalKind, value: bigint, digits: bigint, rounding: Rounding): bigint {
  if (digits >= BigInt(kind.scale)) return value;
  if (digits < -80n) return 0n;
  const unit = 10n ** (BigInt(kind.scale) - digits);
  const down = value / unit;
  const rest = value - down * unit;
  const step = value < 0n ? -1n : 1n;
  let result = down;
  if (rest !== 0n) {
    const twice = absolute(rest) * 2n;
    if (rounding === "half away" && twice >= unit) result += step;
    if (rounding === "half even" && (twice > unit || (twice === unit && down % 2n !== 0n))) result += step;
    if (rounding === "floor" && value < 0n) result -= 1n;
    if (rounding === "ceil" && value > 0n) result += 1n;
  }
  return checked(kind, result * unit);
}

/** Reads `-12.5e3`; digits beyond the scale are rounded, or an error when `strict`. */
export function parseDecimal(kind: DecimalKind, text: string, strict = false): bigint {
  const failed = (): never => {
    throw new Error(`Invalid ${kind.name === "numeric" ? "NUMERIC" : "BIGNUMERIC"} value: ${text}`);
  };
  const match = /^[ \t\n\v\f\r]*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?[ \t\n\v\f\r]*$/.exec(text);
  if (!match) return failed();
  const [, sign, whole = "", fraction = "", exponentText = "0"] = match;
  if (whole === "" && fraction === "") return failed();
  const digits = BigInt(`${whole}${fraction}`);
  if (digits === 0n) return 0n;
  const exponent = Number(exponentText) - fraction.length + kind.scale;
  if (exponent > 400) return failed();
  let value: bigint;
  if (exponent >= 0) value = digits * 10n ** BigInt(exponent);
  else {
    const unit = exponent < -2000 ? 10n ** 2000n : 10n ** BigInt(-exponent);
    if (strict && digits % unit !== 0n) return failed();
    value = divideRounded(digits, unit);
  }
  if (sign === "-") value = -value;
  if (value > kind.max || value < kind.min) return failed();
  return value;
}

/** The shortest text: no trailing zeros, no point without digits after it. */
export function printDecimal(kind: DecimalKind, value: bigint): string {
  const digits = absolute(value)
    .toString()
    .padStart(kind.scale + 1, "0");
  const whole = digits.slice(0, -kind.scale);
  const fraction = digits.slice(-kind.scale).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Exactly what the double is, rounded to the type. */
export function fromDouble(kind: DecimalKind, value: number): bigint {
  if (!Number.isFinite(value))
    throw new Error(`Illegal conversion of non-finite floating point number to ${kind.name}`);
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponentBits = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & ((1n << 52n) - 1n);
  const mantissa = exponentBits === 0 ? fraction : fraction | (1n << 52n);
  const exponent = (exponentBits === 0 ? 1 : exponentBits) - 1075;
  const scaled = mantissa * kind.one;
  const result = exponent >= 0 ? scaled << BigInt(exponent) : divideRounded(scaled, 1n << BigInt(-exponent));
  return checked(kind, value < 0 ? -result : result);
}

export const toDouble = (kind: DecimalKind, value: bigint): number => Number(printDecimal(kind, value));
