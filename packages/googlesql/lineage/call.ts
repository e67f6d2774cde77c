import { functionNamed } from "../analyzer/function-table.ts";
import type { Argument, Expression, FunctionCall, Lambda } from "../ast.ts";
import type { UserFunction } from "../catalog.ts";
import type { FunctionEntry } from "../functions/contract.ts";
import { pathOf } from "../path-of.ts";
import { chosen, concatenated, resolveValue, shapeOfName, windowProvenance } from "./expression.ts";
import { deciding, isDirect, merge, none, type Provenance, rowsAs } from "./provenance.ts";
import { type Analysis, type Context, localScope } from "./scope.ts";
import {
  aggregatedValue,
  also,
  computed,
  constant,
  elementOf,
  keyOf,
  mapValue,
  oneOf,
  shaped,
  shapeOfType,
  total,
  transformedValue,
  type Value,
} from "./value.ts";

/** What a call is made of. Functions of which nothing is known are refused. */
export function callValue(a: Analysis, node: FunctionCall, cx: Context): Value {
  const parts = node.name.map((part) => part.name);
  const written = parts.length > 1 && parts[0]!.toUpperCase() === "SAFE" ? node.name.slice(1) : node.name;
  const user = a.catalog.function?.(pathOf({ parts: written }));
  if (user) return userCall(a, node, user, cx);
  const name = (parts.length > 1 && parts[0]!.toUpperCase() === "SAFE" ? parts.slice(1) : parts)
    .join(".")
    .toUpperCase();
  const entry = functionNamed(name);
  const special = specials.get(name);
  if (!entry && !special && name !== "GROUPING") return a.refuse(node, name, "no such function is known");
  if (special) return special(a, node, cx);
  if (entry?.kind === "table") return a.refuse(node, name, "table functions");
  const isAggregate = name === "GROUPING" || entry?.kind === "aggregate";
  if (!isAggregate && entry?.kind !== "analytic") return scalarCall(a, node, name, entry!, cx);
  return aggregateCall(a, node, name, entry, isAggregate, cx);
}

type Special = (a: Analysis, node: FunctionCall, cx: Context) => Value;

const expressions = (a: Analysis, node: FunctionCall): readonly Expression[] =>
  node.arguments.map((argument) => expressionOf(a, node, argument));

function expressionOf(a: Analysis, node: FunctionCall, argument: Argument): Expression {
  const value = argument.kind === "named-argument" ? argument.value : argument;
  switch (value.kind) {
    case "star-argument":
    case "lambda":
    case "table-argument":
    case "model-argument":
      return a.refuse(node, node.name.map((part) => part.name).join("."), `an argument of the kind ${value.kind}`);
    default:
      return value;
  }
}

const first =
  (change: (a: Analysis, value: Value, rest: readonly Expression[], cx: Context) => Value): Special =>
  (a, node, cx) => {
    const [head, ...rest] = expressions(a, node);
    if (!head) return a.fail(node, "The function needs an argument");
    return change(a, resolveValue(a, head, cx), rest, cx);
  };

const rest = (a: Analysis, nodes: readonly Expression[], cx: Context): Provenance =>
  deciding(merge(...nodes.map((node) => total(resolveValue(a, node, cx)))), "CONDITIONAL");

/** An array of which some elements are left: built as before. */
const someElements = first((a, array, more, cx) => also(transformedValue(array), rest(a, more, cx)));
const oneElement = first((a, array, more, cx) => also(transformedValue(elementOf(array)), rest(a, more, cx)));
const oneOfAll: Special = (a, node, cx) =>
  transformedValue(oneOf(expressions(a, node).map((one) => resolveValue(a, one, cx))));

/** `JSON_VALUE(object, '$.key...')`: of an object whose keys are told apart that key, otherwise all of it. */
function keyInJson(a: Analysis, node: FunctionCall, cx: Context): Value {
  const [object, path, ...more] = expressions(a, node);
  if (!object) return a.fail(node, "The function needs an argument");
  const value = resolveValue(a, object, cx);
  const key = path?.kind === "string-literal" && more.length === 0 ? firstKey(path.value) : undefined;
  if (key !== undefined) return keyOf(value, key);
  return computed(value, ...[path, ...more].flatMap((one) => (one ? [resolveValue(a, one, cx)] : [])));
}

/** The first key that a JSON path of BigQuery goes to: `$.key`, `$."key"`, `$['key']`. */
const firstKey = (path: string): string | undefined =>
  /^\$(?:\.(?:"([^"\\]+)"|([^."[\s]+))|\['([^'\\]+)'\])/
    .exec(path)
    ?.slice(1)
    .find((key) => key !== undefined);

