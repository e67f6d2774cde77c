import {
  duckdbType,
  type GoogleSqlType,
  type RangeType,
  type ScalarKind,
  sameType,
  structFieldName,
} from "../types.ts";
import { isPlain, letBind } from "./let.ts";

type Fresh = (prefix: string) => string;
type Print = (x: string, fresh: Fresh) => string;

const sqlCast =
  (type: string): Print =>
  (x) =>
    `CAST(${x} AS ${type})`;
const call =
  (name: string): Print =>
  (x) =>
    `${name}(${x})`;

/** A macro that names its argument more than once gets a bound name for anything long. */
const bound =
  (name: string): Print =>
  (x, fresh) =>
    isPlain(x) ? `${name}(${x})` : letBind([{ sql: x }], fresh, ([v]) => `${name}(${v})`);

const intervalText: Print = call("gs_interval_text");

const scalarCasts: Readonly<Partial<Record<`${ScalarKind}>${ScalarKind}`, Print>>> = {
  "BOOL>INT64": sqlCast("BIGINT"),
  "BOOL>STRING": sqlCast("VARCHAR"),
  "INT64>BOOL": (x) => `(${x} <> 0)`,
  "INT64>FLOAT64": sqlCast("DOUBLE"),
  "INT64>NUMERIC": sqlCast("DECIMAL(38,9)"),
  "INT64>BIGNUMERIC": sqlCast("VARCHAR"),
  "INT64>STRING": sqlCast("VARCHAR"),
  "FLOAT64>BOOL": (x) => `(${x} <> 0)`,
  "FLOAT64>INT64": call("gs_float_to_int64"),
  "FLOAT64>NUMERIC": call("gs_float_to_numeric"),
  "FLOAT64>BIGNUMERIC": call("gs_float_to_bignumeric"),
  "FLOAT64>STRING": call("gs_float_text"),
  "NUMERIC>BOOL": (x) => `(${x} <> 0)`,
  "NUMERIC>INT64": (x) => `CAST(${x} AS BIGINT)`,
  "NUMERIC>FLOAT64": call("gs_numeric_to_float"),
  "NUMERIC>BIGNUMERIC": call("gs_numeric_text"),
  "NUMERIC>STRING": call("gs_numeric_text"),
  "BIGNUMERIC>INT64": call("gs_bignumeric_to_int64"),
  "BIGNUMERIC>NUMERIC": call("gs_bignumeric_to_numeric"),
  "BIGNUMERIC>FLOAT64": call("gs_bignumeric_to_float"),
  "BIGNUMERIC>STRING": (x) => x,
  "BIGNUMERIC>BOOL": (x) => `(${x} <> '0')`,
  "STRING>BOOL": bound("gs_string_to_bool"),
  "STRING>INT64": bound("gs_string_to_int64"),
  "STRING>FLOAT64": bound("gs_string_to_float64"),
  "STRING>NUMERIC": bound("gs_string_to_numeric"),
  "STRING>BIGNUMERIC": call("gs_parse_bignumeric"),
  "STRING>BYTES": (x) => `encode(${x})`,
  "STRING>DATE": bound("gs_string_to_date"),
  "STRING>TIME": call("gs_parse_time"),
  "STRING>DATETIME": bound("gs_string_to_datetime"),
  "STRING>TIMESTAMP": bound("gs_string_to_timestamp"),
  "STRING>INTERVAL": call("gs_parse_interval"),
  "BYTES>STRING": (x) => `decode(${x})`,
  "DATE>STRING": (x) => `strftime(${x}, '%Y-%m-%d')`,
  "DATE>DATETIME": sqlCast("TIMESTAMP"),
  "DATE>TIMESTAMP": (x) => `CAST(CAST(${x} AS TIMESTAMP) AS TIMESTAMPTZ)`,
  "TIME>STRING": bound("gs_time_text"),
  "DATETIME>STRING": bound("gs_datetime_text"),
  "DATETIME>DATE": sqlCast("DATE"),
  "DATETIME>TIME": sqlCast("TIME"),
  "DATETIME>TIMESTAMP": sqlCast("TIMESTAMPTZ"),
  "TIMESTAMP>STRING": bound("gs_timestamp_text"),
  "TIMESTAMP>DATE": (x) => `CAST(${x} AT TIME ZONE 'UTC' AS DATE)`,
  "TIMESTAMP>TIME": (x) => `CAST(${x} AT TIME ZONE 'UTC' AS TIME)`,
  "TIMESTAMP>DATETIME": (x) => `(${x} AT TIME ZONE 'UTC')`,
  "INTERVAL>STRING": intervalText,
};

