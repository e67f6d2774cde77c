import type { Expression } from "../../ast.ts";
import { type IntervalParts, readIntervalLiteral } from "../../emit/intervals.ts";
import { quotedName, typeName } from "../../types.ts";
import { coerceOrFail } from "../coerce.ts";
import type { Analysis } from "../context.ts";
import type { OutColumn, Relation } from "../relation.ts";
import type { Typed } from "../typed.ts";
import { argumentsByName, columnOf, constantOf, elementsOf, type TableCall, textOf, truthOf } from "./arguments.ts";
import type { Rewritten } from "./rewritten.ts";

type Kind = "DATE" | "DATETIME" | "TIMESTAMP";
type Method = "null" | "linear" | "locf";

interface Filled {
  readonly column: OutColumn & { readonly name: string };
  readonly method: Method;
}

const names = ["ts_column", "bucket_width", "partitioning_columns", "value_columns", "origin", "ignore_null_values"];

/**
 * GAP_FILL: a row for each start of a bucket between the first and the last time of a partition, with the columns' values then. At a
 * start that is a time of the table, the value is that row's; where two rows are of one time, it is one of them.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/time-series-functions#gap_fill
 */
export function gapFill(a: Analysis, node: TableCall, input: Relation): Rewritten {
  const given = argumentsByName(a, node, node.arguments.slice(1), names, 2);
  const timeAt = given.get("ts_column")!;
  const time = columnOf(a, timeAt, input, textOf(a, timeAt, "ts_column"));
  const kind = time.type.kind as Kind;
  if (!["DATE", "DATETIME", "TIMESTAMP"].includes(kind))
    return a.fail(timeAt, `Column ${time.name} is no DATE, DATETIME or TIMESTAMP, but ${typeName(time.type)}`);
  const partitions = partitioning(a, given.get("partitioning_columns"), input, time);
  const values = filled(a, node, given.get("value_columns"), input, [time, ...partitions]);
  const ignoreAt = given.get("ignore_null_values");
  const ignoresNulls = ignoreAt === undefined || truthOf(a, ignoreAt, "ignore_null_values");
  const buckets = bucketsOf(a, given.get("bucket_width")!, kind);
  const originAt = given.get("origin");
  const origin: Typed | undefined = originAt && constantOf(a, originAt);
  if (originAt && origin!.type.kind !== kind)
    a.fail(originAt, `origin must be a ${kind}, as the column ${time.name} is, not ${typeName(origin!.type)}`);

  const keys = partitions.map((_, i) => `p${i}`);
  const list = (...parts: readonly (string | readonly string[])[]): string => parts.flat().join(", ");
  const by = keys.length > 0 ? `partition by ${keys.join(", ")} ` : "";
  const seen = values.map(({ method }, i) => {
    const counts = method !== "null" && ignoresNulls ? `is_row and v${i} is not null` : "is_row";
    const row = `if(${counts}, struct(v${i} as v, t as t), null)`;
    const next = method === "linear" ? `, first_value(${row} ignore nulls) over ahead as z${i}` : "";
    return `last_value(${row} ignore nulls) over back as a${i}${next}`;
  });
  const results = values.map(({ method, column }, i) => {
    const here = `if(a${i}.t = t, a${i}.v, null)`;
    if (method === "null") return here;
    return method === "locf" ? `a${i}.v` : interpolated(i, column.type.kind, kind);
  });
  const text = `
    with rows_ as (
      select ${list(
        `${quotedName(time.name)} as t`,
        partitions.map(({ name }, i) => `${quotedName(name)} as p${i}`),
        values.map(({ column }, i) => `${quotedName(column.name)} as v${i}`),
      )} from input where ${quotedName(time.name)} is not null),
    spans as (
      select ${list(keys, "min(t) as lo, max(t) as hi")} from rows_${keys.length > 0 ? ` group by ${keys.join(", ")}` : ""}),
    starts as (
      select ${list(keys, `${buckets.start("k")} as t`)} from spans, unnest(generate_array(
        ${buckets.place("lo")} + if(${buckets.start(buckets.place("lo"))} < lo, 1, 0), ${buckets.place("hi")})) as k),
    both as (
      select ${list(
        keys,
        "t, true as is_row",
        values.map((_, i) => `v${i}`),
      )} from rows_
      union all
      select ${list(
        keys,
        "t, false",
        values.map(() => "null"),
      )} from starts),
    seen as (
      select ${list(keys, "t, is_row", seen)} from both
      window back as (${by}order by t, is_row desc rows between unbounded preceding and current row),
        ahead as (${by}order by t, is_row desc rows between current row and unbounded following))
    select ${list(
      `t as ${quotedName(time.name)}`,
      partitions.map(({ name }, i) => `p${i} as ${quotedName(name)}`),
      values.map(({ column }, i) => `${results[i]} as ${quotedName(column.name)}`),
    )} from seen where not is_row`;
  const zero = { DATE: "1950-01-01", DATETIME: "1950-01-01 00:00:00", TIMESTAMP: "1950-01-01 00:00:00+00" }[kind];
  const first = origin ?? coerceOrFail(a, node, literalOrigin(zero), time.type, "origin");
  return { text, locals: [["_gap_origin", first]] };
}

const literalOrigin = (text: string): Typed => ({
  sql: `'${text}'`,
  type: { kind: "STRING" },
  literal: { value: text },
  isLiteral: true,
  isSimple: true,
});

