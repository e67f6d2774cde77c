/**
 * Roots, powers and logarithms of NUMERIC, rounded once to its nine digits, as GoogleSQL rounds its 94 binary ones: of results
 * so large that those are not enough, and of ties that they cannot tell, the local engine does not know the answer.
 */
import { bignumericText, checked, divideRounded, numericKind, readBignumeric } from "../emit/decimal.ts";
import type { FunctionLibrary, JsFunction, JsValue } from "./contract.ts";

const one = 10n ** 9n;
const bits = 256n;
const unit = 1n << bits;

/** To NUMERIC from a fixed-point number of 256 binary digits. */
const rounded = (value: bigint): bigint => checked(divideRounded(value * one, unit), numericKind);
const fixed = (value: bigint): bigint => divideRounded(value * unit, one);
const abs = (value: bigint): bigint => (value < 0n ? -value : value);

function integerRoot(value: bigint, degree: bigint): bigint {
  if (value < 2n) return value;
  let x = 1n << (BigInt(value.toString(2).length) / degree + 1n);
  for (;;) {
    const next = ((degree - 1n) * x + value / x ** (degree - 1n)) / degree;
    if (next >= x) return x;
    x = next;
  }
}

/** e^x by halving x until the series runs short. */
function exponential(x: bigint): bigint {
  const halvings = 32n;
  const small = x >> halvings;
  let [sum, term] = [unit, unit];
  for (let n = 1n; term !== 0n && n < 200n; n++) {
    term = (term * small) / (unit * n);
    sum += term;
  }
  for (let i = 0n; i < halvings; i++) sum = (sum * sum) >> bits;
  return sum;
}

/** ln x = k ln 2 + 2 atanh((m - 1) / (m + 1)) for m near 1. */
function logarithm(x: bigint): bigint {
  const k = BigInt(x.toString(2).length - 1) - bits;
  const m = k >= 0n ? x >> k : x << -k;
  return k * twiceAtanh(unit, 3n * unit) + (m === unit ? 0n : twiceAtanh(m - unit, m + unit));
}

function twiceAtanh(a: bigint, b: bigint): bigint {
  const z = (a << bits) / b;
  const square = (z * z) >> bits;
  let [sum, power] = [z, z];
  for (let n = 3n; power !== 0n; n += 2n) {
    power = (power * square) >> bits;
    sum += power / n;
  }
  return 2n * sum;
}

function positive(name: string, x: bigint): bigint {
  if (x <= 0n) throw new Error(`${name} is undefined for zero or negative value`);
  return logarithm(fixed(x));
}

const unknown = (name: string): never => {
  throw new Error(`refused.${name}: of NUMERIC whose last digit is not known; cast to FLOAT64`);
};

/** Beyond this the reference's binary digits no longer tell the ninth decimal one. */
const sure = 10n ** 14n * one;

function power(base: bigint, exponent: bigint): bigint {
  if (exponent === 0n) return one;
  if (base === 0n && exponent < 0n) throw new Error("POW: division by zero");
  if (base === 0n || base === one) return base;
  if (exponent % one !== 0n) {
    if (base < 0n) throw new Error("POW: a negative base needs an integer exponent");
    const result = (positive("POW", base) * exponent) / one;
    if (result < -30n * unit) return 0n;
    if (result > 70n * unit) throw new Error("numeric overflow: POW");
    const value = rounded(exponential(result));
    return value > sure ? unknown("POW") : value;
  }
  const times = abs(exponent / one);
  if (abs(base) === one) return times % 2n === 0n ? one : base;
  const logarithm = (positive("POW", abs(base)) * exponent) / one;
  if (logarithm < -30n * unit) return 0n;
  if (times > 5000n) {
    const isLarge = abs(base) > one === exponent > 0n;
    if (isLarge) return times > 200_000_000_000n ? overflow() : unknown("POW");
    return unknown("POW");
  }
  const [top, bottom] = [base ** times, one ** times];
  const [a, b] = exponent > 0n ? [top, bottom] : [bottom, top];
  const exact = abs(a * one);
  if (exact / abs(b) > numericKind.max) return overflow();
  const rest = (exact % abs(b)) * 2n;
  // A tie, or nearly one, that binary digits cannot hold.
  const isNearTie = abs(rest - abs(b)) * 10n ** 8n < abs(b);
  if (isNearTie && one % (base === 0n ? 1n : base) !== 0n && (base * 1024n) % one !== 0n) return unknown("POW");
  const value = checked(divideRounded(a * one, b), numericKind);
  return abs(value) > sure && rest !== 0n ? unknown("POW") : value;
}

