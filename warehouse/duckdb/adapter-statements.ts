import { coerceOrFail } from "../googlesql/analyzer/coerce.ts";
import { Analysis, type Context } from "../googlesql/analyzer/context.ts";
import { condition, resolve } from "../googlesql/analyzer/expressions.ts";
import { Scope, type Column as ScopeColumn } from "../googlesql/analyzer/scope.ts";
import { resolveType } from "../googlesql/analyzer/type-names.ts";
import type {
  Alter,
  Delete,
  Drop,
  Expression,
  Insert,
  Merge,
  MergeClause,
  ObjectName,
  Query,
  Statement,
} from "../googlesql/ast.ts";
import type { CatalogColumn, CatalogTable } from "../googlesql/catalog.ts";
import { quoteName } from "../googlesql/emit/text.ts";
import { GoogleSqlEvaluationError, type Source } from "../googlesql/errors.ts";
import { type TranslatedColumn, type TranslateOptions, translateQuery } from "../googlesql/translate.ts";
import { duckdbType, type GoogleSqlType, sameType, typeName } from "../googlesql/types.ts";
import type { GoogleSqlSession, SessionResult } from "./session.ts";
import { readColumn, typeMark } from "./stored-catalog.ts";

export interface StatementResult {
  readonly result?: SessionResult | undefined;
  readonly rowsAffected?: number | undefined;
}

/** Runs one statement of those that a Dataform project's builds are made of; refuses others by name. */
export async function runStatement(
  session: GoogleSqlSession,
  statement: Statement,
  source: Source,
  options: TranslateOptions = {},
): Promise<StatementResult> {
  const a = new Analysis({ source, catalog: session.catalog });
  switch (statement.kind) {
    case "query-statement":
      return { result: await session.query(statement.query, source, options) };
    case "create-schema":
      await session.execute(`create schema if not exists ${schemaName(statement.name)}`);
      return {};
    case "create-table": {
      if (statement.type !== "table" || statement.from !== undefined) a.refuse(statement, "CREATE_TABLE_LIKE");
      const name = statement.temporary
        ? `temp.${quoteName(pathOf(statement.name).at(-1)!)}`
        : relationName(statement.name);
      const head = `create ${statement.orReplace ? "or replace " : ""}${statement.temporary ? "temp " : ""}table ${statement.ifNotExists ? "if not exists " : ""}${name}`;
      if (statement.query === undefined) {
        const columns = (statement.columns ?? []).map((column) => ({
          name: column.name.name,
          type: resolveType(a, column.type!),
        }));
        await session.execute(
          `${head} (${columns.map((column) => `${quoteName(column.name)} ${duckdbType(column.type)}`).join(", ")})`,
        );
        await noteTypes(session, name, "table", columns);
        return {};
      }
      const query = named(translateQuery(statement.query, source, session.catalog, options), statement.query, a);
      const rowsAffected = await session.execute(`${head} as ${query.sql}`);
      await noteTypes(session, name, "table", query.columns);
      return { rowsAffected };
    }
    case "create-view": {
      const name = relationName(statement.name);
      const query = named(translateQuery(statement.query, source, session.catalog, options), statement.query, a);
      await session.execute(
        `create ${statement.orReplace ? "or replace " : ""}view ${statement.ifNotExists ? "if not exists " : ""}${name} as ${query.sql}`,
      );
      await noteTypes(session, name, "view", query.columns);
      return {};
    }
    case "insert":
      return { rowsAffected: await insert(session, a, statement, source, options) };
    case "delete":
      return { rowsAffected: await remove(session, a, statement) };
    case "merge":
      return { rowsAffected: await merge(session, a, statement, source, options) };
    case "truncate":
      return { rowsAffected: await session.execute(`delete from ${tableOf(a, statement.table).sql}`) };
    case "drop":
      await drop(session, a, statement);
      return {};
    case "alter":
      await alter(session, a, statement);
      return {};
    default:
      return a.refuse(
        statement,
        statement.kind.toUpperCase().replaceAll("-", "_"),
        "not a statement of the local engine",
      );
  }
}

/** A name's parts; one in backquotes may hold several. */
const pathOf = (name: ObjectName): readonly string[] =>
  name.parts.flatMap((part) => (part.quoted ? part.name.split(".") : [part.name]));
const schemaName = (name: ObjectName): string => quoteName(pathOf(name).at(-1)!);

/** `"schema"."table"`; what stands before the dataset is a project, which has no meaning here. */
function relationName(name: ObjectName): string {
  const path = pathOf(name);
  return path.length === 1 ? quoteName(path[0]!) : `${quoteName(path.at(-2)!)}.${quoteName(path.at(-1)!)}`;
}

function tableOf(a: Analysis, name: ObjectName): CatalogTable {
  return a.catalog.table(pathOf(name)) ?? a.fail(name, `Table not found: ${pathOf(name).join(".")}`);
}

