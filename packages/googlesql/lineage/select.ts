import { impliedName } from "../analyzer/expressions.ts";
import { hasWindow } from "../analyzer/grouping.ts";
import { hasAggregate } from "../analyzer/syntax-walk.ts";
import type { Expression, GroupBy, Identifier, Select, SelectItem, StarReplacement } from "../ast.ts";
import { resolveValue } from "./expression.ts";
import { resolveFrom } from "./from.ts";
import { deciding, merge, none, type Provenance } from "./provenance.ts";
import { groupingKeys, sortProvenance, type Tail } from "./query.ts";
import {
  type Analysis,
  type Column,
  type CommonTables,
  type Context,
  type From,
  localScope,
  nothing,
  type Relation,
  reaches,
  type Scope,
  scopeOf,
} from "./scope.ts";
import { also, total, type Value } from "./value.ts";

/** An element of the SELECT list with stars spelled out. */
export interface Item {
  readonly name: string | undefined;
  /** What ORDER BY, HAVING and the like can call it: not for the columns of a star. */
  readonly alias: string | undefined;
  readonly node: Expression | undefined;
  readonly value: Value;
}

/** A SELECT; `given` is the input of the pipe operator SELECT. */
export function resolveSelect(
  a: Analysis,
  node: Select,
  scope: Scope | undefined,
  tables: CommonTables,
  tail: Tail,
  given?: From,
): Relation {
  const from = given ?? (node.from ? resolveFrom(a, node.from, scope, tables, undefined) : nothing);
  const windows = new Map(node.windows.map((window) => [window.name.name.toLowerCase(), window.spec]));
  const before: Context = { scope: scopeOf(from, scope), tables, rows: from.rows, windows };
  const where = node.where ? deciding(total(resolveValue(a, node.where, before)), "FILTER") : none;
  // Which rows of a group count, and whether it is shown, depends on whose they are.
  const unit = node.privacy?.options?.entries.find((one) => one.name.name.toLowerCase() === "privacy_unit_column");
  const unitRows = unit ? deciding(total(resolveValue(a, unit.value, before)), "FILTER") : none;
  const filtered: Context = { ...before, rows: merge(from.rows, where, unitRows) };
  const ungrouped = listed(a, node.items, from, filtered);
  const by = node.groupBy ? grouped(a, node.groupBy, ungrouped, filtered) : none;
  // An aggregate goes over the rows of its group: what these are grouped by decides about it.
  const cx: Context = by.size === 0 ? filtered : { ...filtered, rows: merge(filtered.rows, by) };
  const items = by.size === 0 ? ungrouped : listed(a, node.items, from, cx);
  const rows: Provenance[] = [cx.rows];
  const columns = outColumns(a, node, items);
  if (node.distinct) rows.push(deciding(merge(...columns.map((column) => total(column.value))), "GROUP_BY"));
  const aliases = items.flatMap((item): [string, Value][] =>
    item.alias === undefined ? [] : [[item.alias, item.value]],
  );
  const after: Context = { ...cx, scope: localScope(distinctValues(aliases), cx.scope) };
  for (const test of [node.having, node.qualify]) {
    if (test) rows.push(deciding(total(resolveValue(a, test, after)), "FILTER"));
  }
  const listedColumns = items.map(({ name, value }) => ({ name, value }));
  rows.push(sortProvenance(a, tail.orderBy, { columns: listedColumns }, after));
  return { columns, isValueTable: node.as !== undefined, rows: merge(...rows) };
}

/** The same expression twice under one name is no ambiguity. */
function distinctValues(aliases: readonly (readonly [string, Value])[]): readonly (readonly [string, Value])[] {
  return aliases.filter(
    ([name, value], i) =>
      !aliases.some(([other, same], j) => j < i && other.toLowerCase() === name.toLowerCase() && same === value),
  );
}

