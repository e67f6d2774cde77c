import {
  arrayOf,
  type GoogleSqlType,
  hasFloat,
  structFieldName,
  structOf,
  supportsEquality,
  supportsGrouping,
  typeName,
} from "../types.ts";
import {
  type Argument,
  type ArgumentSpec,
  type EmitContext,
  type FunctionLibrary,
  raise,
  type Signature,
} from "./contract.ts";
import { includesBy } from "./lambdas.ts";
import { bind, fail, literalText, scalar, sig, sigBind, sigOf } from "./signature.ts";

const group = "array";

/** Fails where elements of the array cannot be told apart as the function needs it. */
function wantsElements(array: Argument, what: "equality" | "grouping", name: string, ctx: EmitContext): void {
  const supports = what === "equality" ? supportsEquality : supportsGrouping;
  if (supports(elementOf(array.type))) return;
  ctx.error(
    `${name} cannot be used on argument of type ${typeName(array.type)} because the array's element type does not support ${what}`,
  );
}

const elementOf = (type: GoogleSqlType): GoogleSqlType => (type.kind === "ARRAY" ? type.element : type);

const firstLast = (name: "ARRAY_FIRST" | "ARRAY_LAST") =>
  scalar(group, name, [
    sigOf(
      "ARRAY<T1>",
      ([a]) => elementOf(a!.type),
      ([a], ctx) =>
        bind(
          ctx,
          [a!.sql],
          (v) =>
            `case when len(${v}) = 0 then ${v}[cast(gs_fail('${name} cannot get the ${name === "ARRAY_FIRST" ? "first" : "last"} element of an empty array') as bigint)] else ${v}[${name === "ARRAY_FIRST" ? 1 : -1}] end`,
        ),
    ),
  ]);

/** Sum of an array's elements that are not NULL. */
const sums: Signature[] = [
  sig("ARRAY<INT64>", "INT64", (a) => `cast(list_sum(${a}) as bigint)`),
  sig("ARRAY<NUMERIC>", "NUMERIC", (a) => `gs_numeric_total(cast(null as varchar), ${a}, 1::bigint)`),
  sig("ARRAY<FLOAT64>", "FLOAT64", (a) => `gs_array_sum(${a})`),
  sig("ARRAY<BIGNUMERIC>", "BIGNUMERIC", (a) => `gs_bignumeric_sum(${a})`),
  sig("ARRAY<INTERVAL>", "INTERVAL", (a) => `gs_interval_sum(${a})`),
];

const extreme = (name: "ARRAY_MIN" | "ARRAY_MAX") => {
  const duck = name === "ARRAY_MIN" ? "list_min" : "list_max";
  return scalar(group, name, [
    // An untyped NULL is an array of INT64 to ARRAY_MIN, and of FLOAT64 to ARRAY_MAX.
    ...(name === "ARRAY_MIN" ? [sig("ARRAY<INT64>", "INT64", (a: string) => `${duck}(${a})`)] : []),
    sigBind(
      "ARRAY<FLOAT64>",
      "FLOAT64",
      (a) =>
        `case when list_bool_or(list_transform(${a}, lambda gs_n: isnan(gs_n))) then 'nan'::double else ${duck}(${a}) end`,
    ),
    sigOf(
      "ARRAY<T1>",
      ([a]) => elementOf(a!.type),
      ([a], ctx) =>
        ["STRUCT", "JSON", "ARRAY", "RANGE", "BIGNUMERIC"].includes(elementOf(a!.type).kind)
          ? ctx.refuse(`${name} of ${elementOf(a!.type).kind} elements`)
          : `${duck}(${a!.sql})`,
    ),
  ]);
};

