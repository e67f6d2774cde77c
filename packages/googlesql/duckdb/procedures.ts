import { coerceOrFail } from "../analyzer/coerce.ts";
import type { Analysis } from "../analyzer/context.ts";
import { resolveType } from "../analyzer/type-names.ts";
import type { Call, CreateProcedure, Expression, FunctionParameter, Script } from "../ast.ts";
import type { UserProcedure } from "../catalog.ts";
import { GoogleSqlEvaluationError } from "../errors.ts";
import { pathOf } from "../path-of.ts";
import { type Binding, bound } from "../translate.ts";
import { type GoogleSqlType, typeName } from "../types.ts";
import { bindingOf } from "./render-value.ts";
import { routineKey } from "./routines.ts";
import type { GoogleSqlSession } from "./session.ts";
import type { Value } from "./values.ts";

/** BigQuery's own limit of calls within calls. */
const mostCalls = 50;

const typeOf = (a: Analysis, parameter: FunctionParameter): GoogleSqlType => {
  if (parameter.type.kind === "templated-type" || parameter.type.kind === "table-parameter-type")
    return a.refuse(parameter, "procedure_parameter", "a parameter of a procedure without a type of its own");
  return resolveType(a, parameter.type);
};

/** Throws for parameters that no call could serve. */
export function checkParameters(a: Analysis, { parameters }: CreateProcedure): void {
  const names = new Set<string>();
  for (const parameter of parameters) {
    const key = parameter.name.name.toLowerCase();
    if (names.has(key)) a.fail(parameter, `Duplicate argument name: ${parameter.name.name}`);
    names.add(key);
    typeOf(a, parameter);
    if (parameter.default) a.refuse(parameter, "procedure_default", "the default of a procedure's parameter");
  }
}

/** What a call hands over: the variables that the body begins with, and whose values go back to which of the caller's. */
export interface Frame {
  readonly procedure: UserProcedure;
  readonly body: Script;
  readonly variables: ReadonlyMap<string, Binding>;
  readonly results: readonly { readonly from: string; readonly to: string; readonly node: Expression }[];
}

/**
 * Prepares CALL. IN takes any value that coerces to its type; OUT and INOUT take a variable, OUT begins as NULL and INOUT has the variable's type.
 * `evaluate` works in the caller's scope. https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#call
 */
export async function frameOf(
  a: Analysis,
  session: GoogleSqlSession,
  node: Call,
  variables: ReadonlyMap<string, Binding>,
  evaluate: (node: Expression, type: GoogleSqlType) => Promise<{ readonly value: Value }>,
): Promise<Frame> {
  const path = pathOf(node.procedure);
  const procedure =
    session.catalog.procedures.get(routineKey(path)) ??
    a.fail(node.procedure, `Procedure not found: ${path.join(".")}`);
  if (session.callDepth >= mostCalls)
    throw new GoogleSqlEvaluationError(`Procedure call stack depth exceeded: at most ${mostCalls} calls within calls`);
  const { definition, source } = procedure;
  const { parameters } = definition;
  if (parameters.length !== node.arguments.length)
    a.fail(
      node,
      `Procedure ${path.join(".")} takes ${parameters.length} argument${parameters.length === 1 ? "" : "s"}, not ${node.arguments.length}`,
    );
  const given = new Map<string, Binding>();
  const results: { from: string; to: string; node: Expression }[] = [];
  for (const [i, parameter] of parameters.entries()) {
    const argument = node.arguments[i]!;
    const type = typeOf(a, parameter);
    const key = parameter.name.name.toLowerCase();
    if (parameter.mode === "out" || parameter.mode === "inout") {
      const name = argument.kind === "path" && argument.parts.length === 1 ? argument.parts[0]!.name : undefined;
      const before = name === undefined ? undefined : variables.get(name.toLowerCase());
      if (name === undefined || before === undefined)
        return a.fail(
          argument,
          `The argument for ${parameter.mode.toUpperCase()} ${parameter.name.name} has to be a variable`,
        );
      if (parameter.mode === "inout" && typeName(before.type) !== typeName(type))
        return a.refuse(argument, "procedure_inout", `a ${typeName(before.type)} for an INOUT ${typeName(type)}`);
      results.push({ from: key, to: name.toLowerCase(), node: argument });
      given.set(key, parameter.mode === "inout" ? before : bindingOf(null, type));
    } else given.set(key, bindingOf((await evaluate(argument, type)).value, type));
  }
  const body: Script = {
    kind: "script",
    file: source.file,
    text: source.text,
    statements: definition.body,
    ownHints: [],
    span: definition.span,
  };
  return { procedure, body, variables: given, results };
}

/** A value that a procedure gives back, coerced to the type of the variable that takes it. */
export async function givenBack(
  a: Analysis,
  session: GoogleSqlSession,
  node: Expression,
  given: Binding,
  type: GoogleSqlType,
): Promise<Binding> {
  if (typeName(given.type) === typeName(type)) return given;
  const { sql } = coerceOrFail(a, node, bound(given, false), type, "The value given back");
  const [row] = await session.read(`SELECT ${sql} AS c0`, [{ name: "", type }]);
  return bindingOf(row![0]!, type);
}
