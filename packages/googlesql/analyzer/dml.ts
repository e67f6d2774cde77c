import type {
  Assignment,
  Delete,
  Expression,
  Identifier,
  Insert,
  Merge,
  MergeClause,
  NodeBase,
  ObjectName,
  Truncate,
  Update,
} from "../ast.ts";
import { arrivalColumn, type CatalogColumn, type CatalogTable } from "../catalog.ts";
import { quoteName, stringText } from "../emit/text.ts";
import { pathOf } from "../path-of.ts";
import { duckdbType, type GoogleSqlType, holdsCollated, structFieldName, typeName } from "../types.ts";
import { arrivalDate, arrivingNow, heldToPartition, pseudoColumns, writtenArrival } from "./arrival.ts";
import { coerceOrFail } from "./coerce.ts";
import { type Analysis, type Context, withoutColumns } from "./context.ts";
import { condition, resolve } from "./expressions.ts";
import { resolveFrom } from "./from.ts";
import { filterPartitions, filterPartitionsByAny, readPartitions } from "./partition-predicates.ts";
import { resolveQuery } from "./query.ts";
import { type From, scopeOf, tableOf, withHidden } from "./relation.ts";
import { heldAs } from "./type-limits.ts";

/** DuckDB SQL of one DML statement, and what must hold before it runs. */
export interface Change {
  readonly sql: string;
  /** A query that gives a row when the statement must fail with `message` instead. */
  readonly guard?: { readonly sql: string; readonly message: string } | undefined;
}

interface Target {
  readonly table: CatalogTable;
  readonly alias: string;
  readonly from: From;
}

const noTables = new Map();

/** `isRead`: its rows are looked at, so that it may want a filter on its partitions. */
function target(a: Analysis, name: ObjectName, alias: Identifier | undefined, isRead: boolean): Target {
  const path = pathOf(name);
  const table = a.catalog.table(path) ?? a.fail(name, `Table not found: ${path.join(".")}`);
  if (table.kind === "view") a.fail(name, `${path.join(".")} is a view, which cannot be changed`);
  if (table.properties?.madeAs === "snapshot") a.fail(name, `${path.join(".")} is a snapshot, which cannot be changed`);
  for (const column of table.columns) {
    if (holdsCollated(column.type)) a.hasCollation = true;
    if (column.convert && (column.type.kind === "STRUCT" || column.type.kind === "ARRAY")) {
      a.refuse(name, "foreign_table", `changing a table whose column ${column.name} was not made by GoogleSQL`);
    }
  }
  const t = a.fresh("t");
  const columns = table.columns.map((column) => {
    const sql = `${t}.${quoteName(column.name)}`;
    return { name: column.name, sql: column.convert ? column.convert(sql) : sql, type: column.type };
  });
  const hidden = pseudoColumns(table, t);
  if (isRead) readPartitions(a, name, path, table, [...columns, ...hidden]);
  const from = tableOf(`${table.sql} AS ${t}`, t, alias?.name ?? path.at(-1)!, columns, false);
  return { table, alias: t, from: withHidden(from, hidden) };
}

function columnNamed(a: Analysis, table: CatalogTable, name: Identifier): CatalogColumn {
  const key = name.name.toLowerCase();
  const isTimed = table.properties?.arrivalUnit !== undefined;
  if (isTimed && key === arrivalColumn.toLowerCase()) return writtenArrival;
  if (isTimed && key === arrivalDate.toLowerCase())
    a.refuse(name, arrivalDate, `writing it: give ${arrivalColumn} the beginning of the day`);
  return (
    table.columns.find((column) => column.name.toLowerCase() === key) ??
    a.fail(name, `Column ${name.name} is not present in the table`)
  );
}

function columnList(
  a: Analysis,
  table: CatalogTable,
  names: readonly Identifier[] | undefined,
): readonly CatalogColumn[] {
  if (!names) return table.columns;
  const seen = new Set<string>();
  return names.map((name) => {
    const column = columnNamed(a, table, name);
    if (seen.has(column.name)) a.fail(name, `Column ${name.name} is listed twice`);
    seen.add(column.name);
    return column;
  });
}

