import { parseTimestamp } from "../emit/civil.ts";
import type { FormatKind } from "./civil-format.ts";
import { civilFunctions } from "./civil-functions.ts";
import type { Argument, EmitContext, FunctionLibrary, Signature } from "./contract.ts";
import {
  civilOf,
  dateUnits,
  daysOf,
  diffDate,
  extractDate,
  extractTime,
  inRange,
  instantOf,
  micros,
  months,
  timeUnits,
  truncDate,
  wallClock,
} from "./date-parts.ts";
import { bind, extended, fail, literalText, scalar, sig, sigOf } from "./signature.ts";

const total = { cannotFail: true } as const;

/** `INTERVAL n PART` as it is written in the call: what the `_ADD` and `_SUB` functions take. */
function amountOf(arg: Argument | undefined, ctx: EmitContext): { n: string; part: string } {
  const interval = arg?.interval;
  if (!interval) return ctx.refuse("an interval that is not written as INTERVAL n PART in the call");
  return { n: interval.sql, part: interval.part };
}

function addition(name: string, type: "DATE" | "DATETIME" | "TIMESTAMP" | "TIME", sign: 1 | -1): Signature {
  return sigOf(`${type}, INTERVAL`, type, ([x, by], ctx) => {
    const { n, part } = amountOf(by, ctx);
    const amount = sign === 1 ? n : `(-${n})`;
    const wrong = (): never => ctx.error(`${name} does not support the ${part} date part`);
    const unit = micros[part];
    if (type === "TIME") {
      if (unit === undefined || part === "DAY") return wrong();
      const day = micros["DAY"]!;
      return `(time '00:00:00' + to_microseconds(((epoch_us(${x!.sql}) + (${amount} % ${day / unit}) * ${unit}) % ${day} + ${day}) % ${day}))`;
    }
    const monthly = months[part];
    if (type === "TIMESTAMP") {
      if (unit === undefined) return wrong();
      return inRange(ctx, `make_timestamptz(epoch_us(${x!.sql}) + ${amount} * ${unit})`, "timestamp");
    }
    if (type === "DATE") {
      if (monthly)
        return inRange(ctx, `cast(${x!.sql} + to_months(cast(${amount} * ${monthly} as integer)) as date)`, "date");
      if (part !== "DAY" && part !== "WEEK") return wrong();
      return inRange(ctx, `${x!.sql} + cast(${amount}${part === "WEEK" ? " * 7" : ""} as integer)`, "date");
    }
    if (monthly) return inRange(ctx, `${x!.sql} + to_months(cast(${amount} * ${monthly} as integer))`, "datetime");
    const size = part === "WEEK" ? micros["DAY"]! * 7 : unit;
    if (size === undefined) return wrong();
    return inRange(ctx, `make_timestamp(epoch_us(${x!.sql}) + ${amount} * ${size})`, "datetime");
  });
}

const adding = (
  group: string,
  type: "DATE" | "DATETIME" | "TIMESTAMP" | "TIME",
  others: readonly Signature[][] = [[], []],
) =>
  (["ADD", "SUB"] as const).map((verb, i) =>
    scalar(group, `${type}_${verb}`, [
      addition(`${type}_${verb}`, type, verb === "ADD" ? 1 : -1),
      ...(others[i] ?? []).map(extended),
    ]),
  );

/** Floor to a unit of the day, counted from midnight of the wall clock. */
const floorTo = (value: string, unit: number): string =>
  `make_timestamp(epoch_us(${value}) - ((epoch_us(${value}) % ${unit}) + ${unit}) % ${unit})`;

function truncDatetime(value: string, part: string, ctx: EmitContext): string {
  const unit = micros[part];
  if (unit !== undefined) return floorTo(value, unit);
  return bind(ctx, [`cast(${value} as date)`], (d) => `cast(${truncDate(d, part, ctx)} as timestamp)`);
}

const truncCivil = sigOf(`DATETIME, PART[${timeUnits}|${dateUnits}]`, "DATETIME", ([x, p], ctx) =>
  bind(ctx, [x!.sql], (v) => truncDatetime(v, p!.part!, ctx)),
);

const truncTimestamp = sigOf(
  `TIMESTAMP, PART[${timeUnits}|${dateUnits}], STRING?`,
  "TIMESTAMP",
  ([x, p, zone], ctx) => {
    const part = p!.part!;
    const unit = micros[part];
    if (unit !== undefined && part !== "DAY") {
      // Within a day the offset of the instant itself counts, so that no hour is lost where clocks change.
      return bind(ctx, [x!.sql], (v) => {
        const local = `epoch_us(${wallClock(v, zone)})`;
        return `make_timestamptz(epoch_us(${v}) - ((${local} % ${unit}) + ${unit}) % ${unit})`;
      });
    }
    return bind(ctx, [wallClock(x!.sql, zone)], (v) => instantOf(truncDatetime(v, part, ctx), zone));
  },
);

