import { tryText } from "../emit/tried.ts";
import { duckdbType, supportsOrdering, typeName } from "../types.ts";
import type { FunctionLibrary, JsFunction, JsValue, Signature } from "./contract.ts";
import {
  bigNumericKind,
  type DecimalKind,
  integerDivide,
  modulo,
  numericKind,
  parseDecimal,
  printDecimal,
  roundDigits,
} from "./decimal.ts";
import { roundDouble } from "./double-rounding.ts";
import {
  bind,
  fail,
  isNullLiteral,
  literalInt,
  literalText,
  refuseAll,
  scalar,
  sig,
  sigBind,
  sigOf,
} from "./signature.ts";

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
    return `case when isfinite(${x}) then ${value} else gs_ieee_${name}(${x}) end`;
  });

const decimals = (name: string, count: 1 | 2): Signature[] => {
  const types = (type: string) => Array(count).fill(type).join(", ");
  return [
    sig(types("NUMERIC"), "NUMERIC", (...args) => `gs_numeric_${name}(${args.join(", ")})`),
    sig(types("BIGNUMERIC"), "BIGNUMERIC", (...args) => `gs_bignumeric_${name}(${args.join(", ")})`),
  ];
};

const asNumeric = (sql: string): string => `cast(${sql} as decimal(38,9))`;

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
      return `case when abs(${v}) < 1e6 and ${near} then ${mode}(${v} * ${unit}) / ${unit}::double else gs_${mode}_float(${v}, ${n!.sql}) end`;
    });
  });

const rounding = (name: "ROUND" | "TRUNC") => {
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
            sigOf(`${type}, INT64, STRING`, type, ([x, n, m], ctx) => {
              if (isNullLiteral(m)) return `cast(null as ${duckdbType({ kind: type })})`;
              const mode = literalText(m);
              if (mode === undefined) return ctx.error("A rounding mode must be a literal");
              if (!/^ROUND_HALF_(EVEN|AWAY_FROM_ZERO)$/.test(mode)) {
                return ctx.error(`Could not cast literal "${mode}" to type ROUNDING_MODE`);
              }
              return `gs_${type.toLowerCase()}_round_mode(${x!.sql}, ${n!.sql}, ${m!.sql})`;
            }),
          ),
        ]
      : []),
  ]);
};

const toWhole = (names: readonly [string, ...string[]], duck: "ceil" | "floor") =>
  scalar(group, names, [
    sig("INT64", "FLOAT64", (x) => `cast(${x} as double)`),
    sig("NUMERIC", "NUMERIC", (x) => asNumeric(`${duck}(${x})`)),
    sig("BIGNUMERIC", "BIGNUMERIC", (x) => `gs_bignumeric_${duck}(${x})`),
    sig("FLOAT64", "FLOAT64", (x) => `${duck}(${x})`),
  ]);

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
            `case when isfinite(${x}) and isfinite(${y}) then gs_finite(pow(${x}, ${y})) else gs_ieee_pow(${x}, ${y}) end`,
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
          `case when isfinite(${x}) and isfinite(${b}) then gs_finite(ln(${x}) / ln(${b})) else gs_ieee_log(${x}, ${b}) end`,
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
      ...decimals("idiv", 2),
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
      ...decimals("mod", 2),
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
  js: jsFunctions(),
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

function distance(name: string, pairs: readonly (readonly [number, number])[]): number {
  if (name === "euclidean") return Math.sqrt(pairs.reduce((sum, [a, b]) => sum + (a - b) * (a - b), 0));
  let dot = 0;
  let first = 0;
  let second = 0;
  for (const [a, b] of pairs) {
    dot += a * b;
    first += a * a;
    second += b * b;
  }
  if (first === 0 || second === 0) throw new Error("Cannot compute cosine distance against zero vector.");
  return 1 - dot / (Math.sqrt(first) * Math.sqrt(second));
}

