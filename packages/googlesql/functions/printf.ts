/** One format specifier of FORMAT applied to one value: flags, width and precision as C's printf has them, and `'`. */
export interface Specifier {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly letter: string;
}

const pattern = /^%([-+ #0']*)(\d*)(?:\.(\d*))?([a-zA-Z])$/;

export function readSpecifier(text: string): Specifier {
  const match = pattern.exec(text);
  if (!match) throw new Error(`Invalid format specifier: ${text}`);
  const [, flags = "", width = "", precision, letter = ""] = match;
  return { flags, width: Number(width), precision: precision === undefined ? undefined : Number(precision), letter };
}

const group = (digits: string, size: number, by: string): string =>
  digits.replace(new RegExp(`\\B(?=(?:[0-9a-fA-F]{${size}})+$)`, "g"), by);

/** Sign, digits and width put together; zeros go between sign and digits. */
function assemble(spec: Specifier, sign: string, body: string, zeros: boolean): string {
  const missing = spec.width - Array.from(sign + body).length;
  if (missing > 1 << 20) throw new Error("Output string too large while evaluating FORMAT");
  if (missing <= 0) return sign + body;
  if (spec.flags.includes("-")) return sign + body + " ".repeat(missing);
  return zeros ? sign + "0".repeat(missing) + body : " ".repeat(missing) + sign + body;
}

const signOf = (spec: Specifier, negative: boolean): string =>
  negative ? "-" : spec.flags.includes("+") ? "+" : spec.flags.includes(" ") ? " " : "";

export function formatInteger(spec: Specifier, value: bigint): string {
  const radix = /[xX]/.test(spec.letter) ? 16 : spec.letter === "o" ? 8 : 10;
  let digits = (value < 0n ? -value : value).toString(radix);
  if (spec.precision === 0 && value === 0n) digits = "";
  if ((spec.precision ?? 0) > 1 << 20) throw new Error("Output string too large while evaluating FORMAT");
  digits = digits.padStart(spec.precision ?? 0, "0");
  if (spec.flags.includes("'"))
    digits = radix === 10 ? group(digits, 3, ",") : group(digits, 4, radix === 8 ? "," : ":");
  let sign = signOf(spec, value < 0n);
  if (spec.flags.includes("#") && value !== 0n) {
    // Zeros that fill up to the width stand behind it.
    if (radix === 16) sign += spec.letter === "X" ? "0X" : "0x";
    if (radix === 8 && !digits.startsWith("0")) digits = `0${digits}`;
  }
  if (spec.letter === "X") digits = digits.toUpperCase();
  return assemble(spec, sign, digits, spec.flags.includes("0") && spec.precision === undefined);
}

/** A number as digits x 10^-scale, not negative. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** Exactly what a finite double is. */
export function exactDecimal(value: number): Decimal {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const exponentBits = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  const mantissa = exponentBits === 0 ? fraction : fraction | (1n << 52n);
  const exponent = (exponentBits === 0 ? 1 : exponentBits) - 1075;
  if (exponent >= 0) return { digits: mantissa << BigInt(exponent), scale: 0 };
  return { digits: mantissa * 5n ** BigInt(-exponent), scale: -exponent };
}

type Ties = "even" | "away";

function toScale(value: Decimal, scale: number, ties: Ties): bigint {
  if (scale >= value.scale) return value.digits * 10n ** BigInt(scale - value.scale);
  const unit = 10n ** BigInt(value.scale - scale);
  const down = value.digits / unit;
  const twice = (value.digits % unit) * 2n;
  const up = twice > unit || (twice === unit && (ties === "away" || down % 2n === 1n));
  return up ? down + 1n : down;
}

function fixed(value: Decimal, precision: number, ties: Ties): [string, string] {
  const text = toScale(value, precision, ties)
    .toString()
    .padStart(precision + 1, "0");
  return precision === 0 ? [text, ""] : [text.slice(0, -precision), text.slice(-precision)];
}

function scientific(value: Decimal, precision: number, ties: Ties): { digits: string; exponent: number } {
  if (value.digits === 0n) return { digits: "0".repeat(precision + 1), exponent: 0 };
  let exponent = value.digits.toString().length - 1 - value.scale;
  let digits = toScale({ digits: value.digits, scale: value.scale + exponent }, precision, ties).toString();
  if (exponent < 0 || value.scale + exponent < 0) {
    const shifted = value.scale + exponent;
    digits = (
      shifted >= 0
        ? toScale({ digits: value.digits, scale: shifted }, precision, ties)
        : toScale({ digits: value.digits * 10n ** BigInt(-shifted), scale: 0 }, precision, ties)
    ).toString();
  }
  if (digits.length > precision + 1) {
    digits = digits.slice(0, precision + 1);
    exponent++;
  }
  return { digits, exponent };
}

const exponentText = (exponent: number): string =>
  `e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;

/** More digits than any double has. */
const longest = 1100;

/** %f %e %g and their capitals for a finite number. */
export function formatDecimal(spec: Specifier, value: Decimal, negative: boolean, ties: Ties): string {
  const kind = spec.letter.toLowerCase();
  if ((spec.precision ?? 0) > longest && kind !== "g")
    throw new Error("Output string too large while evaluating FORMAT");
  const alternative = spec.flags.includes("#");
  const precision = Math.min(spec.precision ?? 6, longest);
  const grouped = (whole: string): string => (spec.flags.includes("'") ? group(whole, 3, ",") : whole);
  const join = (whole: string, fraction: string): string =>
    fraction === "" && !alternative ? whole : `${whole}.${fraction}`;
  let body: string;
  if (kind === "f") {
    const [whole, fraction] = fixed(value, precision, ties);
    body = join(grouped(whole), fraction);
  } else if (kind === "e") {
    const { digits, exponent } = scientific(value, precision, ties);
    body = join(digits.slice(0, 1), digits.slice(1)) + exponentText(exponent);
  } else {
    const significant = precision === 0 ? 1 : precision;
    const { digits, exponent } = scientific(value, significant - 1, ties);
    const trim = (fraction: string): string => (alternative ? fraction : fraction.replace(/0+$/, ""));
    if (exponent < -4 || exponent >= significant) {
      body = join(digits.slice(0, 1), trim(digits.slice(1))) + exponentText(exponent);
    } else {
      const [whole, fraction] = fixed(value, significant - 1 - exponent, ties);
      body = join(grouped(whole), trim(fraction));
    }
  }
  if (/[A-Z]/.test(spec.letter)) body = body.toUpperCase();
  return assemble(spec, signOf(spec, negative), body, spec.flags.includes("0"));
}

export function formatDouble(spec: Specifier, value: number): string {
  if (!Number.isFinite(value)) {
    const text = Number.isNaN(value) ? "nan" : "inf";
    const body = /[A-Z]/.test(spec.letter) ? text.toUpperCase() : text;
    return assemble(spec, signOf(spec, value < 0), body, false);
  }
  // Zero has no sign here, whatever its bits say.
  return formatDecimal(spec, exactDecimal(value), value < 0, "even");
}

/** %s, %t, %T, %p, %P: cut to the precision, filled up to the width, in code points. For %s a text ends where it does for C, at a NUL. */
export function formatText(spec: Specifier, value: string): string {
  const units = Array.from(spec.letter === "s" ? value.replace(/\0.*$/s, "") : value);
  const cut = spec.precision === undefined ? units : units.slice(0, spec.precision);
  return assemble(spec, "", cut.join(""), false);
}

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };

/** A string or bytes literal as %T prints it: in `"` unless it holds `"` and no `'`. */
export function quoteLiteral(value: string, bytes: boolean): string {
  const quote = value.includes('"') && !value.includes("'") ? "'" : '"';
  let body = "";
  let isBehindHex = false;
  for (const c of value) {
    const code = c.codePointAt(0) ?? 0;
    // Who reads a text again must not take a digit for a part of the escape before it.
    const isHex: boolean =
      !escapes[c] &&
      (code < 32 || code === 127 || (bytes && code > 127) || (!bytes && isBehindHex && /[0-9a-f]/i.test(c)));
    if (isHex) body += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (escapes[c]) body += escapes[c];
    else body += c === quote ? `\\${c}` : c;
    isBehindHex = isHex;
  }
  return `${bytes ? "b" : ""}${quote}${body}${quote}`;
}
