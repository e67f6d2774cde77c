import { arrayOf, duckdbType, INT64, structOf, supportsGrouping, supportsOrdering, typeName } from "../types.ts";
import type { AggregateCall, AggregateOptions, EmitContext, FunctionLibrary, Signature } from "./contract.ts";
import { aggregate, analytic, fail, isNullLiteral, literalInt, refuseAll, sigOf } from "./signature.ts";

const group = "aggregate";

/** DISTINCT, and OVER with everything. */
const plain: AggregateOptions = { distinct: true, over: "allowed", windowOrder: "allowed", windowFrame: true };

const one = (type: string, result: string, print: (x: string, ctx: EmitContext) => string): Signature =>
  sigOf(type, result, ([x], ctx) => print(x!.sql, ctx));

const simple = (name: string) => (x: string, ctx: EmitContext) => ctx.aggregate(name, [x]);

/** `FILTER (WHERE x IS NOT NULL)`, with what the call filters by already. */
const without = (call: AggregateCall, condition: string): Partial<AggregateCall> => ({
  filter: call.filter === undefined ? condition : `(${call.filter}) and ${condition}`,
  nulls: undefined,
});

/** Sums without losing digits to the order of rows; what is not finite goes through plain addition. */
function floatSum(x: string, ctx: EmitContext): string {
  const sum = ctx.aggregate("sum", [x]);
  const infinite = ctx.aggregate("bool_or", [`not isfinite(${x})`], { distinct: false });
  return `case when isfinite(${sum}) then ${ctx.aggregate("fsum", [x])} when ${infinite} then ${sum} when ${sum} is not null then ${fail("double overflow: SUM", "double")} end`;
}

/** DuckDB tells intervals apart by their parts, GoogleSQL by their length: DISTINCT would keep too many. */
const intervals = (name: "sum" | "avg", x: string, ctx: EmitContext): string =>
  ctx.call.distinct
    ? ctx.refuse(`${name.toUpperCase()}(DISTINCT) of INTERVAL`)
    : `gs_interval_${name}(${ctx.aggregate("list", [x])})`;

/** Statistics of values that are not finite are NaN; DuckDB would fail. Of decimals they are exact. */
const statistic = (names: string | readonly [string, ...string[]], duck: string) => {
  const isSample = duck.endsWith("_samp");
  const decimal = (type: "NUMERIC" | "BIGNUMERIC") =>
    one(type, "FLOAT64", (x, ctx) => {
      const list = ctx.aggregate("list", [type === "NUMERIC" ? `cast(${x} as varchar)` : x], { nulls: undefined });
      const variance = `gs_${type.toLowerCase()}_variance(${list}, ${isSample})`;
      return duck.startsWith("stddev") ? `sqrt(${variance})` : variance;
    });
  return aggregate("statistical aggregate", names, plain, [
    one("FLOAT64", "FLOAT64", (x, ctx) => {
      const bad = ctx.aggregate("bool_or", [`not isfinite(${x})`], { distinct: false });
      const few = isSample ? `when ${ctx.aggregate("count", [x])} < 2 then null ` : "";
      return `case ${few}when ${bad} then 'nan'::double else ${ctx.aggregate(duck, [`(case when isfinite(${x}) then ${x} end)`])} end`;
    }),
    decimal("NUMERIC"),
    decimal("BIGNUMERIC"),
  ]);
};

const pairs = (name: string, duck: string, fewest: number) =>
  aggregate("statistical aggregate", name, plain, [
    sigOf("FLOAT64, FLOAT64", "FLOAT64", ([y, x], ctx) => {
      if (ctx.call.distinct) return ctx.refuse(`${name}(DISTINCT ...)`);
      const ok = `isfinite(${y!.sql}) and isfinite(${x!.sql})`;
      const both = `${y!.sql} is not null and ${x!.sql} is not null`;
      const count = ctx.aggregate("count", [`(case when ${both} then 1 end)`]);
      const bad = ctx.aggregate("bool_or", [`${both} and not (${ok})`]);
      return `case when ${count} < ${fewest} then null when ${bad} then 'nan'::double else ${ctx.aggregate(duck, [`(case when ${ok} then ${y!.sql} end)`, x!.sql])} end`;
    }),
  ]);

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
  call.limit === undefined ? list : `list_slice(${list}, 1, ${call.limit})`;

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

