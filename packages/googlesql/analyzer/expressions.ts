import type {
  Between,
  Case,
  Expression,
  In,
  IntervalExpression,
  IsTest,
  Like,
  RangeLiteral,
  TypedLiteral,
  WithExpression,
} from "../ast.ts";
import { coercionCost, supertypeOf } from "../coercion.ts";
import { parseDecimal } from "../emit/decimal.ts";
import { type IntervalParts, isFinerThanMicros, isIntervalPart, readIntervalLiteral } from "../emit/intervals.ts";
import { letBind } from "../emit/let.ts";
import { stringText, structText } from "../emit/text.ts";
import { GoogleSqlAnalysisError } from "../errors.ts";
import { canonicalJson } from "../functions/json-tree.ts";
import { rangeParts } from "../functions/range-steps.ts";
import {
  BOOL,
  BYTES,
  FLOAT64,
  type GoogleSqlType,
  INT64,
  INTERVAL,
  JSON_TYPE,
  type RangeType,
  STRING,
  scalarTypes,
  typeName,
} from "../types.ts";
import { resolveCall, resolveExtract } from "./calls.ts";
import { resolveCast } from "./casts.ts";
import { coerce, coerceOrFail, convertLiteral, toSupertype } from "./coerce.ts";
import { compare, comparesNatively, inArray, inList, notDistinct } from "./compare.ts";
import { arrayConstructor, structConstructor } from "./constructors.ts";
import type { AggregateSink, Analysis, Context } from "./context.ts";
import { resolveFlattened } from "./flatten.ts";
import { groupedForm } from "./form.ts";
import { like, quantifiedLike } from "./like.ts";
import { fieldOf, resolvePath } from "./names.ts";
import { refuseNullLiteral, resolveBinary, resolveUnary } from "./operators.ts";
import { quantifiedComparison } from "./quantified-comparison.ts";
import { Scope } from "./scope.ts";
import { arraySubquery, existsSubquery, inSubquery, scalarSubquery } from "./subqueries.ts";
import { resolveSubscript } from "./subscript.ts";
import { resolveType } from "./type-names.ts";
import { bool, constant, flagsOf, literal, type Typed, untypedNull } from "./typed.ts";

/** Name resolution and type inference of one expression where it stands. */
export function resolve(a: Analysis, node: Expression, cx: Context): Typed {
  const sink = cx.aggregates;
  if (sink) {
    const key = sink.keyNodes.get(node);
    if (key) return key;
    if (sink.keyKinds.size > 0 && node.kind !== "path") return grouped(a, node, cx, sink);
  }
  const value = resolveNode(a, node, cx);
  if (value.sql.length > longestText) a.refuse(node, "statement_size", "its translation would go beyond 30 MB");
  return value;
}

/** Characters of DuckDB SQL that one expression may become. */
const longestText = 30_000_000;

/** What is made of grouped parts is that; only what cannot be is looked for among the grouping expressions. */
function grouped(a: Analysis, node: Expression, cx: Context, sink: AggregateSink): Typed {
  try {
    return resolveNode(a, node, cx);
  } catch (error) {
    if (!(error instanceof GoogleSqlAnalysisError)) throw error;
    const form = groupedForm(a, node, cx);
    const key = form === undefined ? undefined : sink.forms.get(form);
    if (key) return key;
    throw error;
  }
}

