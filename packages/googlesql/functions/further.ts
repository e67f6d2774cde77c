/** Functions of GoogleSQL that BigQuery does not have, or has had only since lately. */
import { type IntervalParts, intervalInRange } from "../emit/intervals.ts";
import { arrayOf, supportsGrouping } from "../types.ts";
import type { FunctionLibrary, JsFunction, JsValue } from "./contract.ts";
import { type Json, printJson, readJson } from "./json-tree.ts";
import { bind, fail, isNullLiteral, scalar, sig, sigBind, sigOf } from "./signature.ts";

const total = { cannotFail: true } as const;

const angle = (name: string, factor: string) =>
  scalar("math", name, [
    sig("INT64", "FLOAT64", (x) => `(cast(${x} as double) * ${factor})`),
    sigBind(
      "FLOAT64",
      "FLOAT64",
      (x) =>
        `case when isfinite(${x}) and not isfinite(${x} * ${factor}) then ${fail(`Floating point error in function: ${name}`, "double")} else ${x} * ${factor} end`,
    ),
    ...(["NUMERIC", "BIGNUMERIC"] as const).map((type) =>
      sig(type, type, (x) => `gs_${type.toLowerCase()}_${name.toLowerCase()}(${x})`),
    ),
  ]);

/** What a call keeps of an array, by a number that must not be negative. Where `isNothing` holds that is no element, else it is the slice. */
const byCount = (
  name: string,
  slice: (array: string, count: string) => string,
  isNothing: (array: string, count: string) => string,
) =>
  scalar("array", name, [
    sigOf(
      "ARRAY<T1>, INT64",
      ([a]) => a!.type,
      ([a, n], ctx) =>
        bind(
          ctx,
          [a!.sql, n!.sql],
          (v, count) =>
            `case when ${v} is null or ${count} is null then null when ${count} < 0 then list_slice(${v}, ${fail(`The n argument to ${name} must not be negative.`, "bigint")}, 1) when ${isNothing(v, count)} then list_slice(${v}, 1, 0) else ${slice(v, count)} end`,
        ),
    ),
  ]);

const kept = (name: string, slice: (array: string, count: string) => string) =>
  byCount(name, slice, (_, count) => `${count} = 0`);
const removed = (name: string, slice: (array: string, count: string) => string) =>
  byCount(name, slice, (array, count) => `${count} >= len(${array})`);

const unbounded = (name: string, field: string) =>
  scalar(
    "range",
    name,
    [
      sigOf("RANGE<T1>", "BOOL", ([r], ctx) =>
        bind(ctx, [r!.sql], (v) => `case when ${v} is not null then ${v}.${field} is null end`),
      ),
    ],
    total,
  );

const leaves = (value: Json): Json[] => (value.kind === "array" ? value.items.flatMap(leaves) : [value]);

/** The parts of a text between delimiters, from the start-th (counted from 1, or from the end) on, joined again. */
function splitSubstr(text: string, delimiter: string, start: bigint, count: bigint): string {
  if (delimiter === "") throw new Error("Delimiter of SPLIT_SUBSTR function must be non-empty");
  if (count < 0n) throw new Error("Count of SPLIT_SUBSTR function must be non-negative");
  if (count === 0n || text === "") return "";
  const parts = text.split(delimiter);
  const size = BigInt(parts.length);
  let from = start >= 1n ? start - 1n : start;
  if (from < 0n && from >= -size) from += size;
  if (from < 0n) from = 0n;
  if (from >= size) return "";
  const to = from + count > size ? size : from + count;
  return parts.slice(Number(from), Number(to)).join(delimiter);
}

const dayMicros = 1_000_000n * 3600n * 24n;

