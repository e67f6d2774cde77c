import {
  type Argument,
  childrenOf,
  type Expression,
  type FunctionCall,
  type IntervalExpression,
  type Query,
  type ValueSource,
} from "../../../packages/googlesql/index.ts";
import { callValue } from "./call.ts";
import { compared, thereFacts } from "./conditions.ts";
import { asOf, cutName, day, type Instant } from "./instants.ts";
import { type Fact, needsOf, together, type Val, val } from "./knowledge.ts";
import { cases, conjoined, either, negated, oneOf, tested } from "./logic.ts";
import { resolveQuery } from "./query.ts";
import { type Analysis, type Env, fieldsOf, instantsOf, lookUp } from "./relation.ts";
import { converted, cutUnits, fixedUnits, truncated } from "./times.ts";

/** What an expression needs to be known, and what it says of time. */
export function resolveVal(a: Analysis, node: Expression, env: Env): Val {
  if (node.kind !== "path" && node.kind !== "function-call" && node.kind !== "binary")
    return resolveFresh(a, node, env);
  if (env.known.size === 0) return resolveFresh(a, node, env);
  return env.known.get(a.textOf(node)) ?? resolveFresh(a, node, env);
}

function resolveFresh(a: Analysis, node: Expression, env: Env): Val {
  const at = (one: Expression): Val => resolveVal(a, one, env);
  switch (node.kind) {
    case "null-literal":
      return val([], { literal: null });
    case "boolean-literal":
      return node.value
        ? val([], { literal: true })
        : val([], { literal: false, when: { facts: [], needs: [], otherwise: "zero" } });
    case "integer-literal":
      return val([], { literal: Number(node.value) });
    case "float-literal":
      return val([], { literal: node.value });
    case "string-literal":
      return node.value.replace("T", " ").startsWith(a.asOfText) ? asOfVal() : val([], { literal: node.value });
    case "typed-literal":
      return node.value.replace("T", " ").startsWith(a.asOfText) ? asOfVal() : val([]);
    case "path":
      return lookUp(a, node, env.scope);
    case "field-access":
      return fieldsOf(at(node.object), [node.field]);
    case "subscript": {
      const object = at(node.object);
      return { ...(object.element ?? val(needsOf(object))), needs: together(needsOf(object), at(node.index).needs) };
    }
    case "unary": {
      const one = at(node.operand);
      if (node.operator === "not") return negated(one);
      if (node.operator === "-" && typeof one.literal === "number") return val([], { literal: -one.literal });
      return val(needsOf(one));
    }
    case "binary":
      return binary(a, node.operator, node.left, node.right, env);
    case "logical": {
      const operands = node.operands.map(at);
      return node.operator === "and" ? conjoined(env, operands) : either(operands);
    }
    case "is-test":
      return tested(at(node.operand), node.test, node.negated);
    case "is-distinct-from": {
      const one = compared(at(node.left), "=", at(node.right));
      return node.negated ? one : negated(one);
    }
    case "between": {
      const operand = at(node.operand);
      const both = conjoined(env, [compared(operand, ">=", at(node.low)), compared(operand, "<=", at(node.high))]);
      return node.negated ? negated(both) : both;
    }
    case "in": {
      const one = isIn(a, at(node.operand), node.source, env);
      return node.negated ? negated(one) : one;
    }
    case "case":
      return cases(
        env,
        node.branches.map(({ when, then }) => ({
          when: (inner) =>
            node.operand
              ? compared(resolveVal(a, node.operand, inner), "=", resolveVal(a, when, inner))
              : resolveVal(a, when, inner),
          take: (inner) => resolveVal(a, then, inner),
        })),
        (inner) => (node.otherwise ? resolveVal(a, node.otherwise, inner) : val([], { literal: null })),
      );
    case "cast":
      return converted(at(node.operand), node.type);
    case "extract": {
      const name = node.part.kind === "path" ? node.part.parts[0]!.name.toLowerCase() : "";
      const one = at(node.operand);
      return name === "date" && !node.timeZone ? truncated(one, day, day) : val(needsOf(one));
    }
    case "struct-constructor":
      return val([], {
        fields: node.fields.map((field, i) => {
          const written = field.expression;
          const implied = written.kind === "path" ? written.parts.at(-1)!.name : `_${i}`;
          return { name: field.alias?.name ?? implied, val: at(written) };
        }),
      });
    case "array-constructor": {
      const elements = node.elements.map(at);
      return val([], elements.length === 0 ? {} : { element: oneOf(elements) });
    }
    case "scalar-subquery":
      return fromQuery(a, node.query, env);
    case "array-subquery": {
      const relation = resolveQuery(a, node.query, env.scope, env.tables, env.facts, aroundOf(env));
      return val(relation.rows, { element: relation.columns[0]!.val });
    }
    case "exists": {
      const { exists, orders } = resolveQuery(a, node.query, env.scope, env.tables, env.facts, aroundOf(env));
      return val(exists, { when: { facts: orders, needs: exists, otherwise: "zero" } });
    }
    case "function-call":
      return callValue(a, node, env);
    case "with-expression": {
      const locals = new Map<string, Val>();
      const inner: Env = {
        ...env,
        scope: {
          parent: env.scope,
          from: { star: [], ranges: [], rows: [], exists: [], orders: [], unique: [] },
          locals,
        },
      };
      for (const one of node.bindings) locals.set(one.name.name.toLowerCase(), resolveVal(a, one.value, inner));
      return resolveVal(a, node.body, inner);
    }
    default: {
      const under = childrenOf(node).flatMap((child) => (isExpression(child) ? [needsOf(at(child))] : []));
      return val(together(...under));
    }
  }
}