function resolveNode(a: Analysis, node: Expression, cx: Context): Typed {
  switch (node.kind) {
    case "null-literal":
      return untypedNull;
    case "boolean-literal":
      return literal(node.value, BOOL);
    case "integer-literal":
      if (node.value > 0x7fff_ffff_ffff_ffffn) {
        a.fail(node, `Invalid integer literal: ${node.value}`);
      }
      return literal(node.value, INT64);
    case "float-literal":
      return { ...literal(node.value, FLOAT64), image: node.text };
    case "string-literal":
      return literal(node.value, STRING);
    case "bytes-literal":
      return literal(node.value, BYTES);
    case "typed-literal":
      return typedLiteral(a, node);
    case "range-literal":
      return rangeLiteral(a, node);
    case "interval":
      return interval(a, node, cx);
    case "named-parameter": {
      const value = a.parameters.get(node.name.toLowerCase());
      return value ?? a.fail(node, `Query parameter '${node.name}' not found`);
    }
    case "positional-parameter": {
      const value = a.positional[node.index];
      return value ?? a.fail(node, `Query parameter number ${node.index + 1} is not defined`);
    }
    case "system-variable": {
      const name = node.parts.map((part) => part.name.toLowerCase()).join(".");
      const value = a.variables.get(`@@${name}`);
      return value ?? a.refuse(node, `@@${name}`, "system variable");
    }
    case "path":
      return resolvePath(a, node, cx);
    case "field-access":
      return fieldOf(a, node.field, resolve(a, node.object, cx), node.field);
    case "subscript":
      return resolveSubscript(a, node, cx);
    case "unary":
      return resolveUnary(a, node, cx);
    case "binary":
      return resolveBinary(a, node, cx);
    case "logical": {
      const operands = node.operands.map((operand) =>
        condition(a, operand, cx, `operator ${node.operator.toUpperCase()}`),
      );
      const joined = operands.map((operand) => operand.sql).join(node.operator === "and" ? " AND " : " OR ");
      return bool(`(${joined})`, flagsOf(...operands));
    }
    case "is-test":
      return isTest(a, node, cx);
    case "is-distinct-from": {
      const same = notDistinct(a, node, resolve(a, node.left, cx), resolve(a, node.right, cx));
      return node.negated ? same : { ...same, sql: `(NOT ${same.sql})` };
    }
    case "in":
      return negate(resolveIn(a, node, cx), node.negated);
    case "between":
      return between(a, node, cx);
    case "like":
      refuseNullLiteral(a, "LIKE", node.operand, node.pattern);
      return negate(like(a, node, resolve(a, node.operand, cx), resolve(a, node.pattern, cx)), (node as Like).negated);
    case "quantified-like":
      return node.operator ? quantifiedComparison(a, node, node.operator, cx) : quantifiedLike(a, node, cx);
    case "case":
      return resolveCase(a, node, cx);
    case "cast":
      return resolveCast(a, node, cx);
    case "extract":
      return resolveExtract(a, node, cx);
    case "array-constructor":
      return arrayConstructor(a, node, cx);
    case "struct-constructor":
      return structConstructor(a, node, cx);
    case "scalar-subquery":
      return scalarSubquery(a, node, node.query, cx);
    case "array-subquery":
      return arraySubquery(a, node, node.query, cx);
    case "exists":
      return existsSubquery(a, node.query, cx);
    case "function-call":
      return resolveCall(a, node, cx);
    case "with-expression":
      return withExpression(a, node, cx);
  }
}

/** A condition: BOOL, or what coerces to it. */
export function condition(a: Analysis, node: Expression, cx: Context, what: string): Typed {
  const value = resolve(a, node, cx);
  if (coercionCost(value, BOOL) === undefined) {
    return a.fail(node, `${what} should return type BOOL, but returns ${typeName(value.type)}`);
  }
  return coerce(a, node, value, BOOL);
}

/** NOT around a test, where it is asked for. */
export const negate = (value: Typed, negated: boolean): Typed =>
  negated ? { ...value, sql: `(NOT ${value.sql})` } : value;

function typedLiteral(a: Analysis, node: TypedLiteral): Typed {
  if (node.type === "JSON") {
    let text = "";
    try {
      text = canonicalJson(node.value);
    } catch (error) {
      a.fail(node, `Invalid JSON literal: ${(error as Error).message}`);
    }
    return {
      sql: `${stringText(text)}::JSON`,
      type: JSON_TYPE,
      literal: { value: text },
      isSimple: true,
      isNeverNull: true,
    };
  }
  const type = scalarTypes[node.type];
  const value = convertLiteral(node.value, STRING, type);
  if (value === undefined || isRounded(node.value, type)) return a.fail(node, `Invalid ${node.type} literal`);
  return constant(value, type);
}

