import { tryText } from "../emit/tried.ts";
import { supportsOrdering, typeName } from "../types.ts";
import type { FunctionLibrary, Signature } from "./contract.ts";
import { mathJs } from "./math-js.ts";
import { asNumeric, rounding, toWhole } from "./rounding.ts";
import { amongDecimals, bind, fail, literalInt, refuseAll, scalar, sig, sigBind, sigOf } from "./signature.ts";

const group = "math";

/** FLOAT64 -> FLOAT64, for INT64 arguments too (which GoogleSQL takes to FLOAT64 here, not to NUMERIC). */
const floats = (count: 1 | 2, print: (...args: string[]) => string): Signature[] => {
  const types = (type: string) => Array(count).fill(type).join(", ");
  return [
    sigOf(types("INT64"), "FLOAT64", (args, ctx) =>
      bind(
        ctx,
        args.map((one) => `cast(${one!.sql} as double)`),
        print,
      ),
    ),
    sigBind(types("FLOAT64"), "FLOAT64", print),
  ];
};

/** NUMERIC and BIGNUMERIC have their own series for these, of which the local engine has those of NUMERIC. */
const roundedOnce = (name: string, count: 1 | 2): Signature[] => [
  sig(Array(count).fill("NUMERIC").join(", "), "NUMERIC", (...args) => `gs_numeric_${name}(${args.join(", ")})`),
  sigOf(Array(count).fill("BIGNUMERIC").join(", "), "BIGNUMERIC", (_args, ctx) =>
    ctx.refuse(`${name.toUpperCase()} of BIGNUMERIC arguments; cast to FLOAT64`),
  ),
];

/** DuckDB's function for finite arguments, JS's IEEE one for the rest; a finite argument must give a finite result. */
const real = (name: string, duck: (x: string) => string, alwaysFinite = false): Signature[] =>
  floats(1, (x) => {
    const value = alwaysFinite ? duck(x) : `gs_finite(${duck(x)})`;
    return `case when not isfinite(${x}) then gs_ieee_${name}(${x}) else ${value} end`;
  });

const decimals = (name: string, count: 1 | 2): Signature[] => {
  const types = (type: string) => Array(count).fill(type).join(", ");
  return [
    sig(types("NUMERIC"), "NUMERIC", (...args) => `gs_numeric_${name}(${args.join(", ")})`),
    sig(types("BIGNUMERIC"), "BIGNUMERIC", (...args) => `gs_bignumeric_${name}(${args.join(", ")})`),
  ];
};

/** NULL when the result cannot be had. */
const safe = (name: "ADD" | "SUBTRACT" | "MULTIPLY") => {
  const op = { ADD: "+", SUBTRACT: "-", MULTIPLY: "*" }[name];
  return scalar(
    group,
    `SAFE_${name}`,
    [
      sigBind("INT64, INT64", "INT64", (x, y) => tryText(`${x} ${op} ${y}`)),
      name === "MULTIPLY"
        ? sigBind("NUMERIC, NUMERIC", "NUMERIC", (x, y) => tryText(`gs_numeric_mul_exact(${x}, ${y})`))
        : sigBind("NUMERIC, NUMERIC", "NUMERIC", (x, y) => tryText(`${x} ${op} ${y}`)),
      sigBind("BIGNUMERIC, BIGNUMERIC", "BIGNUMERIC", (x, y) =>
        tryText(`gs_bignumeric_${{ ADD: "add", SUBTRACT: "sub", MULTIPLY: "mul" }[name]}(${x}, ${y})`),
      ),
      sigBind("FLOAT64, FLOAT64", "FLOAT64", (x, y) => finiteOrNull(`${x} ${op} ${y}`, x, y)),
    ],
    { cannotFail: true },
  );
};

const finiteOrNull = (result: string, x: string, y: string): string =>
  `case when isfinite(${result}) or not (isfinite(${x}) and isfinite(${y})) then ${result} end`;

