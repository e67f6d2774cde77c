import { checked, divideRounded, numericKind, parseDecimal } from "../emit/decimal.ts";
import { arrayOf, duckdbType } from "../types.ts";
import type { AggregateCall, AggregateOptions, EmitContext, FunctionLibrary, JsValue, Signature } from "./contract.ts";
import { aggregate, analytic, fail, isNullLiteral, literalInt, sigOf, without } from "./signature.ts";

const group = "aggregate";

/** DISTINCT, and OVER with everything. */
const plain: AggregateOptions = { distinct: true, over: "allowed", windowOrder: "allowed", windowFrame: true };

const one = (type: string, result: string, print: (x: string, ctx: EmitContext) => string): Signature =>
  sigOf(type, result, ([x], ctx) => print(x!.sql, ctx));

const simple = (name: string) => (x: string, ctx: EmitContext) => ctx.aggregate(name, [x]);

/** 2^-64, which keeps a sum on its way in range, and what undoes it. */
const down = "5.421010862427522e-20";
const up = "18446744073709551616.0::double";

/** Sums without losing digits to the order of rows; what is not finite goes through plain addition. */
function floatSum(x: string, ctx: EmitContext): string {
  const sum = ctx.aggregate("sum", [x]);
  const small = ctx.aggregate("sum", [`${x} * ${down}`]);
  const whole = `${small} * ${up}`;
  return `case when isfinite(${sum}) then ${ctx.aggregate("fsum", [x])} when not isfinite(${small}) then ${sum} when isfinite(${whole}) then ${whole} when ${sum} is not null then ${fail("double overflow: SUM", "double")} end`;
}

/**
 * An average cannot overflow. GoogleSQL's is a running one, which an infinity makes infinite and the next value then makes NaN:
 * so it is infinite where the last value alone is.
 */
function floatAverage(x: string, ctx: EmitContext): string {
  const { call } = ctx;
  const sum = ctx.aggregate("sum", [x]);
  const count = ctx.aggregate("count", [x]);
  const small = `${ctx.aggregate("sum", [`${x} * ${down}`])} / ${count} * ${up}`;
  const strange = ctx.aggregate("count", [`(case when not isfinite(${x}) then true end)`], { distinct: false });
  const last =
    call.over === undefined
      ? ctx.aggregate("last", [x], { ...without(call, `${x} is not null`), distinct: false })
      : ctx.aggregate("last_value", [call.filter === undefined ? x : `(case when ${call.filter} then ${x} end)`], {
          distinct: false,
          filter: undefined,
          nulls: "IGNORE",
        });
  return `case when isfinite(${sum}) then ${ctx.aggregate("fsum", [x])} / nullif(${count}, 0) when ${strange} = 0 then ${small} when ${strange} = 1 and isinf(${last}) then ${last} else 'nan'::double end`;
}

/** DuckDB tells intervals apart by their parts, GoogleSQL by their length: DISTINCT would keep too many. */
const intervals = (name: "sum" | "avg", x: string, ctx: EmitContext): string =>
  ctx.call.distinct
    ? ctx.refuse(`${name.toUpperCase()}(DISTINCT) of INTERVAL`)
    : `gs_interval_${name}(${ctx.aggregate("list", [x])})`;

const arrayAgg = sigOf(
  "T1",
  ([x]) => arrayOf(x!.type),
  ([x], ctx) => {
    if (x!.type.kind === "ARRAY") return ctx.error("The argument to ARRAY_AGG must not be an array type");
    const more = ctx.call.nulls === "IGNORE" ? without(ctx.call, `${x!.sql} is not null`) : { nulls: undefined };
    if (ctx.call.distinct && ctx.call.orderBy === "" && ctx.call.over === undefined) {
      return limited(
        `gs_distinct_in_order(${ctx.aggregate("list", [x!.sql], { ...more, distinct: false })})`,
        ctx.call,
      );
    }
    return limited(ctx.aggregate("list", [x!.sql], more), ctx.call);
  },
);

const limited = (list: string, call: AggregateCall): string =>
  call.limit === undefined ? list : `case when ${call.limit} > 0 then list_slice(${list}, 1, ${call.limit}) end`;

