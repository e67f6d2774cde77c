import type { Expression, FunctionCall, FunctionParameter } from "../ast.ts";
import type { ForeignFunction, SqlFunction } from "../catalog.ts";
import { isPlain } from "../emit/let.ts";
import { tryText } from "../emit/tried.ts";
import { duckdbType } from "../types.ts";
import { walk } from "../walk.ts";
import { coerceOrFail } from "./coerce.ts";
import { type Analysis, type Context, withoutColumns } from "./context.ts";
import { resolve } from "./expressions.ts";
import { GroupingStep } from "./grouping.ts";
import { Scope } from "./scope.ts";
import { resolveType } from "./type-names.ts";
import { flagsOf, type Typed } from "./typed.ts";

export const nameOf = (node: FunctionCall): string => node.name.map((part) => part.name).join(".");

/** How often the body of a function names each of its parameters, at most: what is called the same within it counts too. */
function usesOf({ parameters, body }: SqlFunction["definition"]): readonly number[] {
  const counts = new Map<string, number>(parameters.map(({ name }) => [name.name.toLowerCase(), 0]));
  if (body.kind === "sql-function-body") {
    walk(body.expression, (node) => {
      const name = node.kind === "path" ? node.parts[0]!.name.toLowerCase() : undefined;
      const count = name === undefined ? undefined : counts.get(name);
      if (count !== undefined) counts.set(name!, count + 1);
    });
  }
  return parameters.map(({ name }) => counts.get(name.name.toLowerCase())!);
}

/**
 * The value of a SQL function: each argument counts as evaluated once, as GoogleSQL has it. One that is more than a name and is used
 * several times, or that differs each time, is bound around the body, where that holds no subquery.
 */
export function scalarCall(
  a: Analysis,
  node: FunctionCall,
  user: SqlFunction,
  values: readonly Typed[],
  isSafe: boolean,
): Typed {
  const { definition } = user;
  const row = a.fresh("v");
  const uses = usesOf(definition);
  const isWanted = values.map(
    (value, i) =>
      !(value.literal || value.isSimple || isPlain(value.sql)) && (value.isVolatile || isSafe || uses[i]! > 1),
  );
  const bodyWith = (isBound: readonly boolean[]): Typed => {
    const locals = definition.parameters.map((parameter, i): [string, Typed] => {
      const value = asArgument(values[i]!);
      if (isBound[i]) return [parameter.name.name, { ...value, sql: `${row}.a${i}`, floatTree: undefined }];
      return [parameter.name.name, value];
    });
    return resolveBody(a, user, { scope: new Scope({ locals }), tables: new Map(), clause: "a function body" });
  };
  // Where the body holds a subquery nothing is bound; that it does is known when it has been resolved once.
  const unbound = values.map(() => false);
  let isBound = a.queryBodies.has(definition) ? unbound : isWanted;
  let body = bodyWith(isBound);
  if (body.hasSubquery && isBound !== unbound) {
    if (!values.some((value) => value.hasSubquery)) a.queryBodies.add(definition);
    if (isBound.includes(true)) body = bodyWith(unbound);
    isBound = unbound;
  }
  const flags = flagsOf(...values, body);
  if (isSafe && (body.hasSubquery || body.isVolatile))
    a.refuse(node, "SAFE_function", "holding back errors of a subquery");
  const at = body.hasSubquery ? values.findIndex((value, i) => isWanted[i] && value.isVolatile) : -1;
  if (at >= 0)
    a.refuse(node.arguments[at]!, "volatile_argument", "a value that differs each time, in a body with a subquery");
  const held = isSafe ? tryText(body.sql) : body.sql;
  const fields = values.flatMap((value, i) => (isBound[i] ? [`'a${i}': ${value.sql}`] : []));
  const sql = fields.length === 0 ? held : `list_transform([{${fields.join(", ")}}], lambda ${row}: ${held})[1]`;
  return { ...body, sql, ...flags, isSimple: false, isLiteral: false, literal: undefined };
}

export function callForeign(
  a: Analysis,
  node: FunctionCall,
  user: ForeignFunction,
  isSafe: boolean,
  cx: Context,
): Typed {
  if (isSafe) a.refuse(node, "SAFE_function", "SAFE. before a function in JavaScript");
  const given = node.arguments.map((argument) => plainArgument(a, node, argument));
  if (given.length !== user.parameters.length) wrongCount(a, node, user.parameters.length, user.parameters.length);
  const args = user.parameters.map((parameter, i) =>
    coerceOrFail(a, given[i]!, resolve(a, given[i]!, cx), parameter.type, `Argument ${parameter.name}`),
  );
  return {
    sql: `${user.duckdbName}(${args.map((arg) => arg.sql).join(", ")})`,
    type: user.result,
    ...flagsOf(...args, { canFail: true, isVolatile: user.isVolatile }),
  };
}

function wrongCount(a: Analysis, node: FunctionCall, least: number, most: number): never {
  const wanted = least === most ? `${most}` : `${least} to ${most}`;
  return a.fail(
    node,
    `No matching signature for function ${nameOf(node)}: it takes ${wanted} arguments, not ${node.arguments.length}`,
  );
}

function plainArgument(a: Analysis, node: FunctionCall, argument: FunctionCall["arguments"][number]): Expression {
  switch (argument.kind) {
    case "star-argument":
    case "lambda":
    case "named-argument":
      return a.refuse(argument, "user_function_argument", `an argument of this form to ${nameOf(node)}`);
    case "table-argument":
    case "model-argument":
      return a.fail(argument, "Not an expression");
    default:
      return argument;
  }
}

