import type { FunctionLibrary, Signature } from "./contract.ts";
import { micros, months } from "./date-parts.ts";
import { bigNumericKind, parseDecimal, printDecimal } from "./decimal.ts";
import { fail, scalar, sig, sigBind, sigOf } from "./signature.ts";

const group = "array";

/** More elements than this in one generated array are an error, as they are there. */
const maxElements = 16_000_000;

const tooManyElements = `Cannot generate arrays with more than ${maxElements} elements.`;
const tooMany = fail(tooManyElements, "bigint");

const generateArray: Signature[] = [
  sigBind(
    "INT64, INT64, INT64",
    "ARRAY<INT64>",
    (a, b, s) =>
      `case when ${a} is null or ${b} is null or ${s} is null then null
      when ${s} = 0 then [${fail("Sequence step cannot be 0.", "bigint")}]
      when (${s} > 0 and ${a} > ${b}) or (${s} < 0 and ${a} < ${b}) then cast([] as bigint[])
      when (cast(${b} as hugeint) - ${a}) // ${s} >= ${maxElements} then [${tooMany}]
      else list_transform(range(0, cast((cast(${b} as hugeint) - ${a}) // ${s} as bigint) + 1), lambda gs_i: ${a} + gs_i * ${s}) end`,
  ),
  sigBind(
    "INT64, INT64",
    "ARRAY<INT64>",
    (a, b) =>
      `case when ${a} is null or ${b} is null then null when ${a} > ${b} then cast([] as bigint[])
      when cast(${b} as hugeint) - ${a} >= ${maxElements} then [${tooMany}]
      else list_transform(range(0, ${b} - ${a} + 1), lambda gs_i: ${a} + gs_i) end`,
  ),
  sig(
    "NUMERIC, NUMERIC, NUMERIC?",
    "ARRAY<NUMERIC>",
    (a, b, s) => `gs_generate_numeric_array(${a}, ${b}, ${s ?? "cast(1 as decimal(38,9))"})`,
  ),
  sig(
    "BIGNUMERIC, BIGNUMERIC, BIGNUMERIC?",
    "ARRAY<BIGNUMERIC>",
    (a, b, s) => `gs_generate_bignumeric_array(${a}, ${b}, ${s ?? "'1'"})`,
  ),
  sig(
    "FLOAT64, FLOAT64, FLOAT64?",
    "ARRAY<FLOAT64>",
    (a, b, s) => `gs_generate_float_array(${a}, ${b}, ${s ?? "1::double"})`,
  ),
];

function generateDates(type: "DATE" | "TIMESTAMP"): Signature {
  return sigOf(
    type === "DATE" ? "DATE, DATE, INTERVAL?" : "TIMESTAMP, TIMESTAMP, INTERVAL",
    `ARRAY<${type}>`,
    ([a, b, step], ctx) => {
      const given = step === undefined ? { sql: "1", part: "DAY" } : step.interval;
      if (!given) return ctx.refuse("a step that is not written as INTERVAL n PART in the call");
      const { sql: n, part } = given;
      if (type === "TIMESTAMP") {
        const unit = micros[part];
        if (unit === undefined) return ctx.error(`GENERATE_TIMESTAMP_ARRAY does not support the ${part} date part`);
        return `gs_generate_timestamps(${a!.sql}, ${b!.sql}, ${n} * ${unit})`;
      }
      const monthly = months[part];
      if (!monthly && part !== "DAY" && part !== "WEEK")
        return ctx.error(`GENERATE_DATE_ARRAY does not support the ${part} date part`);
      return monthly
        ? `gs_generate_months(${a!.sql}, ${b!.sql}, ${n} * ${monthly})`
        : `gs_generate_days(${a!.sql}, ${b!.sql}, ${n}${part === "WEEK" ? " * 7" : ""})`;
    },
  );
}

