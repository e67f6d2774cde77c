import { plainCall } from "../ast/plain-call.ts";
import type { Expression, FunctionCall, Identifier, PathExpression } from "../ast.ts";
import { GoogleSqlAnalysisError } from "../errors.ts";
import { sameType } from "../types.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { functionNamed } from "./function-table.ts";
import { resolvePath } from "./names.ts";
import { Scope } from "./scope.ts";
import { resolveType } from "./type-names.ts";
import type { Typed } from "./typed.ts";

/**
 * The form of an expression: the same for two that GoogleSQL takes for one, wherever they stand. It is the tree with each name
 * replaced by what it stands for, so neither writing nor case nor the place in the text matters. As in GoogleSQL, what holds a
 * query, a lambda or variables of its own is never the same as another (undefined).
 */
export function formOf(a: Analysis, node: Expression, cx: Context): string | undefined {
  const form = shape(a, node, cx);
  return form === undefined ? undefined : JSON.stringify(form);
}

/** The form of an expression over groups: its names are those of the rows before grouping. */
export const groupedForm = (a: Analysis, node: Expression, cx: Context): string | undefined =>
  formOf(a, node, { ...cx, scope: rowsUnder(cx, true), aggregates: undefined });

/** The rows before grouping, under the lambda parameters and WITH variables in reach, and the SELECT list's aliases if asked. */
export function rowsUnder(cx: Context, withAliases: boolean): Scope {
  const rows = cx.aggregates!.rows.scope;
  const locals: [string, Typed][] = [];
  for (let scope: Scope | undefined = cx.scope; scope && scope.locals.size > 0; scope = scope.parent) {
    if (scope.isAliases && !withAliases) continue;
    for (const [name, value] of scope.locals) if (!locals.some(([other]) => other === name)) locals.push([name, value]);
  }
  return locals.length > 0 ? new Scope({ parent: rows, locals }) : rows;
}

type Form = string | number | boolean | null | readonly Form[];

const formless: ReadonlySet<string> = new Set([
  "query",
  "lambda",
  "with-expression",
  "star-argument",
  "table-argument",
  "model-argument",
]);

/** Written down, and without meaning. */
const unmeant: ReadonlySet<string> = new Set(["span", "quoted", "hexadecimal", "text", "chained", "hint"]);

function shape(a: Analysis, value: unknown, cx: Context): Form | undefined {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : Number.isFinite(value) ? value : String(value);
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return all(value.map((one) => shape(a, one, cx)));
  const node = value as { readonly kind: string };
  if (formless.has(node.kind)) return undefined;
  if (node.kind === "path") return name(a, node as PathExpression, cx);
  if (node.kind === "identifier") return (node as Identifier).name.toLowerCase();
  const other = rewritten(a, node as Expression, cx);
  if (other) return shape(a, other, cx);
  const fields = Object.entries(node)
    .filter(([key]) => !unmeant.has(key))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return all(
    fields.map(([key, field]) =>
      node.kind === "function-call" && key === "name" ? functionName(node as FunctionCall) : shape(a, field, cx),
    ),
  );
}

function all(forms: readonly (Form | undefined)[]): Form | undefined {
  return forms.includes(undefined) ? undefined : (forms as readonly Form[]);
}

/** What GoogleSQL takes the node for: NOT around the test, CONCAT for ||, a cast to the type that the value has for the value. */
function rewritten(a: Analysis, node: Expression, cx: Context): Expression | undefined {
  const { span } = node;
  if ("negated" in node && node.negated && node.kind !== "is-distinct-from") {
    return { kind: "unary", operator: "not", operand: { ...node, negated: false }, span };
  }
  if (node.kind === "binary" && node.operator === "||") {
    const name: Identifier = { kind: "identifier", name: "CONCAT", quoted: false, span };
    return plainCall([name], [node.left, node.right], span);
  }
  if (node.kind === "cast" && !node.format && node.type.kind === "simple-type" && node.type.parameters.length === 0) {
    const type = resolveType(a, node.type);
    if (sameType(resolve(a, node.operand, cx).type, type)) return node.operand;
  }
  return undefined;
}

/** What the name stands for; a part of a date, which stands for itself, where it names nothing. */
function name(a: Analysis, node: PathExpression, cx: Context): Form | undefined {
  try {
    const value = resolvePath(a, node, cx);
    return value.isVolatile ? undefined : ["is", value.sql];
  } catch (error) {
    if (!(error instanceof GoogleSqlAnalysisError)) throw error;
    return ["part", ...node.parts.map((part) => part.name.toLowerCase())];
  }
}

function functionName(node: FunctionCall): Form {
  const parts = node.name.map((part) => part.name.toUpperCase());
  const safe = parts.length > 1 && parts[0] === "SAFE";
  const written = (safe ? parts.slice(1) : parts).join(".");
  return [safe, functionNamed(written)?.names[0] ?? written];
}