function partitioning(
  a: Analysis,
  at: Expression | undefined,
  input: Relation,
  time: OutColumn,
): readonly (OutColumn & { readonly name: string })[] {
  if (!at) return [];
  const found = elementsOf(a, at, "partitioning_columns").map((element) =>
    columnOf(a, at, input, textOf(a, at, "partitioning_columns", element)),
  );
  if (found.some(({ sqlName }, i) => sqlName === time.sqlName || found.findIndex((o) => o.sqlName === sqlName) !== i))
    a.fail(at, "A column can be named once, and the time series column does not partition");
  return found;
}

/** The columns that are filled, and how: all others, where none is named, with NULL. */
function filled(
  a: Analysis,
  node: TableCall,
  at: Expression | undefined,
  input: Relation,
  others: readonly OutColumn[],
): readonly Filled[] {
  if (!at) {
    return input.columns
      .filter(({ sqlName }) => !others.some((other) => other.sqlName === sqlName))
      .map((column) => ({ column: columnOf(a, node, input, column.name ?? ""), method: "null" }));
  }
  const seen = new Set(others.map(({ sqlName }) => sqlName));
  return elementsOf(a, at, "value_columns").map((element): Filled => {
    const [first, second] = element.structFields ?? [];
    if (!first || !second || element.structFields!.length !== 2)
      return a.fail(at, "value_columns is an ARRAY<STRUCT<STRING, STRING>>: names of columns and methods");
    const column = columnOf(a, at, input, textOf(a, at, "value_columns", first));
    const method = textOf(a, at, "value_columns", second).toLowerCase();
    if (seen.has(column.sqlName)) a.fail(at, `Column ${column.name} is used twice in GAP_FILL`);
    seen.add(column.sqlName);
    if (method !== "null" && method !== "linear" && method !== "locf")
      return a.fail(at, `The gap filling method is null, linear or locf, not ${method}`);
    if (method === "linear" && !["INT64", "FLOAT64"].includes(column.type.kind)) {
      if (["NUMERIC", "BIGNUMERIC"].includes(column.type.kind))
        return a.refuse(at, "GAP_FILL", `linear for ${column.name}, which is ${column.type.kind}`);
      return a.fail(at, `linear needs a number, and ${column.name} is ${typeName(column.type)}`);
    }
    return { column, method };
  });
}

/** On the line between the last value before and the first after; NULL where one is missing. */
function interpolated(i: number, type: string, kind: Kind): string {
  const [from, to] = [`a${i}`, `z${i}`];
  const share = `${distance(kind, `t, ${from}.t`)} / ${distance(kind, `${to}.t, ${from}.t`)}`;
  const value = `cast(${from}.v as float64) + (cast(${to}.v as float64) - cast(${from}.v as float64)) * (${share})`;
  return `if(${from}.t = t, ${from}.v, if(${from}.v is null or ${to}.v is null, null, ${type === "INT64" ? `cast(round(${value}) as int64)` : value}))`;
}

const distance = (kind: Kind, args: string): string =>
  `${kind}_diff(${args}, ${kind === "DATE" ? "day" : "microsecond"})`;

interface Buckets {
  /** GoogleSQL of the number of the bucket that a time is in, from the origin's, which is 0. */
  place(time: string): string;
  /** GoogleSQL of the start of a bucket by its number. */
  start(place: string): string;
}

/** A width that is written out; what is wrong with it has been told. */
function partsOf(a: Analysis, node: Expression): IntervalParts | undefined {
  if (node.kind !== "interval") return undefined;
  const count = constantOf(a, node.value).literal?.value;
  if (typeof count !== "bigint" && typeof count !== "string") return undefined;
  return readIntervalLiteral(String(count), node.from.name.toUpperCase(), node.to?.name.toUpperCase());
}

function bucketsOf(a: Analysis, node: Expression, kind: Kind): Buckets {
  const value = constantOf(a, node);
  if (value.type.kind !== "INTERVAL") a.fail(node, `bucket_width is an INTERVAL, not ${typeName(value.type)}`);
  const width = partsOf(a, node);
  if (width === undefined) return a.refuse(node, "GAP_FILL", "a bucket_width that is no literal");
  const { months, days, micros } = width;
  if (months !== 0 && (days !== 0 || micros !== 0n))
    return a.fail(node, "Only one of the months, days and time parts of a bucket width may be set");
  if (kind === "DATE" && micros !== 0n)
    return a.fail(node, "Only MONTH and DAY parts are allowed in bucket width INTERVAL");
  if (kind === "TIMESTAMP" && months !== 0)
    return a.fail(node, "Bucket width INTERVAL with non-zero MONTH part is not allowed");
  const size = months !== 0 ? BigInt(months) : kind === "DATE" ? BigInt(days) : BigInt(days) * 86_400_000_000n + micros;
  if (size <= 0n) return a.fail(node, "Bucket width must be positive");
  const part = months !== 0 ? "month" : kind === "DATE" ? "day" : "microsecond";
  const start = (place: string): string => `${kind}_add(_gap_origin, interval (${place}) * ${size} ${part})`;
  const floor = (time: string): string => {
    const crossed = `${kind}_diff(${time}, _gap_origin, ${part})`;
    return `div(${crossed} - mod(mod(${crossed}, ${size}) + ${size}, ${size}), ${size})`;
  };
  const place = (time: string): string =>
    // Months count the boundaries that were crossed: one more than have passed, where the time is early in its month.
    months === 0 ? floor(time) : `(${floor(time)} - if(${start(floor(time))} > ${time}, 1, 0))`;
  return { place, start };
}
