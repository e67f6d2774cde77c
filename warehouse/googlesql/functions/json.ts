import { floatText } from "../emit/civil.ts";
import type { GoogleSqlType } from "../types.ts";
import type { Argument, EmitContext, FunctionLibrary, JsFunction, JsValue, Signature } from "./contract.ts";
import { bigNumericKind, divideRounded, parseDecimal } from "./decimal.ts";
import { containsJson } from "./json-contains.ts";
import { appendJson, insertJson, jsonAt, removeJson, setJson, stripNullsAt } from "./json-edit.ts";
import {
  canonicalNumber,
  doubleText,
  findJson,
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
import { bind, isNullLiteral, literalText, refuseAll, scalar, sig, sigOf, text } from "./signature.ts";
import { jsonText } from "./to-json.ts";

const group = "json";
const dialect = (standard: boolean): string => (standard ? "true" : "false");

/** The DuckDB path for a literal path that means the same there, undefined for one that JS must follow. */
function duckPath(steps: readonly PathStep[]): string | undefined {
  let path = "$";
  for (const step of steps) {
    // `[0]` and `.0` find members and elements alike, which DuckDB tells apart.
    if (typeof step === "number" || !/^[A-Za-z_][\w-]*$/.test(step)) return undefined;
    path += `."${step}"`;
  }
  return path;
}

/**
 * Reads a path while the statement is compiled, where it is a literal. One that is no path gives undefined: it fails where it is
 * evaluated, so that `SAFE.` may hold it back. So does a constant that has to be computed; GoogleSQL takes no other one.
 */
function stepsOf(path: Argument | undefined, standard: boolean, ctx: EmitContext): PathStep[] | undefined {
  if (path?.constness === "varying") return ctx.error("JSONPath must be a string literal or query parameter");
  if (path?.constness === "unknown") return ctx.refuse("a JSONPath that is not a constant");
  const literal = path === undefined ? "$" : literalText(path);
  if (literal === undefined) return undefined;
  if (/^(?:lax\s+(?:recursive\s+)?|recursive\s+lax\s+)\$/i.test(literal)) return ctx.refuse("a lax JSONPath");
  try {
    return parsePath(literal, standard);
  } catch {
    return undefined;
  }
}

/** By its version GoogleSQL leaves an edit out where its path or a flag is NULL, or gives NULL for all. */
function refuseNull(arg: Argument | undefined, ctx: EmitContext): void {
  if (isNullLiteral(arg)) ctx.refuse("an argument that is NULL");
}

/** The path of an edit, which counts from the front only. */
function pathText(path: Argument, ctx: EmitContext): string {
  stepsOf(path, true, ctx);
  refuseNull(path, ctx);
  return path.sql;
}

/** A scalar as text. DuckDB finds it; JS does numbers that DuckDB would print anew, and texts that are not JSON to the end. */
const value =
  (standard: boolean) =>
  (type: "STRING" | "JSON"): Signature =>
    sigOf(`${type}, STRING?`, "STRING", ([json, path], ctx) => {
      const steps = stepsOf(path, standard, ctx);
      const pathSql = path?.sql ?? "'$'";
      const duck = steps && duckPath(steps);
      if (duck === undefined || isNullLiteral(json))
        return `gs_json_value(${json!.sql}, ${pathSql}, ${dialect(standard)})`;
      return bind(ctx, [json!.sql], (j) => {
        const found = type === "JSON" ? `json_value(${j}, ${text(duck)})` : `try(json_value(${j}, ${text(duck)}))`;
        const slow = `gs_json_value(${j}, ${pathSql}, ${dialect(standard)})`;
        const r = ctx.fresh("r");
        const missing = type === "JSON" ? "null" : `(case when json_valid(${j}) then null else ${slow} end)`;
        return `list_transform([cast(${found} as varchar)], lambda ${r}: case when ${r} is null then ${missing} when regexp_matches(${r}, '^-?[0-9]+[.eE]|^-0') then ${slow} else json_extract_string(${r}, '$') end)[1]`;
      });
    });

const query = (standard: boolean): Signature[] => [
  sigOf("STRING, STRING", "STRING", ([json, path], ctx) => {
    stepsOf(path, standard, ctx);
    return `gs_json_query(${json!.sql}, ${path!.sql}, ${dialect(standard)})`;
  }),
  sigOf("JSON, STRING", "JSON", ([json, path], ctx) => {
    stepsOf(path, standard, ctx);
    return `gs_json_query_json(${json!.sql}, ${path!.sql}, ${dialect(standard)})`;
  }),
];

const arrays = (name: "query_array" | "value_array", standard: boolean): Signature[] =>
  (["STRING", "JSON"] as const).map((type) => {
    const element = name === "query_array" ? type : "STRING";
    return sigOf(`${type}, STRING?`, `ARRAY<${element}>`, ([json, path], ctx) => {
      stepsOf(path, standard, ctx);
      const list = `gs_json_${name}(${json!.sql}, ${path?.sql ?? "'$'"}, ${dialect(standard)})`;
      return element === "JSON" ? `cast(${list} as json[])` : list;
    });
  });

const converting = (name: string, result: string, strict: string, lax: string, wide = false) => [
  ...(strict === ""
    ? []
    : [
        scalar(group, name, [
          wide
            ? sig("JSON, wide_number_mode==>STRING?", result, (j, m) => `${strict}(${j}, ${m ?? "'round'"})`)
            : sig("JSON", result, (j) => `${strict}(${j})`),
        ]),
      ]),
  scalar(group, `LAX_${name}`, [sig("JSON", result, (j) => `${lax}(${j})`)], { cannotFail: true }),
];

const asJson = (arg: Argument, ctx: EmitContext, mode: "json" | "build" = "build"): string =>
  arg.type.kind === "JSON" ? `coalesce(cast(${arg.sql} as varchar), 'null')` : jsonText(arg.sql, arg.type, mode, ctx);

/** JSON, then pairs of a path and a value, then one named flag. */
const editing = (name: string, duck: string, flag: string, normally: boolean) =>
  scalar(group, name, [
    sigOf(`JSON, STRING, ANY, STRING*, ANY*, ${flag}==>BOOL?`, "JSON", (args, ctx) => {
      const flagArg = args.length % 2 === 0 ? args.at(-1) : undefined;
      refuseNull(flagArg, ctx);
      const pairs = args.slice(1, args.length % 2 === 0 ? -1 : undefined);
      const paths = pairs.filter((_, i) => i % 2 === 0).map((one) => pathText(one!, ctx));
      const values = pairs.filter((_, i) => i % 2 === 1).map((one) => asJson(one!, ctx, "json"));
      return `cast(${duck}(${args[0]!.sql}, [${paths.join(", ")}], [${values.join(", ")}], ${flagArg?.sql ?? String(normally)}) as json)`;
    }),
  ]);

const isArray = (type: GoogleSqlType): boolean => type.kind === "ARRAY";

export const json: FunctionLibrary = {
  functions: [
    scalar(group, "JSON_VALUE", (["JSON", "STRING"] as const).map(value(true))),
    scalar(group, "JSON_EXTRACT_SCALAR", (["JSON", "STRING"] as const).map(value(false))),
    scalar(group, "JSON_QUERY", query(true)),
    scalar(group, "JSON_EXTRACT", query(false)),
    scalar(group, "JSON_QUERY_ARRAY", arrays("query_array", true)),
    scalar(group, "JSON_EXTRACT_ARRAY", arrays("query_array", false)),
    scalar(group, "JSON_VALUE_ARRAY", arrays("value_array", true)),
    scalar(group, "JSON_EXTRACT_STRING_ARRAY", arrays("value_array", false)),
    scalar(group, "PARSE_JSON", [
      sig(
        "STRING, wide_number_mode==>STRING?",
        "JSON",
        (s, m) => `cast(gs_parse_json_as(${s}, ${m ?? "'exact'"}) as json)`,
      ),
    ]),
    scalar(group, "TO_JSON_STRING", [
      sigOf("ANY, pretty_print=>BOOL?", "STRING", ([x, pretty], ctx) => {
        const line = jsonText(x!.sql, x!.type, "string", ctx);
        if (pretty === undefined) return line;
        return `(case when ${pretty.sql} then gs_json_pretty(${line}) when not ${pretty.sql} then ${line} end)`;
      }),
    ]),
    scalar(group, "TO_JSON", [
      sigOf("ANY, stringify_wide_numbers==>BOOL?", "JSON", ([x, wide], ctx) => {
        const flag = wide === undefined ? false : wide.literal?.value;
        if (typeof flag !== "boolean") return ctx.refuse("stringify_wide_numbers that is not a literal");
        const line = jsonText(x!.sql, x!.type, flag ? "wide" : "json", ctx);
        return x!.type.kind === "JSON" ? line : `cast(gs_json_canonical(${line}) as json)`;
      }),
    ]),
    scalar(group, "JSON_TYPE", [sig("JSON", "STRING", (j) => `gs_json_type(${j})`)], { cannotFail: true }),
    ...converting("INT64", "INT64", "gs_json_int64", "gs_lax_int64"),
    ...converting("BOOL", "BOOL", "gs_json_bool", "gs_lax_bool"),
    ...converting("FLOAT64", "FLOAT64", "gs_json_float64", "gs_lax_float64", true),
    // STRING itself stands with the dates, which it converts too.
    ...converting("STRING", "STRING", "", "gs_lax_string"),
    editing("JSON_SET", "gs_json_set", "create_if_missing", true),
    editing("JSON_ARRAY_APPEND", "gs_json_array_append", "append_each_element", true),
    editing("JSON_ARRAY_INSERT", "gs_json_array_insert", "insert_each_element", true),
    scalar(group, "JSON_REMOVE", [
      sigOf("JSON, STRING, STRING*", "JSON", ([j, ...paths], ctx) => {
        return `cast(gs_json_remove(${j!.sql}, [${paths.map((path) => pathText(path!, ctx)).join(", ")}]) as json)`;
      }),
    ]),
    scalar(group, "JSON_STRIP_NULLS", [
      sigOf(
        "JSON, STRING?, include_arrays==>BOOL?, remove_empty==>BOOL?",
        "JSON",
        ([j, path, includeArrays, removeEmpty], ctx) => {
          stepsOf(path, true, ctx);
          for (const one of [path, includeArrays, removeEmpty]) refuseNull(one, ctx);
          return `cast(gs_json_strip_nulls(${j!.sql}, ${path?.sql ?? "'$'"}, ${includeArrays?.sql ?? "true"}, ${removeEmpty?.sql ?? "false"}) as json)`;
        },
      ),
    ]),
    scalar(group, "JSON_ARRAY", [
      sigOf(
        "ANY*",
        "JSON",
        (args, ctx) =>
          `cast(gs_json_canonical('[' || ${args.length === 0 ? "''" : args.map((one) => asJson(one!, ctx)).join(" || ',' || ")} || ']') as json)`,
      ),
    ]),
    scalar(group, "JSON_OBJECT", [
      sigOf("ARRAY<STRING>, ARRAY<T1>", "JSON", ([keys, values], ctx) => {
        const element = values!.type.kind === "ARRAY" ? values!.type.element : values!.type;
        const e = ctx.fresh("e");
        const print =
          element.kind === "JSON" ? `coalesce(cast(${e} as varchar), 'null')` : jsonText(e, element, "build", ctx);
        return `cast(gs_json_object(${keys!.sql}, list_transform(${values!.sql}, lambda ${e}: ${print})) as json)`;
      }),
      sigOf("ANY*", "JSON", (args, ctx) => {
        if (args.length === 0) return "cast('{}' as json)";
        if (args.length % 2 !== 0) return ctx.error("JSON_OBJECT needs a value for every key");
        const keys = args.filter((_, i) => i % 2 === 0);
        if (keys.some((key) => key!.type.kind !== "STRING" || isArray(key!.type)))
          return ctx.error("A key of JSON_OBJECT must be a STRING");
        const values = args.filter((_, i) => i % 2 === 1).map((one) => asJson(one!, ctx));
        return `cast(gs_json_object([${keys.map((key) => key!.sql).join(", ")}], [${values.join(", ")}]) as json)`;
      }),
    ]),
    scalar(group, "JSON_KEYS", [
      sig(
        "JSON, INT64?, mode==>STRING?",
        "ARRAY<STRING>",
        (j, depth, mode) => `gs_json_keys(${j}, ${depth ?? "cast(null as bigint)"}, ${mode ?? "'strict'"})`,
      ),
    ]),
    scalar(group, "JSON_CONTAINS", [sig("JSON, JSON", "BOOL", (j, part) => `gs_json_contains(${j}, ${part})`)], {
      cannotFail: true,
    }),
    ...refuseAll(group, "not verified", ["SAFE_TO_JSON"]),
  ],
  macros: [
    { name: "gs_parse_json", definition: "(s) as cast(gs_parse_json_as(s, 'exact') as json)" },
    { name: "gs_json_key", definition: "(j, k) as cast(gs_json_member(j, k) as json)" },
    { name: "gs_json_index", definition: "(j, i) as cast(gs_json_element(j, i) as json)" },
    { name: "gs_json_query_json", definition: "(j, p, s) as cast(gs_json_query_canonical(j, p, s) as json)" },
  ],
  js: jsFunctions(),
};

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
  const given = value.value.trim();
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

function jsFunctions(): JsFunction[] {
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