const minMax = (name: "min" | "max"): Signature[] => [
  // First, for an untyped NULL is an INT64.
  one("INT64", "INT64", simple(name)),
  one("BIGNUMERIC", "BIGNUMERIC", (x, ctx) =>
    ctx.aggregate(name === "min" ? "arg_min" : "arg_max", [x, `gs_bignumeric_key(${x})`]),
  ),
  one("FLOAT64", "FLOAT64", (x, ctx) =>
    name === "max"
      ? ctx.aggregate("max", [x])
      : `case when ${ctx.aggregate("bool_or", [`isnan(${x})`], { distinct: false })} then 'nan'::double else ${ctx.aggregate("min", [x])} end`,
  ),
  sigOf(
    "T1",
    ([x]) => x!.type,
    ([x], ctx) =>
      x!.type.kind === "RANGE"
        ? ctx.aggregate(name === "min" ? "arg_min" : "arg_max", [x!.sql, `gs_range_key(${x!.sql})`])
        : ["ARRAY", "STRUCT", "JSON"].includes(x!.type.kind)
          ? ctx.refuse(`${name.toUpperCase()} of ${x!.type.kind}`)
          : ctx.aggregate(name, [x!.sql]),
  ),
];

const by = (name: "MAX_BY" | "MIN_BY", duck: string) =>
  aggregate(group, name, { over: "never" }, [
    sigOf(
      "T1, T2",
      ([x]) => x!.type,
      ([x, y], ctx) => {
        const kind = y!.type.kind;
        if (["ARRAY", "STRUCT", "JSON"].includes(kind)) return ctx.error(`${name} cannot order by ${kind}`);
        if (kind === "FLOAT64") return ctx.refuse(`${name} by a FLOAT64`);
        const key = kind === "BIGNUMERIC" ? "gs_bignumeric_key" : kind === "RANGE" ? "gs_range_key" : "";
        return ctx.aggregate(duck, [x!.sql, `${key}(${y!.sql})`]);
      },
    ),
  ]);

/** Of BYTES all have one length, or are padded with zeros at the end. */
const bitwise = (op: "and" | "or" | "xor") => {
  const bytes = (mode: string) => (x: string, ctx: EmitContext) =>
    `gs_bytes_bit_aggregate(${ctx.aggregate("list", [x])}, '${op}', ${mode})`;
  return aggregate(group, `BIT_${op.toUpperCase()}`, plain, [
    one("INT64", "INT64", simple(`bit_${op}`)),
    one("BYTES", "BYTES", bytes("false")),
    sigOf("BYTES, mode=>STRING", "BYTES", ([x, mode], ctx) => {
      const word = mode?.literal?.value;
      if (word === undefined) return ctx.refuse("a mode that is not a literal");
      if (word !== "PAD" && word !== "STRICT")
        return ctx.error(`Could not cast literal "${word}" to type BITWISE_AGG_MODE`);
      return bytes(String(word === "PAD"))(x!.sql, ctx);
    }),
  ]);
};

function bitAggregate(list: readonly JsValue[], op: string, isPadded: boolean): Uint8Array | null {
  const values = list.filter((one): one is Uint8Array => one !== null);
  if (values.length === 0) return null;
  const size = Math.max(...values.map((value) => value.length));
  if (!isPadded && values.some((value) => value.length !== size)) {
    throw new Error("Bitwise binary operator for BYTES requires equal length of the inputs");
  }
  const result = new Uint8Array(values.reduce((all, value) => (value.length > all.length ? value : all)).length);
  result.set(values[0]!);
  for (const value of values.slice(1)) {
    for (let i = 0; i < size; i++) {
      const byte = value[i] ?? 0;
      result[i] = op === "and" ? result[i]! & byte : op === "or" ? result[i]! | byte : result[i]! ^ byte;
    }
  }
  return result;
}

/**
 * Sums of NUMERIC may leave its range on the way: where a value is large enough for that, all such values are added up exactly.
 * Elsewhere DuckDB's own sum is exact, and nothing is gathered.
 */
