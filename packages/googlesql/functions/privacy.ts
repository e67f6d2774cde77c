/** What the grouping step of SELECT WITH DIFFERENTIAL_PRIVACY is made of (analyzer/private-groups.ts): draws, and noise on whole numbers. */
import type { FunctionLibrary, JsValue } from "./contract.ts";
import { discreteLaplace, type Fraction } from "./privacy/discrete-laplace.ts";
import { noisyPercentile } from "./privacy/quantile-tree.ts";
import { randomness } from "./privacy/randomness.ts";

/** Rates as they stand in the SQL: `over/under`. */
export const rateText = ({ over, under }: Fraction): string => `'${over}/${under}'`;

function readRate(text: JsValue): Fraction {
  const [over, under] = String(text).split("/");
  return { over: BigInt(over!), under: BigInt(under!) };
}

const noise = (rate: JsValue): bigint => discreteLaplace(randomness(), readRate(rate));

const asInt64 = (value: bigint): bigint => {
  const max = (1n << 63n) - 1n;
  return value > max ? max : value < -max - 1n ? -max - 1n : value;
};

/** Whole numbers come as text: DuckDB's are of 128 bits. */
export const privacy: FunctionLibrary = {
  functions: [],
  js: [
    {
      // Of 63 bits, so that an order by it is uniform over all orders.
      name: "gs_dp_draw",
      args: ["BIGINT"],
      result: "BIGINT",
      volatile: true,
      run: () => {
        const bytes = randomness().bytes(8);
        return BigInt.asUintN(63, new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
      },
    },
    {
      name: "gs_dp_is_shown",
      args: ["BIGINT", "VARCHAR", "BIGINT"],
      result: "BOOLEAN",
      volatile: true,
      run: (units, rate, threshold) => (units as bigint) + noise(rate!) >= (threshold as bigint),
    },
    {
      name: "gs_dp_whole",
      args: ["VARCHAR", "VARCHAR"],
      result: "BIGINT",
      volatile: true,
      run: (value, rate) => asInt64(BigInt(value as string) + noise(rate!)),
    },
    {
      // The value counts steps of the given size.
      name: "gs_dp_steps",
      args: ["VARCHAR", "VARCHAR", "DOUBLE"],
      result: "DOUBLE",
      volatile: true,
      run: (value, rate, step) => Number(BigInt(value as string) + noise(rate!)) * (step as number),
    },
    {
      // Sum of what is away from the middle, how many it is of; then the middle, in steps, and the bounds.
      name: "gs_dp_average",
      args: ["VARCHAR", "BIGINT", "VARCHAR", "VARCHAR", "VARCHAR", "DOUBLE", "DOUBLE", "DOUBLE"],
      result: "DOUBLE",
      volatile: true,
      run: (sum, count, sumRate, countRate, middle, step, lower, upper) => {
        const noisySum = Number(BigInt(sum as string) + noise(sumRate!));
        const noisyCount = Math.max(1, Number((count as bigint) + noise(countRate!)));
        const value = (Number(BigInt(middle as string)) + noisySum / noisyCount) * (step as number);
        return Math.min(upper as number, Math.max(lower as number, value));
      },
    },
    {
      name: "gs_dp_percentile",
      args: ["BIGINT[]", "VARCHAR", "DOUBLE", "DOUBLE", "DOUBLE"],
      result: "DOUBLE",
      volatile: true,
      run: (list, rate, percentile, lower, upper) => {
        const values = (list as readonly bigint[]).map(Number);
        const place = noisyPercentile(randomness(), values, percentile as number, readRate(rate!));
        return (lower as number) + place * ((upper as number) - (lower as number));
      },
    },
  ],
};