/** Whether a decimal literal has more digits than its type holds: CAST rounds those, a literal may not have them. */
function isRounded(text: string, type: GoogleSqlType): boolean {
  const scale = type.kind === "NUMERIC" ? 9 : type.kind === "BIGNUMERIC" ? 38 : undefined;
  if (scale === undefined) return false;
  const digits = 40;
  const exact = parseDecimal(text, scale + digits);
  return exact !== undefined && exact % 10n ** BigInt(digits) !== 0n;
}

/** `[start, end)`, either of them UNBOUNDED or NULL. */
function rangeLiteral(a: Analysis, node: RangeLiteral): Typed {
  const type = resolveType(a, node.type) as RangeType;
  const wrong = (problem: unknown): never =>
    a.fail(node, `Invalid RANGE literal value: ${problem instanceof Error ? problem.message : String(problem)}`);
  let parts: readonly (string | null)[];
  try {
    parts = rangeParts(node.value);
  } catch (problem) {
    return wrong(problem);
  }
  const bounds = parts.map((text) => {
    if (text === null) return null;
    const value = convertLiteral(text, STRING, type.element);
    return value === undefined ? a.fail(node, `Invalid RANGE literal: ${node.value}`) : value;
  });
  const [start, end] = bounds;
  if (start !== null && end !== null && String(start) >= String(end)) {
    a.fail(node, "Range start element must be smaller than range end element");
  }
  const sql = structText(bounds.map((bound) => constant(bound ?? null, type.element).sql));
  return { sql, type, isNeverNull: true };
}

function interval(a: Analysis, node: IntervalExpression, cx: Context): Typed {
  const value = resolve(a, node.value, cx);
  const part = node.from.name.toUpperCase();
  const to = node.to?.name.toUpperCase();
  const flags = flagsOf(value, { canFail: true });
  if (!isIntervalPart(part)) return a.fail(node.from, `Unsupported date part ${part} in INTERVAL`);
  if (value.type.kind === "STRING" && typeof value.literal?.value === "string") {
    const parts = readIntervalLiteral(value.literal.value, part, to);
    if (!parts) return a.fail(node.value, `Invalid INTERVAL value '${value.literal.value}'`);
    if (isFinerThanMicros(value.literal.value))
      a.refuse(node.value, "INTERVAL", "an INTERVAL finer than a microsecond");
    return { sql: intervalSql(parts), type: INTERVAL, isNeverNull: true };
  }
  if (to !== undefined) return a.fail(node, "INTERVAL with a range of parts needs a STRING literal");
  const count = coerceOrFail(a, node.value, value, INT64, "The value of INTERVAL");
  const sql = letBind([count], a.fresh, ([n]) => `gs_interval_${part.toLowerCase()}(${n})`);
  return { sql, type: INTERVAL, ...flags };
}

const intervalSql = (parts: IntervalParts): string =>
  `(to_months(${parts.months}) + to_days(${parts.days}) + to_microseconds('${parts.micros}'::BIGINT))`;

function isTest(a: Analysis, node: IsTest, cx: Context): Typed {
  if (node.test === "null") {
    const value = resolve(a, node.operand, cx);
    return { ...bool(`(${value.sql} IS ${node.negated ? "NOT " : ""}NULL)`, flagsOf(value)), isNeverNull: true };
  }
  const value = condition(a, node.operand, cx, `operator IS ${node.test.toUpperCase()}`);
  const sql =
    node.test === "unknown"
      ? `(${value.sql} IS ${node.negated ? "NOT " : ""}NULL)`
      : `(${value.sql} IS ${node.negated ? "" : "NOT "}DISTINCT FROM ${node.test})`;
  return { ...bool(sql, flagsOf(value)), isNeverNull: true };
}

