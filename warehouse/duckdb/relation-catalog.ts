import type { DuckDBConnection } from "../../packages/googlesql/duckdb/client.ts";
import {
  type Catalog,
  type CatalogColumn,
  type CatalogTable,
  commentMark,
  ownColumns,
  quoteName,
  readColumn,
  readProperties,
  readType,
  storedNameOf,
  type TableProperties,
  typeName,
  type UserFunction,
  type UserTableFunction,
} from "../../packages/googlesql/index.ts";
import type { Column } from "../warehouse.ts";
import { metaSchema } from "./build-records.ts";
import { LaneRoutines, RoutineCatalog } from "./routine-catalog.ts";

/** A change that a connection made and has not committed yet; null when the relation is gone. */
type Change = CatalogTable | null;

type NamedColumn = Pick<CatalogColumn, "name" | "type" | "declared">;

/**
 * What tables and views there are, known without asking DuckDB each time: its own listing binds every view anew, which costs
 * more than most models. One is shared by all connections to a database; each sees its own uncommitted changes through a
 * `LaneCatalog`. Kept in the database beside what it describes, and written in the same transaction.
 */
export class RelationCatalog {
  readonly relations = new Map<string, CatalogTable>();
  /** Whether what is known is also kept in the database, for whoever opens it next. */
  readonly isKept: boolean;
  /** Keys of the relations that are kept there. */
  readonly kept = new Set<string>();

  readonly routines: RoutineCatalog;

  constructor(isKept: boolean) {
    this.isKept = isKept;
    this.routines = new RoutineCatalog(isKept);
  }

  /**
   * Reads what was kept, and looks at relations that somebody else made. `speak` installs the helpers that views may name. A view
   * that cannot be read any more, as what it stands on has changed, is not there until it is made anew.
   */
  async load(connection: DuckDBConnection, speak: () => Promise<unknown>): Promise<void> {
    if (!this.isKept) return;
    await connection.run(`create schema if not exists ${metaSchema}`);
    await connection.run(
      `create table if not exists ${metaSchema}.relations (schema_name varchar, name varchar, kind varchar, columns varchar, primary key (schema_name, name))`,
    );
    await this.routines.load(connection);
    const kept = new Map<string, { readonly kind: string; readonly columns: readonly Column[] }>();
    const reader = await connection.runAndReadAll(
      `select schema_name, name, kind, columns from ${metaSchema}.relations`,
    );
    for (const [schema, name, kind, columns] of reader.getRows()) {
      kept.set(keyOf(String(schema), String(name)), {
        kind: String(kind),
        columns: JSON.parse(String(columns)) as Column[],
      });
    }
    const standing = await connection.runAndReadAll(
      `select schema_name, view_name, 'view', null, comment from duckdb_views() where not internal
       union all select schema_name, table_name, 'table', column_count, comment from duckdb_tables() where not internal and schema_name <> '${metaSchema}'`,
    );
    this.relations.clear();
    for (const row of standing.getRows()) {
      const [schema, name, kind] = row.map(String) as [string, string, "table" | "view"];
      const known = kept.get(keyOf(schema, name));
      const properties = readProperties(row[4] as string | null);
      const hidden = properties?.arrivalUnit === undefined ? 0 : 1;
      const isKnown = known?.kind === kind && (kind === "view" || Number(row[3]) === known.columns.length + hidden);
      if (!isKnown && kind === "view") await speak();
      const found = isKnown
        ? relation(schema, name, kind, known.columns, properties)
        : await look(connection, schema, name, kind).catch(() => undefined);
      if (found !== undefined) this.relations.set(keyOf(schema, name), found);
      if (isKnown) this.kept.add(keyOf(schema, name));
    }
  }
}

const keyOf = (schema: string, name: string): string => `${schema}.${name}`.toLowerCase();

const sameColumns = (before: CatalogTable["columns"], after: readonly NamedColumn[]): boolean =>
  before.length === after.length &&
  before.every(
    (column, i) =>
      column.name === after[i]!.name &&
      column.convert === undefined &&
      column.physical === undefined &&
      column.declared === after[i]!.declared &&
      typeName(column.type) === typeName(after[i]!.type),
  );

const relation = (
  schema: string,
  name: string,
  kind: "table" | "view",
  columns: readonly Column[],
  properties: TableProperties | undefined,
): CatalogTable => ({
  kind,
  properties,
  sql: `${quoteName(schema)}.${quoteName(name)}`,
  columns: columns.map((column) => ({ name: column.name, ...readType(column.type) })),
});

