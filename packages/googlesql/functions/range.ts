import type { IntervalParts } from "../emit/intervals.ts";
import { duckdbType, rangeOf } from "../types.ts";
import type { FunctionLibrary } from "./contract.ts";
import { rangeParts, rangeSteps } from "./range-steps.ts";
import { bind, fail, scalar, sigOf } from "./signature.ts";

const group = "range";
const kinds = ["DATE", "DATETIME", "TIMESTAMP"];

/** A RANGE is a DuckDB STRUCT of f1 (start) and f2 (end), each NULL where it is unbounded. */
export const range: FunctionLibrary = {
  functions: [
    scalar(group, "RANGE", [
      sigOf(
        "T1, T1",
        ([a]) => rangeOf(a!.type),
        ([a, b], ctx) => {
          if (!kinds.includes(a!.type.kind))
            return ctx.error(`RANGE is not defined for arguments of type ${a!.type.kind}`);
          return bind(
            ctx,
            [a!.sql, b!.sql],
            (start, end) =>
              `case when ${start} >= ${end} then {'f1': ${start}, 'f2': ${fail("Range start element must be smaller than range end element", a!.type.kind === "TIMESTAMP" ? "timestamptz" : a!.type.kind === "DATE" ? "date" : "timestamp")}} else {'f1': ${start}, 'f2': ${end}} end`,
          );
        },
      ),
    ]),
    scalar(
      group,
      "RANGE_START",
      [
        sigOf(
          "RANGE<T1>",
          ([r]) => (r!.type.kind === "RANGE" ? r!.type.element : r!.type),
          ([r]) => `struct_extract(${r!.sql}, 'f1')`,
        ),
      ],
      { cannotFail: true },
    ),
    scalar(
      group,
      "RANGE_END",
      [
        sigOf(
          "RANGE<T1>",
          ([r]) => (r!.type.kind === "RANGE" ? r!.type.element : r!.type),
          ([r]) => `struct_extract(${r!.sql}, 'f2')`,
        ),
      ],
      { cannotFail: true },
    ),
    scalar(
      group,
      "RANGE_OVERLAPS",
      [
        sigOf("RANGE<T1>, RANGE<T1>", "BOOL", ([a, b], ctx) =>
          bind(
            ctx,
            [a!.sql, b!.sql],
            (x, y) =>
              `case when ${x} is null or ${y} is null then null else coalesce(${x}.f1 < ${y}.f2, true) and coalesce(${y}.f1 < ${x}.f2, true) end`,
          ),
        ),
      ],
      { cannotFail: true },
    ),
    scalar(
      group,
      "RANGE_CONTAINS",
      [
        sigOf("RANGE<T1>, RANGE<T1>", "BOOL", ([a, b], ctx) =>
          bind(
            ctx,
            [a!.sql, b!.sql],
            (x, y) =>
              `case when ${x} is null or ${y} is null then null else (${x}.f1 is null or coalesce(${x}.f1 <= ${y}.f1, false)) and (${x}.f2 is null or coalesce(${y}.f2 <= ${x}.f2, false)) end`,
          ),
        ),
        sigOf("RANGE<T1>, T1", "BOOL", ([a, v], ctx) =>
          bind(
            ctx,
            [a!.sql, v!.sql],
            (x, y) =>
              `case when ${x} is null or ${y} is null then null else coalesce(${x}.f1 <= ${y}, true) and coalesce(${y} < ${x}.f2, true) end`,
          ),
        ),
      ],
      { cannotFail: true },
    ),
    scalar(group, "RANGE_INTERSECT", [
      sigOf(
        "RANGE<T1>, RANGE<T1>",
        ([a]) => a!.type,
        ([a, b], ctx) =>
          bind(
            ctx,
            [a!.sql, b!.sql],
            (x, y) =>
              `case when ${x} is null or ${y} is null then null
          when coalesce(${x}.f1 < ${y}.f2, true) and coalesce(${y}.f1 < ${x}.f2, true) then {'f1': greatest(${x}.f1, ${y}.f1), 'f2': least(${x}.f2, ${y}.f2)}
          when gs_fail('Provided RANGE inputs do not overlap. Please check RANGE_OVERLAPS before calling RANGE_INTERSECT') is null then null end`,
          ),
      ),
    ]),
    scalar(
      group,
      "GENERATE_RANGE_ARRAY",
      kinds.map((kind) =>
        sigOf(`RANGE<${kind}>, INTERVAL, BOOL?`, `ARRAY<RANGE<${kind}>>`, ([r, step, last], ctx) =>
          bind(ctx, [r!.sql], (v) => {
            const micros = (field: string): string =>
              `epoch_us(cast(${v}.${field} as ${kind === "DATE" ? "date" : duckdbType({ kind: kind as "DATETIME" })}))`;
            const element = kind === "DATE" ? "date" : kind === "DATETIME" ? "timestamp" : "timestamptz";
            const at = (index: string): string =>
              kind === "TIMESTAMP" ? `make_timestamptz(${index})` : `cast(make_timestamp(${index}) as ${element})`;
            const b = ctx.fresh("b");
            const i = ctx.fresh("i");
            const bounds = `gs_range_steps(${micros("f1")}, ${micros("f2")}, ${step!.sql}, ${last?.sql ?? "true"}, '${kind}', ${v} is null)`;
            return `list_transform([${bounds}], lambda ${b}: list_transform(range(1, len(${b})), lambda ${i}: {'f1': ${at(`${b}[${i}]`)}, 'f2': ${at(`${b}[${i} + 1]`)}}))[1]`;
          }),
        ),
      ),
    ),
  ],
  js: [
    {
      name: "gs_range_parts",
      args: ["VARCHAR"],
      result: "VARCHAR[]",
      run: (text) => rangeParts(text as string),
    },
    {
      name: "gs_range_steps",
      args: ["BIGINT", "BIGINT", "INTERVAL", "BOOLEAN", "VARCHAR", "BOOLEAN"],
      result: "BIGINT[]",
      nulls: "own",
      run: (start, end, step, last, kind, isNull) =>
        isNull === true || step === null || last === null
          ? null
          : rangeSteps(
              start as bigint | null,
              end as bigint | null,
              step as unknown as IntervalParts,
              last as boolean,
              kind as string,
            ),
    },
  ],
};