export const array: FunctionLibrary = {
  functions: [
    scalar(
      group,
      "ARRAY_CONCAT",
      [
        sigOf(
          "ARRAY<T1>, ARRAY<T1>*",
          ([a]) => a!.type,
          (args, ctx) => {
            const lists = args.map((one) => one!.sql);
            if (lists.length === 1) return lists[0]!;
            return bind(
              ctx,
              lists,
              (...v) =>
                `case when ${v.map((one) => `${one} is null`).join(" or ")} then null else ${v.slice(1).reduce((all, one) => `list_concat(${all}, ${one})`, v[0]!)} end`,
            );
          },
        ),
      ],
      { cannotFail: true },
    ),
    scalar(group, "ARRAY_LENGTH", [sig("ARRAY<T1>", "INT64", (a) => `len(${a})`)], { cannotFail: true }),
    scalar(
      group,
      "ARRAY_REVERSE",
      [
        sigOf(
          "ARRAY<T1>",
          ([a]) => a!.type,
          ([a]) => `list_reverse(${a!.sql})`,
        ),
      ],
      { cannotFail: true },
    ),
    scalar(
      group,
      "ARRAY_TO_STRING",
      [
        sig("ARRAY<STRING>, STRING, STRING?", "STRING", (a, d, n) =>
          n === undefined
            ? `gs_array_to_string(${a}, ${d})`
            : `gs_array_to_string(list_transform(${a}, lambda gs_e: coalesce(gs_e, ${n})), ${d})`,
        ),
        sig(
          "ARRAY<BYTES>, BYTES, BYTES?",
          "BYTES",
          (a, d, n) =>
            `gs_join_bytes(list_filter(${n === undefined ? a : `list_transform(${a}, lambda gs_e: coalesce(gs_e, ${n}))`}, lambda gs_e: gs_e is not null), ${d})`,
        ),
      ],
      { cannotFail: true },
    ),
    firstLast("ARRAY_FIRST"),
    firstLast("ARRAY_LAST"),
    scalar(
      group,
      "ARRAY_SLICE",
      [
        sigOf(
          "ARRAY<T1>, INT64, INT64",
          ([a]) => a!.type,
          ([a, s, e], ctx) =>
            bind(ctx, [a!.sql, s!.sql, e!.sql], (v, from, to) => {
              const low = `case when ${from} < 0 then greatest(len(${v}) + ${from}, 0) else ${from} end`;
              const high = `case when ${to} < 0 then len(${v}) + ${to} else ${to} end`;
              return `case when ${v} is null or ${from} is null or ${to} is null then null when (${high}) < 0 or (${low}) > (${high}) then list_slice(${v}, 1, 0) else list_slice(${v}, (${low}) + 1, least((${high}), len(${v})) + 1) end`;
            }),
        ),
      ],
      { cannotFail: true },
    ),
    scalar(group, "ARRAY_INCLUDES", [
      sigOf("ARRAY<T1>, T1", "BOOL", ([a, x], ctx) => {
        wantsElements(a!, "equality", "ARRAY_INCLUDES", ctx);
        return bind(
          ctx,
          [a!.sql, x!.sql],
          (v, e) =>
            `case when ${v} is null or ${e} is null then null else list_contains(${v}, ${e})${elementOf(a!.type).kind === "FLOAT64" ? ` and not isnan(${e})` : ""} end`,
        );
      }),
      includesBy,
    ]),
    ...(["ANY", "ALL"] as const).map((which) =>
      scalar(group, `ARRAY_INCLUDES_${which}`, [
        sigOf("ARRAY<T1>, ARRAY<T1>", "BOOL", ([a, b], ctx) => {
          wantsElements(a!, "equality", `ARRAY_INCLUDES_${which}`, ctx);
          // NaN equals nothing; a NULL that is searched for is never found.
          const found =
            elementOf(a!.type).kind === "FLOAT64" ? `list_filter(${a!.sql}, lambda gs_x: not isnan(gs_x))` : a!.sql;
          if (which === "ANY") return `list_has_any(${found}, ${b!.sql})`;
          return bind(
            ctx,
            [found, b!.sql],
            (v, w) => `case when ${v} is not null then list_has_all(${v}, ${w}) and list_count(${w}) = len(${w}) end`,
          );
        }),
      ]),
    ),
    scalar(
      group,
      "ARRAY_IS_DISTINCT",
      [
        sigOf("ARRAY<T1>", "BOOL", ([a], ctx) => {
          wantsElements(a!, "grouping", "ARRAY_IS_DISTINCT", ctx);
          return bind(ctx, [a!.sql], (v) => {
            // One NaN is another to DuckDB's list_distinct.
            const element = elementOf(a!.type);
            const isFloat = element.kind === "FLOAT64";
            const nans = isFloat ? ` and len(list_filter(${v}, lambda gs_x: isnan(gs_x))) < 2` : "";
            const test = `(len(list_distinct(${v})) + case when list_count(${v}) < len(${v}) then 1 else 0 end = len(${v})${nans})`;
            if (isFloat || !hasFloat(element)) return test;
            const refusal = raise("'refused.ARRAY_IS_DISTINCT: NaN inside of elements'", "boolean");
            return `case when contains(cast(${v} as varchar), 'nan') then ${refusal} else ${test} end`;
          });
        }),
      ],
      { cannotFail: true },
    ),
    scalar(group, "ARRAY_SUM", sums),
    scalar(group, "ARRAY_AVG", [
      sig("ARRAY<INT64>", "FLOAT64", (a) => `list_avg(${a})`),
      sig("ARRAY<FLOAT64>", "FLOAT64", (a) => `gs_array_avg(${a})`),
      sigOf("ARRAY<NUMERIC>", "NUMERIC", ([a], ctx) =>
        bind(ctx, [a!.sql], (v) => `gs_numeric_total(cast(null as varchar), ${v}, cast(list_count(${v}) as bigint))`),
      ),
      sig("ARRAY<BIGNUMERIC>", "BIGNUMERIC", (a) => `gs_bignumeric_avg(${a})`),
      sig("ARRAY<INTERVAL>", "INTERVAL", (a) => `gs_interval_avg(${a})`),
    ]),
    extreme("ARRAY_MIN"),
    extreme("ARRAY_MAX"),
    scalar(group, "FLATTEN", [
      sigOf(
        "ARRAY<T1>",
        ([a]) => a!.type,
        (_args, ctx) => ctx.refuse("FLATTEN over paths"),
      ),
    ]),
    scalar(
      group,
      "ARRAY_ZIP",
      [2, 3, 4].flatMap((count) => [zip(count, false), zip(count, true)]),
    ),
  ],
  macros: [
    {
      name: "gs_array_to_string",
      definition: "(a, d) as case when a is not null and d is not null then coalesce(array_to_string(a, d), '') end",
    },
  ],
  js: [
    {
      name: "gs_array_sum",
      args: ["DOUBLE[]"],
      result: "DOUBLE",
      run: (values) => sumOf(values as readonly (number | null)[]),
    },
    {
      name: "gs_array_avg",
      args: ["DOUBLE[]"],
      result: "DOUBLE",
      run: (values) => {
        const given = (values as readonly (number | null)[]).filter((one) => one !== null);
        // An infinity makes a NaN of what comes after it, for the mean is kept up value by value.
        if (!given.every(Number.isFinite)) return given.reduce((mean, x, i) => mean + (x - mean) / (i + 1), 0);
        const sum = sumOf(given);
        return sum === null ? null : sum / given.length;
      },
    },
  ],
};

