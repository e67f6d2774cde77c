import type { CommonTable, Limit, NodeBase, OrderItem, Query, QueryBody, WithClause } from "../ast.ts";
import { coercionCost } from "../coercion.ts";
import { inOrder, refersTo } from "../common-table-order.ts";
import { INT64, typeName } from "../types.ts";
import { coerce } from "./coerce.ts";
import { type Analysis, type CommonTableInfo, type CommonTables, type Context, withoutColumns } from "./context.ts";
import { resolve } from "./expressions.ts";
import { resolveFrom } from "./from.ts";
import { resolvePipes } from "./pipes.ts";
import { recursiveTable } from "./recursive-table.ts";
import {
  type CommonTablesText,
  type Environment,
  type From,
  type OutColumn,
  type Relation,
  tableOf,
  withText,
} from "./relation.ts";
import { Scope } from "./scope.ts";
import { resolveSelect } from "./select.ts";
import { resolveSetOperation } from "./set-operations.ts";
import type { Typed } from "./typed.ts";
import { orderText } from "./windows.ts";

export interface QueryOptions {
  /** Give the place in the query's order as a column. */
  readonly keepOrder?: boolean;
}

/** Resolves a whole query: WITH, body, ORDER BY, LIMIT, pipes. */
export function resolveQuery(a: Analysis, query: Query, outer: Environment, options: QueryOptions = {}): Relation {
  const made = query.with && resolveWith(a, query.with, outer);
  const env: Environment = { scope: outer.scope, tables: made?.tables ?? outer.tables };
  const tail: Tail = { orderBy: query.orderBy, limit: query.limit, keepOrder: options.keepOrder === true };
  const relation =
    query.pipes.length === 0
      ? resolveBody(a, query.body, env, tail)
      : resolvePipes(a, query, env, options.keepOrder === true);
  return made ? withTables(made, relation) : relation;
}

/** A query in parentheses may have a WITH of its own: the names in both are unique, so one follows the other. */
function withTables(outer: CommonTablesText, relation: Relation): Relation {
  const inner = relation.with;
  const all = {
    entries: [...outer.entries, ...(inner?.entries ?? [])],
    recursive: outer.recursive || inner?.recursive === true,
    body: inner?.body ?? relation.sql,
  };
  return { ...relation, sql: `${withText(all)} ${all.body}`, with: all };
}

export interface Tail {
  readonly orderBy: readonly OrderItem[];
  readonly limit: Limit | undefined;
  readonly keepOrder: boolean;
}

const noTail: Tail = { orderBy: [], limit: undefined, keepOrder: false };

export function resolveBody(a: Analysis, body: QueryBody, env: Environment, tail: Tail = noTail): Relation {
  switch (body.kind) {
    case "select":
      return resolveSelect(a, body, env, tail);
    case "query": {
      const plain = tail.orderBy.length === 0 && !tail.limit;
      const inner = resolveQuery(a, body, env, { keepOrder: plain && tail.keepOrder });
      return plain ? inner : withTail(a, inner, env, tail);
    }
    case "set-operation":
      return withTail(a, resolveSetOperation(a, body, env), env, tail);
    case "from-query": {
      const from = resolveFrom(a, body.from, env);
      return withTail(a, relationOfFrom(a, from), env, tail);
    }
  }
}

/** `SELECT *` of a FROM clause; `place`: what stands before the columns, which is none of them. */
export function relationOfFrom(a: Analysis, from: From, place?: string): Relation {
  const columns = (from.value ? [{ ...from.value, name: undefined }] : from.star).map((column): OutColumn => {
    const sqlName = a.fresh("c");
    a.partitions.passOn(column.sql, sqlName);
    return { name: column.name, sqlName, type: column.type, source: { sql: column.sql, type: column.type } };
  });
  const list = columns.map((column) => `${column.source.sql} AS ${column.sqlName}`);
  if (list.length === 0) list.push("1 AS c0");
  if (place !== undefined) list.unshift(place);
  return { sql: `SELECT ${list.join(", ")} FROM ${from.sql}`, columns, isValueTable: from.value !== undefined };
}

/** A relation as a table of a FROM clause. */
export function fromRelation(a: Analysis, relation: Relation, alias: string | undefined): From {
  const t = a.fresh("t");
  const columns = relation.columns.map((column) => {
    const sql = `${t}.${column.sqlName}`;
    a.partitions.passOn(column.sqlName, sql);
    return { name: column.name, sql, type: column.type };
  });
  return tableOf(`(${relation.sql}) AS ${t}`, t, alias, columns, relation.isValueTable);
}