/** Casts that give a value for every input. */
const total: ReadonlySet<string> = new Set([
  "BOOL>INT64",
  "BOOL>STRING",
  "INT64>BOOL",
  "INT64>FLOAT64",
  "INT64>NUMERIC",
  "INT64>BIGNUMERIC",
  "INT64>STRING",
  "FLOAT64>BOOL",
  "FLOAT64>STRING",
  "NUMERIC>FLOAT64",
  "NUMERIC>BIGNUMERIC",
  "NUMERIC>STRING",
  "BIGNUMERIC>FLOAT64",
  "BIGNUMERIC>STRING",
  "STRING>BYTES",
  "DATE>STRING",
  "DATE>DATETIME",
  "DATE>TIMESTAMP",
  "DATETIME>STRING",
  "DATETIME>DATE",
  "DATETIME>TIME",
  "DATETIME>TIMESTAMP",
  "TIMESTAMP>STRING",
  "TIMESTAMP>DATE",
  "TIMESTAMP>TIME",
  "TIMESTAMP>DATETIME",
  "TIME>STRING",
]);

/** Whether CAST may turn the one type into the other at all. */
export function castable(from: GoogleSqlType, to: GoogleSqlType): boolean {
  if (from.kind === "ARRAY" && to.kind === "ARRAY") return castable(from.element, to.element);
  if (from.kind === "STRUCT" && to.kind === "STRUCT") {
    return (
      from.fields.length === to.fields.length &&
      from.fields.every((field, i) => castable(field.type, to.fields[i]!.type))
    );
  }
  if (from.kind === to.kind) return from.kind !== "RANGE" || sameType(from, to);
  if (from.kind === "RANGE" || to.kind === "RANGE") return from.kind === "STRING" || to.kind === "STRING";
  return `${from.kind}>${to.kind}` in scalarCasts;
}

export function castCanFail(from: GoogleSqlType, to: GoogleSqlType): boolean {
  if (from.kind === "ARRAY" && to.kind === "ARRAY") return castCanFail(from.element, to.element);
  if (from.kind === "STRUCT" && to.kind === "STRUCT") {
    return from.fields.some((field, i) => castCanFail(field.type, to.fields[i]!.type));
  }
  if (from.kind === "RANGE") return false;
  return from.kind !== to.kind && !total.has(`${from.kind}>${to.kind}`);
}

/** DuckDB SQL that turns a value of one type into the other; call only when `castable`. */
export function castText(sql: string, from: GoogleSqlType, to: GoogleSqlType, fresh: Fresh): string {
  if (sameType(from, to, true)) return sql;
  if (from.kind === "ARRAY" && to.kind === "ARRAY") {
    const element = fresh("e");
    return `list_transform(${sql}, lambda ${element}: ${castText(element, from.element, to.element, fresh)})`;
  }
  if (from.kind === "STRUCT" && to.kind === "STRUCT") {
    if (from.fields.length === 0) return sql;
    return letBind([{ sql }], fresh, ([value]) => {
      const fields = to.fields.map((field, i) => {
        const name = structFieldName(i);
        return `'${name}': ${castText(`${value}.${name}`, from.fields[i]!.type, field.type, fresh)}`;
      });
      return `(CASE WHEN ${value} IS NULL THEN CAST(NULL AS ${duckdbType(to)}) ELSE {${fields.join(", ")}} END)`;
    });
  }
  if (from.kind === "RANGE") return rangeText(sql, from.element, fresh);
  if (to.kind === "RANGE") return rangeFromText(sql, to, fresh);
  const print = scalarCasts[`${from.kind as ScalarKind}>${to.kind as ScalarKind}`];
  if (!print) throw new Error(`no cast from ${from.kind} to ${to.kind}`);
  return print(sql, fresh);
}

/** `[start, end)`. */
function rangeText(sql: string, element: GoogleSqlType, fresh: Fresh): string {
  return letBind([{ sql }], fresh, ([v]) => {
    const [start, end] = ["f1", "f2"].map(
      (field) => `coalesce(${castText(`${v}.${field}`, element, { kind: "STRING" }, fresh)}, 'UNBOUNDED')`,
    );
    return `(CASE WHEN ${v} IS NOT NULL THEN '[' || ${start} || ', ' || ${end} || ')' END)`;
  });
}

function rangeFromText(sql: string, to: RangeType, fresh: Fresh): string {
  return letBind([{ sql: `gs_range_parts(${sql})` }], fresh, ([v]) => {
    const ends = [1, 2].map((at) => castText(`${v}[${at}]`, { kind: "STRING" }, to.element, fresh));
    const range = rangeOfBounds(ends[0]!, ends[1]!, to, fresh);
    return `(CASE WHEN ${v} IS NULL THEN CAST(NULL AS ${duckdbType(to)}) ELSE ${range} END)`;
  });
}

/** The range from one value to the other, which must be later; NULL is no bound. */
export function rangeOfBounds(start: string, end: string, type: RangeType, fresh: Fresh): string {
  const element = duckdbType(type.element);
  const message = "'Range start element must be smaller than range end element'";
  return letBind(
    [{ sql: start }, { sql: end }],
    fresh,
    ([from, until]) =>
      `{'f1': ${from}, 'f2': CASE WHEN ${from} >= ${until} THEN CAST(gs_raise(${message}) AS ${element}) ELSE ${until} END}`,
  );
}