/** A value for a column: DEFAULT, or an expression coerced to its type. */
function columnValue(
  a: Analysis,
  node: Assignment["value"],
  column: CatalogColumn,
  cx: Context,
  table: CatalogTable | undefined,
): string {
  if (node.kind === "default-value")
    return column === writtenArrival ? arrivingNow(table!.properties!.arrivalUnit!) : "DEFAULT";
  const value = coerceOrFail(a, node, resolve(a, node, cx), column.type, `Value for column ${column.name}`);
  return writtenValue(a, table, column, value.sql);
}

function writtenValue(a: Analysis, table: CatalogTable | undefined, column: CatalogColumn, sql: string): string {
  const cast = `CAST(${sql} AS ${duckdbType(column.type)})`;
  return column === writtenArrival
    ? heldToPartition(a, table!.properties!.arrivalUnit!, cast)
    : heldAs(a, column, cast);
}

/** The time of arrival of rows that are inserted without one; nothing for a table that keeps none. */
function arriving(
  table: CatalogTable,
  columns: readonly CatalogColumn[],
): { readonly name: string; readonly value: string } {
  const unit = table.properties?.arrivalUnit;
  if (unit === undefined || columns.includes(writtenArrival)) return { name: "", value: "" };
  return { name: `, ${quoteName(arrivalColumn)}`, value: `, ${arrivingNow(unit)}` };
}

export function insert(a: Analysis, node: Insert): Change {
  const { table } = target(a, node.table, undefined, false);
  const columns = columnList(a, table, node.columns);
  const now = arriving(table, columns);
  const head = `INSERT INTO ${table.sql} (${columns.map((column) => quoteName(column.name)).join(", ")}${now.name})`;
  if (node.source.kind === "insert-values") {
    const cx = withoutColumns("INSERT VALUES");
    const rows = node.source.rows.map((row) => {
      if (row.length !== columns.length) {
        a.fail(row[0] ?? node, `Inserted row has wrong column count; Has ${row.length}, expected ${columns.length}`);
      }
      return `(${row.map((value, i) => columnValue(a, value, columns[i]!, cx, table)).join(", ")}${now.value})`;
    });
    a.failUnfiltered();
    return { sql: `${head} VALUES ${rows.join(", ")}` };
  }
  const relation = resolveQuery(a, node.source.query, { scope: undefined, tables: noTables });
  a.failUnfiltered();
  if (relation.columns.length !== columns.length) {
    a.fail(node, `Inserted row has wrong column count; Has ${relation.columns.length}, expected ${columns.length}`);
  }
  const t = a.fresh("t");
  const list = relation.columns.map((column, i) => {
    const from = {
      ...column.source,
      sql: `${t}.${column.sqlName}`,
      type: column.type,
      structFields: undefined,
      arrayElements: undefined,
    };
    const value = coerceOrFail(a, node, from, columns[i]!.type, `Query column ${i + 1}`);
    return writtenValue(a, table, columns[i]!, value.sql);
  });
  return { sql: `${head} SELECT ${list.join(", ")}${now.value} FROM (${relation.sql}) AS ${t}` };
}

/** `SET a = 1, s.f = 2`: one text per column, with what reaches into a struct folded into it. */
function assignments(a: Analysis, nodes: readonly Assignment[], at: Target, cx: Context): string {
  const byColumn = new Map<CatalogColumn, { readonly path: readonly Identifier[]; readonly node: Assignment }[]>();
  for (const node of nodes) {
    const path = stripAlias(node.target, at);
    const column = columnNamed(a, at.table, path[0]!);
    const list = byColumn.get(column) ?? [];
    if (list.some((other) => overlaps(other.path, path))) a.fail(node, "Update item overlaps with another update item");
    list.push({ path: path.slice(1), node });
    byColumn.set(column, list);
  }
  return [...byColumn]
    .map(([column, list]) => {
      const whole = list.find((one) => one.path.length === 0);
      const stored = `${at.alias}.${quoteName(column.name)}`;
      const value = whole
        ? columnValue(a, whole.node.value, column, cx, at.table)
        : heldAs(a, column, withFields(a, stored, column.type, list, cx));
      return `${quoteName(column.name)} = ${value}`;
    })
    .join(", ");
}

function stripAlias(path: readonly Identifier[], at: Target): readonly Identifier[] {
  const [first] = path;
  const alias = at.from.ranges[0]?.name.toLowerCase();
  const isColumn = at.from.names.some((column) => column.name?.toLowerCase() === first!.name.toLowerCase());
  return path.length > 1 && first!.name.toLowerCase() === alias && !isColumn ? path.slice(1) : path;
}

