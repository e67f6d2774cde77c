import type { Expression, FunctionCall, NamedArgument } from "../ast.ts";
import { coercionCost } from "../coercion.ts";
import type { LiteralValue } from "../functions/contract.ts";
import { FLOAT64, typeName } from "../types.ts";
import { type AggregateSink, type Analysis, type Context, withoutColumns } from "./context.ts";
import { resolve } from "./expressions.ts";
import type { PrivateAggregate } from "./private-groups.ts";
import type { Typed } from "./typed.ts";

type Sink = AggregateSink & { readonly privacy: NonNullable<AggregateSink["privacy"]> };

const boundsName = (name: string): string =>
  name === "PERCENTILE_CONT" ? "contribution_bounds_per_row" : "contribution_bounds_per_group";

/**
 * An aggregate in a SELECT WITH DIFFERENTIAL_PRIVACY.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate-dp-functions
 */
export function privateAggregate(
  a: Analysis,
  node: FunctionCall,
  name: string,
  isSafe: boolean,
  sink: Sink,
  rows: Context,
): Typed {
  if (!/^(COUNT|SUM|AVG|PERCENTILE_CONT)$/.test(name))
    a.refuse(node, name, "in SELECT WITH DIFFERENTIAL_PRIVACY there are COUNT, SUM, AVG and PERCENTILE_CONT");
  if (isSafe) a.refuse(node, name, "SAFE in SELECT WITH DIFFERENTIAL_PRIVACY");
  if (node.over) a.refuse(node.over, "analytic_function", "an OVER clause in SELECT WITH DIFFERENTIAL_PRIVACY");
  if (node.distinct || node.filter || node.having || node.nulls || node.limit || node.orderBy.length > 0)
    a.refuse(
      node,
      name,
      "DISTINCT, WHERE, HAVING, ORDER BY, LIMIT and NULLS within a call in SELECT WITH DIFFERENTIAL_PRIVACY",
    );
  const named = node.arguments.filter((argument): argument is NamedArgument => argument.kind === "named-argument");
  const positional = node.arguments.filter((argument) => argument.kind !== "named-argument");
  const bounds = boundsOf(a, node, name, named);
  const [first, second] = positional;
  if (positional.length !== (name === "PERCENTILE_CONT" ? 2 : 1)) return noMatch(a, node, name, positional.length);
  const percentile = name === "PERCENTILE_CONT" ? percentileOf(a, second as Expression) : 0;
  const add = (aggregate: PrivateAggregate): Typed => sink.privacy.add(aggregate);
  if (first!.kind === "star-argument") {
    if (name !== "COUNT") a.fail(node, "Argument * can only be used in COUNT(*)");
    return add({ kind: "count", value: undefined, ...wholes(a, bounds, name) });
  }
  const value = resolve(a, first as Expression, rows);
  if (name === "COUNT") return add({ kind: "count", value: value.sql, ...wholes(a, bounds, name) });
  if (value.type.kind !== "INT64" && value.type.kind !== "FLOAT64")
    return a.fail(
      node,
      `No matching signature for aggregate function ${name} in DIFFERENTIAL_PRIVACY context for argument type: ${typeName(value.type)}`,
    );
  const sql = value.isUntypedNull ? "CAST(NULL AS BIGINT)" : value.sql;
  if (name === "SUM" && value.type.kind === "INT64")
    return add({ kind: "sum", value: sql, ...wholes(a, bounds, name) });
  const range = doubles(a, bounds, name);
  if (name === "SUM") return add({ kind: "sum of doubles", value: sql, ...range });
  if (name === "AVG") return add({ kind: "average", value: sql, ...range });
  return add({ kind: "percentile", value: sql, percentile, ...range });
}

function noMatch(a: Analysis, node: FunctionCall, name: string, count: number): never {
  return a.fail(
    node,
    `No matching signature for aggregate function ${name} in DIFFERENTIAL_PRIVACY context with ${count} arguments`,
  );
}