function resolveIn(a: Analysis, node: In, cx: Context): Typed {
  const operand = resolve(a, node.operand, cx);
  switch (node.source.kind) {
    case "value-list":
      return inList(
        a,
        node,
        operand,
        node.source.items.map((item) => resolve(a, item, cx)),
      );
    case "value-subquery":
      return inSubquery(a, node, operand, node.source.query, cx);
    case "value-unnest":
      return inArray(a, node, operand, resolveFlattened(a, node.source.array, cx));
  }
}

function between(a: Analysis, node: Between, cx: Context): Typed {
  const values = [node.operand, node.low, node.high].map((part) => resolve(a, part, cx));
  const all = toSupertype(a, node, values, "operator BETWEEN");
  const [operand, low, high] = all.values as [Typed, Typed, Typed];
  const flags = flagsOf(operand, low, high);
  // DuckDB writes the operand of BETWEEN twice: of one within the other there would be no end.
  if (comparesNatively(all.type) && all.type.kind !== "BIGNUMERIC" && !operand.hasBetween) {
    return bool(`(${operand.sql} ${node.negated ? "NOT " : ""}BETWEEN ${low.sql} AND ${high.sql})`, {
      ...flags,
      hasBetween: true,
    });
  }
  const sql = letBind([operand], a.fresh, ([x]) => {
    const value: Typed = { ...operand, sql: x!, isSimple: true };
    return `(${compare(a, node, ">=", value, low).sql} AND ${compare(a, node, "<=", value, high).sql})`;
  });
  return negate(bool(sql, flags), node.negated);
}

function resolveCase(a: Analysis, node: Case, cx: Context): Typed {
  const lazy: Context = { ...cx, isLazy: true };
  const results = node.branches.map((branch) => resolve(a, branch.then, lazy));
  const otherwise = node.otherwise ? resolve(a, node.otherwise, lazy) : untypedNull;
  const { type, values } = toSupertype(a, node, [...results, otherwise], "operator CASE");
  const whens: string[] = [];
  const parts: Typed[] = [...values];
  if (node.operand) {
    const operand = resolve(a, node.operand, cx);
    const choices = node.branches.map((branch) => resolve(a, branch.when, cx));
    const common = supertypeOf([operand, ...choices]);
    if (!common) return a.fail(node, "No matching signature for operator CASE");
    const bound = coerce(a, node, operand, common);
    parts.push(bound, ...choices);
    const sql = letBind([bound], a.fresh, ([x]) => {
      const texts = choices.map((choice, i) => {
        const test = compare(a, node.branches[i]!, "=", { ...bound, sql: x! }, choice);
        return `WHEN ${test.sql} THEN ${values[i]!.sql}`;
      });
      return `(CASE ${texts.join(" ")} ELSE ${values.at(-1)!.sql} END)`;
    });
    return { sql, type, ...flagsOf(...parts) };
  }
  for (const [i, branch] of node.branches.entries()) {
    const test = condition(a, branch.when, cx, "CASE WHEN");
    parts.push(test);
    whens.push(`WHEN ${test.sql} THEN ${values[i]!.sql}`);
  }
  return { sql: `(CASE ${whens.join(" ")} ELSE ${values.at(-1)!.sql} END)`, type, ...flagsOf(...parts) };
}

/** The name that an expression without alias has in a SELECT list or STRUCT(). */
export function impliedName(node: Expression): string | undefined {
  if (node.kind === "path") return node.parts.at(-1)!.name;
  if (node.kind === "field-access") return node.field.name;
  return undefined;
}

function withExpression(a: Analysis, node: WithExpression, cx: Context): Typed {
  const locals = new Map<string, Typed>();
  let scope = cx.scope;
  for (const binding of node.bindings) {
    const value = resolve(a, binding.value, { ...cx, scope });
    if (value.isVolatile) a.refuse(binding, "WITH_expression", "WITH over a value that differs each time");
    locals.set(binding.name.name.toLowerCase(), {
      ...value,
      isLiteral: false,
      structFields: undefined,
      arrayElements: undefined,
      isUntypedNull: false,
    });
    scope = new Scope({ parent: cx.scope, locals });
  }
  return resolve(a, node.body, { ...cx, scope });
}
