import { stringText } from "../emit/text.ts";
import type { GoogleSqlType } from "../types.ts";
import type { Argument, EmitContext, FunctionLibrary, Signature } from "./contract.ts";
import { jsonFunctions } from "./json-functions.ts";
import { type PathStep, parsePath } from "./json-tree.ts";
import { bind, isNullLiteral, literalText, refuseAll, scalar, sig, sigOf } from "./signature.ts";
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
        const found =
          type === "JSON" ? `json_value(${j}, ${stringText(duck)})` : `try(json_value(${j}, ${stringText(duck)}))`;
        const slow = `gs_json_value(${j}, ${pathSql}, ${dialect(standard)})`;
        const r = ctx.fresh("r");
        // A STRING's escapes are read otherwise than those of JSON, and DuckDB takes words for numbers.
        const odd = `(${["NaN", "Infinity", "\\ud", "\\uD"].map((mark) => `contains(${j}, '${mark}')`).join(" or ")})`;
        const missing = type === "JSON" ? "null" : `(case when not json_valid(${j}) or ${odd} then ${slow} end)`;
        const own = type === "JSON" ? "" : `when ${odd} then ${slow} `;
        return `list_transform([cast(${found} as varchar)], lambda ${r}: case when ${r} is null then ${missing} ${own}when starts_with(${r}, '"') and not contains(${r}, '\\') then substring(${r}, 2, length(${r}) - 2) when regexp_matches(${r}, '^-?[0-9]+[.eE]') or ${r} = '0' and contains(${j}, '-0') then ${slow} else json_extract_string(${r}, '$') end)[1]`;
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
  js: jsonFunctions(),
};