function jsFunctions(): JsFunction[] {
  const ieee: Record<string, (x: number) => number> = {
    sqrt: (x) => {
      if (x < 0) throw new Error(`Argument to SQRT cannot be negative: ${x}`);
      return Math.sqrt(x);
    },
    exp: Math.exp,
    ln: Math.log,
    log10: Math.log10,
    cos: Math.cos,
    cosh: Math.cosh,
    acos: Math.acos,
    acosh: Math.acosh,
    sin: Math.sin,
    sinh: Math.sinh,
    asin: Math.asin,
    asinh: Math.asinh,
    tan: Math.tan,
    tanh: Math.tanh,
    atan: Math.atan,
    atanh: Math.atanh,
    csc: (x) => 1 / Math.sin(x),
    sec: (x) => 1 / Math.cos(x),
    cot: (x) => 1 / Math.tan(x),
    csch: (x) => 1 / Math.sinh(x),
    sech: (x) => 1 / Math.cosh(x),
    coth: (x) => 1 / Math.tanh(x),
  };
  const number1 = (name: `gs_${string}`, run: (x: number) => number): JsFunction => ({
    name,
    args: ["DOUBLE"],
    result: "DOUBLE",
    run: (x) => run(x as number),
  });
  const vector = (value: JsValue): number[] =>
    (value as readonly (number | null)[]).map((one) => {
      if (one === null) throw new Error("NULL array element");
      return one;
    });
  const sparse = (value: JsValue): Map<string, number> => {
    const map = new Map<string, number>();
    for (const entry of value as readonly ({ f1: string | null; f2: number | null } | null)[]) {
      if (entry === null || entry.f1 === null || entry.f2 === null) throw new Error("NULL array element");
      if (map.has(entry.f1)) throw new Error(`Duplicate index ${entry.f1} found in the input array.`);
      map.set(entry.f1, entry.f2);
    }
    return map;
  };
  const modes: Record<string, "half away" | "half even"> = {
    ROUND_HALF_AWAY_FROM_ZERO: "half away",
    ROUND_HALF_EVEN: "half even",
  };
  const decimal = (kind: DecimalKind): JsFunction[] => {
    const prefix = kind === numericKind ? "numeric" : "bignumeric";
    const type = kind === numericKind ? "DECIMAL(38,9)" : "VARCHAR";
    const read = (value: JsValue): bigint =>
      kind === numericKind ? (value as bigint) : parseDecimal(kind, value as string);
    const write = (value: bigint): JsValue => (kind === numericKind ? value : printDecimal(kind, value));
    const of = (name: string, args: readonly string[], run: (...values: JsValue[]) => bigint): JsFunction => ({
      name: `gs_${prefix}_${name}`,
      args,
      result: type,
      run: (...values) => write(run(...values)),
    });
    const two = (name: string, run: (kind: DecimalKind, a: bigint, b: bigint) => bigint): JsFunction =>
      of(name, [type, type], (a = null, b = null) => run(kind, read(a), read(b)));
    const list = (name: string, better: (a: bigint, b: bigint) => boolean): JsFunction => ({
      name: `gs_${prefix}_${name}`,
      args: [`${type}[]`],
      result: type,
      run: (values) => {
        const all = values as readonly JsValue[];
        if (all.includes(null)) return null;
        return write(all.map(read).reduce((best, one) => (better(one, best) ? one : best)));
      },
    });
    return [
      two("idiv", integerDivide),
      two("mod", modulo),
      of("round", [type, "BIGINT"], (x = null, n = 0n) => roundDigits(kind, read(x), n as bigint, "half away")),
      of("trunc", [type, "BIGINT"], (x = null, n = 0n) => roundDigits(kind, read(x), n as bigint, "toward zero")),
      of("round_mode", [type, "BIGINT", "VARCHAR"], (x = null, n = 0n, mode = "") => {
        const rounding = modes[String(mode)];
        if (!rounding) throw new Error(`Invalid rounding mode: ${String(mode)}`);
        return roundDigits(kind, read(x), n as bigint, rounding);
      }),
      of("ceil", [type], (x = null) => roundDigits(kind, read(x), 0n, "ceil")),
      of("floor", [type], (x = null) => roundDigits(kind, read(x), 0n, "floor")),
      of("sign", [type], (x = null) => (read(x) > 0n ? kind.one : read(x) < 0n ? -kind.one : 0n)),
      list("greatest", (a, b) => a > b),
      list("least", (a, b) => a < b),
    ];
  };
  const pairsOf = (a: JsValue, b: JsValue): [number, number][] => {
    const [first, second] = [vector(a), vector(b)];
    if (first.length !== second.length) throw new Error(`Array length mismatch: ${first.length} and ${second.length}.`);
    return first.map((one, i) => [one, second[i]!]);
  };
  const sparsePairs = (a: JsValue, b: JsValue): [number, number][] => {
    const [first, second] = [sparse(a), sparse(b)];
    const keys = new Set([...first.keys(), ...second.keys()]);
    return [...keys].map((key) => [first.get(key) ?? 0, second.get(key) ?? 0]);
  };
  return [
    ...Object.entries(ieee).map(([name, run]) => number1(`gs_ieee_${name}`, run)),
    number1("gs_cbrt", Math.cbrt),
    {
      name: "gs_range_bucket_float",
      args: ["DOUBLE", "DOUBLE[]"],
      result: "BIGINT",
      run: (point, bounds) => {
        const list = bounds as readonly (number | null)[];
        if (Number.isNaN(point)) return null;
        const ordered = list.every((one, i) => one !== null && !Number.isNaN(one) && (i === 0 || list[i - 1]! <= one));
        if (!ordered) throw new Error("Elements in input array to RANGE_BUCKET must be in ascending order");
        return BigInt(list.filter((one) => one! <= (point as number)).length);
      },
    },
    {
      name: "gs_ieee_pow",
      args: ["DOUBLE", "DOUBLE"],
      result: "DOUBLE",
      // C says that 1 to any power is 1, and that -1 to an infinite one is too.
      run: (x, y) => (x === 1 || (x === -1 && Math.abs(y as number) === Infinity) ? 1 : (x as number) ** (y as number)),
    },
    {
      name: "gs_ieee_log",
      args: ["DOUBLE", "DOUBLE"],
      result: "DOUBLE",
      run: (x, base) =>
        Number.isFinite(base) && (base as number) > 0 ? Math.log(x as number) / Math.log(base as number) : Number.NaN,
    },
    ...(["round", "trunc"] as const).map(
      (mode): JsFunction => ({
        name: `gs_${mode}_float`,
        args: ["DOUBLE", "BIGINT"],
        result: "DOUBLE",
        run: (x, n) => roundDouble(x as number, n as bigint, mode),
      }),
    ),
    ...(["cosine", "euclidean"] as const).flatMap((name): JsFunction[] => [
      {
        name: `gs_${name}_distance`,
        args: ["DOUBLE[]", "DOUBLE[]"],
        result: "DOUBLE",
        run: (a = null, b = null) => distance(name, pairsOf(a, b)),
      },
      {
        name: `gs_${name}_distance_sparse`,
        args: ["STRUCT(f1 VARCHAR, f2 DOUBLE)[]", "STRUCT(f1 VARCHAR, f2 DOUBLE)[]"],
        result: "DOUBLE",
        run: (a = null, b = null) => distance(name, sparsePairs(a, b)),
      },
    ]),
    {
      name: "gs_bit_count_bytes",
      args: ["BLOB"],
      result: "BIGINT",
      run: (bytes) => {
        let count = 0n;
        for (let byte of bytes as Uint8Array) for (; byte > 0; byte &= byte - 1) count++;
        return count;
      },
    },
    ...decimal(numericKind),
    ...decimal(bigNumericKind),
  ];
}