/** ORDER BY and LIMIT over a finished relation, whose columns are all that can be named. */
function withTail(a: Analysis, relation: Relation, env: Environment, tail: Tail): Relation {
  if (tail.orderBy.length === 0 && !tail.limit && !tail.keepOrder) return relation;
  const t = a.fresh("t");
  const columns = relation.columns.map((column) => ({
    name: column.name,
    sql: `${t}.${column.sqlName}`,
    type: column.type,
  }));
  const table = tableOf(`(${relation.sql}) AS ${t}`, t, undefined, columns, relation.isValueTable);
  const scope = new Scope({ parent: env.scope, ...table });
  const cx: Context = {
    scope,
    tables: env.tables,
    clause: "ORDER BY clause after a set operation",
    windows: undefined,
  };
  const keys = tail.orderBy.map((item) => {
    const at = ordinal(a, item, columns.length);
    if (at !== undefined) return orderText(a, item, { sql: columns[at]!.sql, type: columns[at]!.type });
    const value = resolve(a, item.expression, cx);
    refuseLiteralKey(a, item, value);
    return orderText(a, item, value);
  });
  const order = keys.length > 0 ? ` ORDER BY ${keys.join(", ")}` : "";
  const orderColumn = tail.keepOrder && keys.length > 0 ? a.fresh("o") : undefined;
  const list = relation.columns.map((column) => `${t}.${column.sqlName}`);
  if (orderColumn) list.push(`row_number() OVER (${order.trim()}) AS ${orderColumn}`);
  const limit = tail.limit ? limitText(a, tail.limit, env) : "";
  if (tail.limit) a.partitions.stopAt(relation.columns.map((column) => column.sqlName));
  return {
    sql: `SELECT ${list.join(", ")} FROM (${relation.sql}) AS ${t}${order}${limit}`,
    columns: relation.columns.map((column) => ({ ...column, source: { sql: "", type: column.type } })),
    isValueTable: relation.isValueTable,
    orderColumn,
  };
}

/** ORDER BY 2: the column's index; undefined when the item is no ordinal. */
export function ordinal(
  a: Analysis,
  item: { readonly expression: { readonly kind: string } & NodeBase },
  count: number,
): number | undefined {
  const { expression } = item;
  if (expression.kind !== "integer-literal") return undefined;
  const at = Number((expression as unknown as { readonly value: bigint }).value);
  if (at < 1 || at > count) a.fail(expression, `ORDER BY is out of SELECT column number range: ${at}`);
  return at - 1;
}

/** A literal puts nothing in order; a name or a parameter that stands for a constant is none. */
export function refuseLiteralKey(a: Analysis, item: OrderItem, value: Typed): void {
  const { kind } = item.expression;
  if (!value.literal || !value.isLiteral || value.isParameter || kind === "path") return;
  if (!value.isUntypedNull || kind === "null-literal") a.fail(item, "Cannot ORDER BY a literal");
}

export function limitText(a: Analysis, limit: Limit, env: Environment): string {
  const read = (node: Limit["count"]): string => {
    const cx = withoutColumns("LIMIT", env.tables);
    const value = resolve(a, node, cx);
    if (coercionCost(value, INT64) === undefined)
      a.fail(node, `LIMIT ... OFFSET ... expects INT64, got ${typeName(value.type)}`);
    const given = value.literal?.value;
    if (given === null || (typeof given === "bigint" && given < 0n)) {
      a.fail(node, "LIMIT requires a non-null, non-negative count and offset");
    }
    return given === undefined ? `(SELECT ${coerce(a, node, value, INT64).sql})` : `${given}`;
  };
  return ` LIMIT ${read(limit.count)}${limit.offset ? ` OFFSET ${read(limit.offset)}` : ""}`;
}

/** What a common table sees of the query around it: no columns, but the arguments of the function whose body it is in. */
function argumentScope(scope: Scope | undefined): Scope | undefined {
  let root = scope;
  while (root?.parent) root = root.parent;
  return root?.locals.size ? root : undefined;
}

export function resolveWith(
  a: Analysis,
  clause: WithClause,
  outer: Environment,
): CommonTablesText & { readonly tables: CommonTables } {
  const names = new Set<string>();
  for (const entry of clause.entries) {
    const key = entry.name.name.toLowerCase();
    if (names.has(key)) a.fail(entry.name, `Duplicate alias ${entry.name.name} for WITH subquery`);
    names.add(key);
  }
  let tables: CommonTables = outer.tables;
  const texts: string[] = [];
  let recursive = false;
  const scope = argumentScope(outer.scope);
  const entries = clause.recursive ? inOrder(clause.entries) : clause.entries;
  if (clause.recursive) refuseCycles(a, entries);
  for (const entry of entries) {
    const selfReferring = clause.recursive && refersTo(entry.query, entry.name.name);
    const made = selfReferring ? recursiveTable(a, entry, { scope, tables }) : plainTable(a, entry, { scope, tables });
    recursive ||= selfReferring;
    tables = new Map([...tables, [entry.name.name.toLowerCase(), made.info]]);
    texts.push(made.text);
  }
  return { tables, entries: texts, recursive };
}

/** Entries may name themselves, but not each other in a circle. */
function refuseCycles(a: Analysis, ordered: readonly CommonTable[]): void {
  for (const [i, entry] of ordered.entries()) {
    const later = ordered.slice(i + 1).find((other) => refersTo(entry.query, other.name.name));
    if (later) a.fail(entry, `Unsupported WITH entry dependency cycle: ${entry.name.name} and ${later.name.name}`);
  }
}

function plainTable(a: Analysis, entry: CommonTable, env: Environment): { info: CommonTableInfo; text: string } {
  const relation = resolveQuery(a, entry.query, env);
  const sqlName = a.fresh("w");
  return {
    info: { name: entry.name.name, sqlName, columns: relation.columns, isValueTable: relation.isValueTable },
    text: `${sqlName} AS (${relation.sql})`,
  };
}
