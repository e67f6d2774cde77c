/** Macros and JS functions that operators and casts stand on. What they give is GoogleSQL's, errors included. */

import type { FunctionLibrary, JsFunction, JsValue } from "../functions/contract.ts";
import {
  castInterval,
  floatText,
  type IntervalParts,
  intervalInRange,
  intervalText,
  parseDate,
  parseDatetime,
  parseTime,
  parseTimestamp,
} from "./civil.ts";
import {
  bignumericKind,
  bignumericText,
  checked,
  decimalFromDouble,
  decimalText,
  divideRounded,
  numericKind,
  readBignumeric,
  readDecimal,
} from "./decimal.ts";
import { scaledInterval } from "./interval-scaled.ts";

const parser = (
  name: `gs_${string}`,
  result: string,
  what: string,
  parse: (text: string) => JsValue | undefined,
): JsFunction => ({
  name,
  args: ["VARCHAR"],
  result,
  run: (text) => {
    const value = parse(text as string);
    if (value === undefined) throw new Error(`Invalid ${what}: "${text}"`);
    return value;
  },
});

function parseInt64(text: string): bigint | undefined {
  const match = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)\s*$/.exec(text);
  if (!match) return undefined;
  const value = BigInt(match[2]!) * (match[1] === "-" ? -1n : 1n);
  return value > 0x7fffffffffffffffn || value < -0x8000000000000000n ? undefined : value;
}

function parseFloat64(text: string): number | undefined {
  const trimmed = text.trim();
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (special) {
    if (special[2]!.toLowerCase() === "nan") return Number.NaN;
    return special[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed)) return undefined;
  return Number(trimmed);
}

const big = (name: `gs_${string}`, run: (a: bigint, b: bigint) => bigint): JsFunction => ({
  name,
  args: ["VARCHAR", "VARCHAR"],
  result: "VARCHAR",
  run: (a, b) => bignumericText(run(readBignumeric(a as string), readBignumeric(b as string))),
});

const one38 = 10n ** 38n;
const one9 = 10n ** 9n;

/** A text whose byte order is the numeric order of BIGNUMERIC values: 78 hexadecimal digits of value + 2^255. */
const orderKey = (text: string): string => (readBignumeric(text) + 2n ** 255n).toString(16).padStart(65, "0");

function inRange(parts: IntervalParts): JsValue {
  if (!intervalInRange(parts)) throw new Error(`Interval overflow: ${intervalText(parts)}`);
  return { months: parts.months, days: parts.days, micros: parts.micros };
}

const bytesPair = (name: `gs_${string}`, run: (x: number, y: number) => number): JsFunction => ({
  name,
  args: ["BLOB", "BLOB"],
  result: "BLOB",
  run: (a, b) => {
    const [x, y] = [a as Uint8Array, b as Uint8Array];
    if (x.length !== y.length) throw new Error("Bitwise binary operator for BYTES requires equal length of the inputs");
    return x.map((byte, i) => run(byte, y[i]!));
  },
});

function shiftBytes(bytes: Uint8Array, by: bigint, left: boolean): Uint8Array {
  if (by < 0n) throw new Error("Bitwise shift by negative offset");
  const bits = BigInt(bytes.length) * 8n;
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  value = by >= bits ? 0n : left ? BigInt.asUintN(Number(bits), value << by) : value >> by;
  const result = new Uint8Array(bytes.length);
  for (let i = bytes.length - 1; i >= 0; i--) {
    result[i] = Number(value & 0xffn);
    value >>= 8n;
  }
  return result;
}

/** LIKE over bytes: `%` any, `_` one byte, `\\` takes the next one as it is. */
function bytesLike(bytes: Uint8Array, pattern: Uint8Array): boolean {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    let byte = pattern[i]!;
    if (byte === 0x25) source += "[^]*";
    else if (byte === 0x5f) source += "[^]";
    else {
      if (byte === 0x5c) {
        if (++i >= pattern.length) throw new Error("LIKE pattern ends with a backslash");
        byte = pattern[i]!;
      }
      source += `\\x${byte.toString(16).padStart(2, "0")}`;
    }
  }
  return new RegExp(`^${source}$`).test(Buffer.from(bytes).toString("latin1"));
}

function zeroDivision(a: string): never {
  throw new Error(`division by zero: ${a} / 0`);
}

