/** Exact decimals as scaled bigints: NUMERIC (scale 9) and BIGNUMERIC (scale 38), rounding half away from zero. */

export interface DecimalKind {
  readonly name: "NUMERIC" | "BIGNUMERIC";
  readonly scale: number;
  readonly min: bigint;
  readonly max: bigint;
}

export const numericKind: DecimalKind = {
  name: "NUMERIC",
  scale: 9,
  min: -(10n ** 38n - 1n),
  max: 10n ** 38n - 1n,
};

export const bignumericKind: DecimalKind = {
  name: "BIGNUMERIC",
  scale: 38,
  min: -(2n ** 255n),
  max: 2n ** 255n - 1n,
};

/** Throws the evaluation error that GoogleSQL gives when a value leaves the type's range. */
export function checked(value: bigint, kind: DecimalKind): bigint {
  if (value < kind.min || value > kind.max) throw new Error(`${kind.name.toLowerCase()} overflow`);
  return value;
}

const abs = (value: bigint): bigint => (value < 0n ? -value : value);

/** value / divisor, rounded half away from zero. */
export function divideRounded(value: bigint, divisor: bigint): bigint {
  const negative = value < 0n !== divisor < 0n;
  const top = abs(value);
  const bottom = abs(divisor);
  const quotient = (top * 2n + bottom) / (bottom * 2n);
  return negative ? -quotient : quotient;
}

// Space of ASCII: what else Unicode calls space is no part of a number.
const pattern = /^[ \t\n\v\f\r]*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?[ \t\n\v\f\r]*$/;

/** The scaled value of a decimal text such as ` -1.5e3 `, rounded to the scale; undefined when it is none. */
export function parseDecimal(text: string, scale: number): bigint | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponentText] = match;
  if (whole === "" && fraction === "") return undefined;
  const exponent = Number(exponentText ?? 0);
  if (Math.abs(exponent) > 5000) return exponent < 0 ? 0n : BigInt(whole + fraction) === 0n ? 0n : 10n ** 400n;
  const digits = BigInt(whole + fraction);
  const shift = scale + exponent - fraction.length;
  const value = shift >= 0 ? digits * 10n ** BigInt(shift) : divideRounded(digits, 10n ** BigInt(-shift));
  return sign === "-" ? -value : value;
}

/** Canonical text: no trailing zeros, no point without digits after it. */
export function decimalText(value: bigint, scale: number): string {
  const digits = abs(value)
    .toString()
    .padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  const text = fraction === "" ? whole : `${whole}.${fraction}`;
  return value < 0n ? `-${text}` : text;
}

/** The exact value of a double, rounded to the scale. Throws on NaN and infinities. */
export function decimalFromDouble(value: number, kind: DecimalKind): bigint {
  if (!Number.isFinite(value))
    throw new Error(`Illegal conversion of non-finite floating point number to ${kind.name.toLowerCase()}: ${value}`);
  if (value === 0) return 0n;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponentBits = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = exponentBits === 0 ? fraction : fraction | 0x10000000000000n;
  const exponent = (exponentBits === 0 ? 1 : exponentBits) - 1075;
  const scaled = mantissa * 10n ** BigInt(kind.scale);
  const result = exponent >= 0 ? scaled << BigInt(exponent) : divideRounded(scaled, 1n << BigInt(-exponent));
  const signed = value < 0 ? -result : result;
  if (signed < kind.min || signed > kind.max) throw new Error(`${kind.name.toLowerCase()} out of range: ${value}`);
  return signed;
}

/** Parses text that must be a value of the kind; throws GoogleSQL's error otherwise. */
export function readDecimal(text: string, kind: DecimalKind): bigint {
  const value = parseDecimal(text, kind.scale);
  if (value === undefined || value < kind.min || value > kind.max)
    throw new Error(`Invalid ${kind.name} value: ${text}`);
  return value;
}

export const bignumericText = (value: bigint): string => decimalText(checked(value, bignumericKind), 38);
export const readBignumeric = (text: string): bigint => readDecimal(text, bignumericKind);