/** A query's DuckDB text with the columns under their GoogleSQL names. */
function named(
  query: { readonly sql: string; readonly columns: readonly TranslatedColumn[] },
  node: Query,
  a: Analysis,
): { readonly sql: string; readonly columns: readonly TranslatedColumn[] } {
  const seen = new Set<string>();
  for (const [i, column] of query.columns.entries()) {
    if (column.name === "") a.fail(node, `CREATE TABLE columns must be named, but column ${i + 1} has no name`);
    if (seen.has(column.name.toLowerCase())) a.fail(node, `Duplicate column name: ${column.name}`);
    seen.add(column.name.toLowerCase());
  }
  const names = query.columns.map((column) => quoteName(column.name)).join(", ");
  return { sql: `select * from (${query.sql}) as _q(${names})`, columns: query.columns };
}

/** Writes down the GoogleSQL type of columns whose DuckDB type does not tell. */
async function noteTypes(
  session: GoogleSqlSession,
  table: string,
  kind: "table" | "view",
  columns: readonly { readonly name: string; readonly type: GoogleSqlType }[],
): Promise<void> {
  const { rows } = {
    rows: await session.connection.runAndReadAll(`describe ${kind === "view" ? `select * from ${table}` : table}`),
  };
  const stored = new Map(rows.getRows().map((row) => [String(row[0]), String(row[1])]));
  for (const column of columns) {
    const told = readColumn(column.name, stored.get(column.name) ?? "", null);
    if (told !== undefined && sameType(told.type, column.type) && told.convert === undefined) continue;
    await session.connection.run(
      `comment on column ${table}.${quoteName(column.name)} is '${typeMark}${typeName(column.type).replaceAll("'", "''")}'`,
    );
  }
}

const scopeColumns = (columns: readonly CatalogColumn[], alias: string): readonly ScopeColumn[] =>
  columns.map((column) => {
    const sql = `${alias}.${quoteName(column.physical ?? column.name)}`;
    return { name: column.name, sql: column.convert ? column.convert(sql) : sql, type: column.type };
  });

const contextOf = (scope: Scope, clause: string): Context => ({ scope, tables: new Map(), clause });

function columnOf(
  a: Analysis,
  table: CatalogTable,
  node: { readonly name: string; readonly span: { start: number; end: number } },
): CatalogColumn {
  return (
    table.columns.find((column) => column.name.toLowerCase() === node.name.toLowerCase()) ??
    a.fail(node, `Column ${node.name} is not present in the table`)
  );
}

async function insert(
  session: GoogleSqlSession,
  a: Analysis,
  node: Insert,
  source: Source,
  options: TranslateOptions,
): Promise<number> {
  const table = tableOf(a, node.table);
  const columns = node.columns?.map((name) => columnOf(a, table, name)) ?? table.columns;
  const list = columns.map((column) => quoteName(column.physical ?? column.name)).join(", ");
  if (node.source.kind === "insert-values") {
    const cx = contextOf(new Scope({}), "VALUES");
    const rows = node.source.rows.map((row) => {
      if (row.length !== columns.length)
        a.fail(node.source, `Inserted row has wrong column count; Has ${row.length}, expected ${columns.length}`);
      return `(${row.map((value, i) => (value.kind === "default-value" ? "default" : coerceOrFail(a, value, resolve(a, value, cx), columns[i]!.type, "value").sql)).join(", ")})`;
    });
    return await session.execute(`insert into ${table.sql} (${list}) values ${rows.join(", ")}`);
  }
  const query = translateQuery(node.source.query, source, session.catalog, options);
  if (query.columns.length !== columns.length) {
    a.fail(node.source, `Inserted row has wrong column count; Has ${query.columns.length}, expected ${columns.length}`);
  }
  const values = query.columns.map(
    (column, i) =>
      coerceOrFail(a, node.source, { sql: `_q."c${i + 1}"`, type: column.type }, columns[i]!.type, "column").sql,
  );
  const names = query.columns.map((_, i) => `"c${i + 1}"`).join(", ");
  return await session.execute(
    `insert into ${table.sql} (${list}) select ${values.join(", ")} from (${query.sql}) as _q(${names})`,
  );
}

async function remove(session: GoogleSqlSession, a: Analysis, node: Delete): Promise<number> {
  const table = tableOf(a, node.table);
  const columns = scopeColumns(table.columns, "_t");
  const range = { name: node.alias?.name ?? pathOf(node.table).at(-1)!, columns, value: undefined };
  const where = condition(
    a,
    node.where,
    contextOf(new Scope({ star: columns, ranges: [range] }), "WHERE clause"),
    "WHERE clause",
  );
  return await session.execute(`delete from ${table.sql} as _t where ${where.sql}`);
}