/** Position i of n+1 boundaries over the sorted values: an exact answer is an approximate one. */
const quantiles = aggregate(
  "approximate aggregate",
  "APPROX_QUANTILES",
  { distinct: true, nulls: true, over: "never" },
  [
    sigOf(
      "T1, INT64",
      ([x]) => arrayOf(x!.type),
      ([x, n], ctx) => {
        const count = literalInt(n);
        if (count === undefined || count < 1n)
          return ctx.refuse("APPROX_QUANTILES with a number that is not a positive literal");
        if (["FLOAT64", "BIGNUMERIC"].includes(x!.type.kind) && ctx.call.nulls === "RESPECT")
          return ctx.refuse("APPROX_QUANTILES of this type with RESPECT NULLS");
        if (["ARRAY", "STRUCT", "JSON"].includes(x!.type.kind))
          return ctx.error(`APPROX_QUANTILES is not defined for arguments of type ${x!.type.kind}`);
        const key =
          x!.type.kind === "BIGNUMERIC"
            ? `gs_bignumeric_key(${x!.sql})`
            : x!.type.kind === "RANGE"
              ? `gs_range_key(${x!.sql})`
              : x!.sql;
        if (["BIGNUMERIC", "RANGE"].includes(x!.type.kind) && ctx.call.distinct)
          return ctx.refuse("APPROX_QUANTILES(DISTINCT) of BIGNUMERIC");
        const more = ctx.call.nulls === "RESPECT" ? { nulls: undefined } : without(ctx.call, `${x!.sql} is not null`);
        const sorted = ctx.aggregate("list", [x!.sql], { ...more, orderBy: `order by ${key} nulls first` });
        const at = ctx.fresh("q");
        const i = ctx.fresh("i");
        return `list_transform([${sorted}], lambda ${at}: case when ${at} is not null then list_transform(range(0, ${count} + 1), lambda ${i}: ${at}[cast(1 + ((len(${at}) - 1) * ${i}) // ${count} as bigint)]) end)[1]`;
      },
    ),
  ],
);

