import { stringText } from "../emit/text.ts";
import { typeName } from "../types.ts";
import type { FunctionLibrary } from "./contract.ts";
import { bind, refuseAll, scalar, sig, sigOf } from "./signature.ts";

const group = "conditional";

/** The conditional expressions that are written as calls, and the debugging functions. Laziness is DuckDB's CASE. */
export const conditional: FunctionLibrary = {
  functions: [
    scalar(group, "COALESCE", [sig("T1, T1*", "T1", (...all) => `coalesce(${all.join(", ")})`)]),
    scalar(group, "IF", [sig("BOOL, T1, T1", "T1", (c, a, b) => `(case when ${c} then ${a} else ${b} end)`)]),
    scalar(group, "IFNULL", [sig("T1, T1", "T1", (a, b) => `coalesce(${a}, ${b})`)]),
    scalar(group, "NULLIF", [
      sigOf("T1, T1", "T1", ([a, b], ctx) =>
        bind(ctx, [a!.sql], (v) =>
          a!.type.kind === "FLOAT64"
            ? `case when ${v} = ${b!.sql} and not isnan(${v}) then null else ${v} end`
            : `case when ${v} = ${b!.sql} then null else ${v} end`,
        ),
      ),
    ]),
    // What it is without a collation; the analyzer serves the others.
    scalar("collation", "COLLATE", [sig("STRING, STRING", "STRING", (x) => x)]),
    scalar(group, "ZEROIFNULL", [
      sig("INT64", "INT64", (x) => `coalesce(${x}, 0)`),
      sig("NUMERIC", "NUMERIC", (x) => `coalesce(${x}, 0)`),
      sig("BIGNUMERIC", "BIGNUMERIC", (x) => `coalesce(${x}, '0')`),
      sig("FLOAT64", "FLOAT64", (x) => `coalesce(${x}, 0)`),
    ]),
    scalar(group, "NULLIFZERO", [
      sig("INT64", "INT64", (x) => `nullif(${x}, 0)`),
      sig("NUMERIC", "NUMERIC", (x) => `nullif(${x}, 0)`),
      sig("BIGNUMERIC", "BIGNUMERIC", (x) => `nullif(${x}, '0')`),
      sig("FLOAT64", "FLOAT64", (x) => `nullif(${x}, 0)`),
    ]),
    scalar("debugging", "ERROR", [sig("STRING", "INT64", (m) => `cast(gs_error(${m}) as bigint)`)], { noSafe: true }),
    scalar("debugging", "IFERROR", [
      sigOf(
        "T1, T1",
        "T1",
        ([a, b]) =>
          // TRY alone makes NULL of an error; a list of one tells that apart from a NULL that was the value.
          `coalesce(try([${a!.sql}]), [${b!.sql}])[1]`,
      ),
    ]),
    scalar("debugging", "ISERROR", [sig("ANY", "BOOL", (a) => `(try([${a}]) is null)`)], { cannotFail: true }),
    scalar("debugging", "NULLIFERROR", [sig("T1", "T1", (a) => `try(${a})`)], { cannotFail: true }),
    scalar("utility", "TYPEOF", [sigOf("ANY", "STRING", ([a]) => stringText(typeName(a!.type)))], { cannotFail: true }),
    scalar("utility", "GENERATE_UUID", [sig("", "STRING", () => "cast(uuid() as varchar)")], {
      volatile: true,
      cannotFail: true,
    }),
    ...refuseAll("security", "there is no user of a session here", ["SESSION_USER"]),
  ],
  js: [
    {
      name: "gs_error",
      args: ["VARCHAR"],
      result: "VARCHAR",
      nulls: "own",
      run: (message) => {
        throw new Error(message === null ? "ERROR(NULL)" : String(message));
      },
    },
  ],
};