interface Bounds {
  readonly node: Expression;
  readonly values: readonly [Typed, Typed];
}

function boundsOf(a: Analysis, node: FunctionCall, name: string, named: readonly NamedArgument[]): Bounds {
  const wanted = boundsName(name);
  const found = new Map<string, NamedArgument>();
  for (const argument of named) {
    const key = argument.name.name.toLowerCase();
    if (key === "report_format") a.refuse(argument, key, "reports of DIFFERENTIAL_PRIVACY are not carried out");
    if (key !== wanted)
      a.fail(argument, `Named argument ${argument.name.name} not found in signature for call to function ${name}`);
    if (found.has(key)) a.fail(argument, `Named argument ${argument.name.name} is given twice`);
    found.set(key, argument);
  }
  const given = found.get(wanted);
  if (!given)
    return a.refuse(
      node,
      "implicit_bounds",
      `bounds that are worked out from the data are not carried out; give ${name} what is known without them: ${wanted} => (lower, upper)`,
    );
  const cx = withoutColumns(`argument ${wanted}`);
  const value = resolve(a, given.value as Expression, cx);
  const fields = value.structFields;
  if (value.type.kind !== "STRUCT" || fields?.length !== 2)
    return a.fail(given, `Argument ${wanted} of ${name} must be a literal pair (lower, upper)`);
  return { node: given.value as Expression, values: [fields[0]!, fields[1]!] };
}

function literalOf(a: Analysis, node: Expression, value: Typed, name: string): NonNullable<LiteralValue> {
  const given = value.literal?.value;
  if (given === undefined || given === null)
    return a.fail(node, `Argument ${boundsName(name)} of ${name} must be a pair of literals, neither of them NULL`);
  return given;
}

/** Of a range in which all are alike, or nothing counts, there is nothing to tell. */
function checkRange<T extends bigint | number>(a: Analysis, node: Expression, name: string, lower: T, upper: T): void {
  if (lower > upper) a.fail(node, `Lower bound cannot be greater than upper bound: ${lower} > ${upper}`);
  const isEmpty = lower === upper && (name === "AVG" || name === "PERCENTILE_CONT" || Number(lower) === 0);
  if (isEmpty) a.fail(node, `Bounds of ${name} leave nothing to differ by: (${lower}, ${upper})`);
}

function wholes(a: Analysis, { node, values }: Bounds, name: string): { lower: bigint; upper: bigint } {
  const [lower, upper] = values.map((value) => {
    const given = literalOf(a, node, value, name);
    return typeof given === "bigint"
      ? given
      : a.fail(node, `Bounds of ${name} must be INT64 here, not ${typeName(value.type)}`);
  });
  checkRange(a, node, name, lower!, upper!);
  return { lower: lower!, upper: upper! };
}

function doubles(a: Analysis, { node, values }: Bounds, name: string): { lower: number; upper: number } {
  const [lower, upper] = values.map((value) => {
    const given = literalOf(a, node, value, name);
    if (coercionCost(value, FLOAT64) === undefined || !Number.isFinite(Number(given)))
      a.fail(node, `Bounds of ${name} must be finite numbers, not ${typeName(value.type)} ${given}`);
    return Number(given);
  });
  checkRange(a, node, name, lower!, upper!);
  return { lower: lower!, upper: upper! };
}

function percentileOf(a: Analysis, node: Expression): number {
  const value = resolve(a, node, withoutColumns("a percentile"));
  const given = value.literal?.value;
  if (given === undefined || given === null || coercionCost(value, FLOAT64) === undefined)
    return a.fail(node, "The percentile of PERCENTILE_CONT must be a literal");
  const share = Number(given);
  if (!(share >= 0 && share <= 1)) a.fail(node, `The percentile of PERCENTILE_CONT must be in [0, 1], but is ${given}`);
  return share;
}