const overlaps = (a: readonly Identifier[], b: readonly Identifier[]): boolean => {
  const rest = b.slice(1);
  const shorter = Math.min(a.length, rest.length);
  return Array.from({ length: shorter }, (_, i) => a[i]!.name.toLowerCase() === rest[i]!.name.toLowerCase()).every(
    Boolean,
  );
};

function withFields(
  a: Analysis,
  stored: string,
  type: GoogleSqlType,
  list: readonly { readonly path: readonly Identifier[]; readonly node: Assignment }[],
  cx: Context,
): string {
  if (type.kind !== "STRUCT") return a.fail(list[0]!.node, "UPDATE reaches into a value that is no STRUCT");
  const fields = type.fields.map((field, i) => {
    const own = list.filter((one) => one.path[0]!.name.toLowerCase() === field.name?.toLowerCase());
    const inner = `(${stored}).${structFieldName(i)}`;
    let value = inner;
    const exact = own.find((one) => one.path.length === 1);
    if (exact?.node.value.kind === "default-value") value = `CAST(NULL AS ${duckdbType(field.type)})`;
    else if (exact)
      value = columnValue(a, exact.node.value, { name: field.name ?? "", type: field.type }, cx, undefined);
    else if (own.length > 0) {
      value = withFields(
        a,
        inner,
        field.type,
        own.map((one) => ({ ...one, path: one.path.slice(1) })),
        cx,
      );
    }
    return `'${structFieldName(i)}': ${value}`;
  });
  for (const one of list) {
    if (!type.fields.some((field) => field.name?.toLowerCase() === one.path[0]!.name.toLowerCase())) {
      a.fail(one.node, `Field ${one.path[0]!.name} does not exist in the column`);
    }
  }
  const missing = `CAST(gs_raise(${stringText(`Cannot set field of NULL ${typeName(type)}`)}) AS ${duckdbType(type)})`;
  return `(CASE WHEN ${stored} IS NULL THEN ${missing} ELSE {${fields.join(", ")}} END)`;
}

const oneSourceRow = "UPDATE/MERGE must match at most one source row for each target row";

export function update(a: Analysis, node: Update): Change {
  const at = target(a, node.table, node.alias, true);
  const source = node.from && resolveFrom(a, node.from, { scope: undefined, tables: noTables });
  if (source?.ranges.some((range) => range.name.toLowerCase() === at.from.ranges[0]!.name.toLowerCase())) {
    a.fail(node, `Alias ${at.from.ranges[0]!.name} in the FROM clause was already defined as the UPDATE target`);
  }
  const both: From = source
    ? {
        sql: "",
        tables: [...at.from.tables, ...source.tables],
        star: [...at.from.star, ...source.star],
        names: [...at.from.names, ...source.names],
        ranges: [...at.from.ranges, ...source.ranges],
      }
    : at.from;
  const cx: Context = { scope: scopeOf(both, undefined), tables: noTables, clause: "UPDATE" };
  const where = condition(a, node.where, { ...cx, clause: "WHERE clause" }, "WHERE clause").sql;
  filterPartitions(a, node.where, cx);
  const set = assignments(a, node.assignments, at, cx);
  a.failUnfiltered();
  const from = source ? ` FROM ${source.sql}` : "";
  return {
    sql: `UPDATE ${at.from.sql} SET ${set}${from} WHERE ${where}`,
    guard: source && {
      sql: `SELECT 1 FROM ${at.from.sql} CROSS JOIN ${source.form?.kind === "join" ? `(${source.sql})` : source.sql} WHERE ${where} GROUP BY ${at.alias}.rowid HAVING count(*) > 1 LIMIT 1`,
      message: oneSourceRow,
    },
  };
}

export function deleteRows(a: Analysis, node: Delete): Change {
  const at = target(a, node.table, node.alias, true);
  const cx: Context = { scope: scopeOf(at.from, undefined), tables: noTables, clause: "WHERE clause" };
  const where = condition(a, node.where, cx, "WHERE clause").sql;
  filterPartitions(a, node.where, cx);
  a.failUnfiltered();
  return { sql: `DELETE FROM ${at.from.sql} WHERE ${where}` };
}