const kinds = new Set([
  "path",
  "binary",
  "logical",
  "unary",
  "function-call",
  "case",
  "cast",
  "is-test",
  "in",
  "between",
  "like",
  "extract",
  "subscript",
  "field-access",
  "scalar-subquery",
  "array-subquery",
  "exists",
  "struct-constructor",
  "array-constructor",
  "interval",
]);
const isExpression = (node: { readonly kind: string }): node is Expression => kinds.has(node.kind);

/** The as-of instant of the build: as a value it tells the day of the build; that something was before it tells nothing. */
export const asOfVal = (): Val =>
  val(
    [
      {
        origin: { table: "", column: cutName, kind: "state" },
        bounds: [{ at: asOf, plus: 0 }],
        via: [],
        isSoft: false,
        tags: [],
        early: undefined,
      },
    ],
    {
      time: { at: asOf, plus: 0, scale: 1, grain: 1, self: undefined },
    },
  );

function isIn(a: Analysis, operand: Val, source: ValueSource, env: Env): Val {
  if (source.kind === "value-list") {
    const items = source.items.map((item) => resolveVal(a, item, env));
    const texts = items.flatMap((item) => (typeof item.literal === "string" ? [item.literal] : []));
    const needs = together(needsOf(operand), ...items.map(needsOf));
    const facts: readonly Fact[] =
      texts.length === items.length
        ? [...thereFacts(operand), { kind: "in", id: operand.id, values: texts }]
        : thereFacts(operand);
    return val(needs, { when: { facts, needs, otherwise: "zero" } });
  }
  if (source.kind === "value-unnest") {
    const needs = together(needsOf(operand), needsOf(resolveVal(a, source.array, env)));
    return val(needs, { when: { facts: thereFacts(operand), needs, otherwise: "zero" } });
  }
  const relation = resolveQuery(a, source.query, env.scope, env.tables, env.facts, aroundOf(env));
  const column = relation.columns[0]!.val;
  const same = compared(operand, "=", column);
  const needs = together(needsOf(operand), relation.exists, needsOf(column));
  return val(needs, { when: { facts: [...relation.orders, ...(same.when?.facts ?? [])], needs, otherwise: "zero" } });
}

