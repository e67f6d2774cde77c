/** PERCENTILE_CONT and PERCENTILE_DISC, over a group or a window, after googlesql/public/functions/percentile.h. */
import { bignumericKind, bignumericText, divideRounded, readBignumeric, readDecimal } from "../emit/decimal.ts";
import { type GoogleSqlType, supportsOrdering, typeName } from "../types.ts";
import type { Argument, EmitContext, FunctionEntry, FunctionLibrary, JsValue, Signature } from "./contract.ts";
import { aggregate, sigOf } from "./signature.ts";

const options = { nulls: true, distinct: false, over: "allowed", windowOrder: "never", windowFrame: false } as const;

const shareTypes = ["FLOAT64", "NUMERIC", "BIGNUMERIC"] as const;

/** The share as a literal's text; of a FLOAT64 or of the decimal that it is written as. */
function shareText(name: string, p: Argument, ctx: EmitContext): string {
  const value = p.literal?.value;
  if (value === undefined) return ctx.refuse(`${name} at a share that is not a literal`);
  if (value === null) return ctx.error(`The second argument of ${name} must be non-NULL`);
  const share = Number(value);
  if (!(share >= 0 && share <= 1)) return ctx.error(`The second argument of ${name} must be in [0, 1]`);
  return String(value);
}

function checkOrdering(name: string, type: GoogleSqlType, ctx: EmitContext): void {
  if (!supportsOrdering(type) || type.kind === "ARRAY") {
    ctx.error(`Argument 1 to ${name} must support ordering; Type ${typeName(type)} does not`);
  }
}

const plainList = (sql: string, ctx: EmitContext): string => ctx.aggregate("list", [sql], { nulls: undefined });

/** A decimal is a FLOAT64 here, but for a share that is a decimal itself. */
function continuousFloat(
  type: "INT64" | "FLOAT64" | "NUMERIC" | "BIGNUMERIC",
  shareType: "INT64" | "FLOAT64" | "NUMERIC" | "BIGNUMERIC",
): Signature {
  return sigOf(`${type}, ${shareType}`, "FLOAT64", ([x, p], ctx) => {
    const sql = type === "FLOAT64" ? x!.sql : `cast(cast(${x!.sql} as varchar) as double)`;
    const share = `${shareText("PERCENTILE_CONT", p!, ctx)}::double`;
    const exact = `gs_percentile_cont(${plainList(sql, ctx)}, ${share}, ${ctx.call.nulls === "RESPECT"})`;
    if (ctx.call.nulls === "RESPECT") return exact;
    const strange = ctx.aggregate("bool_or", [`not (abs(${sql}) < 1e300)`], { nulls: undefined });
    const plain = ctx.aggregate("quantile_cont", [sql, share], { nulls: undefined });
    return `case when ${strange} then ${exact} else ${plain} end`;
  });
}

const continuousDecimal = (type: "NUMERIC" | "BIGNUMERIC"): Signature =>
  sigOf(`${type}, ${type}`, type, ([x, p], ctx) => {
    const share = `'${shareText("PERCENTILE_CONT", p!, ctx)}'`;
    const list = plainList(type === "NUMERIC" ? `cast(${x!.sql} as varchar)` : x!.sql, ctx);
    const found = `gs_decimal_percentile_cont(${list}, ${share}, ${type === "NUMERIC" ? 9 : 38}, ${ctx.call.nulls === "RESPECT"})`;
    return type === "NUMERIC" ? `cast(${found} as decimal(38,9))` : found;
  });

/** The value at the place in the sorted list. */
const discrete = (shareType: (typeof shareTypes)[number]): Signature =>
  sigOf(
    `T1, ${shareType}`,
    ([x]) => x!.type,
    ([x, p], ctx) => {
      const name = "PERCENTILE_DISC";
      checkOrdering(name, x!.type, ctx);
      const share = shareText(name, p!, ctx);
      const { kind } = x!.type;
      const withNulls = ctx.call.nulls === "RESPECT";
      if (kind === "FLOAT64") {
        return `gs_percentile_disc_float(${plainList(x!.sql, ctx)}, '${share}', '${shareType}', ${withNulls})`;
      }
      const key =
        kind === "BIGNUMERIC" ? `gs_bignumeric_key(${x!.sql})` : kind === "RANGE" ? `gs_range_key(${x!.sql})` : x!.sql;
      const known = ctx.call.filter === undefined ? "" : `(${ctx.call.filter}) and `;
      const sorted = ctx.aggregate("list", [x!.sql], {
        nulls: undefined,
        orderBy: `order by ${key} nulls first`,
        filter: withNulls ? ctx.call.filter : `${known}${x!.sql} is not null`,
      });
      const it = ctx.fresh("q");
      return `list_transform([${sorted}], lambda ${it}: ${it}[gs_percentile_disc_index(cast(coalesce(len(${it}), 0) as bigint), '${share}', '${shareType}')])[1]`;
    },
  );

/** Where a share falls among `last + 1` values: the index, and the weights of the values on both sides of the point. */
function place(share: number, last: number): { index: number; left: number; right: number } {
  if (share === 0.5) return { index: Math.floor(last / 2), left: 1 - 0.5 * (last % 2), right: 0.5 * (last % 2) };
  if (share === 0 || share === 1) return { index: share === 0 ? 0 : last, left: 1, right: 0 };
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, share);
  const raw = bits.getBigUint64(0);
  const biased = Number(raw >> 52n) & 0x7ff;
  const mantissa = (raw & 0xfffffffffffffn) | (biased === 0 ? 0n : 1n << 52n);
  const fraction = BigInt(1075 - Math.max(biased, 1));
  const product = mantissa * BigInt(last);
  const one = 1n << fraction;
  const part = product & (one - 1n);
  const index = Number(product >> fraction);
  if (part > one >> 1n) {
    const left = nearest(one - part, one);
    return { index, left, right: 1 - left };
  }
  const right = part === 0n ? 0 : nearest(part, one);
  return { index, left: 1 - right, right };
}

