import {
  type Join,
  pathOf,
  type Query,
  type TableExpression,
  type TableReference,
  type UnnestTable,
} from "../../../packages/googlesql/index.ts";
import { compared } from "./conditions.ts";
import { resolveVal } from "./expression.ts";
import type { Instant, Order } from "./instants.ts";
import { type Fact, needsOf, together, type Val, val } from "./knowledge.ts";
import { applied, conjoined } from "./logic.ts";
import { pivoted, unpivoted } from "./pivot.ts";
import { fromTable, resolveQuery } from "./query.ts";
import {
  type Analysis,
  type Column,
  type Env,
  type From,
  fromRelation,
  instantsOf,
  lookUp,
  type Range,
  reaches,
  type Scope,
} from "./relation.ts";

const around = (env: Env, left: From | undefined): Env =>
  left
    ? {
        ...env,
        facts: env.facts.with(left.orders),
        scope: { parent: env.scope, from: left, locals: new Map() } satisfies Scope,
      }
    : env;

/** A FROM clause. `left` is what stands to the left of it, which UNNEST may look at. */
export function resolveFrom(a: Analysis, node: TableExpression, env: Env, left: From | undefined): From {
  switch (node.kind) {
    case "table-reference":
      return tableReference(a, node, env, left);
    case "unnest":
      return unnest(a, node, env, left);
    case "subquery-table":
      return fromRelation(
        resolveQuery(a, node.query as Query, env.scope, env.tables, env.facts, env.outer),
        node.alias?.name,
      );
    case "join": {
      const one = resolveFrom(a, node.left, env, left);
      const other = resolveFrom(a, node.right, env, left ? sideBySide(left, one) : one);
      return joined(a, node, one, other, env);
    }
    case "sampled-table":
      return resolveFrom(a, node.input, env, left);
    case "pivot-table":
      return pivoted(a, node, resolveFrom(a, node.input, env, left), env);
    case "unpivot-table":
      return unpivoted(a, node, resolveFrom(a, node.input, env, left), env);
    default:
      return a.refuse(node, node.kind.replaceAll("-", "_"));
  }
}

function tableReference(a: Analysis, node: TableReference, env: Env, left: From | undefined): From {
  const { parts } = node.name;
  const [head] = parts;
  if (parts.length === 1) {
    const common = env.tables.get(head!.name.toLowerCase());
    if (common) return fromTable(common, node.alias?.name ?? head!.name);
  } else if (left && reaches(head!.name, around(env, left).scope)) {
    const array = { kind: "path", parts, span: node.name.span } as const;
    return unnest(a, { ...node, kind: "unnest", alias: node.alias ?? parts.at(-1)!, array }, env, left);
  }
  const path = pathOf(node.name);
  const table = a.catalog.table(path);
  if (!table) return a.fail(node.name, `Table not found: ${path.join(".")}`);
  return fromTable(table, node.alias?.name ?? path.at(-1)!);
}

function unnest(a: Analysis, node: UnnestTable, env: Env, left: From | undefined): From {
  const inner = around(env, left);
  const array = node.array.kind === "path" ? lookUp(a, node.array, inner.scope) : resolveVal(a, node.array, inner);
  const needs = needsOf(array);
  const element: Val = array.element
    ? { ...array.element, needs: together(array.needs, array.element.needs) }
    : val(needs);
  const fields = element.fields?.map(
    (field): Column => ({ name: field.name, val: { ...field.val, needs: together(array.needs, field.val.needs) } }),
  );
  const offset: Column[] = node.offset ? [{ name: node.offset.alias?.name ?? "offset", val: val(needs) }] : [];
  const own: Column[] = fields ? [...fields] : [{ name: node.alias?.name, val: element }];
  const ranges: Range[] = node.alias ? [{ name: node.alias.name, columns: fields ?? [], val: element }] : [];
  return { star: [...own, ...offset], ranges, rows: needs, exists: needs, orders: [], unique: [] };
}

export const sideBySide = (left: From, right: From): From => ({
  star: [...left.star, ...right.star],
  ranges: [...left.ranges, ...right.ranges],
  rows: together(left.rows, right.rows),
  exists: together(left.exists, right.exists),
  orders: [...left.orders, ...right.orders],
  unique: left.unique.flatMap((one) => right.unique.map((other) => [...one, ...other])),
});

