/** DuckDB texts for what dates and times share: parts, weeks from any day, units, time zones. */
import { fixedOffset, zoneOffset } from "../emit/civil.ts";
import type { Argument, EmitContext } from "./contract.ts";
import { bind, fail, literalText } from "./signature.ts";

export const week = ["WEEK", "WEEK(DAY)", "ISOWEEK"];
export const dateUnits = ["DAY", ...week, "MONTH", "QUARTER", "YEAR", "ISOYEAR"].join("|");
export const timeUnits = ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"].join("|");

export const micros: Readonly<Record<string, number>> = {
  MICROSECOND: 1,
  MILLISECOND: 1_000,
  SECOND: 1_000_000,
  MINUTE: 60_000_000,
  HOUR: 3_600_000_000,
  DAY: 86_400_000_000,
};

const weekdays = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

/** The day (0 is Sunday) on which the weeks of this part begin; undefined when it is no kind of week. */
export function weekStart(part: string, ctx: EmitContext): number | undefined {
  if (part === "WEEK") return 0;
  if (part === "ISOWEEK") return 1;
  const day = /^WEEK\((\w+)\)$/.exec(part)?.[1];
  if (day === undefined) return undefined;
  const index = weekdays.indexOf(day);
  return index >= 0 ? index : ctx.error(`A valid date part name is required but found ${part}`);
}

/** Days since 1970 of a DATE. */
export const daysOf = (date: string): string => `date_diff('day', date '1970-01-01', ${date})`;

/** 1970-01-01 was a Thursday; far enough back that no division rounds the wrong way. */
const shifted = (date: string, start: number): string => `(${daysOf(date)} + ${700_007 * 7 + ((4 - start + 7) % 7)})`;
export const dayInWeek = (date: string, start: number): string => `(${shifted(date, start)} % 7)`;
export const weekNumber = (date: string, start: number): string => `(${shifted(date, start)} // 7)`;

/** The first day of the unit that a DATE (a name, used more than once) is in. */
export function truncDate(date: string, part: string, ctx: EmitContext): string {
  const start = weekStart(part, ctx);
  if (start !== undefined) return `gs_date_check(${date} - cast(${dayInWeek(date, start)} as integer))`;
  if (part === "DAY") return date;
  return `cast(date_trunc('${part.toLowerCase()}', ${date}) as date)`;
}

/** How many boundaries of the unit are between two DATEs. */
export function diffDate(a: string, b: string, part: string, ctx: EmitContext): string {
  const start = weekStart(part, ctx);
  if (start !== undefined) return `(${weekNumber(a, start)} - ${weekNumber(b, start)})`;
  if (part === "ISOYEAR") return `(date_part('isoyear', ${a}) - date_part('isoyear', ${b}))`;
  return `date_diff('${part.toLowerCase()}', ${b}, ${a})`;
}

/** The part of a DATE (a name, used more than once). */
export function extractDate(date: string, part: string, ctx: EmitContext): string {
  if (part === "DAYOFWEEK") return `(dayofweek(${date}) + 1)`;
  if (part === "ISOWEEK") return `weekofyear(${date})`;
  const start = weekStart(part, ctx);
  if (start !== undefined) return `((dayofyear(${date}) + 6 - ${dayInWeek(date, start)}) // 7)`;
  return `date_part('${part.toLowerCase()}', ${date})`;
}

export const extractTime: Readonly<Record<string, (x: string) => string>> = {
  HOUR: (x) => `hour(${x})`,
  MINUTE: (x) => `minute(${x})`,
  SECOND: (x) => `second(${x})`,
  MILLISECOND: (x) => `((microsecond(${x}) % 1000000) // 1000)`,
  MICROSECOND: (x) => `(microsecond(${x}) % 1000000)`,
};

/** Adds months, quarters or years to a DATE or DATETIME; the last day of a shorter month stands in for a missing one. */
export const months: Readonly<Record<string, number>> = { MONTH: 1, QUARTER: 3, YEAR: 12 };

/** `TIMESTAMP` to the wall clock (a DuckDB TIMESTAMP) of a zone; UTC where none is given. */
export function wallClock(instant: string, zone: Argument | undefined): string {
  if (zone === undefined) return `(${instant} at time zone 'UTC')`;
  const name = literalText(zone);
  if (name === undefined) return `gs_wall_clock(${instant}, ${zone.sql})`;
  const fixed = fixedOffset(name);
  if (fixed === 0n) return `(${instant} at time zone 'UTC')`;
  if (fixed !== undefined) return `((${instant} at time zone 'UTC') + to_microseconds(${fixed}))`;
  if (zoneOffset(name, 0n) === undefined) return fail(`Invalid time zone: ${name}`, "timestamp");
  // Names that DuckDB does not take.
  if (/^(UTC0$|Fixed\/)|\0/.test(name)) return `gs_wall_clock(${instant}, ${zone.sql})`;
  return `timezone(${zone.sql}, ${instant})`;
}

/** `wallClock` for what becomes a DATE or DATETIME: a zone may carry the first and the last day out of GoogleSQL's range. */
export function civilOf(instant: string, zone: Argument | undefined, ctx: EmitContext): string {
  const local = wallClock(instant, zone);
  return local === wallClock(instant, undefined) ? local : inRange(ctx, local, "datetime");
}

/** The TIMESTAMP at which clocks of the zone show a DATETIME. */
export function instantOf(local: string, zone: Argument | undefined): string {
  if (zone === undefined || fixedOffset(literalText(zone) ?? "") === 0n) return `cast(${local} as timestamptz)`;
  return `gs_instant(${local}, ${zone.sql})`;
}

/** Checks that a DuckDB text of type DATE, TIMESTAMP or TIMESTAMPTZ is within GoogleSQL's range. */
export const inRange = (ctx: EmitContext, value: string, type: "date" | "datetime" | "timestamp"): string =>
  bind(ctx, [value], (v) => `gs_${type}_check(${v})`);