/** a / b as a double, right but for the last place. */
export function nearest(a: bigint, b: bigint): number {
  const shift = BigInt(Math.max(0, b.toString(2).length - a.toString(2).length + 80));
  return Number((a << shift) / b) / 2 ** Number(shift);
}

/** NaN comes first. */
const byValue = (a: number, b: number): number =>
  Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : Number.isNaN(b) ? 1 : a - b || (a < b ? -1 : a > b ? 1 : 0);

function percentileCont(list: readonly JsValue[], share: number, withNulls: boolean): number | null {
  const values = list.filter((one): one is number => one !== null).sort(byValue);
  if (values.length === 0) return null;
  const nulls = withNulls ? list.length - values.length : 0;
  const { index, left, right } = place(share, values.length - 1 + nulls);
  if (index >= nulls) {
    const value = values[index - nulls]!;
    return right > 0 ? value * left + values[index - nulls + 1]! * right : value;
  }
  return index === nulls - 1 && right !== 0 ? values[0]! : null;
}

/** The same in exact decimals of a scale: the interpolated value is rounded once, half away from zero. */
function decimalPercentileCont(list: readonly JsValue[], shareText: string, scale: number, withNulls: boolean) {
  const kind = { ...bignumericKind, scale };
  const one = 10n ** BigInt(scale);
  const read = (text: string): bigint => (scale === 38 ? readBignumeric(text) : readDecimal(text, kind));
  const values = list
    .filter((value) => value !== null)
    .map((value) => read(value as string))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (values.length === 0) return null;
  const nulls = withNulls ? list.length - values.length : 0;
  const at = BigInt(values.length - 1 + nulls) * read(shareText);
  const index = Number(at / one);
  const right = at % one;
  if (index < nulls) return index === nulls - 1 && right !== 0n ? values[0]! : null;
  const value = values[index - nulls]!;
  if (right === 0n) return value;
  return divideRounded(value * (one - right) + values[index - nulls + 1]! * right, one);
}

/** The index (from 0) of PERCENTILE_DISC among `count` values, NULLs that count as values included. */
function discreteIndex(count: number, shareText: string, shareType: string): number {
  if (shareType === "FLOAT64") {
    const { index, right } = place(Number(shareText), count);
    return index > 0 && right === 0 ? index - 1 : index;
  }
  const scale = shareType === "NUMERIC" ? 9 : 38;
  const one = 10n ** BigInt(scale);
  const at = BigInt(count) * readDecimal(shareText, { ...bignumericKind, scale });
  const index = Number(at / one);
  return index > 0 && at % one === 0n ? index - 1 : index;
}

const decimalText = (value: bigint, scale: number): string =>
  scale === 38 ? bignumericText(value) : bignumericText(value * 10n ** BigInt(38 - scale));

const entries: FunctionEntry[] = [
  aggregate("navigation", "PERCENTILE_CONT", options, [
    continuousFloat("INT64", "INT64"),
    continuousFloat("INT64", "FLOAT64"),
    continuousFloat("INT64", "NUMERIC"),
    continuousFloat("INT64", "BIGNUMERIC"),
    continuousFloat("FLOAT64", "FLOAT64"),
    continuousFloat("FLOAT64", "NUMERIC"),
    continuousFloat("FLOAT64", "BIGNUMERIC"),
    continuousFloat("NUMERIC", "INT64"),
    continuousFloat("NUMERIC", "FLOAT64"),
    continuousFloat("BIGNUMERIC", "FLOAT64"),
    continuousFloat("BIGNUMERIC", "INT64"),
    continuousDecimal("NUMERIC"),
    continuousDecimal("BIGNUMERIC"),
  ]),
  aggregate("navigation", "PERCENTILE_DISC", options, shareTypes.map(discrete)),
];

export const percentiles: FunctionLibrary = {
  functions: entries,
  js: [
    {
      name: "gs_percentile_cont",
      args: ["DOUBLE[]", "DOUBLE", "BOOLEAN"],
      result: "DOUBLE",
      run: (list, share, withNulls) =>
        percentileCont(list as readonly JsValue[], share as number, withNulls as boolean),
    },
    {
      name: "gs_decimal_percentile_cont",
      args: ["VARCHAR[]", "VARCHAR", "INTEGER", "BOOLEAN"],
      result: "VARCHAR",
      run: (list, share, scale, withNulls) => {
        const digits = Number(scale);
        const value = decimalPercentileCont(list as readonly JsValue[], share as string, digits, withNulls as boolean);
        return value === null ? null : decimalText(value, digits);
      },
    },
    {
      name: "gs_percentile_disc_float",
      args: ["DOUBLE[]", "VARCHAR", "VARCHAR", "BOOLEAN"],
      result: "DOUBLE",
      run: (list, share, type, withNulls) => {
        const all = list as readonly JsValue[];
        const values = all.filter((one): one is number => one !== null).sort(byValue);
        const nulls = withNulls ? all.length - values.length : 0;
        if (values.length === 0) return null;
        const index = discreteIndex(values.length + nulls, share as string, type as string);
        return index < nulls ? null : values[index - nulls]!;
      },
    },
    {
      name: "gs_percentile_disc_index",
      args: ["BIGINT", "VARCHAR", "VARCHAR"],
      result: "BIGINT",
      // From 1, as DuckDB's lists have it.
      run: (count, share, type) =>
        count === 0n ? null : BigInt(discreteIndex(Number(count), share as string, type as string) + 1),
    },
  ],
};