/** A relation that this module did not make: its columns as DuckDB describes them. */
async function look(
  connection: DuckDBConnection,
  schema: string,
  name: string,
  kind: "table" | "view",
  isTemporary = false,
): Promise<CatalogTable> {
  const sql = `${isTemporary ? "temp" : quoteName(schema)}.${quoteName(name)}`;
  const described = await connection.runAndReadAll(`describe ${sql}`);
  const marked = await connection.runAndReadAll(
    `select column_name, comment from duckdb_columns() where schema_name = $1 and table_name = $2 and (database_name = 'temp') = ${isTemporary} and comment like '${commentMark}%'`,
    [schema, name],
  );
  const comments = new Map(marked.getRows().map((row) => [String(row[0]), String(row[1])]));
  const columns = described.getRows().flatMap(([column, type]) => {
    const found = readColumn(String(column), String(type), comments.get(String(column)) ?? null);
    return found === undefined ? [] : [found];
  });
  const kept = await connection.runAndReadAll(
    `select comment from ${kind === "view" ? "duckdb_views()" : "duckdb_tables()"} where schema_name = $1 and ${kind}_name = $2 and (database_name = 'temp') = ${isTemporary}`,
    [schema, name],
  );
  const properties = readProperties((kept.getRows()[0]?.[0] ?? null) as string | null);
  return { kind, sql, columns: ownColumns(columns, properties), properties };
}

async function hasSchema(connection: DuckDBConnection, name: string): Promise<boolean> {
  const found = await connection.runAndReadAll("select 1 from duckdb_schemas() where lower(schema_name) = lower($1)", [
    name,
  ]);
  return found.currentRowCount > 0;
}

/** The catalogue as one connection sees it. */
export class LaneCatalog implements Catalog {
  private readonly shared: RelationCatalog;
  private functions: Pick<Catalog, "function" | "tableFunction"> = {};
  private readonly changes = new Map<string, Change>();
  private readonly temporary = new Map<string, CatalogTable>();
  readonly routines: LaneRoutines;

  constructor(shared: RelationCatalog) {
    this.shared = shared;
    this.routines = new LaneRoutines(shared.routines);
  }

  /** The functions that users made are known to the connection's session. */
  useFunctions(functions: Pick<Catalog, "function" | "tableFunction">): void {
    this.functions = functions;
  }

  table(path: readonly string[]): CatalogTable | undefined {
    const name = path.at(-1) ?? "";
    const schema = path.at(-2);
    if (schema === undefined) {
      const found = this.temporary.get(name.toLowerCase());
      if (found !== undefined) return found;
    }
    const key = keyOf(schema ?? "main", name);
    const change = this.changes.get(key);
    return change === null ? undefined : (change ?? this.shared.relations.get(key));
  }

  tablesWithPrefix(path: readonly string[]): readonly { readonly name: string; readonly table: CatalogTable }[] {
    const begin = keyOf(path.at(-2) ?? "main", path.at(-1) ?? "");
    const keys = new Set(
      [...this.shared.relations.keys(), ...this.changes.keys()].filter((key) => key.startsWith(begin)),
    );
    return [...keys].sort().flatMap((key) => {
      const change = this.changes.get(key);
      const table = change === null ? undefined : (change ?? this.shared.relations.get(key));
      return table === undefined ? [] : [{ name: storedNameOf(table), table }];
    });
  }

  function(path: readonly string[]): UserFunction | undefined {
    return this.functions.function?.(path);
  }

  tableFunction(path: readonly string[]): UserTableFunction | undefined {
    return this.functions.tableFunction?.(path);
  }