const specials: ReadonlyMap<string, Special> = new Map<string, Special>([
  [
    "IF",
    (a, node, cx) => {
      const [test, ...results] = expressions(a, node);
      if (!test || results.length !== 2) return a.fail(node, "IF takes three arguments");
      return chosen(a, [test], results, cx);
    },
  ],
  ["COALESCE", oneOfAll],
  ["IFNULL", oneOfAll],
  ["IFERROR", oneOfAll],
  ["GREATEST", oneOfAll],
  ["LEAST", oneOfAll],
  ["NULLIF", first((a, value, more, cx) => also(transformedValue(value), rest(a, more, cx)))],
  ["NULLIFERROR", first((_, value) => transformedValue(value))],
  ["FLATTEN", first((_, value) => value)],
  ["ARRAY_CONCAT", (a, node, cx) => concatenated(a, expressions(a, node), cx)],
  ["CONCAT", (a, node, cx) => concatenated(a, expressions(a, node), cx)],
  ["ARRAY_REVERSE", someElements],
  ["ARRAY_SLICE", someElements],
  ["ARRAY_DISTINCT", someElements],
  ["ARRAY_FIRST_N", someElements],
  ["ARRAY_LAST_N", someElements],
  ["ARRAY_FIRST", oneElement],
  ["ARRAY_LAST", oneElement],
  [
    "ARRAY_FILTER",
    (a, node, cx) => {
      const { array, body } = lambdaCall(a, node, cx);
      return also(transformedValue(array), deciding(total(body), "FILTER"));
    },
  ],
  [
    "ARRAY_TRANSFORM",
    (a, node, cx) => {
      const { array, body } = lambdaCall(a, node, cx);
      return { own: deciding(total(array), "CONDITIONAL"), element: transformedValue(body) };
    },
  ],
  ...[
    "JSON_VALUE",
    "JSON_QUERY",
    "JSON_EXTRACT",
    "JSON_EXTRACT_SCALAR",
    "JSON_VALUE_ARRAY",
    "JSON_QUERY_ARRAY",
    "JSON_EXTRACT_ARRAY",
    "JSON_EXTRACT_STRING_ARRAY",
  ].map((name) => [name, keyInJson] as const),
  ["ARRAY_ZIP", (a, node) => a.refuse(node, "ARRAY_ZIP")],
]);

/** `F(array, x -> body)`: the body over the array's elements. */
function lambdaCall(a: Analysis, node: FunctionCall, cx: Context): { readonly array: Value; readonly body: Value } {
  const [over, lambda] = node.arguments;
  if (!over || lambda?.kind !== "lambda" || node.arguments.length !== 2)
    return a.fail(node, "An array and a lambda are needed");
  const array = resolveValue(a, expressionOf(a, node, over), cx);
  return { array, body: lambdaBody(a, lambda, elementOf(array), cx) };
}

function lambdaBody(a: Analysis, lambda: Lambda, element: Value, cx: Context): Value {
  // The second parameter is the place in the array.
  const locals = lambda.parameters.map((name, i): [string, Value] => [name.name, i === 0 ? element : constant]);
  return resolveValue(a, lambda.body, { ...cx, scope: localScope(locals, cx.scope) });
}

const isPart = (entry: FunctionEntry | undefined, node: Argument, index: number): boolean => {
  if (!entry?.signatures.some((signature) => signature.args[index]?.type === "PART")) return false;
  if (node.kind === "path") return node.parts.length === 1;
  return node.kind === "function-call" && node.name.length === 1 && node.name[0]!.name.toUpperCase() === "WEEK";
};

function argumentValues(
  a: Analysis,
  node: FunctionCall,
  entry: FunctionEntry | undefined,
  cx: Context,
): readonly Value[] {
  const values: Value[] = [];
  for (const [i, argument] of node.arguments.entries()) {
    const value = argument.kind === "named-argument" ? argument.value : argument;
    if (value.kind === "star-argument" || isPart(entry, value, i)) continue;
    if (value.kind === "lambda") values.push(lambdaBody(a, value, oneOf([constant, ...values.map(elementOf)]), cx));
    else values.push(resolveValue(a, expressionOf(a, node, argument), cx));
  }
  return values;
}