/** Sum, or average: what a part leaves over goes down to the next one, as in a division. */
function intervalTotal(values: readonly JsValue[], isAverage: boolean): JsValue {
  const given = values.filter((one) => one !== null) as unknown as IntervalParts[];
  const count = isAverage ? BigInt(given.length) : 1n;
  if (given.length === 0) return null;
  const months = given.reduce((all, one) => all + BigInt(one.months), 0n);
  const days = given.reduce((all, one) => all + BigInt(one.days), 0n) + (months % count) * 30n;
  const micros = given.reduce((all, one) => all + BigInt(one.micros), 0n) + (days % count) * dayMicros;
  const total: IntervalParts = {
    months: Number(months / count),
    days: Number(days / count),
    micros: micros / count,
  };
  if (!intervalInRange(total)) throw new Error(`Interval overflow during ${isAverage ? "Avg" : "Sum"} operation`);
  return total as unknown as JsValue;
}

export const further: FunctionLibrary = {
  functions: [
    angle("RADIANS", "(pi() / 180)"),
    angle("DEGREES", "(180 / pi())"),
    scalar("math", "PI", [sig("", "FLOAT64", () => "pi()")], total),
    scalar("math", "PI_NUMERIC", [sig("", "NUMERIC", () => "cast('3.141592654' as decimal(38,9))")], total),
    scalar("math", "PI_BIGNUMERIC", [sig("", "BIGNUMERIC", () => "'3.1415926535897932384626433832795028842'")], total),
    removed("ARRAY_REMOVE_FIRST_N", (v, n) => `list_slice(${v}, least(${n}, len(${v})) + 1, len(${v}))`),
    removed("ARRAY_REMOVE_LAST_N", (v, n) => `list_slice(${v}, 1, len(${v}) - least(${n}, len(${v})))`),
    kept("ARRAY_FIRST_N", (v, n) => `list_slice(${v}, 1, least(${n}, len(${v})))`),
    kept("ARRAY_LAST_N", (v, n) => `list_slice(${v}, len(${v}) - least(${n}, len(${v})) + 1, len(${v}))`),
    scalar(
      "array",
      "ARRAY_DISTINCT",
      [
        sigOf(
          "ARRAY<T1>",
          ([a]) => a!.type,
          ([a], ctx) =>
            isNullLiteral(a)
              ? a!.sql
              : a!.type.kind === "ARRAY" && !supportsGrouping(a!.type.element)
                ? ctx.error("ARRAY_DISTINCT needs elements that can be grouped")
                : `gs_distinct_in_order(${a!.sql})`,
        ),
      ],
      total,
    ),
    unbounded("RANGE_IS_START_UNBOUNDED", "f1"),
    unbounded("RANGE_IS_END_UNBOUNDED", "f2"),
    scalar("json", "JSON_FLATTEN", [
      sigOf(
        "JSON",
        () => arrayOf({ kind: "JSON" }),
        ([j]) => `cast(gs_json_flatten(${j!.sql}) as json[])`,
      ),
    ]),
    scalar("string", "SPLIT_SUBSTR", [
      sig(
        "STRING, STRING, INT64, INT64?",
        "STRING",
        (s, d, from, count) => `gs_split_substr(${s}, ${d}, ${from}, ${count ?? "9223372036854775807"})`,
      ),
    ]),
  ],
  js: [
    {
      name: "gs_json_flatten",
      args: ["VARCHAR"],
      result: "VARCHAR[]",
      run: (text) => leaves(readJson(text as string)).map((leaf) => printJson(leaf, true)),
    },
    {
      name: "gs_split_substr",
      args: ["VARCHAR", "VARCHAR", "BIGINT", "BIGINT"],
      result: "VARCHAR",
      run: (text, delimiter, start, count) =>
        splitSubstr(text as string, delimiter as string, start as bigint, count as bigint),
    },
    ...(["sum", "avg"] as const).map(
      (name): JsFunction => ({
        name: `gs_interval_${name}`,
        args: ["INTERVAL[]"],
        result: "INTERVAL",
        run: (values) => intervalTotal(values as readonly JsValue[], name === "avg"),
      }),
    ),
  ],
};
