import type { Analysis } from "./context.ts";
import type { From } from "./relation.ts";
import type { Column } from "./scope.ts";

/** A part of FROM as what a subquery over it gives: all names stay what they were. */
export interface Carried {
  /** The alias of the subquery. */
  readonly table: string;
  /** Its SELECT list. */
  readonly list: string[];
  readonly added: readonly Column[];
  /** What stands for the part of FROM once the subquery's text is known. */
  from(sql: string): From;
}

/** `added`: further columns, which follow those that `*` gives. */
export function carried(a: Analysis, from: From, added: readonly Column[] = []): Carried {
  const table = a.fresh("t");
  const names = new Map<string, string>();
  const list: string[] = [];
  const move = (column: Column): Column => {
    let name = names.get(column.sql);
    if (name === undefined) {
      name = a.fresh("c");
      names.set(column.sql, name);
      list.push(`${column.sql} AS ${name}`);
    }
    return { ...column, sql: `${table}.${name}` };
  };
  const more = added.map(move);
  const made = {
    star: [...from.star.map(move), ...more],
    names: [...from.names.map(move), ...more],
    ranges: from.ranges.map((range) => ({
      name: range.name,
      columns: range.columns.map(move),
      hidden: range.hidden?.map(move),
      value: range.value && move(range.value),
    })),
    value: added.length > 0 ? undefined : from.value && move(from.value),
  };
  return { table, list, added: more, from: (sql) => ({ ...made, sql, tables: [{ alias: table }] }) };
}
