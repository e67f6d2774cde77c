import type { Expression, Identifier, SelectItem, StarReplacement } from "../ast.ts";
import { typeName } from "../types.ts";
import type { Analysis, Context } from "./context.ts";
import { impliedName, resolve } from "./expressions.ts";
import { columnValue, fieldAt } from "./names.ts";
import type { From } from "./relation.ts";
import type { Column, Scope } from "./scope.ts";
import { hasAggregate } from "./syntax-walk.ts";
import type { Typed } from "./typed.ts";

/** One column of a SELECT list after `*` is spelled out. */
export interface ListItem {
  readonly name: string | undefined;
  /** The name that GROUP BY, HAVING, QUALIFY and ORDER BY may use. */
  readonly alias: string | undefined;
  readonly node: Expression | undefined;
  /** For what `*` gave: it is resolved already. */
  readonly value: Typed | undefined;
  /** `value` is made of aggregates, and so need not be grouped. */
  readonly isAggregated?: boolean;
}

/** The SELECT list with stars spelled out. */
export function spellOut(
  a: Analysis,
  items: readonly SelectItem[],
  from: From | undefined,
  rows: Context,
): readonly ListItem[] {
  return items.flatMap((item): readonly ListItem[] => {
    if (item.kind === "select-expression") {
      const alias = item.alias?.name;
      return [
        {
          name: alias ?? impliedName(item.expression),
          alias: alias ?? impliedName(item.expression),
          node: item.expression,
          value: undefined,
        },
      ];
    }
    const columns = item.kind === "select-star" ? from!.star.map(columnItem) : dotStar(a, item.object, rows);
    if (columns.length === 0) a.fail(item, "SELECT * expands to no columns");
    return exceptAndReplace(a, columns, item.except, item.replace);
  });
}

const columnItem = (column: Column): ListItem => ({
  name: column.name,
  alias: column.name,
  node: undefined,
  value: columnValue(column),
});

function dotStar(a: Analysis, object: Expression, rows: Context): readonly ListItem[] {
  if (object.kind === "path" && object.parts.length === 1) {
    for (let scope: Scope | undefined = rows.scope; scope; scope = scope.parent) {
      const range = scope.ranges.get(object.parts[0]!.name.toLowerCase());
      if (range === "ambiguous") a.fail(object, `Table alias ${object.parts[0]!.name} is ambiguous`);
      if (range && !range.value) return range.columns.map(columnItem);
      if (range || scope.columns.has(object.parts[0]!.name.toLowerCase())) break;
    }
  }
  const isAggregated = hasAggregate(object, a.catalog);
  const value = resolve(a, object, isAggregated ? rows : { ...rows, aggregates: undefined });
  if (value.type.kind !== "STRUCT") {
    return a.fail(object, `Dot-star is not supported for type ${typeName(value.type)}`);
  }
  return value.type.fields.map((field, i) => ({
    name: field.name === "" ? undefined : field.name,
    alias: field.name === "" ? undefined : field.name,
    node: undefined,
    value: fieldAt(value, i),
    isAggregated,
  }));
}

function exceptAndReplace(
  a: Analysis,
  columns: readonly ListItem[],
  except: readonly Identifier[],
  replace: readonly StarReplacement[],
): readonly ListItem[] {
  const find = (name: Identifier): string => {
    const key = name.name.toLowerCase();
    if (!columns.some((column) => column.name?.toLowerCase() === key))
      a.fail(name, `Column ${name.name} does not exist in the SELECT * list`);
    return key;
  };
  const unique = (names: readonly Identifier[], what: string): Set<string> => {
    const keys = new Set<string>();
    for (const name of names) {
      const key = find(name);
      if (keys.has(key)) a.fail(name, `Duplicate column name ${name.name} in SELECT * ${what} list`);
      keys.add(key);
    }
    return keys;
  };
  const dropped = unique(except, "EXCEPT");
  unique(
    replace.map((one) => one.name),
    "REPLACE",
  );
  const replaced = new Map(replace.map((one) => [one.name.name.toLowerCase(), one]));
  for (const [key, one] of replaced) if (dropped.has(key)) a.fail(one, `Column ${one.name.name} is in EXCEPT already`);
  const rest = columns.filter((column) => !dropped.has(column.name?.toLowerCase() ?? ""));
  if (rest.length === 0) a.fail(except[0]!, "SELECT * EXCEPT list leaves no columns");
  return rest.map((column) => {
    const by = replaced.get(column.name?.toLowerCase() ?? "");
    return by ? { name: column.name, alias: column.name, node: by.expression, value: undefined } : column;
  });
}