function numericTotal(name: "sum" | "avg", x: string, ctx: EmitContext): string {
  const usual = `cast(${ctx.aggregate("sum", [`(case when abs(${x}) < 1e20 then ${x} end)`])} as decimal(38,9))`;
  const large = ctx.aggregate("list", [x], without(ctx.call, `abs(${x}) >= 1e20`));
  if (name === "sum") return `gs_numeric_sum(${usual}, ${large})`;
  return `gs_numeric_avg(${usual}, ${large}, ${ctx.aggregate("count", [x])})`;
}

export const aggregates: FunctionLibrary = {
  functions: [
    aggregate(group, "ANY_VALUE", { distinct: true, over: "allowed", windowOrder: "allowed", windowFrame: true }, [
      sigOf(
        "T1",
        ([x]) => x!.type,
        ([x], ctx) => ctx.aggregate(ctx.call.over === undefined ? "first" : "any_value", [x!.sql]),
      ),
    ]),
    aggregate(
      group,
      "ARRAY_AGG",
      {
        distinct: true,
        nulls: true,
        orderBy: true,
        limit: true,
        over: "allowed",
        windowOrder: "allowed",
        windowFrame: true,
      },
      [arrayAgg],
    ),
    aggregate(
      group,
      "ARRAY_CONCAT_AGG",
      { orderBy: true, limit: true, over: "allowed", windowOrder: "allowed", windowFrame: true },
      [
        sigOf(
          "ARRAY<T1>",
          ([x]) => x!.type,
          ([x], ctx) =>
            `flatten(${limited(ctx.aggregate("list", [x!.sql], without(ctx.call, `${x!.sql} is not null`)), ctx.call)})`,
        ),
      ],
    ),
    aggregate(group, "AVG", plain, [
      one("INT64", "FLOAT64", simple("avg")),
      one("NUMERIC", "NUMERIC", (x, ctx) => numericTotal("avg", x, ctx)),
      one("BIGNUMERIC", "BIGNUMERIC", (x, ctx) => `gs_bignumeric_avg(${ctx.aggregate("list", [x])})`),
      one("INTERVAL", "INTERVAL", (x, ctx) => intervals("avg", x, ctx)),
      one("FLOAT64", "FLOAT64", floatAverage),
    ]),
    bitwise("and"),
    bitwise("or"),
    bitwise("xor"),
    aggregate(group, "COUNT", plain, [
      sigOf("", "INT64", (_args, ctx) => {
        const count = ctx.aggregate("count", ["*"]);
        // DuckDB counts less than nothing where a frame ends before it starts.
        return ctx.call.over === undefined ? count : `greatest(${count}, 0)`;
      }),
      one("ANY", "INT64", simple("count")),
    ]),
    aggregate(group, "COUNTIF", plain, [
      one("BOOL", "INT64", (x, ctx) => ctx.aggregate("count", [`(case when ${x} then true end)`])),
    ]),
    aggregate(group, "LOGICAL_AND", plain, [one("BOOL", "BOOL", simple("bool_and"))]),
    aggregate(group, "LOGICAL_OR", plain, [one("BOOL", "BOOL", simple("bool_or"))]),
    aggregate(group, "MAX", plain, minMax("max")),
    aggregate(group, "MIN", plain, minMax("min")),
    by("MAX_BY", "arg_max_null"),
    by("MIN_BY", "arg_min_null"),
    aggregate(
      group,
      "STRING_AGG",
      { distinct: true, orderBy: true, limit: true, over: "allowed", windowOrder: "allowed", windowFrame: true },
      [
        sigOf("STRING, STRING?", "STRING", ([x, d], ctx) => {
          const delimiter = d?.sql ?? "','";
          if (d && !d.literal) return ctx.error("Argument 2 to STRING_AGG must be a literal or query parameter");
          if (isNullLiteral(d)) return ctx.error("Argument 2 to STRING_AGG must be non-NULL");
          if (ctx.call.distinct && ctx.call.orderBy === "" && ctx.call.over === undefined) {
            const all = ctx.aggregate("list", [x!.sql], {
              ...without(ctx.call, `${x!.sql} is not null`),
              distinct: false,
            });
            return `array_to_string(${limited(`gs_distinct_in_order(${all})`, ctx.call)}, ${delimiter})`;
          }
          if (ctx.call.limit === undefined && ctx.call.over === undefined)
            return ctx.aggregate("string_agg", [x!.sql, delimiter]);
          return `array_to_string(${limited(ctx.aggregate("list", [x!.sql], without(ctx.call, `${x!.sql} is not null`)), ctx.call)}, ${delimiter})`;
        }),
        sigOf("BYTES, BYTES?", "BYTES", ([x, d], ctx) => {
          if (d && !d.literal) return ctx.error("Argument 2 to STRING_AGG must be a literal or query parameter");
          if (isNullLiteral(d)) return ctx.error("Argument 2 to STRING_AGG must be non-NULL");
          const list = ctx.aggregate("list", [x!.sql], without(ctx.call, `${x!.sql} is not null`));
          return `gs_join_bytes(${limited(list, ctx.call)}, ${d?.sql ?? "','::blob"})`;
        }),
      ],
    ),
    aggregate(group, "SUM", plain, [
      one("INT64", "INT64", (x, ctx) => `cast(${ctx.aggregate("sum", [x])} as bigint)`),
      one("NUMERIC", "NUMERIC", (x, ctx) => numericTotal("sum", x, ctx)),
      one("BIGNUMERIC", "BIGNUMERIC", (x, ctx) => `gs_bignumeric_sum(${ctx.aggregate("list", [x])})`),
      one("FLOAT64", "FLOAT64", floatSum),
      one("INTERVAL", "INTERVAL", (x, ctx) => intervals("sum", x, ctx)),
    ]),
  ],
  macros: [
    {
      name: "gs_numeric_sum",
      definition:
        "(usual, large) as case when large is null then usual else gs_numeric_total(cast(usual as varchar), large, cast(1 as bigint)) end",
    },
    {
      name: "gs_numeric_avg",
      definition:
        "(usual, large, n) as case when large is null then gs_numeric_div(usual, nullif(cast(n as decimal(38,9)), 0)) else gs_numeric_total(cast(usual as varchar), large, n) end",
    },
    {
      // Sorted, one of each kept (the first), then put back in the order in which they came.
      name: "gs_distinct_in_order",
      definition: `(l) as list_transform([list_sort(list_transform(l, lambda gs_x, gs_n: {'e': gs_x, 'i': gs_n}))], lambda gs_p:
        list_transform(list_sort(list_transform(list_filter(gs_p, lambda gs_x, gs_n: gs_n = 1 or gs_p[gs_n - 1].e is distinct from gs_x.e), lambda gs_x: {'i': gs_x.i, 'e': gs_x.e})), lambda gs_x: gs_x.e))[1]`,
    },
  ],
  js: [
    {
      name: "gs_bytes_bit_aggregate",
      args: ["BLOB[]", "VARCHAR", "BOOLEAN"],
      result: "BLOB",
      run: (list, op, isPadded) => bitAggregate(list as readonly JsValue[], op as string, isPadded as boolean),
    },
    {
      name: "gs_numeric_total",
      args: ["VARCHAR", "DECIMAL(38,9)[]", "BIGINT"],
      result: "DECIMAL(38,9)",
      nulls: "own",
      run: (usual, large, count) => {
        const more = ((large ?? []) as readonly JsValue[]).filter((one): one is bigint => typeof one === "bigint");
        if (count === 0n || (usual === null && more.length === 0)) return null;
        const start = usual === null ? 0n : parseDecimal(usual as string, 9)!;
        const total = more.reduce((sum, one) => sum + one, start);
        return checked(divideRounded(total, count as bigint), numericKind);
      },
    },
    {
      name: "gs_join_bytes",
      args: ["BLOB[]", "BLOB"],
      result: "BLOB",
      run: (list, delimiter) => {
        const parts = (list as readonly Uint8Array[]).flatMap((part, i) =>
          i === 0 ? [part] : [delimiter as Uint8Array, part],
        );
        return new Uint8Array(Buffer.concat(parts));
      },
    },
  ],
};