/** STRUCTs in the result of a function that is not known to keep what it is given. */
function scalarCall(a: Analysis, node: FunctionCall, name: string, entry: FunctionEntry, cx: Context): Value {
  const isBuilt = entry.signatures.some(
    (signature) => typeof signature.result === "string" && signature.result.includes("STRUCT<"),
  );
  if (isBuilt) return a.refuse(node, name, "it makes STRUCTs whose fields lineage does not follow");
  return computed(...argumentValues(a, node, entry, cx));
}

const keepsShape = new Set([
  "ANY_VALUE",
  "MIN",
  "MAX",
  "ARRAY_CONCAT_AGG",
  "FIRST_VALUE",
  "LAST_VALUE",
  "NTH_VALUE",
  "LAG",
  "LEAD",
]);

function aggregateCall(
  a: Analysis,
  node: FunctionCall,
  name: string,
  entry: FunctionEntry | undefined,
  isAggregate: boolean,
  cx: Context,
): Value {
  const inner: Context = node.over ? cx : { ...cx, windows: new Map() };
  const values = argumentValues(a, node, entry, inner);
  const more: Provenance[] = node.orderBy.map((item) =>
    deciding(total(resolveValue(a, item.expression, inner)), "SORT"),
  );
  if (node.filter) more.push(deciding(total(resolveValue(a, node.filter, inner)), "FILTER"));
  if (node.having) more.push(deciding(total(resolveValue(a, node.having.expression, inner)), "CONDITIONAL"));
  if (node.over) more.push(windowProvenance(a, node.over, cx));
  const change = isAggregate ? aggregatedValue : transformedValue;
  const made = change(shapeOfAggregate(name, values));
  const directly = [...total(made).values()].some(isDirect);
  // COUNT(*), COUNT(1), ROW_NUMBER(): made of the rows, whatever is in them.
  if (!directly) more.push(rowsAs(cx.rows, node.over && !isAggregate ? "WINDOW" : "AGGREGATION"));
  // Other rows, another value: what decides about the rows decides about what is made of several.
  return also(made, cx.rows, ...more);
}

function shapeOfAggregate(name: string, values: readonly Value[]): Value {
  const [head, ...others] = values;
  if (!head) return constant;
  const decided = deciding(merge(...others.map(total)), "CONDITIONAL");
  if (name === "ARRAY_AGG") return { own: decided, element: head };
  if (keepsShape.has(name))
    return also(name === "LAG" || name === "LEAD" ? oneOf([head, ...others.slice(1)]) : head, decided);
  if (name === "APPROX_TOP_COUNT" || name === "APPROX_TOP_SUM") {
    const second = name === "APPROX_TOP_SUM" ? others : [head];
    const fields = [
      { name: "value", value: { own: total(head) } },
      { name: name === "APPROX_TOP_SUM" ? "sum" : "count", value: { own: merge(...second.map(total)) } },
    ];
    return { own: none, element: { own: decided, fields } };
  }
  return { own: merge(...values.map(total)) };
}

/** A SQL body is followed with the arguments in place; of foreign code all arguments take part in all of the result. */
function userCall(a: Analysis, node: FunctionCall, user: UserFunction, cx: Context): Value {
  const name = node.name.map((part) => part.name).join(".");
  const values = expressions(a, node).map((one) => resolveValue(a, one, cx));
  const count = user.kind === "sql" ? user.definition.parameters.length : user.parameters.length;
  if (values.length !== count) return a.fail(node, `Function ${name} takes ${count} arguments, not ${values.length}`);
  if (user.kind === "foreign") return shaped(computed(...values), shapeOfType(user.result));
  const { definition } = user;
  if (definition.aggregate) return a.refuse(node, name, "user-defined aggregate functions");
  const declared = definition.returns && shapeOfName(a, definition.returns);
  if (definition.body.kind !== "sql-function-body") {
    return declared ? shaped(computed(...values), declared) : computed(...values);
  }
  const key = name.toLowerCase();
  if (a.callStack.includes(key)) return a.fail(node, `Function ${name} calls itself`);
  const before = a.source;
  a.callStack.push(key);
  a.source = user.source;
  try {
    const locals = definition.parameters.map((parameter, i): [string, Value] => [parameter.name.name, values[i]!]);
    const scope = localScope(locals, undefined);
    const body = resolveValue(a, definition.body.expression, {
      scope,
      tables: new Map(),
      rows: none,
      windows: new Map(),
    });
    // A parameter handed out as it is has still gone through a function.
    const result = mapValue(body, (provenance) => transformedValue({ own: provenance }).own);
    return declared ? shaped(result, declared) : result;
  } finally {
    a.callStack.pop();
    a.source = before;
  }
}
