/** Aggregates over a list of all values, for what DuckDB's own lose: digits of decimals, the place of NaN. */
import { bignumericText, divideRounded, numericKind, readBignumeric, readDecimal } from "../emit/decimal.ts";
import type { FunctionLibrary, JsValue } from "./contract.ts";

/** Variance of decimals (as text): the sums are exact, and only their quotient is rounded. */
function variance(values: readonly JsValue[], read: (text: string) => bigint, scale: number, isSample: boolean) {
  let [count, sum, squares] = [0n, 0n, 0n];
  for (const value of values) {
    if (value === null) continue;
    const x = read(value as string);
    count++;
    sum += x;
    squares += x * x;
  }
  const divisor = isSample ? count - 1n : count;
  if (divisor <= 0n) return null;
  return quotient(squares * count - sum * sum, count * divisor * 10n ** BigInt(2 * scale));
}

/** The nearest double but for the last place: 2^64 times as many digits as a double holds, at least. */
function quotient(a: bigint, b: bigint): number {
  const shift = BigInt(Math.max(0, b.toString(2).length - a.toString(2).length + 80));
  return Number((a << shift) / b) / 2 ** Number(shift);
}

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
    const left = quotient(one - part, one);
    return { index, left, right: 1 - left };
  }
  const right = part === 0n ? 0 : quotient(part, one);
  return { index, left: 1 - right, right };
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

const sumOf = (list: readonly JsValue[]): { sum: bigint; count: bigint } => {
  let [sum, count] = [0n, 0n];
  for (const value of list) {
    if (value === null) continue;
    sum += readBignumeric(value as string);
    count++;
  }
  return { sum, count };
};

export const exactAggregates: FunctionLibrary = {
  functions: [],
  js: [
    {
      name: "gs_numeric_variance",
      args: ["VARCHAR[]", "BOOLEAN"],
      result: "DOUBLE",
      run: (list, isSample) =>
        variance(list as readonly JsValue[], (text) => readDecimal(text, numericKind), 9, isSample as boolean),
    },
    {
      name: "gs_bignumeric_variance",
      args: ["VARCHAR[]", "BOOLEAN"],
      result: "DOUBLE",
      run: (list, isSample) => variance(list as readonly JsValue[], readBignumeric, 38, isSample as boolean),
    },
    {
      name: "gs_percentile_cont",
      args: ["DOUBLE[]", "DOUBLE", "BOOLEAN"],
      result: "DOUBLE",
      run: (list, share, withNulls) =>
        percentileCont(list as readonly JsValue[], share as number, withNulls as boolean),
    },
    {
      name: "gs_bignumeric_sum",
      args: ["VARCHAR[]"],
      result: "VARCHAR",
      run: (list) => {
        const { sum, count } = sumOf(list as readonly JsValue[]);
        return count === 0n ? null : bignumericText(sum);
      },
    },
    {
      name: "gs_bignumeric_avg",
      args: ["VARCHAR[]"],
      result: "VARCHAR",
      run: (list) => {
        const { sum, count } = sumOf(list as readonly JsValue[]);
        return count === 0n ? null : bignumericText(divideRounded(sum, count));
      },
    },
  ],
};
