/** The JSON functions over values, as DuckDB calls them: paths are followed, numbers read and texts printed in JS. */
import { floatText } from "../emit/civil.ts";
import type { JsFunction, JsValue } from "./contract.ts";
import { bigNumericKind, divideRounded, parseDecimal } from "./decimal.ts";
import { containsJson } from "./json-contains.ts";
import { appendJson, insertJson, jsonAt, removeJson, setJson, stripNullsAt } from "./json-edit.ts";
import { findJson } from "./json-of-text.ts";
import {
  canonicalNumber,
  doubleText,
  type Json,
  type PathStep,
  parsePath,
  prettyJson,
  printJson,
  quoteJson,
  readJson,
  roundTrips,
  scalarText,
} from "./json-tree.ts";

const numberOf = (value: Json): number | undefined => (value.kind === "number" ? Number(value.text) : undefined);

function decimalJson(given: string, mode: string): string {
  const value = parseDecimal(bigNumericKind, given);
  const isWhole = value % bigNumericKind.one === 0n;
  const whole = value / bigNumericKind.one;
  const exact = isWhole && whole >= -(2n ** 53n) && whole <= 2n ** 53n;
  if (mode === "string") return exact ? given : quoteJson(given);
  const canonical = canonicalNumber(given);
  // By its language options GoogleSQL rounds such a number or fails.
  if (mode === "build" && !roundTrips(given))
    throw new Error(`refused.JSON: the number ${given}, which JSON would round`);
  return mode === "wide" && !exact && !roundTrips(given) ? quoteJson(given) : canonical;
}

const int64 = (value: bigint): bigint | null => (value >= -(2n ** 63n) && value < 2n ** 63n ? value : null);

function laxInt64(value: Json): bigint | null {
  if (value.kind === "bool") return value.value ? 1n : 0n;
  const given = value.kind === "number" ? value.text : value.kind === "string" ? value.value : undefined;
  if (given === undefined) return null;
  if (value.kind === "number" && !/^-?\d+$/.test(given)) {
    const double = Number(given);
    return Number.isFinite(double) ? int64(BigInt(Math.sign(double) * Math.round(Math.abs(double)))) : null;
  }
  try {
    return int64(divideRounded(parseDecimal(bigNumericKind, given), bigNumericKind.one));
  } catch {
    return null;
  }
}

function laxFloat64(value: Json): number | null {
  if (value.kind === "number") return Number(value.text);
  if (value.kind !== "string") return null;
  const given = value.value.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "");
  const special = /^([+-]?)(?:(inf|infinity)|nan)$/i.exec(given);
  if (special) return special[2] ? (special[1] === "-" ? -Infinity : Infinity) : Number.NaN;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(given) ? Number(given) : null;
}

function laxBool(value: Json): boolean | null {
  if (value.kind === "bool") return value.value;
  if (value.kind === "number") return Number(value.text) !== 0;
  if (value.kind === "string" && /^(true|false)$/i.test(value.value)) return value.value.toLowerCase() === "true";
  return null;
}

function strictInt64(value: Json): bigint {
  const number = numberOf(value);
  if (value.kind !== "number" || number === undefined) throw new Error("The provided JSON input is not an integer");
  if (/^-?\d+$/.test(value.text)) {
    const whole = int64(BigInt(value.text));
    if (whole !== null) return whole;
  } else if (Number.isInteger(number)) {
    const whole = int64(BigInt(number));
    if (whole !== null) return whole;
  }
  throw new Error(`The provided JSON number: ${value.text} cannot be converted to an integer`);
}

function strictFloat64(value: Json, mode: string): number {
  if (mode !== "exact" && mode !== "round") throw new Error("Invalid `wide_number_mode` specified");
  if (value.kind !== "number") throw new Error("The provided JSON input is not a number");
  const number = Number(value.text);
  if (mode === "exact" && /^-?\d+$/.test(value.text) && BigInt(number) !== BigInt(value.text)) {
    throw new Error(`JSON number: ${value.text} cannot be converted to FLOAT64 without loss of precision`);
  }
  return number;
}

function parseJson(given: string, mode: string): string {
  if (mode !== "exact" && mode !== "round") throw new Error(`Invalid \`wide_number_mode\` specified: ${mode}`);
  let value: Json;
  try {
    value = readJson(given);
  } catch (problem) {
    throw new Error(`Invalid input to PARSE_JSON: ${(problem as Error).message}`);
  }
  const check = (one: Json): void => {
    if (one.kind === "number") {
      if (!Number.isFinite(Number(one.text)))
        throw new Error(`Invalid input to PARSE_JSON: number overflow parsing '${one.text}'`);
      if (mode === "exact" && !roundTrips(one.text)) {
        throw new Error(
          `Invalid input to PARSE_JSON: Input number: ${one.text} cannot round-trip through string representation`,
        );
      }
    } else if (one.kind === "array") one.items.forEach(check);
    else if (one.kind === "object") for (const [, member] of one.members) check(member);
  };
  check(value);
  return printJson(value, true);
}