const lastDay = (type: "DATE" | "DATETIME") =>
  sigOf(`${type}, PART[${dateUnits}]?`, "DATE", ([x, p], ctx) =>
    bind(ctx, [type === "DATE" ? x!.sql : `cast(${x!.sql} as date)`], (d) => {
      const part = p?.part ?? "MONTH";
      if (part === "DAY") return ctx.error("LAST_DAY does not support the DAY date part");
      if (part === "MONTH") return `last_day(${d})`;
      const monthly = months[part];
      if (monthly) return `cast(date_trunc('${part.toLowerCase()}', ${d}) + to_months(${monthly}) as date) - 1`;
      if (part === "ISOYEAR")
        return `gs_date_check(cast(date_trunc('isoyear', cast(date_trunc('isoyear', ${d}) as date) + 371) as date) - 1)`;
      return `gs_date_check(${truncDate(d, part, ctx).replace(/^gs_date_check/, "")} + 6)`;
    }),
  );

const dateParts = `YEAR|MONTH|DAY|DAYOFWEEK|DAYOFYEAR|WEEK|WEEK(DAY)|ISOWEEK|ISOYEAR|QUARTER`;
const timeParts = "HOUR|MINUTE|SECOND|MILLISECOND|MICROSECOND";

function extractFrom(local: string, part: string, ctx: EmitContext): string {
  if (part === "DATE") return `cast(${local} as date)`;
  if (part === "TIME") return `cast(${local} as time)`;
  if (part === "DATETIME") return local;
  return bind(ctx, [local], (v) => extractTime[part]?.(v) ?? extractDate(v, part, ctx));
}

/** The result of EXTRACT depends on the part, so a signature for each kind of part. */
const extract = scalar("date", "EXTRACT", [
  sigOf(`PART[${dateParts}], DATE`, "INT64", ([p, x], ctx) =>
    bind(ctx, [x!.sql], (v) => extractDate(v, p!.part!, ctx)),
  ),
  sigOf(`PART[${timeParts}], TIME`, "INT64", ([p, x]) => extractTime[p!.part!]!(x!.sql)),
  sigOf(`PART[${dateParts}|${timeParts}], DATETIME`, "INT64", ([p, x], ctx) => extractFrom(x!.sql, p!.part!, ctx)),
  sigOf(`PART[${dateParts}|${timeParts}], TIMESTAMP, STRING?`, "INT64", ([p, x, z], ctx) =>
    extractFrom(/^DATE(TIME)?$/.test(p!.part!) ? civilOf(x!.sql, z, ctx) : wallClock(x!.sql, z), p!.part!, ctx),
  ),
  ...(["DATE", "TIME", "DATETIME"] as const).flatMap((part) => [
    sigOf(`PART[${part}], TIMESTAMP, STRING?`, part, ([p, x, z], ctx) =>
      extractFrom(/^DATE(TIME)?$/.test(p!.part!) ? civilOf(x!.sql, z, ctx) : wallClock(x!.sql, z), p!.part!, ctx),
    ),
    ...(part === "DATETIME"
      ? []
      : [sigOf(`PART[${part}], DATETIME`, part, ([p, x], ctx) => extractFrom(x!.sql, p!.part!, ctx))]),
  ]),
  sigOf(`PART[YEAR|MONTH|DAY|NANOSECOND|${timeParts}], INTERVAL`, "INT64", ([p, x]) => {
    const part = p!.part!;
    if (part === "MILLISECOND") return `((datepart('microsecond', ${x!.sql}) % 1000000) // 1000)`;
    if (part === "MICROSECOND") return `(datepart('microsecond', ${x!.sql}) % 1000000)`;
    if (part === "NANOSECOND") return `(datepart('microsecond', ${x!.sql}) % 1000000 * 1000)`;
    return `datepart('${part.toLowerCase()}', ${x!.sql})`;
  }),
]);

/** Elements that DuckDB's strftime prints as GoogleSQL does (from the year 1000 on, below which it pads). */
const easyFormat = /^(?:[^%]|%[YmdHMSjBbAaFTypI%])+$/;