const js: readonly JsFunction[] = [
  parser("gs_parse_int64", "BIGINT", "INT64 value", parseInt64),
  parser("gs_parse_float64", "DOUBLE", "FLOAT64 value", parseFloat64),
  parser("gs_parse_date", "DATE", "date", parseDate),
  parser("gs_parse_datetime", "TIMESTAMP", "datetime", parseDatetime),
  parser("gs_parse_timestamp", "TIMESTAMPTZ", "timestamp", (text) => parseTimestamp(text)),
  parser("gs_parse_time", "TIME", "time", parseTime),
  parser("gs_parse_interval", "INTERVAL", "INTERVAL value", (text) => castInterval(text) as JsValue | undefined),
  {
    name: "gs_parse_numeric",
    args: ["VARCHAR"],
    result: "DECIMAL(38,9)",
    run: (text) => readDecimal(text as string, numericKind),
  },
  {
    name: "gs_parse_bignumeric",
    args: ["VARCHAR"],
    result: "VARCHAR",
    run: (text) => bignumericText(readBignumeric(text as string)),
  },
  {
    name: "gs_timestamp_in_zone",
    args: ["VARCHAR", "VARCHAR"],
    result: "TIMESTAMPTZ",
    run: (text, zone) => {
      const value = parseTimestamp(text as string, zone as string);
      if (value !== undefined && parseTimestamp(text as string, "+01") === parseTimestamp(text as string)) {
        throw new Error(`Timestamp "${text}" has a time zone of its own`);
      }
      if (value === undefined) throw new Error(`Invalid timestamp: "${text}"`);
      return value;
    },
  },
  {
    name: "gs_interval_text",
    args: ["INTERVAL"],
    result: "VARCHAR",
    run: (value) => intervalText(value as unknown as IntervalParts),
  },
  { name: "gs_float_text", args: ["DOUBLE"], result: "VARCHAR", run: (value) => floatText(value as number) },
  {
    name: "gs_float_to_numeric",
    args: ["DOUBLE"],
    result: "DECIMAL(38,9)",
    run: (value) => decimalFromDouble(value as number, numericKind),
  },
  {
    name: "gs_float_to_bignumeric",
    args: ["DOUBLE"],
    result: "VARCHAR",
    run: (value) => bignumericText(decimalFromDouble(value as number, bignumericKind)),
  },
  {
    name: "gs_numeric_mul_exact",
    args: ["DECIMAL(38,9)", "DECIMAL(38,9)"],
    result: "DECIMAL(38,9)",
    run: (a, b) => checked(divideRounded((a as bigint) * (b as bigint), one9), numericKind),
  },
  {
    name: "gs_numeric_div",
    args: ["DECIMAL(38,9)", "DECIMAL(38,9)"],
    result: "DECIMAL(38,9)",
    run: (a, b) =>
      b === 0n
        ? zeroDivision(decimalText(a as bigint, 9))
        : checked(divideRounded((a as bigint) * one9, b as bigint), numericKind),
  },
  {
    name: "gs_bignumeric_to_numeric",
    args: ["VARCHAR"],
    result: "DECIMAL(38,9)",
    run: (text) => readDecimal(text as string, numericKind),
  },
  { name: "gs_bignumeric_to_float", args: ["VARCHAR"], result: "DOUBLE", run: (text) => Number(text as string) },
  {
    name: "gs_bignumeric_to_int64",
    args: ["VARCHAR"],
    result: "BIGINT",
    run: (text) => {
      const value = divideRounded(readBignumeric(text as string), one38);
      if (value > 0x7fffffffffffffffn || value < -0x8000000000000000n) throw new Error(`Bad INT64 value: ${text}`);
      return value;
    },
  },
  big("gs_bignumeric_add", (a, b) => a + b),
  big("gs_bignumeric_sub", (a, b) => a - b),
  big("gs_bignumeric_mul", (a, b) => divideRounded(a * b, one38)),
  big("gs_bignumeric_div", (a, b) => (b === 0n ? zeroDivision(bignumericText(a)) : divideRounded(a * one38, b))),
  {
    name: "gs_bignumeric_neg",
    args: ["VARCHAR"],
    result: "VARCHAR",
    run: (text) => bignumericText(-readBignumeric(text as string)),
  },
  {
    name: "gs_interval_times",
    args: ["INTERVAL", "BIGINT"],
    result: "INTERVAL",
    run: (value, factor) => {
      const { months, days, micros } = value as unknown as IntervalParts;
      const by = factor as bigint;
      return inRange({ months: Number(BigInt(months) * by), days: Number(BigInt(days) * by), micros: micros * by });
    },
  },
  {
    name: "gs_interval_scaled",
    args: ["INTERVAL", "DOUBLE"],
    result: "INTERVAL",
    run: (value, factor) => scaledInterval(value as unknown as IntervalParts, factor as number) as unknown as JsValue,
  },
  {
    name: "gs_interval_over",
    args: ["INTERVAL", "BIGINT"],
    result: "INTERVAL",
    run: (value, divisor) => {
      const { months, days, micros } = value as unknown as IntervalParts;
      const by = divisor as bigint;
      if (by === 0n) throw new Error("Interval division by zero");
      // What a part leaves over goes down to the next one: a month has 30 days, a day 24 hours.
      const monthRest = BigInt(months) % by;
      const allDays = BigInt(days) + monthRest * 30n;
      const dayRest = allDays % by;
      return inRange({
        months: Number(BigInt(months) / by),
        days: Number(allDays / by),
        micros: (micros + dayRest * 86_400_000_000n) / by,
      });
    },
  },
  {
    name: "gs_shift",
    args: ["BIGINT", "BIGINT", "BOOLEAN"],
    result: "BIGINT",
    run: (value, by, left) => {
      const n = by as bigint;
      if (n < 0n) throw new Error("Bitwise shift by negative offset");
      if (n >= 64n) return 0n;
      return left
        ? BigInt.asIntN(64, (value as bigint) << n)
        : BigInt.asIntN(64, BigInt.asUintN(64, value as bigint) >> n);
    },
  },
  bytesPair("gs_bytes_and", (x, y) => x & y),
  bytesPair("gs_bytes_or", (x, y) => x | y),
  bytesPair("gs_bytes_xor", (x, y) => x ^ y),
  { name: "gs_bytes_not", args: ["BLOB"], result: "BLOB", run: (x) => (x as Uint8Array).map((byte) => ~byte) },
  {
    name: "gs_bytes_shift_left",
    args: ["BLOB", "BIGINT"],
    result: "BLOB",
    run: (x, n) => shiftBytes(x as Uint8Array, n as bigint, true),
  },
  {
    name: "gs_bytes_shift_right",
    args: ["BLOB", "BIGINT"],
    result: "BLOB",
    run: (x, n) => shiftBytes(x as Uint8Array, n as bigint, false),
  },
  {
    name: "gs_bytes_like",
    args: ["BLOB", "BLOB"],
    result: "BOOLEAN",
    run: (x, p) => bytesLike(x as Uint8Array, p as Uint8Array),
  },
  {
    name: "gs_bignumeric_bound",
    args: ["STRUCT(k VARCHAR, d BIGINT)[]", "VARCHAR", "VARCHAR", "BOOLEAN", "BOOLEAN", "BOOLEAN"],
    result: "BIGINT",
    // The rank of the first key that is not before key -/+ offset in the order, or of the last one that is not after it.
    run: (list, key, offset, isDown, isDescending, isStart) => {
      const by = readBignumeric(offset as string);
      const bound = readBignumeric(key as string) + (isDown ? -by : by);
      const ranks = (list as readonly { k: string; d: bigint }[]).flatMap(({ k, d }) => {
        const other = readBignumeric(k);
        const isBehind = isDescending !== isStart ? other >= bound : other <= bound;
        return isBehind ? [d] : [];
      });
      if (ranks.length === 0) return null;
      return ranks.reduce((best, rank) => (rank < best === isStart ? rank : best));
    },
  },
  { name: "gs_bignumeric_key", args: ["VARCHAR"], result: "VARCHAR", run: (text) => orderKey(text as string) },
];