const numbering: AggregateOptions = { windowOrder: "required", windowFrame: false };

const value = (name: string, frame: boolean, signature: Signature) =>
  analytic("navigation", name, { nulls: true, windowOrder: "required", windowFrame: frame }, [signature]);

const rank = (name: string, result: string, options: AggregateOptions = numbering) =>
  analytic("numbering", name, options, [sigOf("", result, (_args, ctx) => ctx.aggregate(name.toLowerCase(), []))]);

const shift = (name: "LEAD" | "LAG") =>
  analytic("navigation", name, { windowOrder: "required", windowFrame: false }, [
    sigOf(
      "T1, INT64?, T1?",
      ([x]) => x!.type,
      ([x, n, fallback], ctx) => {
        const offset = n === undefined ? 1n : literalInt(n);
        if (offset === undefined)
          return ctx.error(`Argument 2 to ${name} must be a non-NULL literal or query parameter`);
        if (offset < 0n) return fail(`The offset of ${name} must not be negative`, duckdbType(x!.type));
        if (fallback?.constness === "varying")
          return ctx.error(`The third argument (the default expression) to ${name} must be constant`);
        return ctx.aggregate(name.toLowerCase(), [x!.sql, String(offset), ...(fallback ? [fallback.sql] : [])]);
      },
    ),
  ]);