function overflow(): never {
  throw new Error("numeric overflow: POW");
}

function exp(x: bigint): bigint {
  if (x > 67n * one) throw new Error("numeric overflow: EXP");
  if (x < -60n * one) return 0n;
  const value = rounded(exponential(fixed(x)));
  return value > sure ? unknown("EXP") : value;
}

function root(x: bigint, degree: 2n | 3n): bigint {
  const extra = 10n ** 20n;
  const under = abs(x) * one ** (degree - 1n) * extra ** degree;
  const value = divideRounded(integerRoot(under, degree), extra);
  return x < 0n ? -value : value;
}

const of = (name: string, run: (...values: bigint[]) => bigint, count = 1): JsFunction => ({
  name: `gs_numeric_${name}`,
  args: Array(count).fill("DECIMAL(38,9)"),
  result: "DECIMAL(38,9)",
  run: (...values) => run(...(values as bigint[])),
});

/** x * factor / 2^shift; the factors are pi / 180 and 180 / pi, of googlesql/public/functions/math.cc. */
const turn = (factor: bigint, shift: bigint) => (x: bigint) => divideRounded(x * factor, 1n << shift);
const words = (...parts: bigint[]): bigint => parts.reduceRight((all, part) => (all << 64n) | part, 0n);
const toRadians = turn(words(0x762fb374a42e26dn, 0x477d1a894a74e457n), 132n);
const toDegrees = turn(words(0x854ba9bfa0692becn, 0x729770698f07dee1n), 121n);
const toLongRadians = turn(
  words(0x728154da64a64289n, 0x805bd77a80daf35cn, 0x0762fb374a42e26cn, 0x477d1a894a74e457n),
  260n,
);
const toLongDegrees = turn(
  words(0x66d13a14d89c06c9n, 0x9a41512fbe5f816en, 0x854ba9bfa0692bebn, 0x729770698f07dee1n),
  249n,
);

const long = (name: string, run: (x: bigint) => bigint): JsFunction => ({
  name: `gs_bignumeric_${name}`,
  args: ["VARCHAR"],
  result: "VARCHAR",
  run: (x: JsValue = null) => bignumericText(run(readBignumeric(x as string))),
});

export const decimalMath: FunctionLibrary = {
  functions: [],
  js: [
    of("sqrt", (x = 0n) => {
      if (x < 0n) throw new Error("SQRT is undefined for negative value");
      return root(x, 2n);
    }),
    of("cbrt", (x = 0n) => root(x, 3n)),
    of("exp", (x = 0n) => exp(x)),
    of("ln", (x = 0n) => rounded(positive("LN", x))),
    of("log10", (x = 0n) => rounded((positive("LOG10", x) * unit) / logarithm(10n * unit))),
    of(
      "log",
      (x = 0n, base = 0n) => {
        if (base === one) throw new Error("LOG is undefined when base equals 1");
        const [a, b] = [positive("LOG", x), positive("LOG", base)];
        const value = rounded((a * unit) / b);
        return abs(value) > sure / 10n ** 6n ? unknown("LOG") : value;
      },
      2,
    ),
    of("pow", (x = 0n, y = 0n) => power(x, y), 2),
    of("radians", (x = 0n) => checked(toRadians(x), numericKind)),
    of("degrees", (x = 0n) => checked(toDegrees(x), numericKind)),
    long("radians", toLongRadians),
    long("degrees", toLongDegrees),
  ],
};
