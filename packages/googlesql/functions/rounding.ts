/** ROUND and TRUNC to digits, CEIL and FLOOR. */
import { duckdbType } from "../types.ts";
import { amongDecimals, bind, literalInt, literalText, scalar, sig, sigOf } from "./signature.ts";

const group = "math";

export const asNumeric = (sql: string): string => `cast(${sql} as decimal(38,9))`;

/** Fast and exact for a few digits and numbers that are nowhere near a tie; the reference's own way for the rest. */
const roundFloat = (mode: "round" | "trunc") =>
  sigOf("FLOAT64, INT64", "FLOAT64", ([x, n], ctx) => {
    const digits = literalInt(n);
    if (digits === undefined || digits < 1n || digits > 3n) return `gs_${mode}_float(${x!.sql}, ${n!.sql})`;
    const unit = 10 ** Number(digits);
    return bind(ctx, [x!.sql], (v) => {
      const near =
        mode === "round"
          ? `abs(abs(${v} * ${unit} - trunc(${v} * ${unit})) - 0.5) > 1e-6`
          : `abs(${v} * ${unit} - round(${v} * ${unit})) > 1e-6`;
      return `case when not (abs(${v}) < 1e6 and ${near}) then gs_${mode}_float(${v}, ${n!.sql}) else ${mode}(${v} * ${unit}) / ${unit}::double end`;
    });
  });

export const rounding = (name: "ROUND" | "TRUNC") => {
  const mode = name === "ROUND" ? "round" : "trunc";
  return scalar(group, name, [
    sig("INT64", "FLOAT64", (x) => `cast(${x} as double)`),
    sigOf("INT64, INT64", "FLOAT64", ([x, n]) => `gs_${mode}_float(cast(${x!.sql} as double), ${n!.sql})`),
    sig("NUMERIC", "NUMERIC", (x) => asNumeric(`${mode}(${x})`)),
    sig("BIGNUMERIC", "BIGNUMERIC", (x) => `gs_bignumeric_${mode}(${x}, 0)`),
    sig("FLOAT64", "FLOAT64", (x) => `${mode}(${x})`),
    sig("NUMERIC, INT64", "NUMERIC", (x, n) => `gs_numeric_${mode}(${x}, ${n})`),
    sig("BIGNUMERIC, INT64", "BIGNUMERIC", (x, n) => `gs_bignumeric_${mode}(${x}, ${n})`),
    roundFloat(mode),
    ...(name === "ROUND"
      ? [
          ...(["NUMERIC", "BIGNUMERIC"] as const).map((type) =>
            amongDecimals(
              sigOf(`${type}, INT64, STRING`, type, ([x, n, m], ctx) => {
                if (m!.isUntypedNull) return `cast(null as ${duckdbType({ kind: type })})`;
                const mode = literalText(m);
                if (mode === undefined)
                  return ctx.error("No matching signature for function ROUND: its mode is a literal");
                if (!/^ROUND_HALF_(EVEN|AWAY_FROM_ZERO)$/.test(mode)) {
                  return ctx.error(`Could not cast literal "${mode}" to type ROUNDING_MODE`);
                }
                return `gs_${type.toLowerCase()}_round_mode(${x!.sql}, ${n!.sql}, ${m!.sql})`;
              }),
            ),
          ),
        ]
      : []),
  ]);
};

export const toWhole = (names: readonly [string, ...string[]], duck: "ceil" | "floor") =>
  scalar(group, names, [
    sig("INT64", "FLOAT64", (x) => `cast(${x} as double)`),
    sig("NUMERIC", "NUMERIC", (x) => asNumeric(`${duck}(${x})`)),
    sig("BIGNUMERIC", "BIGNUMERIC", (x) => `gs_bignumeric_${duck}(${x})`),
    sig("FLOAT64", "FLOAT64", (x) => `${duck}(${x})`),
  ]);
