/** Functions that take a lambda: ARRAY_FILTER, ARRAY_TRANSFORM, ARRAY_INCLUDES, APPLY; with subqueries in its body too. */
import { arrayOf } from "../types.ts";
import type { Argument, ArgumentSpec, EmitContext, FunctionLibrary, Signature } from "./contract.ts";
import { scalar } from "./signature.ts";

/** Those whose lambda may have a subquery. */
export const liftsSubqueries: ReadonlySet<string> = new Set([
  "ARRAY_FILTER",
  "ARRAY_TRANSFORM",
  "ARRAY_INCLUDES",
  "APPLY",
]);

const taking = (args: readonly string[], result: string): readonly ArgumentSpec[] => [
  { type: "ARRAY<T1>" },
  { type: "ANY", lambda: { args, result } },
];

/**
 * The elements as `v` with what the lambda gives for each as `r`, in order: a query of its own, for DuckDB has no subqueries in
 * lambdas. The parameters of the lambda are its columns.
 */
function lifted(array: Argument, by: Argument, ctx: EmitContext): string {
  const [element, index] = by.lambda!.params;
  const [list, at] = [ctx.fresh("t"), index ?? ctx.fresh("n")];
  const rows = `select unnest(${list}.a) as ${element}, unnest(range(len(${list}.a))) as ${at}`;
  const pairs = `select list({'v': ${element}, 'r': ${by.lambda!.body}} order by ${at}) from (${rows})`;
  return `(select case when ${list}.a is not null then coalesce((${pairs}), []) end from (select ${array.sql} as a) as ${list})`;
}

/** `duck(array, lambda)`; DuckDB counts elements from 1, GoogleSQL from 0. */
function natively(duck: string, array: Argument, by: Argument, ctx: EmitContext): string {
  const [element, index] = by.lambda!.params;
  if (index === undefined) return `${duck}(${array.sql}, ${by.sql})`;
  const from1 = ctx.fresh("n");
  const body = `list_transform([${from1} - 1], lambda ${index}: ${by.lambda!.body})[1]`;
  return `${duck}(${array.sql}, lambda ${element}, ${from1}: ${body})`;
}

function filtered(array: Argument, by: Argument, ctx: EmitContext): string {
  if (!by.lambda!.hasSubquery) return natively("list_filter", array, by, ctx);
  const p = ctx.fresh("p");
  return `list_transform(list_filter(${lifted(array, by, ctx)}, lambda ${p}: ${p}.r), lambda ${p}: ${p}.v)`;
}

function transformed(array: Argument, by: Argument, ctx: EmitContext): string {
  if (!by.lambda!.hasSubquery) return natively("list_transform", array, by, ctx);
  const p = ctx.fresh("p");
  return `list_transform(${lifted(array, by, ctx)}, lambda ${p}: ${p}.r)`;
}

/** ARRAY_INCLUDES(array, lambda). */
export const includesBy: Signature = {
  args: taking(["T1"], "BOOL"),
  result: "BOOL",
  emit: ([array, by], ctx) => `(len(${filtered(array!, by!, ctx)}) > 0)`,
};

const oneOrTwo = (
  result: string,
  type: Signature["result"],
  emit: (array: Argument, by: Argument, ctx: EmitContext) => string,
): Signature[] =>
  [["T1"], ["T1", "INT64"]].map((args) => ({
    args: taking(args, result),
    result: type,
    emit: ([array, by], ctx) => emit(array!, by!, ctx),
  }));

export const lambdas: FunctionLibrary = {
  functions: [
    scalar(
      "array",
      "ARRAY_FILTER",
      oneOrTwo("BOOL", ([array]) => array!.type, filtered),
    ),
    scalar(
      "array",
      "ARRAY_TRANSFORM",
      oneOrTwo("T2", (args) => arrayOf(args[1]!.type), transformed),
    ),
    scalar("conditional", "APPLY", [
      {
        args: [{ type: "T1" }, { type: "ANY", lambda: { args: ["T1"], result: "T2" } }],
        result: (args) => args[1]!.type,
        emit: ([value, by]) => {
          const { params, body, hasSubquery } = by!.lambda!;
          return hasSubquery
            ? `(select ${body} from (select ${value!.sql} as ${params[0]}))`
            : `list_transform([${value!.sql}], lambda ${params[0]}: ${body})[1]`;
        },
      },
    ]),
  ],
};