export const math: FunctionLibrary = {
  functions: [
    scalar(group, "ABS", [
      sig("INT64", "INT64", (x) => `abs(${x})`),
      sig("NUMERIC", "NUMERIC", (x) => `abs(${x})`),
      sig("BIGNUMERIC", "BIGNUMERIC", (x) => `ltrim(${x}, '-')`),
      sig("FLOAT64", "FLOAT64", (x) => `abs(${x})`),
    ]),
    scalar(
      group,
      "SIGN",
      [
        sig("INT64", "INT64", (x) => `cast(sign(${x}) as bigint)`),
        sig("NUMERIC", "NUMERIC", (x) => asNumeric(`sign(${x})`)),
        sig("BIGNUMERIC", "BIGNUMERIC", (x) => `gs_bignumeric_sign(${x})`),
        sigBind("FLOAT64", "FLOAT64", (x) => `case when isnan(${x}) then ${x} else cast(sign(${x}) as double) end`),
      ],
      { cannotFail: true },
    ),
    scalar(group, "IS_INF", [sig("FLOAT64", "BOOL", (x) => `isinf(${x})`)], { cannotFail: true }),
    scalar(group, "IS_NAN", [sig("FLOAT64", "BOOL", (x) => `isnan(${x})`)], { cannotFail: true }),
    scalar(group, "IEEE_DIVIDE", [sig("FLOAT64, FLOAT64", "FLOAT64", (x, y) => `(${x} / ${y})`)], { cannotFail: true }),
    scalar(group, "RAND", [sig("", "FLOAT64", () => "random()")], { volatile: true, cannotFail: true }),
    scalar(group, "SQRT", [...real("sqrt", (x) => `sqrt(${x})`, true), ...roundedOnce("sqrt", 1)]),
    scalar(group, "CBRT", [...floats(1, (x) => `gs_cbrt(${x})`), ...roundedOnce("cbrt", 1)]),
    scalar(
      group,
      ["POW", "POWER"],
      [
        ...floats(
          2,
          (x, y) =>
            `case when not isfinite(${x}) or not isfinite(${y}) then gs_ieee_pow(${x}, ${y}) else gs_finite(pow(${x}, ${y})) end`,
        ),
        ...roundedOnce("pow", 2),
      ],
    ),
    scalar(group, "EXP", [...real("exp", (x) => `exp(${x})`), ...roundedOnce("exp", 1)]),
    scalar(group, "LN", [...real("ln", (x) => `ln(${x})`, true), ...roundedOnce("ln", 1)]),
    scalar(group, "LOG", [
      ...real("ln", (x) => `ln(${x})`, true),
      ...roundedOnce("ln", 1),
      ...floats(
        2,
        (x, b) =>
          `case when ${x} is null or ${b} is null then null when not isfinite(${x}) or not isfinite(${b}) then gs_ieee_log(${x}, ${b}) else gs_finite(ln(${x}) / ln(${b})) end`,
      ),
      ...roundedOnce("log", 2),
    ]),
    scalar(group, "LOG10", [...real("log10", (x) => `log10(${x})`, true), ...roundedOnce("log10", 1)]),
    scalar(group, "GREATEST", greatestLeast("greatest"), { cannotFail: true }),
    scalar(group, "LEAST", greatestLeast("least"), { cannotFail: true }),
    scalar(group, "DIV", [
      sigOf("INT64, INT64", "INT64", ([x, y], ctx) =>
        literalInt(y)
          ? `(${x!.sql} // ${y!.sql})`
          : bind(
              ctx,
              [x!.sql, y!.sql],
              (a, b) =>
                `case when ${b} = 0 and ${a} is not null then ${fail("division by zero", "bigint")} else ${a} // ${b} end`,
            ),
      ),
      ...decimals("idiv", 2).map(amongDecimals),
    ]),
    scalar(group, "MOD", [
      sigOf("INT64, INT64", "INT64", ([x, y], ctx) =>
        literalInt(y) === undefined || literalInt(y)! > 0n
          ? literalInt(y)
            ? `(${x!.sql} % ${y!.sql})`
            : bind(
                ctx,
                [x!.sql, y!.sql],
                (a, b) =>
                  `case when ${b} = 0 and ${a} is not null then ${fail("division by zero", "bigint")} when ${b} = -1 then ${a} * 0 else ${a} % ${b} end`,
              )
          : bind(
              ctx,
              [x!.sql, y!.sql],
              (a, b) =>
                `case when ${b} = 0 and ${a} is not null then ${fail("division by zero", "bigint")} when ${b} = -1 then ${a} * 0 else ${a} % ${b} end`,
            ),
      ),
      ...decimals("mod", 2).map(amongDecimals),
    ]),
    rounding("ROUND"),
    rounding("TRUNC"),
    toWhole(["CEIL", "CEILING"], "ceil"),
    toWhole(["FLOOR"], "floor"),
    safe("ADD"),
    safe("SUBTRACT"),
    safe("MULTIPLY"),
    scalar(
      group,
      "SAFE_DIVIDE",
      [
        sigOf(
          "INT64, INT64",
          "FLOAT64",
          ([x, y]) => `(cast(${x!.sql} as double) / nullif(cast(${y!.sql} as double), 0))`,
        ),
        sigBind("NUMERIC, NUMERIC", "NUMERIC", (x, y) => tryText(`gs_numeric_div(${x}, ${y})`)),
        sigBind("BIGNUMERIC, BIGNUMERIC", "BIGNUMERIC", (x, y) => tryText(`gs_bignumeric_div(${x}, ${y})`)),
        sigBind(
          "FLOAT64, FLOAT64",
          "FLOAT64",
          (x, y) => `case when ${y} <> 0 then ${finiteOrNull(`${x} / ${y}`, x, y)} end`,
        ),
      ],
      { cannotFail: true },
    ),
    scalar(
      group,
      "SAFE_NEGATE",
      [
        sigBind("INT64", "INT64", (x) => tryText(`-${x}`)),
        sig("NUMERIC", "NUMERIC", (x) => `(-${x})`),
        sigBind("BIGNUMERIC", "BIGNUMERIC", (x) => tryText(`gs_bignumeric_neg(${x})`)),
        sig("FLOAT64", "FLOAT64", (x) => `(-${x})`),
      ],
      { cannotFail: true },
    ),
    scalar(
      group,
      "COS",
      real("cos", (x) => `cos(${x})`, true),
      { cannotFail: true },
    ),
    scalar(
      group,
      "COSH",
      real("cosh", (x) => `cosh(${x})`),
    ),
    scalar(
      group,
      "ACOS",
      real("acos", (x) => `acos(${x})`, true),
    ),
    scalar(
      group,
      "ACOSH",
      real("acosh", (x) => `acosh(${x})`),
    ),
    scalar(
      group,
      "SIN",
      real("sin", (x) => `sin(${x})`, true),
      { cannotFail: true },
    ),
    scalar(
      group,
      "SINH",
      real("sinh", (x) => `sinh(${x})`),
    ),
    scalar(
      group,
      "ASIN",
      real("asin", (x) => `asin(${x})`, true),
    ),
    scalar(
      group,
      "ASINH",
      real("asinh", (x) => `asinh(${x})`),
    ),
    scalar(
      group,
      "TAN",
      real("tan", (x) => `tan(${x})`),
    ),
    scalar(
      group,
      "TANH",
      real("tanh", (x) => `tanh(${x})`, true),
      { cannotFail: true },
    ),
    scalar(
      group,
      "ATAN",
      real("atan", (x) => `atan(${x})`, true),
      { cannotFail: true },
    ),
    scalar(
      group,
      "ATANH",
      real("atanh", (x) => `atanh(${x})`),
    ),
    scalar(
      group,
      "ATAN2",
      floats(2, (y, x) => `atan2(${y}, ${x})`),
      { cannotFail: true },
    ),
    scalar(
      group,
      "CSC",
      real("csc", (x) => `1.0::double / sin(${x})`),
    ),
    scalar(
      group,
      "SEC",
      real("sec", (x) => `1.0::double / cos(${x})`),
    ),
    scalar(
      group,
      "COT",
      real("cot", (x) => `1.0::double / tan(${x})`),
    ),
    scalar(
      group,
      "CSCH",
      real("csch", (x) => `1.0::double / sinh(${x})`),
    ),
    scalar(
      group,
      "SECH",
      floats(1, (x) => `gs_ieee_sech(${x})`),
      { cannotFail: true },
    ),
    scalar(
      group,
      "COTH",
      real("coth", (x) => `1.0::double / tanh(${x})`),
    ),
    scalar(group, "RANGE_BUCKET", [
      sig("FLOAT64, ARRAY<FLOAT64>", "INT64", (p, a) => `gs_range_bucket_float(${p}, ${a})`),
      sigOf("T1, ARRAY<T1>", "INT64", ([p, a], ctx) =>
        p!.type.kind === "RANGE"
          ? ctx.refuse("RANGE_BUCKET of RANGE")
          : supportsOrdering(p!.type)
            ? `gs_range_bucket(${p!.sql}, ${a!.sql})`
            : ctx.error(`First argument to RANGE_BUCKET of type ${typeName(p!.type)} does not support ordering`),
      ),
    ]),
    scalar(group, "COSINE_DISTANCE", distances("cosine")),
    scalar(group, "EUCLIDEAN_DISTANCE", distances("euclidean")),
    // https://cloud.google.com/bigquery/docs/reference/standard-sql/bigqueryml-syntax-distance
    scalar("search", "ML.DISTANCE", [
      sigOf("ARRAY<FLOAT64>, ARRAY<FLOAT64>, STRING!?", "FLOAT64", ([a, b, type], ctx) => {
        const name = String(type?.literal?.value ?? "EUCLIDEAN").toUpperCase();
        if (name === "COSINE" || name === "EUCLIDEAN") return `gs_${name.toLowerCase()}_distance(${a!.sql}, ${b!.sql})`;
        return name === "MANHATTAN"
          ? ctx.refuse("ML.DISTANCE by MANHATTAN")
          : ctx.error("The distance type of ML.DISTANCE is EUCLIDEAN, MANHATTAN or COSINE");
      }),
    ]),
    scalar(
      "bit",
      "BIT_COUNT",
      [
        sig("INT64", "INT64", (x) => `cast(bit_count(${x}) as bigint)`),
        sig("BYTES", "INT64", (x) => `gs_bit_count_bytes(${x})`),
      ],
      { cannotFail: true },
    ),
    ...refuseAll(group, "no exact counterpart", [
      "APPROX_COSINE_DISTANCE",
      "APPROX_EUCLIDEAN_DISTANCE",
      "APPROX_DOT_PRODUCT",
    ]),
  ],
  macros: [
    {
      name: "gs_finite",
      definition:
        "(x) as (list_transform([x], lambda gs_fin: case when not isfinite(gs_fin) then cast(gs_fail('Floating point error: the result is not finite') as double) else gs_fin end)[1])",
    },
    {
      name: "gs_range_bucket",
      definition: `(p, a) as (list_transform([struct_pack(p := p, a := a)], lambda gs_rb: case
        when gs_rb.p is null or gs_rb.a is null then null
        when gs_rb.a <> list_sort(gs_rb.a, 'ASC', 'NULLS FIRST') or list_position(gs_rb.a, null) is not null or len(list_filter(gs_rb.a, lambda gs_rbn: gs_rbn is null)) > 0
          then cast(gs_fail('Elements in input array to RANGE_BUCKET must be in ascending order') as bigint)
        else cast(len(list_filter(gs_rb.a, lambda gs_rbe: gs_rbe <= gs_rb.p)) as bigint) end)[1])`,
    },
  ],
  js: mathJs(),
};

