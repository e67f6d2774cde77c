import type { Argument as ArgumentNode, Expression, FunctionCall, Lambda } from "../ast.ts";
import type { AggregateCall, Argument, EmitContext, FunctionEntry, Signature } from "../functions/contract.ts";
import { liftsSubqueries } from "../functions/lambdas.ts";
import { duckdbType, type GoogleSqlType, typeName } from "../types.ts";
import { coerce, coerceOrFail } from "./coerce.ts";
import type { CollatedCall } from "./collation.ts";
import { constnessOf } from "./constness.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { Scope } from "./scope.ts";
import { type Bindings, bind, type CallArgument, layOut, substitute, template } from "./signatures.ts";
import type { Typed } from "./typed.ts";
import { renderAggregate } from "./windows.ts";

/** One argument of a call after names are resolved, before a signature is chosen. */
export type Given =
  | { readonly kind: "value"; readonly node: Expression; readonly typed: Typed }
  | { readonly kind: "part"; readonly part: string }
  | { readonly kind: "lambda"; readonly node: Lambda };

export interface NamedGiven {
  readonly name: string | undefined;
  readonly value: Given;
}

export function giveArguments(
  a: Analysis,
  call: FunctionCall,
  nodes: readonly ArgumentNode[],
  entry: FunctionEntry,
  cx: Context,
): readonly NamedGiven[] {
  return nodes.map((node, i) => {
    const named = node.kind === "named-argument";
    const value = named ? node.value : node;
    const name = named ? node.name.name : undefined;
    switch (value.kind) {
      case "lambda":
        return { name, value: { kind: "lambda", node: value } };
      case "star-argument":
        return a.fail(call, `Argument * can only be used in COUNT(*)`);
      case "table-argument":
      case "model-argument":
        return a.fail(value, "A table or model argument is only allowed in a table function");
      default: {
        const partHere = entry.signatures.some((signature) => specAt(signature, i)?.type === "PART");
        const part = partHere ? datePart(value) : undefined;
        if (part !== undefined) return { name, value: { kind: "part", part } };
        return { name, value: { kind: "value", node: value, typed: resolve(a, value, cx) } };
      }
    }
  });
}

export const valuesOf = (given: readonly NamedGiven[]): readonly Typed[] =>
  given.flatMap(({ value }) => (value.kind === "value" ? [value.typed] : []));

/** The arguments as a function takes them whose strings are collated. */
export const collatedArguments = (given: readonly NamedGiven[], { argument }: CollatedCall): readonly NamedGiven[] =>
  given.map((one, i) =>
    one.value.kind === "value" ? { ...one, value: { ...one.value, typed: argument(one.value.typed, i) } } : one,
  );

/** `DAY`, or `WEEK(MONDAY)`. */
export function datePart(node: Expression): string | undefined {
  if (node.kind === "path" && node.parts.length === 1) return node.parts[0]!.name.toUpperCase();
  if (node.kind === "function-call" && node.name.length === 1 && node.name[0]!.name.toUpperCase() === "WEEK") {
    const [day, ...more] = node.arguments;
    if (more.length === 0 && day?.kind === "path" && day.parts.length === 1)
      return `WEEK(${day.parts[0]!.name.toUpperCase()})`;
  }
  return undefined;
}

interface Chosen {
  readonly signature: Signature;
  readonly laid: readonly { readonly spec: Signature["args"][number]; readonly argument: number | undefined }[];
  readonly bindings: Bindings;
}

export function choose(entry: FunctionEntry, given: readonly NamedGiven[]): Chosen | undefined {
  let best: (Chosen & { readonly cost: number }) | undefined;
  const arguments_: CallArgument[] = given.map(({ value }) => {
    if (value.kind === "part") return value;
    if (value.kind === "lambda") return { kind: "lambda", parameters: value.node.parameters.length };
    return { kind: "value", source: value.typed, isConstant: value.typed.literal !== undefined };
  });
  const names = given.map((one) => one.name);
  for (const signature of entry.signatures) {
    const laid = layOut(signature, given.length, names);
    if (!laid) continue;
    const bound = bind(
      laid.map(({ spec, argument }) => ({
        spec,
        argument: argument === undefined ? { kind: "omitted" } : arguments_[argument]!,
      })),
    );
    if (bound && (best === undefined || bound.cost < best.cost)) {
      best = { signature, laid, bindings: bound.bindings, cost: bound.cost };
      // Nothing is nearer than what needs no coercion, and of equals the first one wins.
      if (bound.cost === 0) break;
    }
  }
  return best;
}

export function noMatch(a: Analysis, node: Expression, name: string, given: readonly NamedGiven[]): never {
  const types = given.map(({ value }) =>
    value.kind === "value"
      ? value.typed.isUntypedNull
        ? "NULL"
        : typeName(value.typed.type)
      : value.kind === "part"
        ? "DATE_TIME_PART"
        : "LAMBDA",
  );
  return a.fail(node, `No matching signature for function ${name} for argument types: ${types.join(", ")}`);
}

