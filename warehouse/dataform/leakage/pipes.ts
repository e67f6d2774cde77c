import {
  type Expression,
  emptySelect,
  type GroupBy,
  groupingKeys,
  type Identifier,
  impliedName,
  type Query,
  type Select,
  walk,
} from "../../../packages/googlesql/index.ts";
import { resolveVal } from "./expression.ts";
import { joined, resolveFrom } from "./from.ts";
import { pivoted, unpivoted } from "./pivot.ts";
import { combined, type Item, limited, listed, resolveQuery, selectFrom, type Tables, withTables } from "./query.ts";
import { type Analysis, type Column, type Env, type From, fromRelation, type Relation, sealed } from "./relation.ts";

type Pipe = Query["pipes"][number];
type Aggregate = Extract<Pipe, { readonly kind: "pipe-aggregate" }>;

/**
 * The `|>` operators of a query: each is a query over the table that the one before gave, so each is followed as the SELECT that says the
 * same. `env` is what the query stands in.
 */
export function piped(a: Analysis, operators: readonly Pipe[], input: From, env: Env): Relation {
  let from = input;
  let tables: Tables = env.tables;
  for (const operator of operators) {
    const here: Env = { ...env, tables };
    if (operator.kind === "pipe-with") tables = withTables(a, operator.with, here);
    else if (operator.kind === "pipe-if")
      from = fromRelation(piped(a, chosen(a, operator, here), from, here), undefined);
    else from = step(a, operator, from, here);
  }
  return relationOf(from, env);
}

const relationOf = (from: From, env: Env): Relation =>
  sealed(from.star, env.facts.with(from.orders), from.rows, from.exists, from.unique, env.outer);

type Step = Exclude<Pipe, { readonly kind: "pipe-with" | "pipe-if" }>;

function step(a: Analysis, node: Step, from: From, env: Env): From {
  switch (node.kind) {
    case "pipe-select": {
      const select = { ...emptySelect(node.span), distinct: node.distinct, as: node.as, windows: node.windows };
      return fromRelation(selectFrom(a, select, from, listed(a, node.items, from), undefined, env), undefined);
    }
    case "pipe-where": {
      // A condition on a window function is about rows that the window has seen.
      const place = hasWindow(node.condition) ? { qualify: node.condition } : { where: node.condition };
      return again(a, { ...emptySelect(node.span), ...place }, from, [], env);
    }
    case "pipe-extend":
    case "pipe-window": {
      const windows = node.kind === "pipe-extend" ? node.windows : [];
      return again(a, { ...emptySelect(node.span), windows }, from, listed(a, node.items, from), env);
    }
    case "pipe-set": {
      const changed = new Map(node.items.map((item) => [named(a, item.column, from), item.value]));
      const items = from.star.map((column): Item => {
        const value = changed.get(column);
        if (value === undefined) return handedOn(column);
        return { name: column.name, node: value, span: value.span, val: (one) => resolveVal(a, value, one) };
      });
      const made = again(a, emptySelect(node.span), from, items, env);
      return { ...made, star: made.star.slice(from.star.length) };
    }
    case "pipe-drop": {
      const gone = new Set(node.columns.map((name) => named(a, name, from)));
      return { ...from, star: from.star.filter((column) => !gone.has(column)) };
    }
    case "pipe-rename": {
      const renamed = new Map(node.items.map((item) => [named(a, item.from, from), item.to.name]));
      return { ...from, star: from.star.map((column) => ({ ...column, name: renamed.get(column) ?? column.name })) };
    }
    case "pipe-as":
      return { ...from, ranges: [{ name: node.alias.name, columns: from.star, val: undefined }] };
    case "pipe-aggregate":
      return aggregated(a, node, from, env);
    case "pipe-join": {
      const right = resolveFrom(a, node.right, env, from);
      return joined(a, node, from, right, env);
    }
    case "pipe-set-operation": {
      const inputs = node.inputs.map((one) => resolveQuery(a, one, env.scope, env.tables, env.facts, env.outer));
      return fromRelation(combined(a, node, [relationOf(from, env), ...inputs], env.outer), undefined);
    }
    case "pipe-distinct":
      return again(a, { ...emptySelect(node.span), distinct: true }, from, [], env);
    case "pipe-pivot":
      return pivoted(a, node, from, env);
    case "pipe-unpivot":
      return unpivoted(a, node, from, env);
    case "pipe-limit":
      return limited(from);
    // the order of rows tells nothing by itself, and an assertion stops the whole query
    case "pipe-order-by":
    case "pipe-sample":
    case "pipe-assert":
      return from;
    case "pipe-call":
      return a.refuse(node, "pipe_CALL");
  }
}

