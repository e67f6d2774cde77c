import type { Expression, Extract, FunctionCall } from "../ast.ts";
import { tryText } from "../emit/tried.ts";
import type { FunctionEntry } from "../functions/contract.ts";
import { pathOf } from "../path-of.ts";
import { COLLATED } from "../types.ts";
import { resolveAggregate } from "./aggregates.ts";
import {
  choose,
  collatedArguments,
  datePart,
  emitContext,
  type Given,
  giveArguments,
  type NamedGiven,
  noMatch,
  prepare,
  valuesOf,
} from "./call-arguments.ts";
import { toSupertype } from "./coerce.ts";
import { asCollated, type CollatedCall, collatedCall } from "./collation.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { functionNamed } from "./function-table.ts";
import { lambdaForm } from "./lambda-forms.ts";
import { specialForm } from "./special-forms.ts";
import { flagsOf, type Typed } from "./typed.ts";
import { callUserFunction } from "./user-calls.ts";
import { noCall } from "./windows.ts";

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
