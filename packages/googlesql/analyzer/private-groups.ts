import { type Fraction, fractionOf } from "../functions/privacy/discrete-laplace.ts";
import { leaves, levels } from "../functions/privacy/quantile-tree.ts";
import { groupThreshold } from "../functions/privacy/threshold.ts";
import { rateText } from "../functions/privacy.ts";
import { FLOAT64, type GoogleSqlType, INT64 } from "../types.ts";
import { comparedText } from "./collation.ts";
import type { PrivacyOptions } from "./privacy-options.ts";
import type { Typed } from "./typed.ts";

/** An aggregate of SELECT WITH DIFFERENTIAL_PRIVACY; `value` is DuckDB SQL over a row. Bounds are of a privacy unit's share in a group. */
export type PrivateAggregate =
  | { readonly kind: "count"; readonly value: string | undefined; readonly lower: bigint; readonly upper: bigint }
  | { readonly kind: "sum"; readonly value: string; readonly lower: bigint; readonly upper: bigint }
  | { readonly kind: "sum of doubles"; readonly value: string; readonly lower: number; readonly upper: number }
  | { readonly kind: "average"; readonly value: string; readonly lower: number; readonly upper: number }
  | {
      readonly kind: "percentile";
      readonly value: string;
      readonly percentile: number;
      /** Of each row. */
      readonly lower: number;
      readonly upper: number;
    };

/** Rows of one unit in one group that a percentile looks at; the others are left out, at random. */
const rowsOfPercentile = 5;
/** Steps of the grid that doubles are put on, for the larger of the two bounds: at most 2^41. */
const gridBits = 40;

interface Column {
  readonly name: string;
  readonly type: GoogleSqlType;
  readonly aggregate: PrivateAggregate;
}

/**
 * The grouping step of SELECT WITH DIFFERENTIAL_PRIVACY, in five steps: one row for each privacy unit and group, with its share of
 * each aggregate; of these so many for each unit, chosen uniformly at random; the shares clamped and summed; noise; groups whose
 * noisy number of units is below the threshold left out.
 *
 * Epsilon is split evenly over the aggregates and the number of units, as BigQuery documents it. All that is summed is whole: doubles
 * are put on a grid first, so that neither rounding nor the order of rows lets one unit change what others add.
 * Wilson et al., "Differentially private SQL with bounded user contribution" (PoPETs 2020, https://arxiv.org/abs/1909.01917);
 * Casacuberta et al., "Widespread underestimation of sensitivity" (CCS 2022, https://arxiv.org/abs/2207.10635).
 */
export class PrivateGroups {
  private readonly columns = new Map<string, Column>();

  constructor(
    private readonly options: PrivacyOptions,
    private readonly fresh: (prefix: string) => string,
    private readonly table: string,
  ) {}

  /** The aggregate as a column of the step; the same one twice is one, and is paid for once. */
  add(aggregate: PrivateAggregate): Typed {
    const key = JSON.stringify(aggregate, (_, value) => (typeof value === "bigint" ? `${value}` : value));
    const isWhole = aggregate.kind === "count" || aggregate.kind === "sum";
    let column = this.columns.get(key);
    if (!column) {
      column = { name: this.fresh("a"), type: isWhole ? INT64 : FLOAT64, aggregate };
      this.columns.set(key, column);
    }
    return { sql: `${this.table}.${column.name}`, type: column.type, isSimple: true };
  }

  get isEmpty(): boolean {
    return this.columns.size === 0;
  }

