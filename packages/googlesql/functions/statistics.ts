/** Variance, deviation, covariance and correlation: of floats in DuckDB, of decimals exactly. */
import { numericKind, readBignumeric, readDecimal } from "../emit/decimal.ts";
import type { AggregateOptions, FunctionLibrary, JsValue } from "./contract.ts";
import { nearest } from "./percentile.ts";
import { aggregate, sigOf } from "./signature.ts";

const options: AggregateOptions = { distinct: true, over: "allowed", windowOrder: "allowed", windowFrame: true };
const group = "statistical aggregate";

/** What lies beyond has a square that no double holds; the statistics are then those of the values made smaller. */
const large = "1e150";
const scale = "3.599131035634557e162";

/** Statistics of values that are not finite are NaN; DuckDB would fail. */
const deviation = (names: string | readonly [string, ...string[]], duck: string) => {
  const isSample = duck.endsWith("_samp");
  const isDeviation = duck.startsWith("stddev");
  const decimal = (type: "NUMERIC" | "BIGNUMERIC") =>
    sigOf(type, "FLOAT64", ([x], ctx) => {
      const text = type === "NUMERIC" ? `cast(${x!.sql} as varchar)` : x!.sql;
      const list = ctx.aggregate("list", [text], { nulls: undefined });
      const variance = `gs_${type.toLowerCase()}_variance(${list}, ${isSample})`;
      return isDeviation ? `sqrt(${variance})` : variance;
    });
  return aggregate(group, names, options, [
    sigOf("FLOAT64", "FLOAT64", ([{ sql: x } = { sql: "" }], ctx) => {
      const bad = ctx.aggregate("bool_or", [`not isfinite(${x})`], { distinct: false });
      const few = isSample ? `when ${ctx.aggregate("count", [x])} < 2 then null ` : "";
      const wide = ctx.aggregate("bool_or", [`abs(${x}) >= ${large}`], { distinct: false });
      const small = ctx.aggregate(duck, [`(case when isfinite(${x}) then ${x} / ${scale} end)`]);
      const scaled = isDeviation ? `${small} * ${scale}` : `${small} * ${scale} * ${scale}`;
      const plain = ctx.aggregate(duck, [`(case when abs(${x}) < ${large} then ${x} end)`]);
      return `case ${few}when ${bad} then 'nan'::double when ${wide} then ${scaled} else ${plain} end`;
    }),
    decimal("NUMERIC"),
    decimal("BIGNUMERIC"),
  ]);
};

const pairs = (name: string, duck: "corr" | "covar_pop" | "covar_samp", fewest: number) =>
  aggregate(group, name, options, [
    sigOf("FLOAT64, FLOAT64", "FLOAT64", ([y, x], ctx) => {
      if (ctx.call.distinct) return ctx.refuse(`${name}(DISTINCT ...)`);
      const [a, b] = [y!.sql, x!.sql];
      const ok = `isfinite(${a}) and isfinite(${b})`;
      const both = `${a} is not null and ${b} is not null`;
      const count = ctx.aggregate("count", [`(case when ${both} then 1 end)`]);
      const bad = ctx.aggregate("bool_or", [`${both} and not (${ok})`]);
      const isWide = (value: string): string => ctx.aggregate("bool_or", [`${both} and abs(${value}) >= ${large}`]);
      const small = (value: string): string => `(case when ${ok} then ${value} / ${scale} end)`;
      const plain = (value: string): string =>
        `(case when isfinite(${a}) and isfinite(${b}) and abs(${value}) < ${large} then ${value} end)`;
      const statistic = (y: string, x: string): string => ctx.aggregate(duck, [y, x]);
      const by = duck === "corr" ? "" : ` * ${scale}`;
      return `case when ${count} < ${fewest} then null when ${bad} then 'nan'::double
        when ${isWide(a)} then case when ${isWide(b)} then ${statistic(small(a), small(b))}${by}${by} else ${statistic(small(a), plain(b))}${by} end
        when ${isWide(b)} then ${statistic(plain(a), small(b))}${by} else ${statistic(plain(a), plain(b))} end`;
    }),
    ...(["NUMERIC", "BIGNUMERIC"] as const).map((type) =>
      sigOf(`${type}, ${type}`, "FLOAT64", ([y, x], ctx) => {
        if (ctx.call.distinct) return ctx.refuse(`${name}(DISTINCT ...)`);
        const pair = `{'y': cast(${y!.sql} as varchar), 'x': cast(${x!.sql} as varchar)}`;
        const list = ctx.aggregate("list", [pair], { nulls: undefined });
        return `gs_decimal_pairs(${list}, '${duck}', ${type === "NUMERIC" ? 9 : 38})`;
      }),
    ),
  ]);

