import type { CommonTable, Expression, GroupingItem, Limit, OrderItem, Query, QueryBody, WithClause } from "../ast.ts";
import { inOrder, refersTo } from "../common-table-order.ts";
import { resolveValue } from "./expression.ts";
import { resolveFrom } from "./from.ts";
import { applyPipes } from "./pipes.ts";
import { deciding, merge, type Provenance } from "./provenance.ts";
import {
  type Analysis,
  type CommonTables,
  type Context,
  type From,
  type Relation,
  type Scope,
  scopeOf,
  tableOf,
} from "./scope.ts";
import { resolveSelect } from "./select.ts";
import { combined, setOperation } from "./set-operations.ts";
import { total } from "./value.ts";

/** A whole query: WITH, body, ORDER BY, LIMIT, pipes. */
export function resolveQuery(a: Analysis, query: Query, scope: Scope | undefined, outer: CommonTables): Relation {
  const tables = query.with ? resolveWith(a, query.with, scope, outer) : outer;
  if (query.pipes.length === 0) return resolveBody(a, query.body, scope, tables, query);
  const isPlain = query.body.kind === "from-query" && query.orderBy.length === 0 && !query.limit;
  const from =
    isPlain && query.body.kind === "from-query"
      ? resolveFrom(a, query.body.from, scope, tables, undefined)
      : fromRelation(resolveBody(a, query.body, scope, tables, query), undefined);
  return applyPipes(a, query.pipes, from, scope, tables);
}

/** What comes after a body. */
export interface Tail {
  readonly orderBy: readonly OrderItem[];
  readonly limit: Limit | undefined;
}

export const noTail: Tail = { orderBy: [], limit: undefined };

export function resolveBody(
  a: Analysis,
  body: QueryBody,
  scope: Scope | undefined,
  tables: CommonTables,
  tail: Tail = noTail,
): Relation {
  switch (body.kind) {
    case "select":
      return resolveSelect(a, body, scope, tables, tail);
    case "query":
      return withTail(a, resolveQuery(a, body, scope, tables), scope, tables, tail);
    case "set-operation":
      return withTail(a, setOperation(a, body, scope, tables), scope, tables, tail);
    case "from-query":
      return withTail(a, relationOf(resolveFrom(a, body.from, scope, tables, undefined)), scope, tables, tail);
  }
}

export const relationOf = (from: From): Relation => ({ columns: from.star, isValueTable: false, rows: from.rows });

export const fromRelation = (relation: Relation, alias: string | undefined): From =>
  tableOf(alias, relation.columns, relation.isValueTable, relation.rows);

function withTail(
  a: Analysis,
  relation: Relation,
  scope: Scope | undefined,
  tables: CommonTables,
  tail: Tail,
): Relation {
  if (tail.orderBy.length === 0) return relation;
  const from = fromRelation(relation, undefined);
  const cx: Context = { scope: scopeOf(from, scope), tables, rows: relation.rows, windows: new Map() };
  return { ...relation, rows: merge(relation.rows, sortProvenance(a, tail.orderBy, relation, cx)) };
}

/** What ORDER BY is made of; an integer literal is the place of a column. */
export function sortProvenance(
  a: Analysis,
  items: readonly OrderItem[],
  relation: Pick<Relation, "columns">,
  cx: Context,
): Provenance {
  return merge(
    ...items.map((item) => {
      const column =
        item.expression.kind === "integer-literal" ? relation.columns[Number(item.expression.value) - 1] : undefined;
      if (item.expression.kind === "integer-literal" && !column)
        return a.fail(item, "ORDER BY is out of SELECT column number range");
      return deciding(total(column?.value ?? resolveValue(a, item.expression, cx)), "SORT");
    }),
  );
}

/** The expressions that a grouping is by. */
export const groupingKeys = (items: readonly GroupingItem[]): readonly Expression[] => items.flatMap(keysOf);

function keysOf(item: GroupingItem): readonly Expression[] {
  switch (item.kind) {
    case "grouping-key":
      return [item.expression];
    case "grouping-empty":
      return [];
    case "rollup":
    case "cube":
      return item.elements.flat();
    case "grouping-sets":
      return item.sets.flatMap((set) => (set.kind === "grouping-set" ? set.keys : set.elements.flat()));
  }
}

export function resolveWith(
  a: Analysis,
  clause: WithClause,
  scope: Scope | undefined,
  outer: CommonTables,
): CommonTables {
  let tables = outer;
  for (const entry of clause.recursive ? inOrder(clause.entries) : clause.entries) {
    const isRecursive = clause.recursive && refersTo(entry.query, entry.name.name);
    const relation = isRecursive
      ? recursiveTable(a, entry, scope, tables)
      : resolveQuery(a, entry.query, scope, tables);
    tables = new Map([...tables, [entry.name.name.toLowerCase(), relation]]);
  }
  return tables;
}

/** Repeats the recursive term until it adds no source: the least set that is closed under it. */
function recursiveTable(a: Analysis, entry: CommonTable, scope: Scope | undefined, outer: CommonTables): Relation {
  const { query } = entry;
  const tables = query.with ? resolveWith(a, query.with, scope, outer) : outer;
  const { body } = query;
  if (body.kind !== "set-operation" || body.operator !== "union" || body.matching || query.pipes.length > 0) {
    return a.refuse(entry, "recursive_query", "a recursive query that is not a plain UNION");
  }
  const bases = body.inputs.filter((input) => !refersTo(input, entry.name.name));
  const steps = body.inputs.filter((input) => refersTo(input, entry.name.name));
  if (bases.length === 0) return a.fail(entry, `Recursive query ${entry.name.name} has no base term`);
  let known = combined(
    a,
    body,
    bases.map((input) => resolveBody(a, input, scope, tables)),
  );
  for (let size = -1; size !== sizeOf(known); ) {
    size = sizeOf(known);
    const reach: CommonTables = new Map([...tables, [entry.name.name.toLowerCase(), known]]);
    known = combined(a, body, [known, ...steps.map((input) => resolveBody(a, input, scope, reach))]);
  }
  return known;
}

/** Grows whenever a source or a subtype is added anywhere. */
const sizeOf = (relation: Relation): number =>
  [relation.rows, ...relation.columns.map((column) => total(column.value))]
    .flatMap((provenance) => [...provenance.values()])
    .reduce((sum, mask) => sum + 1024 + mask, 0);
