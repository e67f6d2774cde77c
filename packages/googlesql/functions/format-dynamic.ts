/** FORMAT by a format that is known only when it is evaluated, with the checks that are made of a literal one beforehand. */
import { bigNumericKind, parseDecimal } from "./decimal.ts";
import { prettyJson, readJson } from "./json-tree.ts";
import { formatDecimal, formatDouble, formatInteger, formatText, readSpecifier, type Specifier } from "./printf.ts";

/** `%`, flags, width, precision, and the letter. */
export const specifier = /%(?:%|([-+ #0']*)(\*|\d*)(?:\.(\*|\d*))?(.))/gsu;

/** An argument as plain text (null for NULL, and for types that only %t and %T print), as %t and as %T prints it. */
export type PrintedArgument = readonly [string | null, string, string];

const kindsOf: Readonly<Record<string, readonly string[]>> = {
  d: ["INT64"],
  f: ["FLOAT64", "NUMERIC", "BIGNUMERIC"],
  s: ["STRING"],
  p: ["JSON"],
};
const families: Readonly<Record<string, string>> = Object.fromEntries([
  ..."dioxX".split("").map((letter) => [letter, "d"]),
  ..."fFeEgG".split("").map((letter) => [letter, "f"]),
  ["s", "s"],
  ["p", "p"],
  ["P", "p"],
]);

/** A NUMERIC or BIGNUMERIC text by one specifier. */
export function decimalBy(spec: Specifier, value: string): string {
  const digits = parseDecimal(bigNumericKind, value);
  const size = { digits: digits < 0n ? -digits : digits, scale: bigNumericKind.scale };
  return formatDecimal(spec, size, digits < 0n, "away");
}

function one(spec: Specifier, kind: string, [raw, plain, literal]: PrintedArgument): string | null {
  if (spec.letter === "t") return formatText(spec, plain);
  if (spec.letter === "T") return formatText(spec, literal);
  const family = families[spec.letter];
  if (family === undefined) throw new Error(`Invalid format specifier character "${spec.letter}" in FORMAT string`);
  if (!kindsOf[family]!.includes(kind))
    throw new Error(`Invalid type for argument to FORMAT; Expected ${kindsOf[family]![0]}; Got ${kind}`);
  if (raw === null) return null;
  if (family === "d") return formatInteger(spec, BigInt(raw));
  if (kind === "FLOAT64") return formatDouble(spec, Number(raw.replace("inf", "Infinity")));
  if (family === "f") return decimalBy(spec, raw);
  return formatText(spec, spec.letter === "P" ? prettyJson(readJson(raw)) : raw);
}

/** The formatted text; null when a NULL meets anything but %t and %T. Throws what GoogleSQL fails with. */
export function formatDynamic(given: string | null, kinds: readonly string[], args: readonly PrintedArgument[]) {
  if (given === null) return null;
  let out = "";
  let isNull = false;
  let at = 0;
  let used = 0;
  const next = (): number => {
    if (used >= args.length) throw new Error(`Too few arguments to FORMAT for pattern "${given}"`);
    return used++;
  };
  const star = (): bigint | undefined => {
    const index = next();
    if (kinds[index] !== "INT64")
      throw new Error(`Invalid type for argument ${index + 2} to FORMAT; Expected INT64; Got ${kinds[index]}`);
    const raw = args[index]![0];
    if (raw !== null) return BigInt(raw);
    isNull = true;
    return undefined;
  };
  for (const match of given.matchAll(specifier)) {
    const [whole, flags = "", width = "", precision, letter = ""] = match;
    const between = given.slice(at, match.index);
    if (between.includes("%")) break;
    out += between;
    at = match.index + whole.length;
    if (whole === "%%") {
      out += "%";
      continue;
    }
    const wide = width === "*" ? star() : BigInt(width || 0);
    const exact = precision === "*" ? star() : precision === undefined ? undefined : BigInt(precision || 0);
    const index = next();
    if (wide !== undefined && (wide > 2n ** 31n || wide < -(2n ** 31n)))
      throw new Error("Output string too large while evaluating FORMAT");
    const left = wide !== undefined && wide < 0n ? "-" : "";
    const dot = exact === undefined || exact < 0n ? "" : `.${exact}`;
    const size = wide === undefined || wide === 0n ? "" : String(wide < 0n ? -wide : wide);
    const text = one(readSpecifier(`%${left}${flags}${size}${dot}${letter}`), kinds[index]!, args[index]!);
    if (text === null) isNull = true;
    else out += text;
  }
  const rest = given.slice(at);
  if (rest.includes("%")) throw new Error(`Format string cannot end with a single '%': "${given}"`);
  if (used < args.length)
    throw new Error(
      `Too many arguments to FORMAT for pattern "${given}"; Expected ${used + 1}; Got ${args.length + 1}`,
    );
  return isNull ? null : out + rest;
}
