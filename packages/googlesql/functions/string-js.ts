import type { JsFunction, JsValue } from "./contract.ts";
import {
  bytesFromCodePoints,
  bytesToUnits,
  codePoints,
  editDistance,
  fromBase32,
  fromBase64,
  fromCodePoints,
  fromHex,
  initcap,
  instr,
  pad,
  repeat,
  safeDecodeUtf8,
  soundex,
  split,
  substring,
  toBase32,
  translate,
  trim,
  unitsToBytes,
} from "./text-algorithms.ts";

function stringFunctions(): JsFunction[] {
  const one = (name: string, args: string, result: string, run: (...values: never[]) => JsValue): JsFunction => ({
    name: `gs_${name}`,
    args: args.split(" "),
    result,
    run: run as (...values: JsValue[]) => JsValue,
  });
  return [
    {
      name: "gs_fail",
      args: ["VARCHAR"],
      result: "VARCHAR",
      nulls: "own",
      run: (message) => {
        throw new Error(String(message));
      },
    },
    one("upper", "VARCHAR", "VARCHAR", (s: string) => s.toUpperCase()),
    one("lower", "VARCHAR", "VARCHAR", (s: string) => s.toLowerCase()),
    one("reverse", "VARCHAR", "VARCHAR", (s: string) => codePoints(s).reverse().join("")),
    one("ascii", "VARCHAR", "BIGINT", (s: string) => {
      const first = s.codePointAt(0) ?? 0;
      if (first > 127) throw new Error(`Argument to ASCII is not a structurally valid ASCII string: '${s}'`);
      return BigInt(first);
    }),
    one("ascii_bytes", "BLOB", "BIGINT", (s: Uint8Array) => BigInt(s[0] ?? 0)),
    one("unicode", "VARCHAR", "BIGINT", (s: string) => BigInt(s.codePointAt(0) ?? 0)),
    one("chr", "BIGINT", "VARCHAR", (n: bigint) => fromCodePoints([n])),
    one("code_points_to_string", "BIGINT[]", "VARCHAR", (a: bigint[]) => fromCodePoints(a)),
    one("code_points_to_bytes", "BIGINT[]", "BLOB", (a: bigint[]) => bytesFromCodePoints(a)),
    one("to_code_points", "VARCHAR", "BIGINT[]", (s: string) =>
      codePoints(s).map((c) => BigInt(c.codePointAt(0) ?? 0)),
    ),
    one("to_code_points_bytes", "BLOB", "BIGINT[]", (s: Uint8Array) => Array.from(s, (b) => BigInt(b))),
    one("from_base32", "VARCHAR", "BLOB", fromBase32),
    one("from_base64", "VARCHAR", "BLOB", fromBase64),
    one("from_hex", "VARCHAR", "BLOB", fromHex),
    one("to_base32", "BLOB", "VARCHAR", toBase32),
    one("initcap", "VARCHAR", "VARCHAR", (s: string) => initcap(s, undefined)),
    one("initcap_by", "VARCHAR VARCHAR", "VARCHAR", (s: string, d: string) => initcap(s, d)),
    one("soundex", "VARCHAR", "VARCHAR", soundex),
    one("normalize", "VARCHAR VARCHAR", "VARCHAR", (s: string, mode: string) => s.normalize(mode)),
    one("casefold", "VARCHAR VARCHAR", "VARCHAR", foldCase),
    one("safe_convert_bytes_to_string", "BLOB", "VARCHAR", safeDecodeUtf8),
  ];
}

/** What NORMALIZE_AND_CASEFOLD gives. */
export const foldCase = (s: string, mode: string): string => caseFold(s.normalize(mode)).normalize(mode);

/** Full case folding: upper then lower is it, except for the few letters whose folding is a rule of its own. */
function caseFold(value: string): string {
  let result = "";
  for (const unit of value) {
    if (unit === "\u03c2") result += "\u03c3";
    else if (unit === "\u0130") result += "i\u0307";
    else if (unit === "\u0131") result += unit;
    else if (unit >= "\u13a0" && unit <= "\u13f5") result += unit;
    else if (unit >= "\uab70" && unit <= "\uabbf") result += unit.toUpperCase();
    else if (unit >= "\u13f8" && unit <= "\u13fd") result += unit.toUpperCase();
    else result += foldUnit(unit);
  }
  return result;
}

function foldUnit(unit: string): string {
  // Letter by letter, so that a final sigma stays what folding makes of it.
  return codePoints(unit.toUpperCase())
    .map((letter) => letter.toLowerCase())
    .join("");
}