  /** Notes a relation that has just been made on the connection, and keeps it there. */
  async put(
    connection: DuckDBConnection,
    path: readonly string[],
    kind: "table" | "view",
    columns: readonly NamedColumn[],
    options: { readonly isTemporary?: boolean; readonly properties?: TableProperties | undefined } = {},
  ): Promise<void> {
    const name = path.at(-1)!;
    const { isTemporary, properties } = options;
    if (isTemporary) {
      this.temporary.set(name.toLowerCase(), { kind, sql: `temp.${quoteName(name)}`, columns, properties });
      return;
    }
    const schema = path.at(-2) ?? "main";
    const key = keyOf(schema, name);
    const before = this.table([schema, name]);
    this.changes.set(key, { kind, sql: `${quoteName(schema)}.${quoteName(name)}`, columns, properties });
    if (!this.shared.isKept) return;
    if (this.shared.kept.has(key) && before?.kind === kind && sameColumns(before.columns, columns)) return;
    this.shared.kept.add(key);
    const kept = columns.map((column) => ({ name: column.name, type: column.declared ?? typeName(column.type) }));
    await connection.run(`insert or replace into ${metaSchema}.relations values ($1, $2, $3, $4)`, [
      schema,
      name,
      kind,
      JSON.stringify(kept),
    ]);
  }

  async remove(connection: DuckDBConnection, path: readonly string[]): Promise<void> {
    const name = path.at(-1)!;
    if (path.length === 1 && this.temporary.delete(name.toLowerCase())) return;
    const schema = path.at(-2) ?? "main";
    this.changes.set(keyOf(schema, name), null);
    if (!this.shared.isKept) return;
    await connection.run(`delete from ${metaSchema}.relations where schema_name = $1 and name = $2`, [schema, name]);
  }

  /** A temporary table or view has ended with its script. */
  forgetTemporary(name: string): void {
    this.temporary.delete(name.toLowerCase());
  }

  async removeSchema(connection: DuckDBConnection, schema: string): Promise<void> {
    const begin = `${schema}.`.toLowerCase();
    for (const key of [...this.shared.relations.keys(), ...this.changes.keys()]) {
      if (key.startsWith(begin)) this.changes.set(key, null);
    }
    await this.routines.removeSchema(connection, schema);
    if (!this.shared.isKept) return;
    await connection.run(`delete from ${metaSchema}.relations where lower(schema_name) = lower($1)`, [schema]);
  }

  /** After something whose effect on a relation is not known: what does DuckDB say of it now? */
  async lookAgain(connection: DuckDBConnection, path: readonly string[]): Promise<void> {
    const name = path.at(-1)!;
    const schema = path.at(-2) ?? "main";
    if (path.length === 1 && (await this.lookAtTemporary(connection, name))) return;
    const standing = await connection.runAndReadAll(
      `select schema_name, view_name, 'view' from duckdb_views() where not internal and lower(schema_name) = lower($1) and lower(view_name) = lower($2)
       union all select schema_name, table_name, 'table' from duckdb_tables() where not internal and not temporary and lower(schema_name) = lower($1) and lower(table_name) = lower($2)`,
      [schema, name],
    );
    const [row] = standing.getRows();
    if (row === undefined) {
      if (path.length > 1 && this.table(path) !== undefined) await this.remove(connection, path.slice(-2));
      else if (!(await hasSchema(connection, name))) await this.removeSchema(connection, name);
      return;
    }
    const [foundSchema, foundName, kind] = row.map(String) as [string, string, "table" | "view"];
    const found = await look(connection, foundSchema, foundName, kind);
    await this.put(connection, [foundSchema, foundName], kind, found.columns);
    this.changes.set(keyOf(foundSchema, foundName), found);
  }

  private async lookAtTemporary(connection: DuckDBConnection, name: string): Promise<boolean> {
    const standing = await connection.runAndReadAll(
      `select view_name, 'view' from duckdb_views() where temporary and not internal and lower(view_name) = lower($1)
       union all select table_name, 'table' from duckdb_tables() where temporary and lower(table_name) = lower($1)`,
      [name],
    );
    const [row] = standing.getRows();
    if (row === undefined) return this.temporary.delete(name.toLowerCase());
    const kind = String(row[1]) as "table" | "view";
    this.temporary.set(name.toLowerCase(), await look(connection, "main", String(row[0]), kind, true));
    return true;
  }

  /** What the connection changed is now true for all. */
  commit(): void {
    this.routines.commit();
    for (const [key, change] of this.changes) {
      if (change === null) this.shared.relations.delete(key);
      else this.shared.relations.set(key, change);
    }
    this.changes.clear();
  }

  /** A statement outside a transaction has failed: what earlier ones made stays. */
  undo(): void {
    this.changes.clear();
  }

  /** A transaction is rolled back, with the temporary tables made in it. */
  rollback(): void {
    this.routines.rollback();
    this.changes.clear();
    this.temporary.clear();
  }
}