function changed(side: From, change: (one: Val) => Val): From {
  const made = new Map<Val, Val>();
  const of = (one: Val): Val => {
    const known = made.get(one) ?? change(one);
    made.set(one, known);
    return known;
  };
  const column = (one: Column): Column => ({ ...one, val: of(one.val) });
  return {
    ...side,
    star: side.star.map(column),
    ranges: side.ranges.map((range) => ({
      ...range,
      columns: range.columns.map(column),
      val: range.val && of(range.val),
    })),
  };
}

export function joined(
  a: Analysis,
  node: Pick<Join, "operator" | "condition">,
  left: From,
  right: From,
  env: Env,
): From {
  const both = sideBySide(left, right);
  if (!node.condition) return both;
  const facts = env.facts.with(both.orders);
  let on: Val;
  let hidden: ReadonlySet<Val> = new Set();
  if (node.condition.kind === "join-on") {
    on = resolveVal(a, node.condition.expression, {
      ...env,
      facts,
      scope: { parent: env.scope, from: both, locals: new Map() },
    });
  } else {
    const pairs = node.condition.columns.map((name) => {
      const find = (side: From): Val => {
        const found = side.star.find((column) => column.name?.toLowerCase() === name.name.toLowerCase());
        return found?.val ?? a.fail(name, `Column ${name.name} in USING not found on one side of the join`);
      };
      return [find(left), find(right)] as const;
    });
    on = conjoined(
      { ...env, facts },
      pairs.map(([one, other]) => compared(one, "=", other)),
    );
    hidden = new Set(pairs.map(([one, other]) => (node.operator === "right" ? one : other)));
  }
  const said: readonly Fact[] = on.when?.facts ?? [];
  const inner: Env = { ...env, facts: facts.with(said) };
  const asked = inner.facts.apply(on.when?.needs ?? on.needs);
  const isLeftOptional = node.operator === "right" || node.operator === "full";
  const isRightOptional = node.operator === "left" || node.operator === "full";
  const optional = (side: From, isOptional: boolean): From => {
    const met = together(inner.facts.apply(side.exists), asked);
    return changed(side, (one) => {
      const made = applied(one, isOptional ? inner : { ...env, facts });
      return isOptional ? { ...made, needs: together(made.needs, met) } : made;
    });
  };
  const leftIsOne = isOne(left, said);
  const rightIsOne = isOne(right, said);
  const l = optional(left, isLeftOptional);
  const r = optional(right, isRightOptional);
  const whole = sideBySide(l, r);
  const rowsOf = (side: From, isSingle: boolean, isOptional: boolean) =>
    isSingle ? (isOptional ? [] : side.exists) : side.rows;
  // Of a row without a partner the condition says nothing: then only what it says of the side that may be missing is kept.
  const missing = instantsIn(...(isLeftOptional ? [left] : []), ...(isRightOptional ? [right] : []));
  const orders = said.filter(
    (fact) => fact.kind === "order" && (missing.size === 0 || missing.has(fact.a) || missing.has(fact.b)),
  ) as readonly Order[];
  const exists = together(
    isLeftOptional ? [] : inner.facts.apply(left.exists),
    isRightOptional ? [] : inner.facts.apply(right.exists),
    isLeftOptional || isRightOptional ? [] : asked,
  );
  const fans = !(rightIsOne || leftIsOne);
  return {
    ...whole,
    star: whole.star.filter((column, i) => !hidden.has(both.star[i]!.val) || column.name === undefined),
    rows: together(
      inner.facts.apply(together(rowsOf(left, leftIsOne, isLeftOptional), rowsOf(right, rightIsOne, isRightOptional))),
      fans || !isRightOptional ? asked : [],
    ),
    exists,
    orders: [...both.orders, ...orders],
    unique: rightIsOne ? left.unique : leftIsOne ? right.unique : both.unique,
  };
}

const instantsIn = (...sides: readonly From[]): ReadonlySet<Instant> =>
  new Set(
    sides.flatMap((side) => [
      ...side.star.flatMap((column) => instantsOf(column.val)),
      ...side.orders.flatMap(({ a, b }) => [a, b]),
    ]),
  );

/** Whether a row of the other side meets one of this side at most: the condition says all of a key of it. */
function isOne(side: From, facts: readonly Fact[]): boolean {
  const own = new Set(side.star.map((column) => column.val.id));
  const said = new Set<number>();
  for (const fact of facts) {
    if (fact.kind === "same") {
      if (own.has(fact.a) && !own.has(fact.b)) said.add(fact.a);
      if (own.has(fact.b) && !own.has(fact.a)) said.add(fact.b);
    }
    if (fact.kind === "in" && fact.values.length === 1) said.add(fact.id);
  }
  return side.unique.some((key) => key.every((id) => said.has(id)));
}
