import { plainCall } from "../ast/plain-call.ts";
import type { Expression, FunctionCall, Identifier, Lambda, OrderItem, Query, Select } from "../ast.ts";
import { isPlain } from "../emit/let.ts";
import { tryText } from "../emit/tried.ts";
import { emptySelect } from "../empty-select.ts";
import { duckdbType } from "../types.ts";
import { walk } from "../walk.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { Scope } from "./scope.ts";
import { flagsOf, type Typed } from "./typed.ts";

/** Calls with a lambda that are more than a function of values; undefined for all others. */
export function lambdaForm(
  a: Analysis,
  node: FunctionCall,
  name: string,
  isSafe: boolean,
  cx: Context,
): Typed | undefined {
  const [input, lambda, ...more] = node.arguments;
  if (lambda?.kind !== "lambda" || more.length > 0 || !input || !isExpression(input)) return undefined;
  if (name === "APPLY") return apply(a, node, input, lambda, isSafe, cx);
  const form = queries[name];
  if (!form || isSafe || !hasQuery(lambda.body)) return undefined;
  const array = resolve(a, input, cx);
  if (array.isVolatile)
    a.refuse(input, "lambda_with_subquery", "a subquery inside a lambda, over an array that differs each time");
  const local: Identifier = { kind: "identifier", name: "array\0", quoted: true, span: input.span };
  const scope = new Scope({ parent: cx.scope, locals: [[local.name, array]] });
  return resolve(a, unlessNull(pathTo(local), form(pathTo(local), lambda)), { ...cx, scope });
}

const isExpression = (node: FunctionCall["arguments"][number]): node is Expression =>
  !["star-argument", "named-argument", "lambda", "table-argument", "model-argument"].includes(node.kind);

/** APPLY(value, x -> body): the value is computed once. */
function apply(
  a: Analysis,
  node: FunctionCall,
  input: Expression,
  lambda: Lambda,
  isSafe: boolean,
  cx: Context,
): Typed {
  const [parameter, ...others] = lambda.parameters;
  if (!parameter || others.length > 0) return a.fail(lambda, "The lambda of APPLY has one parameter");
  const value = resolve(a, input, cx);
  const given = value.isUntypedNull ? `CAST(NULL AS ${duckdbType(value.type)})` : value.sql;
  const isHeld = (isSafe && value.canFail) || (!value.isSimple && !isPlain(value.sql));
  const row = a.fresh("v");
  const local: Typed = {
    sql: isHeld ? `${row}.a0` : given,
    type: value.type,
    isSimple: true,
  };
  const scope = new Scope({ parent: cx.scope, locals: [[parameter.name, local]] });
  const body = resolve(a, lambda.body, { ...cx, scope });
  if ((isHeld || isSafe) && body.hasSubquery)
    a.refuse(node, "lambda_with_subquery", "a subquery inside the lambda of APPLY");
  const text = isSafe ? tryText(body.sql) : body.sql;
  const sql = isHeld ? `list_transform([{'a0': ${given}}], lambda ${row}: ${text})[1]` : text;
  return { sql, type: body.type, ...flagsOf(value, body) };
}

/** DuckDB has no subqueries in lambdas: what such a call means is written as a query over the elements. */
const queries: Readonly<Record<string, (array: Expression, lambda: Lambda) => Expression>> = {
  ARRAY_FILTER: (array, { parameters, body, span }) => ({
    kind: "array-subquery",
    query: over(array, parameters, pathTo(parameters[0]!), body),
    span,
  }),
  ARRAY_TRANSFORM: (array, { parameters, body, span }) => ({
    kind: "array-subquery",
    query: over(array, parameters, body, undefined),
    span,
  }),
  ARRAY_INCLUDES: (array, { parameters, body, span }) => ({
    kind: "exists",
    query: over(array, parameters, pathTo(parameters[0]!), body),
    span,
  }),
};

function hasQuery(body: Expression): boolean {
  let found = false;
  walk(body, (node) => {
    if (node.kind === "query") found = true;
    return found ? "skip" : undefined;
  });
  return found;
}

const pathTo = (name: Identifier): Expression => ({ kind: "path", parts: [name], span: name.span });

/** `SELECT item FROM UNNEST(array) AS e WITH OFFSET AS i WHERE condition ORDER BY i` */
function over(
  array: Expression,
  [element, place]: readonly Identifier[],
  item: Expression,
  where: Expression | undefined,
): Query {
  const { span } = array;
  const offset = place ?? { ...element!, name: `${element!.name} place\0`, quoted: true };
  const body: Select = {
    ...emptySelect(span),
    items: [{ kind: "select-expression", span, expression: item, alias: undefined }],
    from: {
      kind: "unnest",
      array,
      alias: element,
      offset: { kind: "offset-alias", alias: offset, span },
      hint: undefined,
      span,
    },
    where,
  };
  const order: OrderItem = {
    kind: "order-item",
    expression: pathTo(offset),
    collation: undefined,
    direction: undefined,
    nulls: undefined,
    span,
  };
  return { kind: "query", with: undefined, body, orderBy: [order], limit: undefined, pipes: [], span };
}

/** IF(array IS NULL, NULL, value) */
function unlessNull(array: Expression, value: Expression): Expression {
  const { span } = array;
  return plainCall(
    [{ kind: "identifier", name: "IF", quoted: false, span }],
    [{ kind: "is-test", operand: array, test: "null", negated: false, span }, { kind: "null-literal", span }, value],
    span,
  );
}
