/** Macros and JS functions that operators and casts stand on. What they give is GoogleSQL's, errors included. */

import type { FunctionLibrary, JsFunction, JsValue } from "../functions/contract.ts";
import { floatText, parseDate, parseDatetime, parseTime, parseTimestamp } from "./civil.ts";
import { coreMacros } from "./core-macros.ts";
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
import { castInterval, type IntervalParts, intervalInRange, intervalText } from "./intervals.ts";

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

/** Digits with any space of ASCII around them; before a hexadecimal number the reference evaluator takes blanks alone. */
const integers = /^(?:[ \t\n\v\f\r]*(?=[+-]?\d+[ \t\n\v\f\r]*$)| *)([+-]?)(0[xX][0-9a-fA-F]+|\d+)[ \t\n\v\f\r]*$/;

function parseInt64(text: string): bigint | undefined {
  const match = integers.exec(text);
  if (!match) return undefined;
  const value = BigInt(match[2]!) * (match[1] === "-" ? -1n : 1n);
  return value > 0x7fffffffffffffffn || value < -0x8000000000000000n ? undefined : value;
}

function parseFloat64(text: string): number | undefined {
  const trimmed = text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "");
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (special) {
    if (special[2]!.toLowerCase() === "nan") return Number.NaN;
    return special[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (/^[+-]?0x/i.test(trimmed)) return hexadecimalFloat(trimmed);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed)) return undefined;
  return Number(trimmed);
}

/** `0x1.8p3` is 12, as C's strtod reads it. */
function hexadecimalFloat(text: string): number | undefined {
  const match = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole + fraction === "") return undefined;
  const value = Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -value : value;
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

export const coreLibrary: FunctionLibrary = { functions: [], macros: coreMacros, js };