/** INTERVAL n PART: the part, its DuckDB text, and the largest n that GoogleSQL takes. */
const intervalUnits: readonly (readonly [string, string, string])[] = [
  ["year", "to_months(cast(n * 12 as integer))", "10000"],
  ["quarter", "to_months(cast(n * 3 as integer))", "40000"],
  ["month", "to_months(cast(n as integer))", "120000"],
  ["week", "to_days(cast(n * 7 as integer))", "522857"],
  ["day", "to_days(cast(n as integer))", "3660000"],
  ["hour", "to_microseconds(n * 3600000000)", "87840000"],
  ["minute", "to_microseconds(n * 60000000)", "5270400000"],
  ["second", "to_microseconds(n * 1000000)", "316224000000"],
  ["millisecond", "to_microseconds(n * 1000)", "316224000000000"],
  ["microsecond", "to_microseconds(n)", "316224000000000000"],
];

const macros: FunctionLibrary["macros"] = [
  ...intervalUnits.map(([unit, text, limit]) => ({
    name: `gs_interval_${unit}` as const,
    definition: `(n) as case when n between -${limit} and ${limit} then ${text}
      when n is null then null else cast(gs_raise('Interval overflow: ' || n || ' ${unit}') as interval) end`,
  })),
  {
    name: "gs_like",
    definition:
      "(x, p) as case when x is null then null else cast(gs_raise('LIKE pattern ends with a backslash') as boolean) end",
  },
  // A cast that always fails: unlike error() it is not volatile, so TRY can hold it.
  { name: "gs_raise", definition: "(m) as cast(cast(('!!' || m) as smallint) as varchar)" },
  { name: "gs_feq", definition: "(a, b) as case when isnan(a) and b is not null then false else a = b end" },
  { name: "gs_fne", definition: "(a, b) as case when isnan(a) and b is not null then true else a <> b end" },
  {
    name: "gs_flt",
    definition:
      "(a, b) as case when (isnan(a) and b is not null) or (isnan(b) and a is not null) then false else a < b end",
  },
  {
    name: "gs_fle",
    definition:
      "(a, b) as case when (isnan(a) and b is not null) or (isnan(b) and a is not null) then false else a <= b end",
  },
  {
    name: "gs_fdiv",
    definition: `(a, b) as case
      when b = 0 then cast(gs_raise('division by zero: ' || a || ' / ' || b) as double)
      when isfinite(a / b) then a / b
      when isfinite(a) and isfinite(b) then cast(gs_raise('double overflow: ' || a || ' / ' || b) as double)
      else a / b end`,
  },
  {
    name: "gs_idiv_float",
    definition: `(a, b) as case when b = 0 then cast(gs_raise('division by zero: ' || a || ' / ' || b) as double)
      else cast(a as double) / cast(b as double) end`,
  },
  // Where JS takes over what DuckDB cannot do, its branch stands first: a NULL falls through to DuckDB's and costs no call.
  {
    name: "gs_numeric_mul",
    definition: `(a, b) as case when abs(a) >= 1000000000 or abs(b) >= 1000000000 then gs_numeric_mul_exact(a, b)
      else cast(a * b as decimal(38,9)) end`,
  },
  {
    name: "gs_numeric_check",
    definition: "(x) as cast(x as decimal(38,9))",
  },
  {
    name: "gs_float_to_int64",
    definition: "(x) as cast(round(x) as bigint)",
  },
  {
    name: "gs_string_to_int64",
    definition:
      "(s) as case when not regexp_full_match(s, '[+-]?[0-9]{1,18}') then gs_parse_int64(s) else cast(s as bigint) end",
  },
  {
    name: "gs_string_to_float64",
    definition:
      "(s) as case when not regexp_full_match(s, '[+-]?[0-9]{1,15}([.][0-9]{1,15})?') then gs_parse_float64(s) else cast(s as double) end",
  },
  {
    name: "gs_string_to_numeric",
    definition:
      "(s) as case when not regexp_full_match(s, '[+-]?[0-9]{1,15}([.][0-9]{1,9})?') then gs_parse_numeric(s) else cast(s as decimal(38,9)) end",
  },
  {
    name: "gs_string_to_bool",
    definition: `(s) as case lower(s) when 'true' then true when 'false' then false
      else case when s is null then null else cast(gs_raise('Bad bool value: ' || s) as boolean) end end`,
  },
  {
    name: "gs_string_to_date",
    definition:
      "(s) as case when not regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}') or s < '0001' then gs_parse_date(s) else cast(s as date) end",
  },
  {
    name: "gs_string_to_datetime",
    definition: `(s) as case when not regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?')
      or s < '0001' then gs_parse_datetime(s) else cast(s as timestamp) end`,
  },
  {
    name: "gs_string_to_timestamp",
    definition: `(s) as case when not regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?(Z|[+]00)?')
      or s < '0001' then gs_parse_timestamp(s) else cast(cast(rtrim(replace(s, '+00', ''), 'Z') as timestamp) as timestamptz) end`,
  },
  {
    name: "gs_fraction_text",
    definition: `(us) as case when us = 0 then '' when us % 1000 = 0 then '.' || lpad(cast(us // 1000 as varchar), 3, '0')
      else '.' || lpad(cast(us as varchar), 6, '0') end`,
  },
  {
    name: "gs_datetime_text",
    definition: "(x) as strftime(x, '%Y-%m-%d %H:%M:%S') || gs_fraction_text(microsecond(x) % 1000000)",
  },
  { name: "gs_timestamp_text", definition: "(x) as gs_datetime_text(x at time zone 'UTC') || '+00'" },
  {
    name: "gs_time_text",
    definition: `(x) as lpad(cast(hour(x) as varchar), 2, '0') || ':' || lpad(cast(minute(x) as varchar), 2, '0') || ':'
      || lpad(cast(second(x) as varchar), 2, '0') || gs_fraction_text(microsecond(x) % 1000000)`,
  },
  { name: "gs_numeric_to_float", definition: "(x) as cast(cast(x as varchar) as double)" },
  {
    name: "gs_numeric_text",
    definition: "(x) as regexp_replace(cast(x as varchar), '[.]?0+$', '')",
  },
  // Three-valued AND and OR over a list of truths; of no truths AND is true and OR is false.
  {
    name: "gs_all_true",
    definition:
      "(l) as case when list_contains(l, false) then false when list_count(l) < len(l) then null else true end",
  },
  {
    // Starts first: without one before all others; then ends: without one after all others.
    name: "gs_range_key",
    definition:
      "(r) as case when r is not null then {'a': r.f1 is not null, 'b': r.f1, 'c': r.f2 is null, 'd': r.f2} end",
  },
  {
    name: "gs_any_true",
    definition:
      "(l) as case when l is null then false when list_contains(l, true) then true when list_count(l) < len(l) then null else false end",
  },
  {
    name: "gs_date_check",
    definition: `(d) as case when d < date '0001-01-01' or d > date '9999-12-31'
      then cast(gs_raise('date out of range') as date) else d end`,
  },
  { name: "gs_date_plus", definition: "(d, n) as gs_date_from_days(gs_days_of_date(d) + n)" },
  { name: "gs_days_of_date", definition: "(d) as date_diff('day', date '1970-01-01', d)" },
  {
    name: "gs_date_from_days",
    definition: `(n) as date '1970-01-01' + cast(n as integer)
      + case when n < -719162 or n > 2932896 then cast(gs_raise('date out of range') as integer) else 0 end`,
  },
  {
    name: "gs_datetime_check",
    definition: `(x) as case when x < timestamp '0001-01-01' or x > timestamp '9999-12-31 23:59:59.999999'
      then cast(gs_raise('datetime out of range') as timestamp) else x end`,
  },
  {
    name: "gs_timestamp_check",
    definition: `(x) as case when x < timestamptz '0001-01-01 00:00:00+00' or x > timestamptz '9999-12-31 23:59:59.999999+00'
      then cast(gs_raise('timestamp out of range') as timestamptz) else x end`,
  },
  {
    name: "gs_timestamp_plus_interval",
    definition: `(x, i) as case when datepart('year', i) <> 0 or datepart('month', i) <> 0
      then cast(gs_raise('TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH or YEAR part') as timestamptz)
      else gs_timestamp_check(cast((x at time zone 'UTC') + i as timestamptz)) end`,
  },
  {
    name: "gs_interval_check",
    definition: `(i) as case when abs(datepart('year', i)) >= 10000 and i <> to_years(10000) and i <> to_years(-10000)
      then cast(gs_raise('INTERVAL out of range') as interval) else i end`,
  },
  { name: "gs_date_minus", definition: "(a, b) as to_days(cast(gs_days_of_date(a) - gs_days_of_date(b) as integer))" },
  { name: "gs_instant_minus", definition: "(a, b) as to_microseconds(epoch_us(a) - epoch_us(b))" },
  { name: "gs_time_minus", definition: "(a, b) as to_microseconds(epoch_us(a) - epoch_us(b))" },
  { name: "gs_shift_left", definition: "(a, n) as gs_shift(a, n, true)" },
  { name: "gs_shift_right", definition: "(a, n) as gs_shift(a, n, false)" },
  {
    name: "gs_array_at",
    definition: `(a, i) as case when i < 0 or i >= len(a) then cast(gs_raise('Array index ' || i || ' is out of bounds') as bigint) else i end`,
  },
];

export const coreLibrary: FunctionLibrary = { functions: [], macros, js };