function fromQuery(a: Analysis, query: Query, env: Env): Val {
  const relation = resolveQuery(a, query, env.scope, env.tables, env.facts, aroundOf(env));
  const column = relation.columns[0]!.val;
  return { ...column, needs: together(column.needs, relation.rows, relation.exists) };
}

/** What a query inside an expression may bound its rows by: every instant of the row that it stands in. */
function aroundOf(env: Env): ReadonlySet<Instant> {
  const found = new Set<Instant>(env.outer);
  for (let scope = env.scope; scope; scope = scope.parent) {
    for (const column of scope.from.star) for (const one of instantsOf(column.val)) found.add(one);
    for (const one of scope.locals.values()) for (const instant of instantsOf(one)) found.add(instant);
  }
  return found;
}

function binary(a: Analysis, operator: string, leftNode: Expression, rightNode: Expression, env: Env): Val {
  const interval = rightNode.kind === "interval" ? rightNode : undefined;
  const left = resolveVal(a, leftNode, env);
  if (interval && (operator === "+" || operator === "-"))
    return moved(a, left, interval, operator === "-" ? -1 : 1, env);
  const right = resolveVal(a, rightNode, env);
  switch (operator) {
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "=":
    case "<>":
      return compared(left, operator, right);
    case "+":
    case "-":
      return added(left, right, operator === "-" ? -1 : 1);
    case "*": {
      if (typeof left.literal === "number" && typeof right.literal === "number")
        return val([], { literal: left.literal * right.literal });
      return val(together(needsOf(left), needsOf(right)));
    }
    default:
      return val(together(needsOf(left), needsOf(right)));
  }
}

function added(left: Val, right: Val, sign: 1 | -1): Val {
  if (typeof left.literal === "number" && typeof right.literal === "number")
    return val([], { literal: left.literal + sign * right.literal });
  const needs = together(needsOf(left), needsOf(right));
  if (left.time && typeof right.literal === "number")
    return val(needs, {
      defs: left.defs,
      time: { ...left.time, plus: left.time.plus + sign * right.literal * left.time.scale },
    });
  if (left.time && right.time && sign === -1 && left.time.scale === right.time.scale)
    return val(needs, {
      defs: [...(left.defs ?? []), ...(right.defs ?? [])],
      distance: { from: right.time, to: left.time, unit: left.time.scale, exact: true },
    });
  return val(needs);
}

/** `t + interval n unit`; months and years have no fixed length, so of these nothing is known. */
export function moved(a: Analysis, one: Val, interval: IntervalExpression, sign: 1 | -1, env: Env): Val {
  const amount = resolveVal(a, interval.value, env);
  return shifted(one, amount, interval.from.name, interval.to === undefined ? sign : 0);
}

export function shifted(one: Val, amount: Val, unitName: string, sign: 1 | -1 | 0): Val {
  // A whole month back from the first of one is the first of another; of months on days nothing is known.
  const cut = cutUnits.get(unitName.toLowerCase());
  const unit = fixedUnits.get(unitName.toLowerCase()) ?? (one.time?.grain === cut ? cut : undefined);
  const needs = together(needsOf(one), needsOf(amount));
  const { time } = one;
  const n = typeof amount.literal === "string" ? Number(amount.literal) : amount.literal;
  if (time && sign !== 0 && typeof n === "number" && Number.isFinite(n)) {
    if (unit !== undefined) {
      const plus = time.plus + sign * n * unit;
      return {
        ...one,
        id: val([]).id,
        needs,
        literal: undefined,
        time: { ...time, plus, grain: unit % time.grain === 0 ? time.grain : 1 },
      };
    }
  }
  return val(needs);
}

export function argumentOf(a: Analysis, node: FunctionCall, argument: Argument): Expression | undefined {
  const value = argument.kind === "named-argument" ? argument.value : argument;
  switch (value.kind) {
    case "star-argument":
    case "lambda":
      return undefined;
    case "table-argument":
    case "model-argument":
      return a.refuse(node, value.kind);
    default:
      return value;
  }
}