/** Whether there are fewer than n rows before this one, or after it. */
const isAtEdge = (name: string, duck: "lag" | "lead") =>
  analytic("numbering", name, { windowOrder: "allowed", windowFrame: false }, [
    sigOf("INT64", "BOOL", ([n], ctx) => {
      if (isNullLiteral(n)) return fail(`The argument to the function ${name}() cannot be null or negative`, "boolean");
      const count = literalInt(n);
      if (count === undefined) return ctx.error(`Argument 1 to ${name} must be a literal or query parameter`);
      if (count < 0n) return fail(`The argument to the function ${name}() cannot be null or negative`, "boolean");
      return `(${ctx.aggregate(duck, ["true", String(count)])} is null)`;
    }),
  ]);

export const analytics: FunctionLibrary = {
  functions: [
    rank("RANK", "INT64"),
    rank("DENSE_RANK", "INT64"),
    rank("PERCENT_RANK", "FLOAT64"),
    rank("CUME_DIST", "FLOAT64"),
    rank("ROW_NUMBER", "INT64", { windowOrder: "allowed", windowFrame: false }),
    analytic("numbering", "NTILE", numbering, [
      sigOf("INT64", "INT64", ([n], ctx) => {
        const tiles = literalInt(n);
        if (tiles === undefined) return ctx.error("Argument 1 to NTILE must be a non-NULL literal or query parameter");
        if (tiles < 1n) return ctx.error("The N value (number of buckets) for the NTILE function must be positive");
        return ctx.aggregate("ntile", [n!.sql]);
      }),
    ]),
    value(
      "FIRST_VALUE",
      true,
      sigOf(
        "T1",
        ([x]) => x!.type,
        ([x], ctx) =>
          x!.literal?.value === null
            ? ctx.error("The argument to FIRST_VALUE must be non-NULL")
            : ctx.aggregate("first_value", [x!.sql]),
      ),
    ),
    value(
      "LAST_VALUE",
      true,
      sigOf(
        "T1",
        ([x]) => x!.type,
        ([x], ctx) =>
          x!.literal?.value === null
            ? ctx.error("The argument to LAST_VALUE must be non-NULL")
            : ctx.aggregate("last_value", [x!.sql]),
      ),
    ),
    value(
      "NTH_VALUE",
      true,
      sigOf(
        "T1, INT64",
        ([x]) => x!.type,
        ([x, n], ctx) => {
          const nth = literalInt(n);
          if (nth === undefined)
            return ctx.error("Argument 2 to NTH_VALUE must be a non-NULL literal or query parameter");
          if (nth < 1n) return ctx.error("The N value for the NthValue function must be positive");
          return ctx.aggregate("nth_value", [x!.sql, n!.sql]);
        },
      ),
    ),
    shift("LEAD"),
    shift("LAG"),
    isAtEdge("IS_FIRST", "lag"),
    isAtEdge("IS_LAST", "lead"),
  ],
};
