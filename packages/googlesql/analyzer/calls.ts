import type { Argument as ArgumentNode, Expression, Extract, FunctionCall, Lambda } from "../ast.ts";
import { tryText } from "../emit/tried.ts";
import type { AggregateCall, Argument, EmitContext, FunctionEntry, Signature } from "../functions/contract.ts";
import { liftsSubqueries } from "../functions/lambdas.ts";
import { pathOf } from "../path-of.ts";
import { COLLATED, duckdbType, type GoogleSqlType, typeName } from "../types.ts";
import { resolveAggregate } from "./aggregates.ts";
import { coerce, coerceOrFail, toSupertype } from "./coerce.ts";
import { asCollated, type CollatedCall, collatedCall } from "./collation.ts";
import { constnessOf } from "./constness.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { functionNamed } from "./function-table.ts";
import { lambdaForm } from "./lambda-forms.ts";
import { Scope } from "./scope.ts";
import { type Bindings, bind, type CallArgument, layOut, substitute, template } from "./signatures.ts";
import { specialForm } from "./special-forms.ts";
import { flagsOf, type Typed } from "./typed.ts";
import { callUserFunction } from "./user-functions.ts";
import { noCall, renderAggregate } from "./windows.ts";

/** One argument of a call after names are resolved, before a signature is chosen. */
type Given =
  | { readonly kind: "value"; readonly node: Expression; readonly typed: Typed }
  | { readonly kind: "part"; readonly part: string }
  | { readonly kind: "lambda"; readonly node: Lambda };

/** First parts of the names of GoogleSQL's own functions. */
const builtInNamespaces: ReadonlySet<string> = new Set([
  "AEAD",
  "AI",
  "FUNCTIONS",
  "HLL_COUNT",
  "KEYS",
  "KLL_QUANTILES",
  "ML",
  "NET",
  "OBJ",
  "SAFE",
  "VECTOR_INDEX",
]);

export function resolveCall(a: Analysis, node: FunctionCall, cx: Context): Typed {
  const parts = node.name.map((part) => part.name);
  const isSafe = parts.length > 1 && parts[0]!.toUpperCase() === "SAFE";
  const written = isSafe ? node.name.slice(1) : node.name;
  const user = a.catalog.function?.(pathOf({ parts: written }));
  if (user) return callUserFunction(a, node, user, isSafe, cx);
  const name = (isSafe ? parts.slice(1) : parts).join(".").toUpperCase();
  const special = lambdaForm(a, node, name, isSafe, cx) ?? specialForm(a, node, name, isSafe, cx);
  if (special) return special;
  const entry = functionNamed(name);
  if (!entry) {
    const path = pathOf({ parts: written });
    // Of a dataset: it is somebody's own, and nobody has made it here.
    if (path.length > 1 && !builtInNamespaces.has(path[0]!.toUpperCase()))
      return a.fail(
        node,
        `Function not found: ${path.join(".")}; nothing has made it here (a stand-in: CREATE FUNCTION ${path.slice(-2).join(".")}(...) RETURNS ... AS (...))`,
      );
    return a.refuse(node, name, "no such function there");
  }
  if (entry.status.kind === "refused") return a.refuse(node, name, entry.status.reason);
  if (entry.kind === "table") return a.fail(node, `Table-valued function ${name} is not allowed here`);
  if (entry.kind === "scalar") {
    if (node.over) a.fail(node.over, `Function ${name} does not support an OVER clause`);
    if (node.distinct) a.fail(node, `Function ${name} does not support DISTINCT in arguments`);
    if (node.orderBy.length > 0 || node.limit || node.nulls || node.filter || node.having) {
      a.fail(node, `Function ${name} does not support ORDER BY, LIMIT, WHERE, HAVING or NULLS in arguments`);
    }
    if (isSafe && entry.noSafe) a.fail(node, `Function ${name} does not support SAFE error mode`);
    if (/^(?:RANGE_(?!BUCKET)|GENERATE_RANGE_ARRAY$)/.test(name) && node.arguments[0]?.kind === "null-literal")
      a.fail(node, "A literal NULL argument cannot be accepted in place of RANGE. Add a CAST to specify the type");
    const isSearch = name.startsWith("ARRAY_") && node.arguments.some((argument) => argument.kind === "lambda");
    const arrays = isSearch ? node.arguments.slice(0, 1) : name === "ARRAY_CONCAT" ? node.arguments : [];
    if (arrays.some((argument) => argument.kind === "null-literal")) {
      a.fail(node, `The arguments of ${name} must be arrays, but one was NULL`);
    }
    const given = giveArguments(a, node, node.arguments, entry, cx);
    const collated = collatedCall(a, node, name, valuesOf(given), false);
    if (collated) return callCollated(a, node, name, entry, given, cx, isSafe, collated);
    return callEntry(a, node, name, entry, given, cx, isSafe);
  }
  return resolveAggregate(a, node, name, entry, isSafe, cx);
}