/** DuckDB knows neither %F nor %T: spelled out, `%%` left as it is. */
const spelledOut = (sql: string): string =>
  sql.replace(/%(.)/gs, (all, element: string) => (element === "F" ? "%Y-%m-%d" : element === "T" ? "%H:%M:%S" : all));

const formats = (kind: FormatKind): Signature => {
  const type = kind.toUpperCase();
  return sigOf(kind === "timestamp" ? `STRING, ${type}, STRING?` : `STRING, ${type}`, "STRING", ([f, x, zone], ctx) => {
    const format = literalText(f);
    const own = kind === "date" ? /%[HMSTpI]/ : kind === "time" ? /%[YmdjBbAaFy]/ : /(?!)/;
    if (format !== undefined && kind !== "time" && easyFormat.test(format) && !own.test(format)) {
      const local = kind === "timestamp" ? wallClock(x!.sql, zone) : x!.sql;
      return bind(
        ctx,
        [local],
        (v) =>
          `case when year(${v}) < 1000 then gs_format_${kind === "timestamp" ? "datetime" : kind}(${f!.sql}, ${v}) else strftime(${v}, ${spelledOut(f!.sql)}) end`,
      );
    }
    return kind === "timestamp"
      ? `gs_format_timestamp(${f!.sql}, ${x!.sql}, ${zone?.sql ?? "'UTC'"})`
      : `gs_format_${kind}(${f!.sql}, ${x!.sql})`;
  });
};

const currents = (type: "date" | "datetime" | "time") =>
  sigOf("STRING?", type.toUpperCase(), ([zone], ctx) =>
    extractFrom(wallClock("gs_now()", zone), type.toUpperCase(), ctx),
  );

const units: readonly [string, number][] = [
  ["SECONDS", 1_000_000],
  ["MILLIS", 1_000],
  ["MICROS", 1],
];