function zip(count: number, isTransforming: boolean): Signature {
  const names = Array.from({ length: count }, (_, i) => `ARRAY<T${i + 1}>`);
  const plain = sigOf(
    `${names.join(", ")}, mode==>STRING?`,
    (args) => arrayOf(structOf(...args.slice(0, count).map((one) => [undefined, elementOf(one.type)] as const))),
    (args, ctx) => {
      const by = args.find((one) => one?.lambda)?.lambda;
      const given = args.find((one, k) => k >= count && one && !one.lambda);
      const mode =
        given === undefined
          ? "STRICT"
          : (literalText(given) ?? ctx.refuse("ARRAY_ZIP with a mode that is not a literal")).toUpperCase();
      if (!["STRICT", "PAD", "TRUNCATE"].includes(mode)) return ctx.error(`Invalid ARRAY_ZIP mode: ${mode}`);
      return bind(
        ctx,
        args.slice(0, count).map((one) => one!.sql),
        (...v) => {
          const lengths = v.map((one) => `len(${one})`);
          const i = ctx.fresh("i");
          const fields = v.map((one, k) => `'${structFieldName(k)}': ${one}[${i}]`).join(", ");
          const element = by
            ? by.params.reduceRight(
                (body, param, k) => `list_transform([${v[k]}[${i}]], lambda ${param}: ${body})[1]`,
                by.body,
              )
            : `{${fields}}`;
          const size = mode === "TRUNCATE" ? `least(${lengths.join(", ")})` : `greatest(${lengths.join(", ")})`;
          const uneven = lengths
            .slice(1)
            .map((length) => `${length} <> ${lengths[0]}`)
            .join(" or ");
          const checkedSize =
            mode === "STRICT"
              ? `case when ${uneven} then ${fail("Unnested arrays under STRICT mode must have equal lengths", "bigint")} else ${size} end`
              : size;
          return `case when ${v.map((one) => `${one} is null`).join(" or ")} then null else list_transform(range(1, (${checkedSize}) + 1), lambda ${i}: ${element}) end`;
        },
      );
    },
  );
  if (!isTransforming) return plain;
  const spec: ArgumentSpec = {
    type: "ANY",
    name: "transformation",
    lambda: { args: Array.from({ length: count }, (_, i) => `T${i + 1}`), result: "T9" },
  };
  return {
    args: [...plain.args.slice(0, count), spec, ...plain.args.slice(count)],
    result: (args) => arrayOf(args.find((one) => one.lambda)!.type),
    emit: plain.emit,
  };
}

/** Sum with the digits that plain addition loses kept aside. */
function sumOf(values: readonly (number | null)[]): number | null {
  let sum = 0;
  let lost = 0;
  let seen = false;
  for (const value of values) {
    if (value === null) continue;
    seen = true;
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  if (!seen) return null;
  return Number.isFinite(sum) && Number.isFinite(lost) ? sum + lost : sum;
}