function outColumns(a: Analysis, node: Select, items: readonly Item[]): readonly Column[] {
  if (node.as === "struct") {
    const fields = items.map(({ name, value }) => ({ name, value }));
    return [{ name: undefined, value: { own: none, fields } }];
  }
  if (node.as === "value" && items.length !== 1) a.fail(node, "SELECT AS VALUE query must have exactly one column");
  return items.map(({ name, value }) => ({ name: node.as === "value" ? undefined : name, value }));
}

/** A key may be an expression, an alias of the list or the place of a column in it. */
export function grouped(a: Analysis, node: GroupBy, items: readonly Item[], cx: Context): Provenance {
  if (node.all) {
    const keys = items.filter((item) => !item.node || (!hasAggregate(item.node, a.catalog) && !hasWindow(item.node)));
    return deciding(merge(...keys.map((item) => total(item.value))), "GROUP_BY");
  }
  const keys = groupingKeys(node.items).map((key) => {
    if (key.kind === "integer-literal") {
      const item = items[Number(key.value) - 1];
      if (!item) return a.fail(key, "GROUP BY is out of SELECT column number range");
      return total(item.value);
    }
    if (key.kind === "path" && key.parts.length >= 1) {
      const name = key.parts[0]!.name.toLowerCase();
      const named = items.filter((item) => item.alias?.toLowerCase() === name);
      // A single name that the SELECT list has is that item, whatever columns are called so: the analyzer's own rule.
      if (named.length > 0 && (key.parts.length === 1 || !reaches(name, cx.scope)))
        return merge(...named.map((item) => total(item.value)));
    }
    return total(resolveValue(a, key, cx));
  });
  return deciding(merge(...keys), "GROUP_BY");
}

/** The SELECT list with stars spelled out. */
export function listed(a: Analysis, items: readonly SelectItem[], from: From, cx: Context): readonly Item[] {
  return items.flatMap((item): readonly Item[] => {
    if (item.kind === "select-expression") {
      const name = item.alias?.name ?? impliedName(item.expression);
      return [{ name, alias: name, node: item.expression, value: resolveValue(a, item.expression, cx) }];
    }
    const columns = item.kind === "select-star" ? from.star : dotStar(a, item.object, cx);
    if (columns.length === 0) a.fail(item, "SELECT * expands to no columns");
    return exceptAndReplace(a, columns, item.except, item.replace, cx);
  });
}

function dotStar(a: Analysis, object: Expression, cx: Context): readonly Column[] {
  if (object.kind === "path" && object.parts.length === 1) {
    const key = object.parts[0]!.name.toLowerCase();
    for (let scope: Scope | undefined = cx.scope; scope; scope = scope.parent) {
      const range = scope.from.ranges.find((one) => one.name.toLowerCase() === key);
      if (range && !range.value) return range.columns;
      if (range || scope.locals.has(key) || scope.from.names.some((one) => one.name?.toLowerCase() === key)) break;
    }
  }
  const value = resolveValue(a, object, cx);
  if (!value.fields || value.isJson) return a.refuse(object, "dot_star", "the fields of this value are not known");
  return value.fields.map((field) => ({ name: field.name, value: also(field.value, value.own) }));
}

function exceptAndReplace(
  a: Analysis,
  columns: readonly Column[],
  except: readonly Identifier[],
  replace: readonly StarReplacement[],
  cx: Context,
): readonly Item[] {
  const key = (name: Identifier): string => {
    const lower = name.name.toLowerCase();
    if (!columns.some((column) => column.name?.toLowerCase() === lower))
      a.fail(name, `Column ${name.name} does not exist in the SELECT * list`);
    return lower;
  };
  const dropped = new Set(except.map(key));
  const replaced = new Map(replace.map((one) => [key(one.name), one]));
  return columns.flatMap((column): Item[] => {
    const name = column.name?.toLowerCase() ?? "";
    if (dropped.has(name)) return [];
    const by = replaced.get(name);
    const value = by ? resolveValue(a, by.expression, cx) : column.value;
    return [{ name: column.name, alias: undefined, node: by?.expression, value }];
  });
}