const noPartOfDate = /^(?:HOUR|MINUTE|(?:MILLI|MICRO|NANO)?SECOND|DATE|TIME|DATETIME)$/;

/** EXTRACT(part FROM x [AT TIME ZONE z]) is the entry EXTRACT(PART, x [, STRING]). */
export function resolveExtract(a: Analysis, node: Extract, cx: Context): Typed {
  const entry = functionNamed("EXTRACT");
  if (!entry || entry.status.kind === "refused") return a.refuse(node, "EXTRACT");
  const operand = resolve(a, node.operand, cx);
  if (operand.type.kind === "STRING" && operand.literal && !operand.isUntypedNull)
    a.fail(node.operand, "EXTRACT does not support literal STRING arguments");
  const part = datePart(node.part) ?? a.fail(node.part, "A valid date part name is required");
  // A DATE would else be taken for the DATETIME at its midnight.
  if (operand.type.kind === "DATE" && !operand.isUntypedNull && noPartOfDate.test(part))
    a.fail(node.part, `EXTRACT from DATE does not support the ${part} date part`);
  const given: { name: string | undefined; value: Given }[] = [
    { name: undefined, value: { kind: "part", part } },
    { name: undefined, value: { kind: "value", node: node.operand, typed: operand } },
  ];
  if (node.timeZone) {
    given.push({
      name: undefined,
      value: { kind: "value", node: node.timeZone, typed: resolve(a, node.timeZone, cx) },
    });
  }
  return callEntry(a, node, "EXTRACT", entry, given, cx, false);
}

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

function callCollated(
  a: Analysis,
  node: Expression,
  name: string,
  entry: FunctionEntry,
  given: readonly NamedGiven[],
  cx: Context,
  isSafe: boolean,
  collated: CollatedCall,
): Typed {
  const { emit } = collated;
  if (emit === undefined) {
    const value = callEntry(a, node, name, entry, collatedArguments(given, collated), cx, isSafe);
    const type = collated.result(value.type);
    return type === COLLATED ? asCollated(a, value) : { ...value, type };
  }
  if (isSafe) a.refuse(node, "collation", `SAFE.${name} of a collated string`);
  const { type, values } = toSupertype(a, node, valuesOf(given), `function ${name}`);
  const sql = emit(
    values.map((value) => value.sql),
    emitContext(a, node, name, noCall),
  );
  return { sql, type: collated.result(type), ...flagsOf(...values, { canFail: true }) };
}

function specAt(signature: Signature, index: number) {
  const repeated = signature.args.findIndex((spec) => spec.repeated);
  if (repeated >= 0 && index >= repeated) return signature.args[repeated];
  return signature.args[index];
}

/** `DAY`, or `WEEK(MONDAY)`. */
function datePart(node: Expression): string | undefined {
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
  const values: Typed[] = [];
  const lambdas: Typed[] = [];
  const { bindings } = chosen;
  const args = chosen.laid.map(({ spec, argument }): Argument | undefined => {
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
    values.push(typed);
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
  return { args, values: [...values, ...lambdas], result: type };
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

function callEntry(
  a: Analysis,
  node: Expression,
  name: string,
  entry: FunctionEntry,
  given: readonly NamedGiven[],
  cx: Context,
  isSafe: boolean,
): Typed {
  const chosen = choose(entry, given);
  if (!chosen) return noMatch(a, node, name, given);
  const prepared = prepare(a, node, name, chosen, given, cx);
  const flags = flagsOf(...prepared.values, { canFail: !entry.cannotFail && !isSafe, isVolatile: entry.volatile });
  const ctx = emitContext(a, node, name, noCall);
  if (!isSafe || entry.cannotFail) {
    return { sql: `(${chosen.signature.emit(prepared.args, ctx)})`, type: prepared.result, ...flags };
  }
  if (!prepared.values.some((value) => value.canFail || value.isVolatile || value.hasSubquery)) {
    return { sql: tryText(chosen.signature.emit(prepared.args, ctx)), type: prepared.result, ...flags };
  }
  // SAFE holds back the errors of the function, not those of its arguments: these are computed outside of TRY.
  const row = a.fresh("v");
  const fields: string[] = [];
  const args = prepared.args.map((arg, i) => {
    if (!arg || arg.literal || arg.part !== undefined || arg.lambda) return arg;
    fields.push(`'a${i}': ${arg.sql}`);
    return { ...arg, sql: `${row}.a${i}` };
  });
  const body = chosen.signature.emit(args, ctx);
  if (fields.length === 0) return { sql: tryText(body), type: prepared.result, ...flags };
  return {
    sql: `list_transform([{${fields.join(", ")}}], lambda ${row}: TRY(${body}))[1]`,
    type: prepared.result,
    ...flags,
  };
}
