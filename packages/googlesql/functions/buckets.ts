/** DATE_BUCKET, DATETIME_BUCKET, TIMESTAMP_BUCKET: the start of the bucket that a moment falls in. */
import { daysFromCivil, minTimestamp } from "../emit/civil.ts";
import { momentOf } from "./civil-format.ts";
import type { FunctionLibrary, JsFunction, Signature } from "./contract.ts";
import { bind, extended, fail, scalar, sigOf } from "./signature.ts";

const day = 86_400_000_000n;
const types = ["DATE", "DATETIME", "TIMESTAMP"] as const;

function bucket(type: "DATE" | "DATETIME" | "TIMESTAMP"): Signature {
  return sigOf(`${type}, INTERVAL, ${type}?`, type, ([x, width, origin], ctx) => {
    const local = (sql: string): string =>
      type === "DATETIME" ? sql : type === "DATE" ? `cast(${sql} as timestamp)` : `(${sql} at time zone 'UTC')`;
    const size = bind(ctx, [width!.sql], (w) => {
      const within = `datepart('hour', ${w}) <> 0 or datepart('minute', ${w}) <> 0 or datepart('microsecond', ${w}) <> 0`;
      const monthly = `datepart('year', ${w}) <> 0 or datepart('month', ${w}) <> 0`;
      if (type === "DATETIME") return w;
      // NULL comes before errors.
      const isGiven = [x!, ...(origin ? [origin] : [])].map((one) => `${one.sql} is not null`).join(" and ");
      return type === "DATE"
        ? `case when (${within}) and ${isGiven} then ${fail("Only MONTH and DAY parts are allowed in bucket width INTERVAL", "interval")} else ${w} end`
        : `case when (${monthly}) and ${isGiven} then ${fail("Bucket width INTERVAL with non-zero MONTH part is not allowed", "interval")} else ${w} end`;
    });
    const result = `gs_bucket(${local(x!.sql)}, ${size}, ${origin ? local(origin.sql) : "timestamp '1950-01-01 00:00:00'"})`;
    return type === "DATETIME"
      ? result
      : type === "DATE"
        ? `cast(${result} as date)`
        : `cast(${result} as timestamptz)`;
  });
}

function bucketStart(value: bigint, width: { months: number; days: number; micros: bigint }, origin: bigint): bigint {
  if (width.months !== 0 && (width.days !== 0 || width.micros !== 0n))
    throw new Error("Only one of the months, days and time parts of a bucket width may be set");
  if (width.months === 0) {
    const size = BigInt(width.days) * day + width.micros;
    if (size <= 0n) throw new Error("Bucket width must be positive");
    const past = (((value - origin) % size) + size) % size;
    if (value - past < minTimestamp) throw new Error("Bucket start out of range");
    return value - past;
  }
  if (width.months < 0) throw new Error("Bucket width must be positive");
  const first = momentOf(origin);
  const shifted = (steps: number): bigint => {
    const months = first.year * 12 + first.month - 1 + steps * width.months;
    const [year, month] = [Math.floor(months / 12), (months % 12) + 1];
    const length = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
    const days = daysFromCivil(year, month, Math.min(first.day, length));
    if (days === undefined) throw new Error("Bucket start out of range");
    return BigInt(days) * day + (((origin % day) + day) % day);
  };
  const moment = momentOf(value);
  let steps = Math.floor((moment.year * 12 + moment.month - (first.year * 12 + first.month)) / width.months);
  if (shifted(steps) > value) steps--;
  return shifted(steps);
}

export const buckets: FunctionLibrary = {
  functions: types.map((type) =>
    // Each takes the other types too.
    scalar("time series", `${type}_BUCKET`, [
      bucket(type),
      ...types.filter((other) => other !== type).map((other) => extended(bucket(other))),
    ]),
  ),
  js: [
    {
      name: "gs_bucket",
      args: ["TIMESTAMP", "INTERVAL", "TIMESTAMP"],
      result: "TIMESTAMP",
      run: bucketStart as JsFunction["run"],
    },
  ],
};