/** The argument of each parameter: by position, then by name; undefined for one that is left to its default. */
export function argumentNodes(
  a: Analysis,
  node: FunctionCall,
  parameters: readonly FunctionParameter[],
): readonly (Expression | undefined)[] {
  const laid: (Expression | undefined)[] = parameters.map(() => undefined);
  const required = parameters.filter((parameter) => !parameter.default).length;
  if (node.arguments.length < required || node.arguments.length > parameters.length) {
    wrongCount(a, node, required, parameters.length);
  }
  let hasName = false;
  for (const [i, argument] of node.arguments.entries()) {
    if (argument.kind !== "named-argument") {
      if (hasName) a.fail(argument, "An argument by position cannot follow one by name");
      laid[i] = plainArgument(a, node, argument);
      continue;
    }
    hasName = true;
    const wanted = argument.name.name.toLowerCase();
    const at = parameters.findIndex((parameter) => parameter.name.name.toLowerCase() === wanted);
    if (at < 0) return a.fail(argument, `Named argument ${argument.name.name} not found in ${nameOf(node)}`);
    if (laid[at]) a.fail(argument, `Argument ${argument.name.name} of ${nameOf(node)} is given twice`);
    laid[at] = plainArgument(a, node, argument.value);
  }
  const missing = parameters.findIndex((parameter, i) => !laid[i] && !parameter.default);
  if (missing >= 0) a.fail(node, `Argument ${parameters[missing]!.name.name} of ${nameOf(node)} is missing`);
  return laid;
}

/** An argument with the type of its parameter; without one the parameter's default. */
export function argumentValue(
  a: Analysis,
  parameter: FunctionParameter,
  node: Expression | undefined,
  given: Typed | undefined,
): Typed {
  const { type, name } = parameter;
  const at = node ?? parameter.default!;
  const value = given ?? resolve(a, at, withoutColumns("a default"));
  if (type.kind === "table-parameter-type") return a.fail(at, "A table parameter in a scalar function");
  if (type.kind !== "templated-type") return coerceOrFail(a, at, value, resolveType(a, type), `Argument ${name.name}`);
  return value.isUntypedNull ? { ...value, sql: `CAST(NULL AS ${duckdbType(value.type)})` } : value;
}

/** A value as the body of a function sees it: what kind of text it came from does not matter there. */
export const asArgument = (value: Typed): Typed => ({
  ...value,
  isLiteral: false,
  structFields: undefined,
  arrayElements: undefined,
  isUntypedNull: false,
});

/** Functions that call others twice, and so on, would grow without bound. */
const mostExpansions = 10_000;

/** Works on the body of a function, in whose text errors are then told. */
export function inBody<T>(a: Analysis, node: FunctionCall, user: SqlFunction, work: () => T): T {
  const key = nameOf(node).toLowerCase();
  if (a.callStack.includes(key)) return a.fail(node, `Function ${nameOf(node)} calls itself`);
  if (++a.expansions > mostExpansions) {
    a.refuse(
      node,
      "function_expansion",
      `more than ${mostExpansions} calls of SQL functions, those in their bodies counted`,
    );
  }
  const before = a.source;
  a.callStack.push(key);
  a.source = user.source;
  try {
    return work();
  } finally {
    a.callStack.pop();
    a.source = before;
  }
}

/** Parameters of one function need names of their own. */
export function checkParameters(a: Analysis, parameters: readonly FunctionParameter[]): void {
  const names = new Set<string>();
  for (const { name } of parameters) {
    const key = name.name.toLowerCase();
    if (names.has(key)) a.fail(name, `Duplicate argument name ${name.name}`);
    names.add(key);
  }
}

/** Finds what is wrong with the body of a SQL function when it is made, as far as the types of its parameters are known. */
export function checkFunction(a: Analysis, user: SqlFunction): void {
  const { definition } = user;
  checkParameters(a, definition.parameters);
  if (definition.parameters.some(({ type }) => type.kind === "templated-type")) return;
  const locals = definition.parameters.map(({ name, type }): [string, Typed] => {
    if (type.kind === "table-parameter-type") return a.fail(name, "A table parameter in a scalar function");
    return [name.name, { sql: "p", type: resolveType(a, type), isSimple: true }];
  });
  const tables = new Map();
  if (!definition.aggregate) {
    resolveBody(a, user, { scope: new Scope({ locals }), tables, clause: "a function body" });
    return;
  }
  const rows: Context = { scope: new Scope({ locals }), tables, clause: "a function body" };
  const constants = locals.filter((_, i) => definition.parameters[i]!.notAggregate);
  const { sink } = new GroupingStep(a, rows);
  resolveBody(a, user, { ...rows, scope: new Scope({ locals: constants }), aggregates: sink });
}

/** The body with the type that the function says it returns. */
export function resolveBody(a: Analysis, user: SqlFunction, cx: Context): Typed {
  const { definition } = user;
  if (definition.body.kind !== "sql-function-body") throw new Error("a SQL function has a SQL body");
  const body = resolve(a, definition.body.expression, cx);
  if (!definition.returns) return { ...body, isLiteral: false };
  const result = coerceOrFail(a, definition.body.expression, body, resolveType(a, definition.returns), "Function body");
  return { ...result, isLiteral: false };
}