export interface Prepared {
  readonly args: readonly (Argument | undefined)[];
  /** The value that each argument is; undefined for one that is left out, a part or a lambda. */
  readonly sources: readonly (Typed | undefined)[];
  /** All values, and the bodies of lambdas. */
  readonly values: readonly Typed[];
  readonly result: GoogleSqlType;
}

/** Coerces the arguments to the chosen signature and works out the result type. */
export function prepare(
  a: Analysis,
  node: Expression,
  name: string,
  chosen: Chosen,
  given: readonly NamedGiven[],
  cx: Context,
): Prepared {
  const sources: (Typed | undefined)[] = chosen.laid.map(() => undefined);
  const lambdas: Typed[] = [];
  const { bindings } = chosen;
  const args = chosen.laid.map(({ spec, argument }, i): Argument | undefined => {
    if (argument === undefined) return undefined;
    const { value } = given[argument]!;
    if (value.kind === "part") return { sql: "", type: { kind: "STRING" }, part: value.part };
    if (value.kind === "lambda") {
      const { argument: lambda, body } = lambdaArgument(a, value.node, name, spec, bindings, cx);
      lambdas.push({ ...body, literal: undefined });
      return lambda;
    }
    const t = template(spec.type);
    let typed = value.typed;
    if (t.kind === "any") {
      if (typed.isUntypedNull) typed = { ...typed, sql: `CAST(NULL AS ${duckdbType(typed.type)})` };
    } else {
      const type = substitute(t, bindings);
      if (!type) throw new Error(`unbound type in ${name}`);
      typed = coerce(a, value.node, typed, type);
    }
    if (spec.constant && typed.literal === undefined) {
      a.refuse(value.node, name, `argument ${argument + 1} must be a literal here`);
    }
    sources[i] = typed;
    return {
      sql: typed.sql,
      type: typed.type,
      literal: typed.literal,
      isUntypedNull: value.typed.isUntypedNull,
      constness:
        typed.literal || typed.isParameter
          ? "constant"
          : constnessOf(value.node, a.hasScriptVariables || a.callStack.length > 0),
      isNeverNull: typed.isNeverNull,
      interval: intervalOf(a, value.node, cx),
    };
  });
  const { result } = chosen.signature;
  const type =
    typeof result === "function"
      ? result(args.filter((arg) => arg !== undefined))
      : substitute(template(result), bindings);
  if (!type) return a.fail(node, `The result type of ${name} cannot be told from its arguments`);
  const values = sources.filter((value) => value !== undefined);
  return { args, sources, values: [...values, ...lambdas], result: type };
}

function intervalOf(a: Analysis, node: Expression, cx: Context): Argument["interval"] {
  if (node.kind !== "interval" || node.to) return undefined;
  const amount = resolve(a, node.value, cx);
  if (amount.type.kind !== "INT64") return undefined;
  const sql = amount.isUntypedNull ? "CAST(NULL AS BIGINT)" : amount.sql;
  return { sql, part: node.from.name.toUpperCase() };
}

function lambdaArgument(
  a: Analysis,
  node: Lambda,
  name: string,
  spec: Signature["args"][number],
  bindings: Bindings,
  cx: Context,
): { readonly argument: Argument; readonly body: Typed } {
  const lambda = spec.lambda!;
  const params = node.parameters.map(() => a.fresh("x"));
  const locals = node.parameters.map((parameter, i): [string, Typed] => {
    const type = substitute(template(lambda.args[i]!), bindings) ?? { kind: "INT64" };
    return [parameter.name, { sql: params[i]!, type, isSimple: true }];
  });
  const scope = new Scope({ parent: cx.scope, locals });
  let body = resolve(a, node.body, { ...cx, scope });
  if (body.hasSubquery && !liftsSubqueries.has(name))
    a.refuse(node, "lambda_with_subquery", "a subquery inside a lambda");
  const wanted = template(lambda.result);
  if (wanted.kind === "variable" && !bindings.has(wanted.name)) {
    if (body.type.kind === "ARRAY")
      a.fail(node.body, "The body of this lambda may not be an array: arrays of arrays are not supported");
    bindings.set(wanted.name, body.type);
    if (body.isUntypedNull || body.isUntypedEmptyArray) body = coerce(a, node.body, body, body.type);
  } else if (wanted.kind !== "any") {
    const type = substitute(wanted, bindings);
    if (type) body = coerceOrFail(a, node.body, body, type, "Lambda body");
  }
  const argument: Argument = {
    sql: `lambda ${params.join(", ")}: ${body.sql}`,
    type: body.type,
    lambda: { params, body: body.sql, result: body.type, hasSubquery: body.hasSubquery },
  };
  return { argument, body };
}

export function emitContext(a: Analysis, node: Expression, name: string, call: AggregateCall): EmitContext {
  return {
    error: (message) => a.fail(node, message),
    refuse: (reason) => a.refuse(node, name, reason),
    fresh: a.fresh,
    call,
    aggregate: (fn, args, more) => renderAggregate(fn, args, { ...call, ...more }),
  };
}

function specAt(signature: Signature, index: number) {
  const repeated = signature.args.findIndex((spec) => spec.repeated);
  if (repeated >= 0 && index >= repeated) return signature.args[repeated];
  return signature.args[index];
}