/** Each of these once over code points and once over bytes (`_bytes`). */
function overUnits(): JsFunction[] {
  const both = (
    name: string,
    args: readonly ("text" | "BIGINT")[],
    result: "text" | "list" | "BIGINT",
    run: (units: (value: string) => string[], ...values: never[]) => JsValue,
    suffix = "",
  ): JsFunction[] => [
    {
      name: `gs_${name}${suffix}`,
      args: args.map((type) => (type === "text" ? "VARCHAR" : type)),
      result: result === "text" ? "VARCHAR" : result === "list" ? "VARCHAR[]" : result,
      run: (...values) => run(codePoints, ...(values as never[])),
    },
    {
      name: `gs_${name}_bytes${suffix}`,
      args: args.map((type) => (type === "text" ? "BLOB" : type)),
      result: result === "text" ? "BLOB" : result === "list" ? "BLOB[]" : result,
      run: (...values) => {
        const found = run(
          (value) => value.split(""),
          ...(values.map((value) => (value instanceof Uint8Array ? bytesToUnits(value) : value)) as never[]),
        );
        if (typeof found === "string") return unitsToBytes(found);
        return Array.isArray(found) ? found.map((part) => unitsToBytes(String(part))) : found;
      },
    },
  ];
  const asciiCase = (upper: boolean) => (s: string) =>
    s.replace(upper ? /[a-z]/g : /[A-Z]/g, (c) => (upper ? c.toUpperCase() : c.toLowerCase()));
  return [
    ...both("substr", ["text", "BIGINT"], "text", (units, s: string, p: bigint) =>
      substring(units(s), p, undefined),
    ).slice(1),
    ...both(
      "substr",
      ["text", "BIGINT", "BIGINT"],
      "text",
      (units, s: string, p: bigint, n: bigint) => substring(units(s), p, n),
      "_n",
    ).slice(1),
    ...both("left", ["text", "BIGINT"], "text", (units, s: string, n: bigint) => {
      if (n < 0n) throw new Error("Second argument in LEFT() cannot be negative");
      return n >= s.length ? s : units(s).slice(0, Number(n)).join("");
    }).slice(1),
    ...both("right", ["text", "BIGINT"], "text", (units, s: string, n: bigint) => {
      if (n < 0n) throw new Error("Second argument in RIGHT() cannot be negative");
      return n >= s.length ? s : n === 0n ? "" : units(s).slice(-Number(n)).join("");
    }).slice(1),
    ...both("lpad", ["text", "BIGINT", "text"], "text", (units, s: string, n: bigint, p: string) =>
      pad(units(s), n, units(p), true),
    ),
    ...both("rpad", ["text", "BIGINT", "text"], "text", (units, s: string, n: bigint, p: string) =>
      pad(units(s), n, units(p), false),
    ),
    ...both("trim", ["text", "text"], "text", (units, s: string, set: string) =>
      trim(units(s), new Set(units(set)), true, true),
    ),
    ...both("ltrim", ["text", "text"], "text", (units, s: string, set: string) =>
      trim(units(s), new Set(units(set)), true, false),
    ),
    ...both("rtrim", ["text", "text"], "text", (units, s: string, set: string) =>
      trim(units(s), new Set(units(set)), false, true),
    ),
    ...both(
      "instr",
      ["text", "text", "BIGINT", "BIGINT"],
      "BIGINT",
      (units, s: string, t: string, p: bigint, n: bigint) => instr(units(s), units(t), p, n),
    ),
    ...both("split", ["text", "text"], "list", (units, s: string, d: string) => split(s, units(s), d)),
    ...both("translate", ["text", "text", "text"], "text", (units, s: string, from: string, to: string) =>
      translate(units(s), units(from), units(to)),
    ),
    ...both("repeat", ["text", "BIGINT"], "text", (units, s: string, n: bigint) =>
      repeat(s, units === codePoints ? Buffer.byteLength(s) : s.length, n),
    ),
    ...both("replace", ["text", "text", "text"], "text", (_units, s: string, from: string, to: string) =>
      from === "" ? s : s.replaceAll(from, () => to),
    ).slice(1),
    ...both("reverse", ["text"], "text", (_units, s: string) => s.split("").reverse().join("")).slice(1),
    ...both("upper", ["text"], "text", (_units, s: string) => asciiCase(true)(s)).slice(1),
    ...both("lower", ["text"], "text", (_units, s: string) => asciiCase(false)(s)).slice(1),
    ...both("edit_distance", ["text", "text"], "BIGINT", (units, a: string, b: string) =>
      editDistance(units(a), units(b), undefined),
    ),
    ...both(
      "edit_distance",
      ["text", "text", "BIGINT"],
      "BIGINT",
      (units, a: string, b: string, n: bigint) => editDistance(units(a), units(b), n),
      "_max",
    ),
  ];
}

/** What DuckDB has no function for: texts by code points, BYTES byte by byte. */
export const stringJs: readonly JsFunction[] = [...stringFunctions(), ...overUnits()];
