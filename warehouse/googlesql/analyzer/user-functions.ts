import type { Expression, FunctionCall } from "../ast.ts";
import type { UserFunction } from "../catalog.ts";
import { duckdbType } from "../types.ts";
import { coerceOrFail } from "./coerce.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { Scope } from "./scope.ts";
import { resolveType } from "./type-names.ts";
import { flagsOf, type Typed } from "./typed.ts";

/** A call of a function that the user created: SQL bodies are resolved in place with the arguments' types. */
export function callUserFunction(a: Analysis, node: FunctionCall, user: UserFunction, cx: Context): Typed {
  const name = node.name.map((part) => part.name).join(".");
  const values = node.arguments.map((argument) => {
    if (argument.kind === "star-argument" || argument.kind === "lambda" || argument.kind === "named-argument") {
      return a.refuse(argument, "user_function_argument", `an argument of this form to ${name}`);
    }
    if (argument.kind === "table-argument" || argument.kind === "model-argument")
      return a.fail(argument, "Not an expression");
    return resolve(a, argument as Expression, cx);
  });
  const count = user.kind === "sql" ? user.definition.parameters.length : user.parameters.length;
  if (values.length !== count) {
    a.fail(node, `No matching signature for function ${name}: it takes ${count} arguments, not ${values.length}`);
  }
  if (user.kind === "foreign") {
    const args = user.parameters.map((parameter, i) =>
      coerceOrFail(a, node.arguments[i]!, values[i]!, parameter.type, `Argument ${parameter.name}`),
    );
    return {
      sql: `${user.duckdbName}(${args.map((arg) => arg.sql).join(", ")})`,
      type: user.result,
      ...flagsOf(...args, { canFail: true, isVolatile: user.isVolatile }),
    };
  }
  const { definition } = user;
  if (definition.aggregate || definition.body.kind !== "sql-function-body") {
    return a.refuse(node, name, "user-defined aggregate functions");
  }
  const key = name.toLowerCase();
  if (a.callStack.includes(key)) return a.fail(node, `Function ${name} calls itself`);
  const args = definition.parameters.map((parameter, i): [string, Typed] => {
    const value = values[i]!;
    const { type } = parameter;
    if (type.kind === "table-parameter-type") return a.fail(node, "A table parameter in a scalar function");
    const typed =
      type.kind === "templated-type"
        ? value.isUntypedNull
          ? { ...value, sql: `CAST(NULL AS ${duckdbType(value.type)})` }
          : value
        : coerceOrFail(a, node.arguments[i]!, value, resolveType(a, type), `Argument ${parameter.name.name}`);
    if (typed.isVolatile)
      a.refuse(node.arguments[i]!, "volatile_argument", "a value that differs each time, given to a SQL function");
    return [
      parameter.name.name,
      { ...typed, isLiteral: false, structFields: undefined, arrayElements: undefined, isUntypedNull: false },
    ];
  });
  const before = a.source;
  a.callStack.push(key);
  a.source = user.source;
  try {
    const scope = new Scope({ locals: args });
    const body = resolve(a, definition.body.expression, { scope, tables: new Map(), clause: "a function body" });
    if (!definition.returns) return { ...body, isLiteral: false };
    return {
      ...coerceOrFail(a, definition.body.expression, body, resolveType(a, definition.returns), "Function body"),
      isLiteral: false,
    };
  } finally {
    a.callStack.pop();
    a.source = before;
  }
}
