import type { TableReference } from "../ast.ts";
import type { CatalogTable } from "../catalog.ts";
import { literalText, quoteName } from "../emit/text.ts";
import { STRING, typeName } from "../types.ts";
import type { Analysis } from "./context.ts";
import { readPartitions } from "./partition-predicates.ts";
import type { From } from "./relation.ts";
import type { Column } from "./scope.ts";

/**
 * A wildcard table (`` `ds.events_*` ``): the rows of all tables whose names begin so, with the pseudo column `_TABLE_SUFFIX`, which
 * `*` does not show. BigQuery gives them the columns of the table that was made last, which is not known here: tables of different
 * columns are refused. Undefined when the path is none, or no table's name begins so.
 */
export function wildcardTable(a: Analysis, node: TableReference, path: readonly string[]): From | undefined {
  const last = path.at(-1)!;
  if (!last.endsWith("*") || path.length < 2) return undefined;
  const prefix = last.slice(0, -1);
  const found = a.catalog.tablesWithPrefix?.([...path.slice(0, -1), prefix]) ?? [];
  const [first] = found;
  if (first === undefined) return undefined;
  const shape = shapeOf(first.table);
  for (const { name, table } of found) {
    if (table.kind === "view") a.refuse(node, "wildcard_table", `${name} is a view, which a wildcard does not read`);
    if (shapeOf(table) !== shape || table.isValueTable === true)
      a.refuse(node, "wildcard_table", `${first.name} and ${name} have different columns`);
  }
  const names = first.table.columns.map((column) => column.name);
  const parts = found.map(({ name, table }) => {
    const columns = names.map((wanted) => {
      const column = table.columns.find((one) => one.name.toLowerCase() === wanted.toLowerCase())!;
      const sql = quoteName(column.physical ?? column.name);
      return `${column.convert ? column.convert(sql) : sql} AS ${quoteName(wanted)}`;
    });
    const suffix = literalText(name.slice(prefix.length), STRING);
    return `SELECT ${[...columns, `${suffix} AS ${suffixColumn}`].join(", ")} FROM ${table.sql}`;
  });
  const t = a.fresh("t");
  const columns = first.table.columns.map(
    (column): Column => ({ name: column.name, sql: `${t}.${quoteName(column.name)}`, type: column.type }),
  );
  for (const { name, table } of found) readPartitions(a, node, [...path.slice(0, -1), name], table, columns);
  const pseudo: Column = { name: "_TABLE_SUFFIX", sql: `${t}.${suffixColumn}`, type: STRING, isNeverNull: true };
  return {
    sql: `(${parts.join(" UNION ALL ")}) AS ${t}`,
    tables: [{ alias: t }],
    star: columns,
    names: [...columns, pseudo],
    ranges: [{ name: node.alias?.name ?? last, columns, hidden: [pseudo], value: undefined }],
  };
}

const suffixColumn = quoteName("_table_suffix");

const shapeOf = (table: CatalogTable): string =>
  table.columns
    .map((column) => `${column.name.toLowerCase()} ${typeName(column.type)}`)
    .sort()
    .join(", ");
