/** Approximate aggregates, each with an exact answer: that is an approximate one as well. */
import { bignumericKind, checked, type DecimalKind, decimalText, numericKind, parseDecimal } from "../emit/decimal.ts";
import { arrayOf, duckdbType, INT64, structOf, supportsGrouping } from "../types.ts";
import type { AggregateOptions, FunctionLibrary, JsValue } from "./contract.ts";
import { aggregate, literalInt, sigOf, without } from "./signature.ts";

const window: AggregateOptions = { over: "allowed", windowOrder: "allowed", windowFrame: true };

/** Position i of n+1 boundaries over the sorted values: an exact answer is an approximate one. */
const quantiles = aggregate(
  "approximate aggregate",
  "APPROX_QUANTILES",
  { distinct: true, nulls: true, over: "allowed", windowOrder: "allowed", windowFrame: true },
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
const topCount = aggregate("approximate aggregate", "APPROX_TOP_COUNT", window, [
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

/** The n values with the greatest sums of their weights; a sum of no weight but NULL comes last. */
const topSum = aggregate(
  "approximate aggregate",
  "APPROX_TOP_SUM",
  window,
  (["INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64"] as const).map((weight) =>
    sigOf(
      `T1, ${weight}, INT64`,
      ([x, w]) => arrayOf(structOf(["value", x!.type], ["sum", w!.type])),
      ([x, w, n], ctx) => {
        const count = literalInt(n);
        if (count === undefined || count < 1n)
          return ctx.refuse("APPROX_TOP_SUM with a number that is not a positive literal");
        if (["ARRAY", "STRUCT", "JSON", "RANGE", "INTERVAL"].includes(x!.type.kind))
          return ctx.refuse(`APPROX_TOP_SUM of ${x!.type.kind}`);
        // Adding zero makes one of 0.0 and -0.0.
        const key = x!.type.kind === "FLOAT64" ? `${x!.sql} + 0.0::double` : x!.sql;
        const values = ctx.aggregate("list", [x!.sql]);
        const pairs = ctx.aggregate("list", [`{'k': cast(${key} as varchar), 'w': cast(${w!.sql} as varchar)}`]);
        const r = ctx.fresh("r");
        return `list_transform(gs_top_sum(${pairs}, ${count}::bigint, '${weight}'), lambda ${r}: {'f1': ${values}[${r}.i], 'f2': cast(${r}.s as ${duckdbType(w!.type)})})`;
      },
    ),
  ),
);

const decimalKinds: Readonly<Record<string, DecimalKind | undefined>> = {
  NUMERIC: numericKind,
  BIGNUMERIC: bignumericKind,
};

interface Weighted {
  readonly index: number;
  sum: bigint | number | undefined;
}

function addWeight(to: Weighted, text: string, type: string): void {
  const kind = decimalKinds[type];
  const weight = type === "FLOAT64" ? Number(text.replace(/inf/i, "Infinity")) : parseDecimal(text, kind?.scale ?? 0)!;
  if (!(weight >= 0)) {
    throw new Error(`APPROX_TOP_SUM does not support negative or NaN weights in the second argument; got ${text}`);
  }
  if (typeof weight === "number") {
    to.sum = ((to.sum as number | undefined) ?? 0) + weight;
    if (to.sum === Number.POSITIVE_INFINITY && Number.isFinite(weight)) throw new Error("double overflow");
    return;
  }
  const sum: bigint = ((to.sum as bigint | undefined) ?? 0n) + weight;
  if (!kind && sum > 0x7fffffffffffffffn) throw new Error("int64 overflow");
  to.sum = kind ? checked(sum, kind) : sum;
}

const sumText = (sum: Weighted["sum"], type: string): string | null => {
  if (sum === undefined) return null;
  const kind = decimalKinds[type];
  return kind ? decimalText(sum as bigint, kind.scale) : String(sum);
};

/** The groups with their sums, greatest first, each with the place (from 1) where its value first stands. */
function topSums(pairs: readonly JsValue[], count: number, type: string): JsValue {
  const groups = new Map<string | null, Weighted>();
  for (const [i, pair] of (pairs as readonly { k: string | null; w: string | null }[]).entries()) {
    const group = groups.get(pair.k) ?? { index: i + 1, sum: undefined };
    groups.set(pair.k, group);
    if (pair.w !== null) addWeight(group, pair.w, type);
  }
  const sorted = [...groups.values()].sort((a, b) => {
    if (a.sum === b.sum) return a.index - b.index;
    if (a.sum === undefined || b.sum === undefined) return a.sum === undefined ? 1 : -1;
    return a.sum > b.sum ? -1 : 1;
  });
  return sorted.slice(0, count).map(({ index, sum }) => ({ i: BigInt(index), s: sumText(sum, type) }));
}

export const approximate: FunctionLibrary = {
  functions: [
    aggregate("approximate aggregate", "APPROX_COUNT_DISTINCT", window, [
      sigOf("ANY", "INT64", ([x], ctx) =>
        supportsGrouping(x!.type)
          ? ctx.aggregate("count", [x!.sql], { distinct: true })
          : ctx.error(`The argument to APPROX_COUNT_DISTINCT must support grouping; Type ${x!.type.kind} does not`),
      ),
    ]),
    quantiles,
    topCount,
    topSum,
  ],
  js: [
    {
      name: "gs_top_sum",
      args: ["STRUCT(k VARCHAR, w VARCHAR)[]", "BIGINT", "VARCHAR"],
      result: "STRUCT(i BIGINT, s VARCHAR)[]",
      run: (pairs, count, type) => topSums(pairs as readonly JsValue[], Number(count), type as string),
    },
  ],
};
