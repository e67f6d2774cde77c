/** Sums over a list of all values, for BIGNUMERIC, which DuckDB does not know. */
import { bignumericText, divideRounded, readBignumeric } from "../emit/decimal.ts";
import type { FunctionLibrary, JsValue } from "./contract.ts";

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