function greatestLeast(name: "greatest" | "least"): Signature[] {
  const nullable = (args: readonly string[]) => `(${args.map((one) => `${one} is null`).join(" or ")})`;
  const worst = (args: readonly string[], choose: string) => `case when ${nullable(args)} then null else ${choose} end`;
  return [
    sigOf(
      "T1, T1*",
      (args) => args[0]!.type,
      (args, ctx) => {
        const values = args.map((one) => one!.sql);
        const kind = args[0]!.type.kind;
        if (kind === "ARRAY" || kind === "STRUCT" || kind === "JSON")
          ctx.error(`${name.toUpperCase()} is not defined for arguments of type ${kind}`);
        if (kind === "BIGNUMERIC") return `gs_bignumeric_${name}([${values.join(", ")}])`;
        if (kind === "FLOAT64") {
          return bind(ctx, values, (...v) =>
            worst(
              v,
              `case when ${v.map((one) => `isnan(${one})`).join(" or ")} then 'nan'::double else ${name}(${v.join(", ")}) end`,
            ),
          );
        }
        return bind(ctx, values, (...v) => worst(v, `${name}(${v.join(", ")})`));
      },
    ),
  ];
}

function distances(name: "cosine" | "euclidean"): Signature[] {
  return [
    sig("ARRAY<FLOAT64>, ARRAY<FLOAT64>", "FLOAT64", (a, b) => `gs_${name}_distance(${a}, ${b})`),
    sig(
      "ARRAY<STRUCT<INT64, FLOAT64>>, ARRAY<STRUCT<INT64, FLOAT64>>",
      "FLOAT64",
      (a, b) =>
        `gs_${name}_distance_sparse(list_transform(${a}, lambda gs_d: {'f1': cast(gs_d.f1 as varchar), 'f2': gs_d.f2}), list_transform(${b}, lambda gs_d: {'f1': cast(gs_d.f1 as varchar), 'f2': gs_d.f2}))`,
    ),
    sig(
      "ARRAY<STRUCT<STRING, FLOAT64>>, ARRAY<STRUCT<STRING, FLOAT64>>",
      "FLOAT64",
      (a, b) => `gs_${name}_distance_sparse(${a}, ${b})`,
    ),
  ];
}