const handedOn = (column: Column): Item => ({
  name: column.name,
  node: undefined,
  span: column.span,
  val: () => column.val,
});

/** The same columns and aliases after a SELECT over them, with `more` columns. */
function again(a: Analysis, select: Select, from: From, more: readonly Item[], env: Env): From {
  // Columns that only an alias still knows go along.
  const known = new Set(from.star.map((column) => column.val));
  const hidden = from.ranges.flatMap((range) => range.columns).filter((column) => !known.has(column.val));
  const kept = [...from.star, ...hidden];
  const relation = selectFrom(a, select, from, [...kept.map(handedOn), ...more], undefined, env);
  const made = new Map(kept.map((column, i) => [column.val, relation.columns[i]!.val]));
  const star = [...relation.columns.slice(0, from.star.length), ...relation.columns.slice(kept.length)];
  return {
    ...fromRelation(relation, undefined),
    star,
    ranges: from.ranges.map((range) => ({
      ...range,
      columns: range.columns.map((column) => ({ ...column, val: made.get(column.val)! })),
    })),
  };
}

function aggregated(a: Analysis, node: Aggregate, from: From, env: Env): From {
  const keys = (node.groupBy?.items ?? [])
    .flatMap(keysIn)
    .map(({ name, expression }): Item => item(a, name, expression));
  const items = node.items.map(({ alias, expression }) => item(a, alias?.name ?? impliedName(expression), expression));
  const select: Select = { ...emptySelect(node.span), groupBy: node.groupBy };
  // GROUP BY names the input's columns: an alias given there is one of the output.
  const given = node.groupBy ? undefined : [];
  return fromRelation(selectFrom(a, select, from, [...keys, ...items], given, env), undefined);
}

const item = (a: Analysis, name: string | undefined, node: Expression): Item => ({
  name,
  node,
  span: node.span,
  val: (env) => resolveVal(a, node, env),
});

function keysIn(
  one: GroupBy["items"][number],
): readonly { readonly name: string | undefined; readonly expression: Expression }[] {
  if (one.kind === "grouping-key")
    return [{ name: one.alias?.name ?? impliedName(one.expression), expression: one.expression }];
  const names = groupingKeys([one]).map((expression) => ({ name: impliedName(expression), expression }));
  return names.filter(({ name }, i) => names.findIndex((other) => other.name === name) === i);
}

function named(a: Analysis, name: Identifier, from: From): Column {
  if (from.star.some((column) => column.name === "*"))
    return a.refuse(name, "the columns of a table that is not known");
  const found = from.star.filter((column) => column.name?.toLowerCase() === name.name.toLowerCase());
  return found.length === 1
    ? found[0]!
    : a.fail(name, `Column ${name.name} is not in the pipe's input, or is ambiguous`);
}

function hasWindow(node: Expression): boolean {
  let found = false;
  walk(node, (part) => {
    if (part.kind === "function-call" && part.over) found = true;
  });
  return found;
}

/** The operators of the branch that a pipe IF takes: its conditions are constants. */
function chosen(a: Analysis, node: Extract<Pipe, { readonly kind: "pipe-if" }>, env: Env): readonly Pipe[] {
  for (const one of node.cases) {
    const { literal } = resolveVal(a, one.condition, env);
    if (literal === true) return one.pipes;
    if (literal !== false) return a.refuse(one.condition, "pipe_IF");
  }
  return node.otherwise;
}