async function merge(
  session: GoogleSqlSession,
  a: Analysis,
  node: Merge,
  source: Source,
  options: TranslateOptions,
): Promise<number> {
  const table = tableOf(a, node.table);
  if (node.source.kind !== "subquery-table") return a.refuse(node.source, "MERGE", "its source must be a subquery");
  const query = translateQuery(node.source.query, source, session.catalog, options);
  const staged = `temp."_merge_source"`;
  const target = scopeColumns(table.columns, "_t");
  const from = query.columns.map((column, i) => ({
    name: column.name || undefined,
    sql: `_s."c${i + 1}"`,
    type: column.type,
  }));
  const ranges = [
    { name: node.alias?.name ?? pathOf(node.table).at(-1)!, columns: target, value: undefined },
    ...(node.source.alias ? [{ name: node.source.alias.name, columns: from, value: undefined }] : []),
  ];
  const both = contextOf(new Scope({ star: [...target, ...from], ranges }), "MERGE");
  const sourceOnly = contextOf(new Scope({ star: from, ranges: ranges.slice(1) }), "MERGE");
  const targetOnly = contextOf(new Scope({ star: target, ranges: ranges.slice(0, 1) }), "MERGE");
  const on = condition(a, node.condition, both, "MERGE condition").sql;
  const contexts = { matched: both, "not-matched-by-target": sourceOnly, "not-matched-by-source": targetOnly };
  const clauses = node.clauses.map((clause) => mergeClause(a, table, clause, contexts[clause.match]));
  const names = query.columns.map((_, i) => `"c${i + 1}"`).join(", ");
  await session.execute(`create or replace temp table "_merge_source" as select * from (${query.sql}) as _q(${names})`);
  try {
    if (node.clauses.some((clause) => clause.match === "matched")) {
      // DuckDB would let the last one win.
      const twice = await session.connection.runAndReadAll(
        `select 1 from ${table.sql} as _t join ${staged} as _s on ${on} group by _t.rowid having count(*) > 1 limit 1`,
      );
      if (twice.currentRowCount > 0) {
        throw new GoogleSqlEvaluationError("UPDATE/MERGE must match at most one source row for each target row");
      }
    }
    return await session.execute(`merge into ${table.sql} as _t using ${staged} as _s on ${on} ${clauses.join(" ")}`);
  } finally {
    await session.connection.run(`drop table if exists ${staged}`).catch(() => undefined);
  }
}

function mergeClause(a: Analysis, table: CatalogTable, clause: MergeClause, cx: Context): string {
  const when = {
    matched: "matched",
    "not-matched-by-target": "not matched by target",
    "not-matched-by-source": "not matched by source",
  };
  const and = clause.condition === undefined ? "" : ` and ${condition(a, clause.condition, cx, "MERGE condition").sql}`;
  const value = (node: Expression, column: CatalogColumn) =>
    coerceOrFail(a, node, resolve(a, node, cx), column.type, `column ${column.name}`).sql;
  const { action } = clause;
  const head = `when ${when[clause.match]}${and} then`;
  if (action.kind === "merge-delete") return `${head} delete`;
  if (action.kind === "merge-update") {
    const sets = action.assignments.map((assignment) => {
      if (assignment.target.length !== 1 || assignment.value.kind === "default-value")
        return a.refuse(assignment, "MERGE", "assignments to fields or of DEFAULT");
      const column = columnOf(a, table, assignment.target[0]!);
      return `${quoteName(column.name)} = ${value(assignment.value, column)}`;
    });
    return `${head} update set ${sets.join(", ")}`;
  }
  if (action.values === undefined) return a.refuse(action, "MERGE", "INSERT ROW");
  const columns = action.columns?.map((name) => columnOf(a, table, name)) ?? table.columns;
  const values = action.values.map((node, i) => (node.kind === "default-value" ? "default" : value(node, columns[i]!)));
  return `${head} insert (${columns.map((column) => quoteName(column.name)).join(", ")}) values (${values.join(", ")})`;
}

async function drop(session: GoogleSqlSession, a: Analysis, node: Drop): Promise<void> {
  if (node.object === "schema") {
    await session.execute(
      `drop schema ${node.ifExists ? "if exists " : ""}${schemaName(node.name)}${node.behaviour === "cascade" ? " cascade" : ""}`,
    );
    return;
  }
  if (node.object !== "table" && node.object !== "view")
    return a.refuse(node, `DROP_${node.object.toUpperCase().replaceAll("-", "_")}`);
  const found = a.catalog.table(pathOf(node.name));
  if (found === undefined && !node.ifExists) a.fail(node.name, `Not found: ${pathOf(node.name).join(".")}`);
  if (found !== undefined) await session.execute(`drop ${node.object} ${found.sql}`);
}

async function alter(session: GoogleSqlSession, a: Analysis, node: Alter): Promise<void> {
  const table = tableOf(a, node.name);
  for (const action of node.actions) {
    if (action.kind === "add-column") {
      const type = resolveType(a, action.column.type!);
      await session.execute(
        `alter table ${table.sql} add column ${action.ifNotExists ? "if not exists " : ""}${quoteName(action.column.name.name)} ${duckdbType(type)}`,
      );
      await noteTypes(session, table.sql, "table", [{ name: action.column.name.name, type }]);
    } else if (action.kind === "drop-column") {
      await session.execute(
        `alter table ${table.sql} drop column ${action.ifExists ? "if exists " : ""}${quoteName(action.column.name)}`,
      );
    } else if (action.kind !== "set-options") a.refuse(action, "ALTER_TABLE", action.kind);
  }
}
