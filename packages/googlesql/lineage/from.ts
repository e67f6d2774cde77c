import type { Join, Query, TableExpression, TableReference, UnnestTable } from "../ast.ts";
import { pathOf } from "../path-of.ts";
import { resolveValue } from "./expression.ts";
import { pivoted, unpivoted } from "./pivot.ts";
import { bitOf, deciding, merge, none, type Provenance, single, sourceKey, transformed } from "./provenance.ts";
import { fromRelation, resolveQuery } from "./query.ts";
import {
  type Analysis,
  type Column,
  type CommonTables,
  type Context,
  type From,
  reaches,
  resolvePath,
  type Scope,
  scopeOf,
  tableOf,
} from "./scope.ts";
import { also, constant, elementOf, oneOf, sourceValue, total, type Value } from "./value.ts";

/** A FROM clause. `left` is what stands to the left of it, which UNNEST may look at. */
export function resolveFrom(
  a: Analysis,
  node: TableExpression,
  scope: Scope | undefined,
  tables: CommonTables,
  left: From | undefined,
): From {
  switch (node.kind) {
    case "table-reference":
      return tableReference(a, node, scope, tables, left);
    case "unnest":
      return unnest(a, node, scope, tables, left);
    case "subquery-table": {
      const around = node.lateral && left ? scopeOf(left, scope) : scope;
      return fromRelation(resolveQuery(a, node.query as Query, around, tables), node.alias?.name);
    }
    case "table-function-call":
      return a.refuse(node, node.name.parts.map((part) => part.name).join("."), "table functions");
    case "join": {
      const one = resolveFrom(a, node.left, scope, tables, left);
      const visible = left ? sideBySide(left, one) : one;
      const other = resolveFrom(a, node.right, scope, tables, visible);
      return joined(a, node, one, other, scope, tables, left);
    }
    case "pivot-table":
      return pivoted(a, node.pivot, resolveFrom(a, node.input, scope, tables, left), node.alias?.name, scope, tables);
    case "unpivot-table":
      return unpivoted(a, node.unpivot, resolveFrom(a, node.input, scope, tables, left), node.alias?.name);
    case "sampled-table": {
      const from = resolveFrom(a, node.input, scope, tables, left);
      const { weight } = node.sample;
      if (!weight) return from;
      const column: Column = { name: weight.alias?.name ?? "weight", value: { own: from.rows } };
      return { ...from, star: [...from.star, column], names: [...from.names, column] };
    }
  }
}

/** What `*` does not give: the time of arrival, and which table of a wildcard it is. */
const pseudo = /^(_PARTITIONTIME|_TABLE_SUFFIX)$/i;

function tableReference(
  a: Analysis,
  node: TableReference,
  scope: Scope | undefined,
  tables: CommonTables,
  left: From | undefined,
): From {
  const { parts } = node.name;
  const [head] = parts;
  if (parts.length === 1) {
    const common = tables.get(head!.name.toLowerCase());
    if (common) return fromRelation(common, node.alias?.name ?? head!.name);
  } else if (reaches(head!.name, left ? scopeOf(left, scope) : scope)) {
    const array = { kind: "path", parts, span: node.name.span } as const;
    return unnest(a, { ...node, kind: "unnest", alias: node.alias ?? parts.at(-1)!, array }, scope, tables, left);
  }
  if (node.offset) return a.fail(node.offset, "WITH OFFSET can only be used with array scans");
  const path = pathOf(node.name);
  const table = a.catalog.table(path);
  if (!table) return a.fail(node.name, `Table not found, or its columns are not known: ${path.join(".")}`);
  const all = table.columns.map(
    (column): Column => ({ name: column.name, value: sourceValue(table.id, column.name, column.shape) }),
  );
  const isPseudo = ({ name }: Column): boolean => pseudo.test(name ?? "");
  const columns = all.filter((column) => !isPseudo(column));
  const hidden = all.filter(isPseudo);
  const arrival = hidden.find(({ name }) => /TIME$/i.test(name!));
  if (arrival) hidden.push({ name: "_PARTITIONDATE", value: { own: transformed(total(arrival.value)) } });
  const rows = single(sourceKey(table.id, "*"), "ROWS");
  const from = tableOf(node.alias?.name ?? path.at(-1)!, columns, table.isValueTable === true, rows);
  if (hidden.length === 0) return from;
  return {
    ...from,
    names: [...from.names, ...hidden],
    ranges: from.ranges.map((range) => ({ ...range, hidden })),
  };
}

