import type { FunctionCall } from "../ast.ts";
import type { SqlFunction } from "../catalog.ts";
import { filterText } from "./aggregates.ts";
import type { AggregateSink, Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { Scope } from "./scope.ts";
import type { Typed } from "./typed.ts";
import { argumentNodes, argumentValue, asArgument, inBody, nameOf, resolveBody } from "./user-functions.ts";

/**
 * A call of CREATE AGGREGATE FUNCTION: its body is resolved in place, over the groups of the query. The arguments are columns of
 * the rows that are aggregated; one that is NOT AGGREGATE is a constant, and may be named outside of the body's aggregates too.
 */
export function callUserAggregate(
  a: Analysis,
  node: FunctionCall,
  user: SqlFunction,
  isSafe: boolean,
  cx: Context,
): Typed {
  const name = nameOf(node);
  if (node.over) a.refuse(node, name, "OVER a user-defined aggregate function");
  if (node.distinct || node.orderBy.length > 0 || node.limit || node.nulls || node.having) {
    a.refuse(node, name, "DISTINCT, HAVING, ORDER BY, LIMIT or NULLS in a user-defined aggregate function");
  }
  if (isSafe) a.refuse(node, name, "SAFE. before a user-defined aggregate function");
  const outer = cx.aggregates;
  if (!outer) return a.fail(node, `Aggregate function ${name} is not allowed in ${cx.clause}`);
  if (outer.privacy) a.refuse(node, name, "a user-defined aggregate function in SELECT WITH DIFFERENTIAL_PRIVACY");
  const rows: Context = {
    ...outer.rows,
    aggregates: undefined,
    windows: undefined,
    clause: `an argument of aggregate function ${name}`,
  };
  const { parameters } = user.definition;
  const locals = argumentNodes(a, node, parameters).map((argument, i): [string, Typed] => {
    const parameter = parameters[i]!;
    const value = argumentValue(a, parameter, argument, argument && resolve(a, argument, rows));
    if (parameter.notAggregate && value.literal === undefined && (!value.isParameter || value.isVolatile)) {
      a.refuse(argument ?? node, name, "a NOT AGGREGATE argument that is no literal or parameter");
    }
    return [parameter.name.name, { ...asArgument(value), isSimple: value.isSimple }];
  });
  const filter = filterText(a, node, rows, cx);
  const overGroups = locals.filter((_, i) => parameters[i]!.notAggregate);
  return inBody(a, node, user, () => {
    const scope = new Scope({ locals });
    const sink: AggregateSink = {
      ...outer,
      filter,
      rows: { ...outer.rows, scope, tables: new Map() },
      keyNodes: new Map(),
      keyKinds: new Set(),
      forms: new Map(),
      keys: new Map(),
    };
    const body = resolveBody(a, user, {
      scope: new Scope({ locals: overGroups }),
      tables: new Map(),
      clause: "the body of an aggregate function",
      aggregates: sink,
    });
    return { ...body, isSimple: false, literal: undefined };
  });
}