  /** A subquery of the keys and the aggregates. `keys` are `expression AS name`, and the names; `source` is ` FROM ...`. */
  text(keys: readonly string[], names: readonly string[], source: string): string {
    const { epsilon, delta, unit } = this.options;
    const groups = this.options.groups ?? 1;
    const [t, u] = [this.fresh("t"), this.fresh("u")];
    const parts = this.columns.size + 1;
    const shares = [...this.columns.values()].map((column) => this.share(column, parts, groups, `${u}r`));
    const list = (...parts: readonly string[]): string => [...names, ...parts].join(", ");
    const by = names.length > 0 ? ` GROUP BY ${names.join(", ")}` : "";
    const all = (part: "row" | "unit" | "group" | "noisy"): readonly string[] => shares.map((share) => share[part]);
    const ofRow = [...keys, `${comparedText(unit)} AS ${u}`, ...all("row")];
    if (this.needsRowDraw) ofRow.push(`gs_dp_draw(1) AS ${u}r`);
    const rows = `SELECT ${ofRow.join(", ")}${source}`;
    const units = `SELECT ${list(u, ...all("unit"))} FROM (${rows}) GROUP BY ${list(u)}`;
    const drawn = `SELECT *, gs_dp_draw(1) AS ${u}d FROM (${units})`;
    const kept = `SELECT * FROM (${drawn}) QUALIFY row_number() OVER (PARTITION BY ${u} ORDER BY ${u}d) <= ${groups}`;
    const summed = `SELECT ${list(`count(*) AS ${u}n`, ...all("group"))} FROM (${kept})${by}`;
    const rate = this.rate(parts, groups, 1n);
    const threshold = groupThreshold(epsilon, delta, groups, epsilon / parts / groups);
    const shown = `gs_dp_is_shown(${u}n, ${rateText(rate)}, ${threshold})`;
    const noisy = `SELECT ${list(`${shown} AS ${u}s`, ...all("noisy"))} FROM (${summed})`;
    // Kept as a table: noise that is asked for twice would be drawn twice.
    return `(WITH ${t} AS MATERIALIZED (${noisy}) SELECT * FROM ${t} WHERE ${u}s)`;
  }

  private get needsRowDraw(): boolean {
    return [...this.columns.values()].some(({ aggregate }) => aggregate.kind === "percentile");
  }

  /** That of discrete Laplace noise on a whole number that one unit changes by `most` in each of its groups. */
  private rate(parts: number, groups: number, most: bigint): Fraction {
    const { over, under } = fractionOf(this.options.epsilon);
    return { over, under: under * BigInt(parts) * BigInt(groups) * (most > 0n ? most : 1n) };
  }

  /** What an aggregate adds to the list of each step. */
  private share({ name, aggregate }: Column, parts: number, groups: number, rowDraw: string) {
    const p = `${name}p`;
    const row = `${aggregate.value ?? "1"} AS ${p}`;
    const sum = `CAST(coalesce(sum(${name}u), 0) AS VARCHAR) AS ${name}g`;
    switch (aggregate.kind) {
      case "count":
      case "sum": {
        const { lower, upper, kind } = aggregate;
        const rate = this.rate(parts, groups, largest(lower, upper));
        const share = kind === "count" ? `count(${p})` : `sum(CAST(${p} AS HUGEINT))`;
        return {
          row,
          unit: `${clamped(`CAST(${share} AS HUGEINT)`, lower, upper)} AS ${name}u`,
          group: sum,
          noisy: `gs_dp_whole(${name}g, ${rateText(rate)}) AS ${name}`,
        };
      }
      case "sum of doubles": {
        const { lower, upper } = aggregate;
        const grid = gridOf(lower, upper);
        const [from, to] = [grid.place(lower), grid.place(upper)];
        const rate = this.rate(parts, groups, largest(from, to));
        return {
          row,
          unit: `${ofDoubles(p, `sum(${grid.text(p)})`, from, to)} AS ${name}u`,
          group: sum,
          noisy: `gs_dp_steps(${name}g, ${rateText(rate)}, ${doubleText(grid.step)}) AS ${name}`,
        };
      }
      case "average": {
        const { lower, upper } = aggregate;
        const grid = gridOf(lower, upper);
        const [from, to] = [grid.place(lower), grid.place(upper)];
        const middle = (from + to) / 2n;
        // Half for the sum of what is away from the middle, half for the number that it is of.
        const sumRate = this.rate(parts * 2, groups, largest(from - middle, to - middle));
        const countRate = this.rate(parts * 2, groups, 1n);
        return {
          row,
          unit: `${ofDoubles(p, `sum(${grid.text(p)}) // count(${grid.text(p)})`, from, to)} - ${middle} AS ${name}u`,
          group: `count(${name}u) AS ${name}c, ${sum}`,
          noisy: `gs_dp_average(${name}g, ${name}c, ${rateText(sumRate)}, ${rateText(countRate)}, '${middle}', ${doubleText(grid.step)}, ${doubleText(lower)}, ${doubleText(upper)}) AS ${name}`,
        };
      }
      case "percentile": {
        const { lower, upper, percentile } = aggregate;
        const rate = this.rate(parts * levels, groups, BigInt(rowsOfPercentile));
        const [low, high] = [doubleText(lower), doubleText(upper)];
        const double = `CAST(${p} AS DOUBLE)`;
        const place = `floor((greatest(${low}, least(${high}, ${double})) - ${low}) / (${high} - ${low}) * ${leaves})`;
        const leaf = `CAST(least(${leaves - 1}, ${place}) AS BIGINT)`;
        const some = `(list(${leaf} ORDER BY ${rowDraw}) FILTER (WHERE ${p} IS NOT NULL AND NOT isnan(${double})))`;
        return {
          row,
          unit: `coalesce(${some}[1:${rowsOfPercentile}], CAST([] AS BIGINT[])) AS ${name}u`,
          group: `coalesce(flatten(list(${name}u)), CAST([] AS BIGINT[])) AS ${name}g`,
          noisy: `gs_dp_percentile(${name}g, ${rateText(rate)}, ${doubleText(percentile)}, ${low}, ${high}) AS ${name}`,
        };
      }
    }
  }
}