/** The keys of objects, with those above them; in lax modes of objects in arrays too, `deep` also of arrays in arrays. */
function keysOf(value: Json, depth: number, prefix: string, mode: string, into: Set<string>): void {
  if (value.kind === "array" && mode !== "strict") {
    for (const item of value.items)
      if (item.kind === "object" || (item.kind === "array" && mode === "lax recursive"))
        keysOf(item, depth, prefix, mode, into);
  }
  if (value.kind !== "object") return;
  for (const [key, member] of value.members) {
    const quoted = quoteJson(key);
    const name = quoted.length > key.length + 2 || key.includes(".") ? quoted : key;
    const path = prefix === "" ? name : `${prefix}.${name}`;
    into.add(path);
    if (depth > 1) keysOf(member, depth - 1, path, mode, into);
  }
}

function jsonKeys(given: string | null, depth: bigint | null, modeText: string | null): string[] | null {
  if (depth !== null && depth <= 0n) throw new Error("max_depth must be positive.");
  const mode = (modeText ?? "strict").toLowerCase();
  if (!["strict", "lax", "lax recursive"].includes(mode)) throw new Error("Invalid JSON mode specified");
  if (given === null || modeText === null) return null;
  const found = new Set<string>();
  keysOf(readJson(given), depth === null ? Infinity : Number(depth), "", mode, found);
  return [...found].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** A path to be changed: it counts from the front only. */
function editPath(path: string): PathStep[] {
  const backwards = /\[\s*-[^\]'"]*\]/.exec(path);
  if (backwards) throw new Error(`Invalid token in JSONPath at: ${backwards[0]}`);
  return parsePath(path, true);
}

/** What the JSON functions of the catalogue call. */
export function jsonFunctions(): JsFunction[] {
  const fn = (name: string, args: string, result: string, run: (...values: never[]) => unknown): JsFunction => ({
    name: `gs_${name}`,
    args: args.split(" "),
    result,
    run: run as (...values: JsValue[]) => JsValue,
  });
  const withNulls = (...given: Parameters<typeof fn>): JsFunction => ({ ...fn(...given), nulls: "own" });
  const paths = new Map<string, PathStep[]>();
  const steps = (path: string, standard: boolean): PathStep[] => {
    const key = `${standard}${path}`;
    let known = paths.get(key);
    if (!known) {
      if (paths.size > 1000) paths.clear();
      known = parsePath(path, standard);
      paths.set(key, known);
    }
    return known;
  };
  const reading = (name: string, result: string, run: (value: Json) => JsValue): JsFunction =>
    fn(name, "VARCHAR", result, (given: string) => run(readJson(given)));
  const edit = (name: string, change: (value: Json, path: PathStep[], to: Json, flag: boolean) => Json): JsFunction =>
    fn(
      name,
      "VARCHAR VARCHAR[] VARCHAR[] BOOLEAN",
      "VARCHAR",
      (given: string, at: (string | null)[], values: string[], flag: boolean) => {
        return printJson(
          at.reduce(
            (value, path, i) => (path === null ? value : change(value, editPath(path), readJson(values[i]!), flag)),
            readJson(given),
          ),
          true,
        );
      },
    );
  return [
    fn(
      "json_value",
      "VARCHAR VARCHAR BOOLEAN",
      "VARCHAR",
      (given: string, path: string, standard: boolean) => scalarText(findJson(given, steps(path, standard))) ?? null,
    ),
    fn("json_query", "VARCHAR VARCHAR BOOLEAN", "VARCHAR", (given: string, path: string, standard: boolean) => {
      const found = findJson(given, steps(path, standard));
      return found === undefined || found.kind === "null" ? null : printJson(found, false);
    }),
    fn(
      "json_query_canonical",
      "VARCHAR VARCHAR BOOLEAN",
      "VARCHAR",
      (given: string, path: string, standard: boolean) => {
        const found = findJson(given, steps(path, standard));
        return found === undefined ? null : printJson(found, false);
      },
    ),
    fn("json_query_array", "VARCHAR VARCHAR BOOLEAN", "VARCHAR[]", (given: string, path: string, standard: boolean) => {
      const found = findJson(given, steps(path, standard));
      return found?.kind === "array" ? found.items.map((item) => printJson(item, false)) : null;
    }),
    fn("json_value_array", "VARCHAR VARCHAR BOOLEAN", "VARCHAR[]", (given: string, path: string, standard: boolean) => {
      const found = findJson(given, steps(path, standard));
      if (found?.kind !== "array" || found.items.some((item) => item.kind === "array" || item.kind === "object"))
        return null;
      return found.items.map((item) => scalarText(item) ?? null);
    }),
    fn("parse_json_as", "VARCHAR VARCHAR", "VARCHAR", parseJson),
    fn("json_canonical", "VARCHAR", "VARCHAR", (given: string) => printJson(readJson(given), true)),
    fn("json_pretty", "VARCHAR", "VARCHAR", (given: string) => prettyJson(readJson(given))),
    fn("json_quote", "VARCHAR BOOLEAN", "VARCHAR", quoteJson),
    fn("json_float_text", "DOUBLE", "VARCHAR", (x: number) =>
      Number.isFinite(x) ? floatText(x) : quoteJson(Number.isNaN(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity"),
    ),
    fn("json_float", "DOUBLE", "VARCHAR", (x: number) =>
      Number.isFinite(x) ? doubleText(x + 0) : quoteJson(Number.isNaN(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity"),
    ),
    fn("json_decimal", "VARCHAR VARCHAR", "VARCHAR", decimalJson),
    reading("json_type", "VARCHAR", (value) => (value.kind === "bool" ? "boolean" : value.kind)),
    reading("json_int64", "BIGINT", strictInt64),
    fn("json_float64", "VARCHAR VARCHAR", "DOUBLE", (given: string, mode: string) =>
      strictFloat64(readJson(given), mode),
    ),
    reading("json_bool", "BOOLEAN", (value) => {
      if (value.kind !== "bool") throw new Error("The provided JSON input is not a boolean");
      return value.value;
    }),
    reading("json_string", "VARCHAR", (value) => {
      if (value.kind !== "string") throw new Error("The provided JSON input is not a string");
      return value.value;
    }),
    reading("lax_int64", "BIGINT", laxInt64),
    reading("lax_float64", "DOUBLE", laxFloat64),
    reading("lax_bool", "BOOLEAN", laxBool),
    reading("lax_string", "VARCHAR", (value) =>
      value.kind === "number" && !/^-?\d+$/.test(value.text)
        ? floatText(Number(value.text))
        : (scalarText(value) ?? null),
    ),
    fn("json_member", "VARCHAR VARCHAR", "VARCHAR", (given: string, key: string) => {
      const value = readJson(given);
      const found = value.kind === "object" ? jsonAt(value, [key]) : undefined;
      return found ? printJson(found, false) : null;
    }),
    fn("json_element", "VARCHAR BIGINT", "VARCHAR", (given: string, index: bigint) => {
      const value = readJson(given);
      const found = value.kind === "array" && index >= 0n ? value.items[Number(index)] : undefined;
      return found ? printJson(found, false) : null;
    }),
    edit("json_set", setJson),
    edit("json_array_append", appendJson),
    edit("json_array_insert", insertJson),
    fn("json_remove", "VARCHAR VARCHAR[]", "VARCHAR", (given: string, at: (string | null)[]) =>
      printJson(
        at.reduce((value, path) => (path === null ? value : removeJson(value, editPath(path))), readJson(given)),
        true,
      ),
    ),
    fn(
      "json_strip_nulls",
      "VARCHAR VARCHAR BOOLEAN BOOLEAN",
      "VARCHAR",
      (given: string, path: string, includeArrays: boolean, removeEmpty: boolean) =>
        printJson(stripNullsAt(readJson(given), editPath(path), includeArrays, removeEmpty), true),
    ),
    withNulls(
      "json_object",
      "VARCHAR[] VARCHAR[]",
      "VARCHAR",
      (keys: (string | null)[] | null, values: string[] | null) => {
        if (keys === null || values === null)
          throw new Error("Invalid input to JSON_OBJECT: The keys and values arrays cannot be NULL");
        if (keys.length !== values.length) throw new Error("The number of keys and values must match");
        return printJson(
          {
            kind: "object",
            members: keys.map((key, i) => {
              if (key === null) throw new Error("A key of JSON_OBJECT cannot be NULL");
              return [key, readJson(values[i]!)];
            }),
          },
          true,
        );
      },
    ),
    withNulls("json_keys", "VARCHAR BIGINT VARCHAR", "VARCHAR[]", jsonKeys),
    fn("json_contains", "VARCHAR VARCHAR", "BOOLEAN", (given: string, part: string) =>
      containsJson(readJson(given), readJson(part)),
    ),
  ];
}
