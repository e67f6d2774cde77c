import type { FunctionCall } from "../ast.ts";
import type { UserFunction } from "../catalog.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import type { Typed } from "./typed.ts";
import { callUserAggregate } from "./user-aggregates.ts";
import { argumentNodes, argumentValue, callForeign, inBody, nameOf, scalarCall } from "./user-functions.ts";

/** A call of a function that the user created: SQL bodies are resolved in place with the arguments' types. */
export function callUserFunction(
  a: Analysis,
  node: FunctionCall,
  user: UserFunction,
  isSafe: boolean,
  cx: Context,
): Typed {
  if (user.kind === "foreign") return callForeign(a, node, user, isSafe, cx);
  if (user.definition.aggregate) return callUserAggregate(a, node, user, isSafe, cx);
  if (node.over || node.distinct || node.orderBy.length > 0 || node.limit || node.nulls || node.having) {
    a.fail(node, `Function ${nameOf(node)} takes no more than its arguments`);
  }
  const { parameters } = user.definition;
  const values = argumentNodes(a, node, parameters).map((argument, i) =>
    argumentValue(a, parameters[i]!, argument, argument && resolve(a, argument, cx)),
  );
  return inBody(a, node, user, () => scalarCall(a, node, user, values, isSafe));
}