const absolute = (value: bigint): bigint => (value < 0n ? -value : value);
const largest = (...values: readonly bigint[]): bigint =>
  values.map(absolute).reduce((most, value) => (value > most ? value : most), 0n);

const clamped = (value: string, lower: bigint, upper: bigint): string =>
  `CASE WHEN ${value} IS NOT NULL THEN greatest(CAST(${lower} AS HUGEINT), least(CAST(${upper} AS HUGEINT), ${value})) END`;

/** The share of a unit whose rows are doubles: what is NaN, or infinite both ways, makes it none, and an infinite one the bound. */
function ofDoubles(row: string, share: string, lower: bigint, upper: bigint): string {
  const [double, all] = [`CAST(${row} AS DOUBLE)`, `count(${row})`];
  const infinite = (sign: string): string => `count(CASE WHEN ${double} = CAST('${sign}inf' AS DOUBLE) THEN 1 END) > 0`;
  const none = `count(CASE WHEN isnan(${double}) THEN 1 END) > 0 OR (${infinite("")} AND ${infinite("-")})`;
  const bound = (at: bigint): string => `CAST(${at} AS HUGEINT)`;
  return `(CASE WHEN ${all} = 0 OR ${none} THEN NULL WHEN ${infinite("")} THEN ${bound(upper)} WHEN ${infinite("-")} THEN ${bound(lower)} ELSE ${clamped(share, lower, upper)} END)`;
}

const doubleText = (value: number): string => `CAST('${Object.is(value, -0) ? 0 : value}' AS DOUBLE)`;

/** A grid of a power of 2, about 2^40 steps from 0 to the larger bound. Only dividing by such a step is exact. */
function gridOf(lower: number, upper: number) {
  const most = Math.max(Math.abs(lower), Math.abs(upper));
  const exponent = most === 0 ? 0 : Math.ceil(Math.log2(most)) - gridBits;
  const step = 2 ** Math.max(-1000, exponent);
  // A row this far beyond the bounds counts as this far: what a unit sums up to is cut at them anyway.
  const furthest = step * 2 ** 80;
  return {
    step,
    place: (value: number): bigint => BigInt(Math.round(value / step)),
    /** The row's place on it: NULL for what is NULL or NaN. One that is infinite has no place that counts. */
    text: (value: string): string => {
      const double = `CAST(${value} AS DOUBLE)`;
      const cut = `greatest(${doubleText(-furthest)}, least(${doubleText(furthest)}, ${double}))`;
      return `CASE WHEN ${value} IS NOT NULL AND NOT isnan(${double}) THEN CAST(round(${cut} / ${doubleText(step)}) AS HUGEINT) END`;
    },
  };
}
