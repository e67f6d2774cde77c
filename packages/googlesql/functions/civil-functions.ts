/** The date and time functions over values, as DuckDB calls them: time zones, formats, parsing, intervals. */
import {
  datetimeText,
  daysFromCivil,
  fixedOffset,
  maxTimestamp,
  minTimestamp,
  zonedToUtc,
  zoneOffset,
} from "../emit/civil.ts";
import { formatCivil, momentInZone, momentOf } from "./civil-format.ts";
import { parseCivil } from "./civil-parse.ts";
import type { JsFunction } from "./contract.ts";

/** What the date and time functions of the catalogue call. */
export function civilFunctions(): JsFunction[] {
  const fn = (name: string, args: string, result: string, run: (...values: never[]) => unknown): JsFunction => ({
    name: `gs_${name}`,
    args: args.split(" "),
    result,
    run: run as JsFunction["run"],
  });
  const day = 86_400_000_000n;
  const zoned = (zone: string): void => {
    if (fixedOffset(zone) === undefined && zoneOffset(zone, 0n) === undefined)
      throw new Error(`Invalid time zone: ${zone}`);
  };
  const inCivilRange = (value: bigint, what: string): bigint => {
    if (value < minTimestamp || value > maxTimestamp) throw new Error(`${what} out of range`);
    return value;
  };
  const timeOf = (h: bigint, m: bigint, s: bigint): bigint => {
    if (h < 0n || h > 23n || m < 0n || m > 59n || s < 0n || s > 60n)
      throw new Error(`Input calculates to invalid time: ${h}:${m}:${s}`);
    return ((h * 60n + m) * 60n + s) * 1_000_000n;
  };
  type Interval = { months: number; days: number; micros: bigint };
  return [
    fn("wall_clock", "TIMESTAMPTZ VARCHAR", "TIMESTAMP", (instant: bigint, zone: string) => {
      zoned(zone);
      return inCivilRange(instant + (zoneOffset(zone, instant) ?? 0n), "datetime");
    }),
    fn("instant", "TIMESTAMP VARCHAR", "TIMESTAMPTZ", (local: bigint, zone: string) => {
      zoned(zone);
      return inCivilRange(zonedToUtc(local, zone) ?? 0n, "timestamp");
    }),
    fn("timestamp_text_in", "TIMESTAMPTZ VARCHAR", "VARCHAR", (instant: bigint, zone: string) => {
      const { offset } = momentInZone(instant, zone);
      const minutes = Math.abs(offset) / 60;
      const two = (n: number): string => String(n).padStart(2, "0");
      const rest = minutes % 60 === 0 ? "" : `:${two(minutes % 60)}`;
      return `${datetimeText(instant + BigInt(offset) * 1_000_000n)}${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${rest}`;
    }),
    fn("format_date", "VARCHAR DATE", "VARCHAR", (format: string, days: number) =>
      formatCivil(format, momentOf(BigInt(days) * day), "date"),
    ),
    fn("format_time", "VARCHAR TIME", "VARCHAR", (format: string, time: bigint) =>
      formatCivil(format, momentOf(time), "time"),
    ),
    fn("format_datetime", "VARCHAR TIMESTAMP", "VARCHAR", (format: string, value: bigint) =>
      formatCivil(format, momentOf(value), "datetime"),
    ),
    fn("format_timestamp", "VARCHAR TIMESTAMPTZ VARCHAR", "VARCHAR", (format: string, value: bigint, zone: string) =>
      formatCivil(format, momentInZone(value, zone), "timestamp"),
    ),
    fn("parse_date_as", "VARCHAR VARCHAR", "DATE", (format: string, value: string) => {
      const result = parseCivil(format, value, "date");
      return Number((result - (((result % day) + day) % day)) / day);
    }),
    fn("parse_datetime_as", "VARCHAR VARCHAR", "TIMESTAMP", (format: string, value: string) =>
      parseCivil(format, value, "datetime"),
    ),
    fn(
      "parse_time_as",
      "VARCHAR VARCHAR",
      "TIME",
      (format: string, value: string) => ((parseCivil(format, value, "time") % day) + day) % day,
    ),
    fn("parse_timestamp_as", "VARCHAR VARCHAR VARCHAR", "TIMESTAMPTZ", (format: string, value: string, zone: string) =>
      parseCivil(format, value, "timestamp", zone),
    ),
    fn("time_of", "BIGINT BIGINT BIGINT", "TIME", (h: bigint, m: bigint, s: bigint) => timeOf(h, m, s) % day),
    fn(
      "datetime_of",
      "BIGINT BIGINT BIGINT BIGINT BIGINT BIGINT",
      "TIMESTAMP",
      (y: bigint, mo: bigint, d: bigint, h: bigint, m: bigint, s: bigint) => {
        const days = daysFromCivil(Number(y), Number(mo), Number(d));
        if (days === undefined) throw new Error(`Input calculates to invalid datetime: ${y}-${mo}-${d}`);
        return inCivilRange(BigInt(days) * day + timeOf(h, m, s), "datetime");
      },
    ),
    fn(
      "make_interval",
      "BIGINT BIGINT BIGINT BIGINT BIGINT BIGINT",
      "INTERVAL",
      (y: bigint, mo: bigint, d: bigint, h: bigint, m: bigint, s: bigint) =>
        checkedInterval({
          months: Number(y * 12n + mo),
          days: Number(d),
          micros: ((h * 60n + m) * 60n + s) * 1_000_000n,
        }),
    ),
    fn("justify", "INTERVAL VARCHAR", "INTERVAL", (value: Interval, what: string) => justify(value, what)),
  ];
}

function checkedInterval(value: { months: number; days: number; micros: bigint }) {
  const limit = 316_224_000_000_000_000n;
  if (
    Math.abs(value.months) > 120_000 ||
    Math.abs(value.days) > 3_660_000 ||
    value.micros > limit ||
    value.micros < -limit
  ) {
    throw new Error("Interval overflow");
  }
  return value;
}

/** Moves whole days out of the time (24 hours) and whole months out of the days (30 days), then makes the signs agree. */
function justify(value: { months: number; days: number; micros: bigint }, what: string) {
  const day = 86_400_000_000n;
  let { months, days, micros } = value;
  if (what !== "DAYS") {
    days += Number(micros / day);
    micros %= day;
  }
  if (what !== "HOURS") {
    months += Math.trunc(days / 30);
    days %= 30;
  }
  if (what === "INTERVAL") {
    if (months > 0 && (days < 0 || (days === 0 && micros < 0n))) {
      days += 30;
      months -= 1;
    } else if (months < 0 && (days > 0 || (days === 0 && micros > 0n))) {
      days -= 30;
      months += 1;
    }
  }
  if (what !== "DAYS") {
    if (days > 0 && micros < 0n) {
      micros += day;
      days -= 1;
    } else if (days < 0 && micros > 0n) {
      micros -= day;
      days += 1;
    }
  }
  if (what === "DAYS") {
    if (months > 0 && days < 0) {
      days += 30;
      months -= 1;
    } else if (months < 0 && days > 0) {
      days -= 30;
      months += 1;
    }
  }
  return checkedInterval({ months, days, micros });
}