/** The n most frequent values with their counts; of equally frequent ones the smaller first. */
const topCount = aggregate("approximate aggregate", "APPROX_TOP_COUNT", { over: "never" }, [
  sigOf(
    "T1, INT64",
    ([x]) => arrayOf(structOf(["value", x!.type], ["count", INT64])),
    ([x, n], ctx) => {
      const count = literalInt(n);
      if (count === undefined || count < 1n)
        return ctx.refuse("APPROX_TOP_COUNT with a number that is not a positive literal");
      if (["ARRAY", "STRUCT", "JSON", "RANGE", "INTERVAL"].includes(x!.type.kind))
        return ctx.refuse(`APPROX_TOP_COUNT of ${x!.type.kind}`);
      const type = duckdbType(x!.type);
      const known = `map_entries(${ctx.aggregate("histogram", [x!.sql])})`;
      const missing = ctx.aggregate("count", [`(case when ${x!.sql} is null then 1 end)`]);
      const [e, s, r] = [ctx.fresh("e"), ctx.fresh("s"), ctx.fresh("r")];
      const all = `list_concat(list_transform(coalesce(${known}, []), lambda ${e}: {'n': -cast(${e}.value as bigint), 'v': cast(${e}.key as ${type})}), case when ${missing} > 0 then [{'n': -${missing}, 'v': cast(null as ${type})}] else [] end)`;
      return `list_transform([list_slice(list_sort(${all}, 'ASC', 'NULLS FIRST'), 1, ${count})], lambda ${s}: case when len(${s}) > 0 then list_transform(${s}, lambda ${r}: {'f1': ${r}.v, 'f2': -${r}.n}) end)[1]`;
    },
  ),
]);

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
    aggregate(group, "ARRAY_CONCAT_AGG", { orderBy: true, limit: true, over: "never" }, [
      sigOf(
        "ARRAY<T1>",
        ([x]) => x!.type,
        ([x], ctx) =>
          `flatten(${limited(ctx.aggregate("list", [x!.sql], without(ctx.call, `${x!.sql} is not null`)), ctx.call)})`,
      ),
    ]),
    aggregate(group, "AVG", plain, [
      one("INT64", "FLOAT64", simple("avg")),
      one(
        "NUMERIC",
        "NUMERIC",
        (x, ctx) =>
          `gs_numeric_div(cast(${ctx.aggregate("sum", [x])} as decimal(38,9)), nullif(cast(${ctx.aggregate("count", [x])} as decimal(38,9)), 0))`,
      ),
      one("BIGNUMERIC", "BIGNUMERIC", (x, ctx) => `gs_bignumeric_avg(${ctx.aggregate("list", [x])})`),
      one("INTERVAL", "INTERVAL", (x, ctx) => intervals("avg", x, ctx)),
      one("FLOAT64", "FLOAT64", (x, ctx) => `(${floatSum(x, ctx)} / nullif(${ctx.aggregate("count", [x])}, 0))`),
    ]),
    aggregate(group, "BIT_AND", plain, [one("INT64", "INT64", simple("bit_and"))]),
    aggregate(group, "BIT_OR", plain, [one("INT64", "INT64", simple("bit_or"))]),
    aggregate(group, "BIT_XOR", plain, [one("INT64", "INT64", simple("bit_xor"))]),
    aggregate(group, "COUNT", plain, [
      sigOf("", "INT64", (_args, ctx) => ctx.aggregate("count", ["*"])),
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
      one(
        "NUMERIC",
        "NUMERIC",
        (x, ctx) =>
          `gs_numeric_mul_exact(cast(${ctx.aggregate("sum", [x])} as decimal(38,9)), cast(1 as decimal(38,9)))`,
      ),
      one("BIGNUMERIC", "BIGNUMERIC", (x, ctx) => `gs_bignumeric_sum(${ctx.aggregate("list", [x])})`),
      one("FLOAT64", "FLOAT64", floatSum),
      one("INTERVAL", "INTERVAL", (x, ctx) => intervals("sum", x, ctx)),
    ]),
    statistic(["STDDEV", "STDDEV_SAMP"], "stddev_samp"),
    statistic("STDDEV_POP", "stddev_pop"),
    statistic(["VARIANCE", "VAR_SAMP"], "var_samp"),
    statistic("VAR_POP", "var_pop"),
    pairs("CORR", "corr", 2),
    pairs("COVAR_POP", "covar_pop", 1),
    pairs("COVAR_SAMP", "covar_samp", 2),
    aggregate(
      "approximate aggregate",
      "APPROX_COUNT_DISTINCT",
      { over: "allowed", windowOrder: "never", windowFrame: false },
      [
        sigOf("ANY", "INT64", ([x], ctx) =>
          supportsGrouping(x!.type)
            ? ctx.aggregate("count", [x!.sql], { distinct: true })
            : ctx.error(`The argument to APPROX_COUNT_DISTINCT must support grouping; Type ${x!.type.kind} does not`),
        ),
      ],
    ),
    quantiles,
    topCount,
    ...refuseAll("approximate aggregate", "sums by value need a second grouping", ["APPROX_TOP_SUM"]),
    ...refuseAll("sketch", "sketches are binary formats of BigQuery", [
      "HLL_COUNT.EXTRACT",
      "HLL_COUNT.INIT",
      "HLL_COUNT.MERGE",
      "HLL_COUNT.MERGE_PARTIAL",
      "KLL_QUANTILES.INIT_INT64",
      "KLL_QUANTILES.INIT_FLOAT64",
      "KLL_QUANTILES.MERGE_INT64",
      "KLL_QUANTILES.MERGE_FLOAT64",
      "KLL_QUANTILES.MERGE_PARTIAL",
      "KLL_QUANTILES.MERGE_POINT_INT64",
      "KLL_QUANTILES.MERGE_POINT_FLOAT64",
      "KLL_QUANTILES.EXTRACT_INT64",
      "KLL_QUANTILES.EXTRACT_FLOAT64",
      "KLL_QUANTILES.EXTRACT_POINT_INT64",
      "KLL_QUANTILES.EXTRACT_POINT_FLOAT64",
    ]),
  ],
  macros: [
    {
      // Sorted, one of each kept (the first), then put back in the order in which they came.
      name: "gs_distinct_in_order",
      definition: `(l) as list_transform([list_sort(list_transform(l, lambda gs_x, gs_n: {'e': gs_x, 'i': gs_n}))], lambda gs_p:
        list_transform(list_sort(list_transform(list_filter(gs_p, lambda gs_x, gs_n: gs_n = 1 or gs_p[gs_n - 1].e is distinct from gs_x.e), lambda gs_x: {'i': gs_x.i, 'e': gs_x.e})), lambda gs_x: gs_x.e))[1]`,
    },
  ],
  js: [
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
        if (offset === undefined) return ctx.refuse(`${name} with an offset that is not a literal`);
        if (offset < 0n) return ctx.error(`The offset of ${name} must not be negative`);
        return ctx.aggregate(name.toLowerCase(), [x!.sql, String(offset), ...(fallback ? [fallback.sql] : [])]);
      },
    ),
  ]);