function unnest(
  a: Analysis,
  node: UnnestTable,
  scope: Scope | undefined,
  tables: CommonTables,
  left: From | undefined,
): From {
  const inner = left ? scopeOf(left, scope) : scope;
  const cx: Context = { scope: inner, tables, rows: none, windows: new Map() };
  const array = node.array.kind === "path" ? resolvePath(a, node.array, inner) : resolveValue(a, node.array, cx);
  // An array gives as many rows as it has elements.
  const made = deciding(total(array), "JOIN");
  const rows: Provenance = new Map([...made].map(([key, mask]) => [key, mask | bitOf("ROWS")]));
  const offset: Column[] = node.offset ? [{ name: node.offset.alias?.name ?? "offset", value: { own: made } }] : [];
  return tableOf(node.alias?.name, [{ name: undefined, value: elementOf(array) }], true, rows, offset);
}

export const sideBySide = (left: From, right: From): From => ({
  star: [...left.star, ...right.star],
  names: [...left.names, ...right.names],
  ranges: [...left.ranges, ...right.ranges],
  rows: merge(left.rows, right.rows),
});

/** The side of an outer join that may be missing: whether its values are there hangs on the other side, and on its own rows. */
function optional(side: From, by: Provenance): From {
  const made = new Map<Value, Value>();
  const change = (column: Column): Column => {
    const value = made.get(column.value) ?? also(column.value, by);
    made.set(column.value, value);
    return { name: column.name, value };
  };
  return {
    star: side.star.map(change),
    names: side.names.map(change),
    ranges: side.ranges.map(({ name, columns, hidden, value }) => ({
      name,
      columns: columns.map(change),
      hidden: hidden?.map(change),
      value: value && change(value),
    })),
    rows: side.rows,
  };
}

/** Joins two resolved sides; also what the pipe operator JOIN does. */
export function joined(
  a: Analysis,
  node: Pick<Join, "operator" | "condition">,
  left: From,
  right: From,
  scope: Scope | undefined,
  tables: CommonTables,
  outerLeft?: From,
): From {
  const both = sideBySide(left, right);
  if (!node.condition) return both;
  if (node.condition.kind === "join-on") {
    const seen = outerLeft ? sideBySide(outerLeft, both) : both;
    const cx: Context = { scope: scopeOf(seen, scope), tables, rows: both.rows, windows: new Map() };
    const on = deciding(total(resolveValue(a, node.condition.expression, cx)), "JOIN");
    const l = node.operator === "right" || node.operator === "full" ? optional(left, merge(left.rows, on)) : left;
    const r = node.operator === "left" || node.operator === "full" ? optional(right, merge(right.rows, on)) : right;
    return { ...sideBySide(l, r), rows: merge(both.rows, on) };
  }
  const hidden = new Set<Column["value"]>();
  const merged: Column[] = [];
  const rows: Provenance[] = [both.rows];
  for (const name of node.condition.columns) {
    const [l, r] = [left, right].map((side) => {
      const key = name.name.toLowerCase();
      const found = side.names.filter((column) => column.name?.toLowerCase() === key);
      const value = side.ranges.find((range) => range.name.toLowerCase() === key)?.value;
      const column = found[0] ?? value;
      if (!column) return a.fail(name, `Column ${name.name} in USING not found on one side of the join`);
      if (found.some((other) => other.value !== column.value))
        return a.fail(name, `Column ${name.name} in USING is ambiguous`);
      return column;
    }) as [Column, Column];
    rows.push(deciding(merge(total(l.value), total(r.value)), "JOIN"));
    if (l.value !== constant) hidden.add(l.value);
    if (r.value !== constant) hidden.add(r.value);
    const value = node.operator === "full" ? oneOf([l.value, r.value]) : node.operator === "right" ? r.value : l.value;
    merged.push({ name: l.name, value });
  }
  const on = merge(...rows.slice(1));
  const isRightOptional = node.operator === "left" || node.operator === "full";
  const isLeftOptional = node.operator === "right" || node.operator === "full";
  const names = new Set(node.condition.columns.map((name) => name.name.toLowerCase()));
  const others = (columns: readonly Column[]): Column[] =>
    columns.filter(
      (column) =>
        !(names.has(column.name?.toLowerCase() ?? "") && (hidden.has(column.value) || column.value === constant)),
    );
  const kept = (side: From): From => ({ ...side, star: others(side.star), names: others(side.names) });
  const l = isLeftOptional ? optional(kept(left), merge(left.rows, on)) : kept(left);
  const r = isRightOptional ? optional(kept(right), merge(right.rows, on)) : kept(right);
  const sides = sideBySide(l, r);
  // Values of one name on both sides are one value afterwards.
  const isBoth = (key: string): boolean =>
    sides.ranges.filter((range) => range.name.toLowerCase() === key && range.value).length > 1;
  const one = merged.filter(({ name }) => name !== undefined && isBoth(name.toLowerCase()));
  return {
    star: [...merged, ...sides.star],
    names: [...merged, ...sides.names],
    ranges: [
      ...sides.ranges.filter((range) => !one.some(({ name }) => name!.toLowerCase() === range.name.toLowerCase())),
      ...one.map((value) => ({ name: value.name!, columns: [], value })),
    ],
    rows: merge(...rows),
  };
}
