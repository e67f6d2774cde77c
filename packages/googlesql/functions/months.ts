/** ADD_MONTHS, MONTHS_BETWEEN, NEXT_DAY, by public/functions/date_time_util.cc. */
import { momentOf } from "./civil-format.ts";
import type { FunctionLibrary, JsFunction } from "./contract.ts";
import { inRange } from "./date-parts.ts";
import { bind, extended, scalar, sig, sigOf } from "./signature.ts";

const group = "date";

/** The last day of a month stays the last day, of a longer month too. */
const addMonths = (type: "DATE" | "DATETIME") =>
  sigOf(`${type}, INT64`, type, ([x, n], ctx) =>
    bind(ctx, [x!.sql, n!.sql], (d, months) => {
      const day = `cast(${d} as date)`;
      const moved = `(${d} + to_months(cast(${months} as integer)))`;
      const last = `(last_day(cast(${moved} as date)) + (${type === "DATE" ? "interval '0' day" : `cast(${d} as time)`}))`;
      const result = `case when ${day} = last_day(${day}) then ${last} else ${moved} end`;
      return inRange(
        ctx,
        type === "DATE" ? `cast(${result} as date)` : `(${result})`,
        type === "DATE" ? "date" : "datetime",
      );
    }),
  );

const weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const names = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];
const lastDate = 2_932_896;

/** The first such day of the week after the date. */
function nextDay(date: number, name: string): number {
  const upper = name.toUpperCase();
  const wanted = Math.max(weekdays.indexOf(upper), names.indexOf(upper));
  if (wanted < 0) throw new Error(`Invalid day of week: ${name}`);
  const today = (((date + 4) % 7) + 7) % 7;
  const next = date + ((wanted - today + 6 + 7) % 7) + 1;
  if (next > lastDate) throw new Error(`Next day resulted in an out of range date value: ${next}`);
  return next;
}

const isLastDay = (moment: { year: number; month: number; day: number }): boolean =>
  moment.day === new Date(Date.UTC(2000 + (moment.year % 400), moment.month, 0)).getUTCDate();

/** Whole months, and days as parts of 31; nothing but whole months between equal days, or the last days, of two months. */
function monthsBetween(end: bigint, start: bigint): number {
  const [later, earlier] = [momentOf(end), momentOf(start)];
  const whole = (later.year - earlier.year) * 12 + (later.month - earlier.month);
  if (later.day === earlier.day || (isLastDay(later) && isLastDay(earlier))) return whole;
  const dayMicros = 86_400_000_000n;
  const timeOf = (moment: bigint): bigint => ((moment % dayMicros) + dayMicros) % dayMicros;
  const hours = Number(timeOf(end) - timeOf(start)) / 3_600_000_000;
  return whole + (later.day - earlier.day + hours / 24) / 31;
}

export const monthFunctions: FunctionLibrary = {
  functions: [
    scalar(group, "ADD_MONTHS", [addMonths("DATE"), extended(addMonths("DATETIME"))]),
    scalar(
      group,
      "MONTHS_BETWEEN",
      [
        sig("DATE, DATE", "FLOAT64", (a, b) => `gs_months_between(cast(${a} as timestamp), cast(${b} as timestamp))`),
        extended(sig("DATETIME, DATETIME", "FLOAT64", (a, b) => `gs_months_between(${a}, ${b})`)),
      ],
      { cannotFail: true },
    ),
    scalar(group, "NEXT_DAY", [
      sig("DATE, STRING", "DATE", (d, name) => `gs_next_day(${d}, ${name})`),
      extended(sig("DATETIME, STRING", "DATE", (d, name) => `gs_next_day(cast(${d} as date), ${name})`)),
    ]),
  ],
  js: [
    { name: "gs_next_day", args: ["DATE", "VARCHAR"], result: "DATE", run: nextDay as JsFunction["run"] },
    {
      name: "gs_months_between",
      args: ["TIMESTAMP", "TIMESTAMP"],
      result: "DOUBLE",
      run: monthsBetween as JsFunction["run"],
    },
  ],
};