export function truncate(a: Analysis, node: Truncate): Change {
  return { sql: `DELETE FROM ${target(a, node.table, undefined, false).table.sql}` };
}

export function merge(a: Analysis, node: Merge): Change {
  const at = target(a, node.table, node.alias, true);
  const source = resolveFrom(a, node.source, { scope: undefined, tables: noTables });
  const sourceSql = node.source.kind === "join" ? mergeSource(a, node.source) : source.sql;
  const both: From = {
    sql: "",
    tables: [...at.from.tables, ...source.tables],
    star: [...at.from.star, ...source.star],
    names: [...at.from.names, ...source.names],
    ranges: [...at.from.ranges, ...source.ranges],
  };
  const scopes = {
    matched: scopeOf(both, undefined),
    "not-matched-by-target": scopeOf(source, undefined),
    "not-matched-by-source": scopeOf(at.from, undefined),
  };
  const on = condition(
    a,
    node.condition,
    { scope: scopes.matched, tables: noTables, clause: "MERGE ON" },
    "MERGE ON",
  ).sql;
  filterPartitions(a, node.condition, { scope: scopes.matched, tables: noTables, clause: "MERGE ON" });
  const acting: string[] = [];
  const clauses = node.clauses.map((clause) => {
    const cx: Context = { scope: scopes[clause.match], tables: noTables, clause: "MERGE" };
    const test = clause.condition ? condition(a, clause.condition, cx, "WHEN ... AND").sql : undefined;
    if (clause.match === "matched") acting.push(test ?? "true");
    const head = {
      matched: "MATCHED",
      "not-matched-by-target": "NOT MATCHED BY TARGET",
      "not-matched-by-source": "NOT MATCHED BY SOURCE",
    };
    return `WHEN ${head[clause.match]}${test ? ` AND ${test}` : ""} THEN ${action(a, clause, at, source, cx)}`;
  });
  filterPartitionsByAny(
    a,
    node.clauses.map((clause) => ({
      node: clause.condition,
      cx: { scope: scopes[clause.match], tables: noTables, clause: "MERGE" },
    })),
  );
  a.failUnfiltered();
  return {
    sql: `MERGE INTO ${at.from.sql} USING ${sourceSql} ON ${on} ${clauses.join(" ")}`,
    guard:
      acting.length === 0
        ? undefined
        : {
            sql: `SELECT 1 FROM ${at.from.sql} JOIN ${sourceSql} ON ${on} WHERE (${acting.join(") OR (")}) GROUP BY ${at.alias}.rowid HAVING count(*) > 1 LIMIT 1`,
            message: oneSourceRow,
          },
  };
}

const mergeSource = (a: Analysis, node: NodeBase): never =>
  a.refuse(node, "MERGE_join_source", "a join as the source of MERGE; put it into a subquery");

function action(a: Analysis, clause: MergeClause, at: Target, source: From, cx: Context): string {
  const { action: node } = clause;
  switch (node.kind) {
    case "merge-delete":
      return "DELETE";
    case "merge-update":
      return `UPDATE SET ${assignments(a, node.assignments, at, cx)}`;
    case "merge-insert": {
      const columns = columnList(a, at.table, node.columns);
      const names = columns.map((column) => quoteName(column.name)).join(", ");
      const now = arriving(at.table, columns);
      if (node.values) {
        if (node.values.length !== columns.length) a.fail(node, "Inserted row has wrong column count");
        const values = node.values.map((value, i) => columnValue(a, value, columns[i]!, cx, at.table));
        return `INSERT (${names}${now.name}) VALUES (${values.join(", ")}${now.value})`;
      }
      const values = columns.map((column) => {
        const path: Expression = {
          kind: "path",
          span: node.span,
          // Through the alias, which may be named like one of the columns.
          parts: [...source.ranges.map((range) => range.name), column.name].map((name) => ({
            kind: "identifier",
            name,
            quoted: true,
            span: node.span,
          })),
        };
        if (!source.names.some((one) => one.name?.toLowerCase() === column.name.toLowerCase())) {
          return a.fail(node, `INSERT ROW: the source has no column ${column.name}`);
        }
        return columnValue(a, path, column, cx, at.table);
      });
      return `INSERT (${names}${now.name}) VALUES (${values.join(", ")}${now.value})`;
    }
  }
}