const readAt = (text: string, digits: number): bigint =>
  digits === 38 ? readBignumeric(text) : readDecimal(text, numericKind);

/** Variance of decimals (as text): the sums are exact, and only their quotient is rounded. */
function variance(values: readonly JsValue[], digits: number, isSample: boolean): number | null {
  let [count, sum, squares] = [0n, 0n, 0n];
  for (const value of values) {
    if (value === null) continue;
    const x = readAt(value as string, digits);
    count++;
    sum += x;
    squares += x * x;
  }
  const divisor = isSample ? count - 1n : count;
  if (divisor <= 0n) return null;
  return nearest(squares * count - sum * sum, count * divisor * 10n ** BigInt(2 * digits));
}

const signed = (a: bigint, b: bigint): number => (a < 0n ? -nearest(-a, b) : a === 0n ? 0 : nearest(a, b));

interface Sums {
  readonly count: bigint;
  readonly x: bigint;
  readonly y: bigint;
  readonly xx: bigint;
  readonly yy: bigint;
  readonly xy: bigint;
}

function sumsOf(list: readonly JsValue[], digits: number): Sums {
  let [count, x, y, xx, yy, xy] = [0n, 0n, 0n, 0n, 0n, 0n];
  for (const one of list as readonly { x: string | null; y: string | null }[]) {
    if (one.x === null || one.y === null) continue;
    const [a, b] = [readAt(one.x, digits), readAt(one.y, digits)];
    count++;
    x += a;
    y += b;
    xx += a * a;
    yy += b * b;
    xy += a * b;
  }
  return { count, x, y, xx, yy, xy };
}

function pairStatistic(list: readonly JsValue[], name: string, digits: number): number | null {
  const { count, x, y, xx, yy, xy } = sumsOf(list, digits);
  const together = count * xy - x * y;
  const unit = 10n ** BigInt(2 * digits);
  if (name === "covar_pop") return count < 1n ? null : signed(together, count * count * unit);
  if (count < 2n) return null;
  if (name === "covar_samp") return signed(together, count * (count - 1n) * unit);
  const spread = (count * xx - x * x) * (count * yy - y * y);
  if (spread === 0n) return Number.NaN;
  // Both sides squared have digits enough for a double after the root.
  const share = Math.sqrt(nearest(together * together, spread));
  return together < 0n ? -share : share;
}

export const statistics: FunctionLibrary = {
  functions: [
    deviation(["STDDEV", "STDDEV_SAMP"], "stddev_samp"),
    deviation("STDDEV_POP", "stddev_pop"),
    deviation(["VARIANCE", "VAR_SAMP"], "var_samp"),
    deviation("VAR_POP", "var_pop"),
    pairs("CORR", "corr", 2),
    pairs("COVAR_POP", "covar_pop", 1),
    pairs("COVAR_SAMP", "covar_samp", 2),
  ],
  js: [
    ...([9, 38] as const).map((digits) => ({
      name: `gs_${digits === 9 ? "" : "big"}numeric_variance` as const,
      args: ["VARCHAR[]", "BOOLEAN"],
      result: "DOUBLE",
      run: (list: JsValue = null, isSample: JsValue = null) =>
        variance(list as readonly JsValue[], digits, isSample as boolean),
    })),
    {
      name: "gs_decimal_pairs",
      args: ["STRUCT(y VARCHAR, x VARCHAR)[]", "VARCHAR", "INTEGER"],
      result: "DOUBLE",
      run: (list, name, digits) => pairStatistic(list as readonly JsValue[], name as string, Number(digits)),
    },
  ],
};