/** GENERATE_ARRAY and its kin. */
export const generatedArrays: FunctionLibrary = {
  functions: [
    scalar(group, "GENERATE_ARRAY", generateArray),
    scalar(group, "GENERATE_DATE_ARRAY", [generateDates("DATE")]),
    scalar(group, "GENERATE_TIMESTAMP_ARRAY", [generateDates("TIMESTAMP")]),
  ],
  js: [
    {
      name: "gs_generate_float_array",
      args: ["DOUBLE", "DOUBLE", "DOUBLE"],
      result: "DOUBLE[]",
      run: (a, b, s) => numberSteps(a as number, b as number, s as number),
    },
    {
      name: "gs_generate_numeric_array",
      args: ["DECIMAL(38,9)", "DECIMAL(38,9)", "DECIMAL(38,9)"],
      result: "DECIMAL(38,9)[]",
      run: (a, b, s) => bigintSteps(a as bigint, b as bigint, s as bigint),
    },
    {
      name: "gs_generate_bignumeric_array",
      args: ["VARCHAR", "VARCHAR", "VARCHAR"],
      result: "VARCHAR[]",
      run: (...bounds) => {
        const [a, b, s] = bounds.map((text) => parseDecimal(bigNumericKind, text as string));
        return bigintSteps(a!, b!, s!).map((value) => printDecimal(bigNumericKind, value));
      },
    },
    {
      name: "gs_generate_timestamps",
      args: ["TIMESTAMPTZ", "TIMESTAMPTZ", "BIGINT"],
      result: "TIMESTAMPTZ[]",
      run: (a, b, s) => bigintSteps(a as bigint, b as bigint, s as bigint),
    },
    {
      name: "gs_generate_days",
      args: ["DATE", "DATE", "BIGINT"],
      result: "DATE[]",
      run: (a, b, s) => numberSteps(a as number, b as number, Number(s)),
    },
    {
      name: "gs_generate_months",
      args: ["DATE", "DATE", "BIGINT"],
      result: "DATE[]",
      run: (a, b, s) => monthly(a as number, b as number, Number(s)),
    },
  ],
};

const numberSteps = (from: number, to: number, step: number): number[] =>
  steps(from, to, step, (i) => from + i * step, 0);

const bigintSteps = (from: bigint, to: bigint, step: bigint): bigint[] =>
  steps(from, to, step, (i) => from + BigInt(i) * step, 0n);

function steps<T extends number | bigint>(from: T, to: T, step: T, at: (i: number) => T, zero: T): T[] {
  if (Number.isNaN(from) || Number.isNaN(to) || Number.isNaN(step)) {
    throw new Error("Sequence start, end, and step cannot be NaN.");
  }
  if (step === zero) throw new Error("Sequence step cannot be 0.");
  if (step === Number.POSITIVE_INFINITY || step === Number.NEGATIVE_INFINITY) {
    throw new Error("Sequence step cannot be +/-inf.");
  }
  if (from === to) return [from];
  // What would be too long is not begun.
  const span = typeof from === "bigint" ? Number((to as bigint) - from) : (to as number) - from;
  if (span / Number(step) > maxElements + 1) throw new Error(tooManyElements);
  const result: T[] = [];
  for (let i = 0; ; i++) {
    const value = at(i);
    if (step > zero ? value > to : value < to) return result;
    if (i >= maxElements) throw new Error(tooManyElements);
    result.push(value);
  }
}

/** Each date is a step from the one before it: after the end of a short month its day stays low. */
function monthly(from: number, to: number, step: number): number[] {
  if (step === 0) throw new Error("Sequence step cannot be 0.");
  const result: number[] = [];
  for (let day = from; step > 0 ? day <= to : day >= to; day = addMonths(day, step)) {
    if (result.length >= maxElements) throw new Error(tooManyElements);
    result.push(day);
  }
  return result;
}

/** So many months later; the last day of a shorter month stands in for a missing one. */
function addMonths(days: number, months: number): number {
  const date = new Date(days * 86_400_000);
  const month = date.getUTCFullYear() * 12 + date.getUTCMonth() + months;
  const first = new Date(0);
  first.setUTCFullYear(Math.floor(month / 12), (((month % 12) + 12) % 12) + 1, 0);
  const day = Math.min(date.getUTCDate(), first.getUTCDate());
  first.setUTCDate(day);
  return Math.round(first.getTime() / 86_400_000);
}