const percentile = (name: "PERCENTILE_CONT" | "PERCENTILE_DISC", types: readonly string[]) =>
  analytic(
    "navigation",
    name,
    { nulls: true, windowOrder: "never", windowFrame: false },
    types.map((type) =>
      sigOf(
        `${type}, FLOAT64`,
        type === "T1" ? ([x]) => x!.type : type === "INT64" ? "FLOAT64" : type,
        ([x, p], ctx) => {
          const sql = type === "INT64" ? `cast(${x!.sql} as double)` : x!.sql;
          if (!supportsOrdering(x!.type) || x!.type.kind === "ARRAY") {
            return ctx.error(`Argument 1 to ${name} must support ordering; Type ${typeName(x!.type)} does not`);
          }
          if (["INTERVAL", "RANGE"].includes(x!.type.kind)) return ctx.refuse(`${name} of ${x!.type.kind}`);
          const share = p!.literal?.value;
          if (typeof share !== "number") return ctx.refuse(`${name} at a share that is not a literal`);
          if (!(share >= 0 && share <= 1)) return ctx.error(`The second argument of ${name} must be in [0, 1]`);
          if (type === "FLOAT64" || type === "INT64") {
            const list = ctx.aggregate("list", [sql], { nulls: undefined });
            const exact = `gs_percentile_cont(${list}, ${share}::double, ${ctx.call.nulls === "RESPECT"})`;
            if (ctx.call.nulls === "RESPECT") return exact;
            const strange = ctx.aggregate("bool_or", [`not (abs(${sql}) < 1e300)`], { nulls: undefined });
            const plain = ctx.aggregate("quantile_cont", [sql, `${share}::double`], { nulls: undefined });
            return `case when ${strange} then ${exact} else ${plain} end`;
          }
          if (ctx.call.nulls === "RESPECT") return ctx.refuse(`${name} with RESPECT NULLS`);
          if (x!.type.kind === "FLOAT64") {
            // NaN is the least of all values there, and the greatest here.
            const nan = ctx.aggregate("bool_or", [`isnan(${x!.sql})`], { nulls: undefined });
            const some = ctx.aggregate("quantile_disc", [x!.sql, `${share}::double`], { nulls: undefined });
            return `case when ${nan} then ${fail("PERCENTILE_DISC of NaN is not served", "double")} else ${some} end`;
          }
          if (type === "NUMERIC" || x!.type.kind === "BIGNUMERIC" || x!.type.kind === "JSON")
            return ctx.refuse(`${name} of ${x!.type.kind}`);
          const duck = name === "PERCENTILE_CONT" ? "quantile_cont" : "quantile_disc";
          return ctx.aggregate(duck, [x!.sql, `${share}::double`], { nulls: undefined });
        },
      ),
    ),
  );

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
        if (tiles === undefined) return ctx.refuse("NTILE of a number that is not a literal");
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
        ([x], ctx) => ctx.aggregate("first_value", [x!.sql]),
      ),
    ),
    value(
      "LAST_VALUE",
      true,
      sigOf(
        "T1",
        ([x]) => x!.type,
        ([x], ctx) => ctx.aggregate("last_value", [x!.sql]),
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
          if (nth === undefined) return ctx.refuse("NTH_VALUE of a number that is not a literal");
          if (nth < 1n) return ctx.error("The N value for the NthValue function must be positive");
          return ctx.aggregate("nth_value", [x!.sql, n!.sql]);
        },
      ),
    ),
    shift("LEAD"),
    shift("LAG"),
    percentile("PERCENTILE_CONT", ["INT64", "FLOAT64", "NUMERIC"]),
    percentile("PERCENTILE_DISC", ["T1"]),
    ...refuseAll("numbering", "not a function of BigQuery", ["IS_FIRST", "IS_LAST"]),
  ],
};