export const dateTime: FunctionLibrary = {
  functions: [
    scalar("date", "CURRENT_DATE", [currents("date")]),
    scalar("datetime", "CURRENT_DATETIME", [currents("datetime")]),
    scalar("time", "CURRENT_TIME", [currents("time")]),
    scalar("timestamp", "CURRENT_TIMESTAMP", [sig("", "TIMESTAMP", () => "gs_now()")], total),
    extract,
    scalar("date", "DATE", [
      sigOf("INT64, INT64, INT64", "DATE", ([y, m, d], ctx) =>
        inRange(ctx, `make_date(${y!.sql}, ${m!.sql}, ${d!.sql})`, "date"),
      ),
      sig("DATE", "DATE", (x) => x),
      sigOf("STRING", "DATE", ([x], ctx) => {
        const written = literalText(x);
        if (written !== undefined && parseTimestamp(written) === undefined) {
          return ctx.error(`Could not cast literal "${written}" to type TIMESTAMP`);
        }
        return bind(ctx, [x!.sql], (v) => `cast((gs_string_to_timestamp(${v}) at time zone 'UTC') as date)`);
      }),
      sigOf("TIMESTAMP, STRING?", "DATE", ([x, zone], ctx) => `cast(${civilOf(x!.sql, zone, ctx)} as date)`),
      sig("DATETIME", "DATE", (x) => `cast(${x} as date)`),
    ]),
    ...adding("date", "DATE", [
      [addition("DATE_ADD", "DATETIME", 1), addition("DATE_ADD", "TIMESTAMP", 1)],
      [addition("DATE_SUB", "DATETIME", -1), addition("DATE_SUB", "TIMESTAMP", -1)],
    ]),
    scalar(
      "date",
      "DATE_DIFF",
      [
        sigOf(`DATE, DATE, PART[${dateUnits}]`, "INT64", ([a, b, p], ctx) => diffDate(a!.sql, b!.sql, p!.part!, ctx)),
        {
          ...sigOf(`DATE, DATE, PART[${timeUnits}]`, "INT64", ([_a, _b, p], ctx) =>
            ctx.error(`DATE_DIFF does not support the ${p!.part} date part when the argument is DATE type`),
          ),
          alwaysFails: true,
        },
        extended(diffDatetime()),
        extended(diffTimestamp()),
      ],
      total,
    ),
    scalar("date", "DATE_TRUNC", [
      sigOf(`DATE, PART[${timeUnits}|${dateUnits}]`, "DATE", ([d, p], ctx) =>
        timeUnits.split("|").includes(p!.part!)
          ? `case when ${d!.sql} is not null then ${fail(`DATE_TRUNC does not support the ${p!.part} date part`, "date")} end`
          : bind(ctx, [d!.sql], (v) => truncDate(v, p!.part!, ctx)),
      ),
      extended(truncCivil),
      extended(truncTimestamp),
    ]),
    scalar("date", "DATE_FROM_UNIX_DATE", [
      sigOf("INT64", "DATE", ([n], ctx) => inRange(ctx, `date '1970-01-01' + cast(${n!.sql} as integer)`, "date")),
    ]),
    scalar("date", "UNIX_DATE", [sig("DATE", "INT64", (d) => daysOf(d))], total),
    scalar("date", "LAST_DAY", [lastDay("DATE"), extended(lastDay("DATETIME"))]),
    scalar("date", "FORMAT_DATE", [formats("date"), extended(formats("datetime")), extended(formats("timestamp"))]),
    scalar("datetime", "FORMAT_DATETIME", [formats("datetime"), extended(formats("timestamp"))]),
    scalar("time", "FORMAT_TIME", [formats("time")]),
    scalar("timestamp", "FORMAT_TIMESTAMP", [formats("timestamp"), extended(formats("datetime"))]),
    scalar("date", "PARSE_DATE", [sig("STRING, STRING", "DATE", (f, x) => `gs_parse_date_as(${f}, ${x})`)]),
    scalar("datetime", "PARSE_DATETIME", [
      sig("STRING, STRING", "DATETIME", (f, x) => `gs_parse_datetime_as(${f}, ${x})`),
    ]),
    scalar("time", "PARSE_TIME", [sig("STRING, STRING", "TIME", (f, x) => `gs_parse_time_as(${f}, ${x})`)]),
    scalar("timestamp", "PARSE_TIMESTAMP", [
      sig("STRING, STRING, STRING?", "TIMESTAMP", (f, x, z) => `gs_parse_timestamp_as(${f}, ${x}, ${z ?? "'UTC'"})`),
    ]),
    scalar("datetime", "DATETIME", [
      sig("INT64, INT64, INT64, INT64, INT64, INT64", "DATETIME", (...all) => `gs_datetime_of(${all.join(", ")})`),
      sig("DATE, TIME", "DATETIME", (d, t) => `(${d} + ${t})`),
      sig("DATETIME", "DATETIME", (x) => x),
      sig("DATE", "DATETIME", (x) => `cast(${x} as timestamp)`),
      sigOf("STRING", "DATETIME", ([x], ctx) => bind(ctx, [x!.sql], (v) => `gs_string_to_datetime(${v})`)),
      sigOf("TIMESTAMP, STRING?", "DATETIME", ([x, zone], ctx) => civilOf(x!.sql, zone, ctx)),
    ]),
    ...adding("datetime", "DATETIME", [
      [addition("DATETIME_ADD", "TIMESTAMP", 1)],
      [addition("DATETIME_SUB", "TIMESTAMP", -1)],
    ]),
    scalar("datetime", "DATETIME_DIFF", [diffDatetime(), extended(diffTimestamp())], total),
    scalar("datetime", "DATETIME_TRUNC", [truncCivil, extended(truncTimestamp)]),
    scalar("time", "TIME", [
      sig("INT64, INT64, INT64", "TIME", (h, m, s) => `gs_time_of(${h}, ${m}, ${s})`),
      sig("TIME", "TIME", (x) => x),
      sigOf("TIMESTAMP, STRING?", "TIME", ([x, zone]) => `cast(${wallClock(x!.sql, zone)} as time)`),
      sig("DATETIME", "TIME", (x) => `cast(${x} as time)`),
    ]),
    ...adding("time", "TIME"),
    scalar(
      "time",
      "TIME_DIFF",
      [
        sigOf(`TIME, TIME, PART[${timeUnits}]`, "INT64", ([a, b, p]) => {
          const unit = micros[p!.part!]!;
          return `(epoch_us(${a!.sql}) // ${unit} - epoch_us(${b!.sql}) // ${unit})`;
        }),
      ],
      total,
    ),
    scalar(
      "time",
      "TIME_TRUNC",
      [
        sigOf(
          `TIME, PART[${timeUnits}]`,
          "TIME",
          ([x, p]) =>
            `(time '00:00:00' + to_microseconds((epoch_us(${x!.sql}) // ${micros[p!.part!]}) * ${micros[p!.part!]}))`,
        ),
      ],
      total,
    ),
    scalar("timestamp", "TIMESTAMP", [
      sigOf("STRING, STRING?", "TIMESTAMP", ([x, zone]) =>
        zone ? `gs_timestamp_in_zone(${x!.sql}, ${zone.sql})` : `gs_string_to_timestamp(${x!.sql})`,
      ),
      sig("TIMESTAMP", "TIMESTAMP", (x) => x),
      sigOf("DATE, STRING?", "TIMESTAMP", ([x, zone]) => instantOf(`cast(${x!.sql} as timestamp)`, zone)),
      sigOf("DATETIME, STRING?", "TIMESTAMP", ([x, zone]) => instantOf(x!.sql, zone)),
    ]),
    ...adding("timestamp", "TIMESTAMP", [
      [addition("TIMESTAMP_ADD", "DATETIME", 1)],
      [addition("TIMESTAMP_SUB", "DATETIME", -1)],
    ]),
    scalar("timestamp", "TIMESTAMP_DIFF", [diffTimestamp(), extended(diffDatetime())], total),
    scalar("timestamp", "TIMESTAMP_TRUNC", [truncTimestamp, extended(truncCivil)]),
    ...units.flatMap(([name, unit]) => [
      scalar("timestamp", `TIMESTAMP_${name}`, [
        sigOf("INT64", "TIMESTAMP", ([n], ctx) => inRange(ctx, `make_timestamptz(${n!.sql} * ${unit})`, "timestamp")),
      ]),
      scalar("timestamp", `TIMESTAMP_FROM_UNIX_${name}`, [
        sigOf("INT64", "TIMESTAMP", ([n], ctx) => inRange(ctx, `make_timestamptz(${n!.sql} * ${unit})`, "timestamp")),
        sig("TIMESTAMP", "TIMESTAMP", (x) => x),
      ]),
      scalar(
        "timestamp",
        `UNIX_${name}`,
        [
          sigOf("TIMESTAMP", "INT64", ([x], ctx) =>
            unit === 1
              ? `epoch_us(${x!.sql})`
              : bind(
                  ctx,
                  [`epoch_us(${x!.sql})`],
                  (v) => `((${v} - ((${v} % ${unit}) + ${unit}) % ${unit}) // ${unit})`,
                ),
          ),
        ],
        total,
      ),
    ]),
    scalar("conversion", "STRING", [
      sigOf("TIMESTAMP, STRING?", "STRING", ([x, zone], ctx) =>
        zone ? `gs_timestamp_text_in(${x!.sql}, ${zone.sql})` : bind(ctx, [x!.sql], (v) => `gs_timestamp_text(${v})`),
      ),
      sig("DATE", "STRING", (x) => `strftime(${x}, '%Y-%m-%d')`),
      sigOf("DATETIME", "STRING", ([x], ctx) => bind(ctx, [x!.sql], (v) => `gs_datetime_text(${v})`)),
      sigOf("TIME", "STRING", ([x], ctx) => bind(ctx, [x!.sql], (v) => `gs_time_text(${v})`)),
      sig("JSON", "STRING", (x) => `gs_json_string(${x})`),
    ]),
    scalar("interval", "MAKE_INTERVAL", [
      sig(
        "year=>INT64?, month=>INT64?, day=>INT64?, hour=>INT64?, minute=>INT64?, second=>INT64?",
        "INTERVAL",
        (...parts) => `gs_make_interval(${[0, 1, 2, 3, 4, 5].map((i) => parts[i] ?? "0").join(", ")})`,
      ),
    ]),
    ...(["DAYS", "HOURS", "INTERVAL"] as const).map((what) =>
      scalar("interval", `JUSTIFY_${what}`, [sig("INTERVAL", "INTERVAL", (x) => `gs_justify(${x}, '${what}')`)]),
    ),
  ],
  macros: [{ name: "gs_now", definition: "() as now()" }],
  js: civilFunctions(),
};

function diffDatetime(): Signature {
  return sigOf(`DATETIME, DATETIME, PART[${timeUnits}|${dateUnits}]`, "INT64", ([a, b, p], ctx) => {
    const unit = micros[p!.part!];
    if (unit === undefined || p!.part === "DAY")
      return diffDate(`cast(${a!.sql} as date)`, `cast(${b!.sql} as date)`, p!.part!, ctx);
    // Boundaries, not whole units: both are cut to the unit first. Shifted so that no division is of a negative number.
    const cut = (x: string): string => `((epoch_us(${x}) + ${700_000 * 7}::bigint * 86400000000) // ${unit})`;
    return `(${cut(a!.sql)} - ${cut(b!.sql)})`;
  });
}

function diffTimestamp(): Signature {
  return sigOf(
    `TIMESTAMP, TIMESTAMP, PART[${timeUnits}|DAY]`,
    "INT64",
    ([a, b, p]) => `((epoch_us(${a!.sql}) - epoch_us(${b!.sql})) // ${micros[p!.part!]})`,
  );
}
