import { randomBytes } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { DuckDBDataChunk, type DuckDBInstance, type DuckDBValue } from "../../packages/googlesql/duckdb/client.ts";
import {
  arrivalColumn,
  asGoogleSqlError,
  type CatalogColumn,
  type CatalogTable,
  duckdbType,
  parseType,
  quoteName,
  typeName,
  UnsupportedGoogleSql,
} from "../../packages/googlesql/index.ts";
import type { AppendResult, Column, ExecuteResult, QueryOptions, QueryResult, Row, Warehouse } from "../warehouse.ts";
import { toDuckDb, UnfitValue } from "./append-values.ts";
import { type DatabaseOptions, openDatabase } from "./open-database.ts";
import { exportedColumn, storedColumns } from "./parquet-columns.ts";
import { RelationCatalog } from "./relation-catalog.ts";
import { parquetFiles, parquetOptions } from "./sealed-engine.ts";
import { SessionLane } from "./session-lane.ts";
import { literal } from "./sql-text.ts";

export interface DuckDbWarehouseOptions extends DatabaseOptions {
  /** Folder of raw segments, a folder per table; their views are brought up to date when the warehouse opens. */
  readonly rawDir?: string | undefined;
  /** Columns of the raw tables by name; `includes/raw_tables.js` has ours. */
  readonly rawTables?: Readonly<Record<string, readonly Column[]>> | undefined;
}

/** A DuckDB file as a Warehouse. It holds the file's lock until `close`. */
export async function openDuckDbWarehouse(options: DuckDbWarehouseOptions): Promise<DuckDbWarehouse> {
  const { rawDir, directories = [] } = options;
  const instance = await openDatabase({
    ...options,
    directories: rawDir === undefined ? directories : [rawDir, ...directories],
  });
  const relations = new RelationCatalog(options.path !== ":memory:");
  const lane = await SessionLane.open(instance, relations);
  await relations.load(lane.connection, () => lane.speak());
  const warehouse = new DuckDbWarehouse(instance, lane, relations);
  if (rawDir !== undefined) {
    const { refreshRawViews } = await import("./refresh-raw-views.ts");
    try {
      await refreshRawViews(warehouse.lane, rawDir, options.rawTables ?? {});
    } catch (error) {
      await warehouse.close();
      throw error;
    }
  }
  return warehouse;
}

export class DuckDbWarehouse implements Warehouse {
  readonly name = "duckdb";
  /** The connection that calls go to. */
  readonly lane: SessionLane;
  private readonly instance: DuckDBInstance;
  private readonly relations: RelationCatalog;
  private readonly spare: SessionLane[] = [];

  constructor(instance: DuckDBInstance, lane: SessionLane, relations: RelationCatalog) {
    this.instance = instance;
    this.lane = lane;
    this.relations = relations;
  }

  query(sql: string, options?: QueryOptions): Promise<QueryResult> {
    return queryOn(this.lane, sql, options);
  }

  async execute(sql: string, options?: QueryOptions): Promise<ExecuteResult> {
    return (await this.lane.run(sql, options)).effect;
  }

  append(table: string, rows: readonly Row[], options?: { readonly signal?: AbortSignal }): Promise<AppendResult> {
    return appendOn(this.lane, table, rows, options?.signal);
  }

  async loadParquet(
    table: string,
    files: readonly string[],
    columns: readonly Column[],
  ): Promise<{ readonly rows: number }> {
    const name = storedName(table);
    const parts = name.split(".");
    return await this.lane.inTurn(undefined, async () => {
      const { connection } = this.lane;
      if (parts.length > 1) await connection.run(`create schema if not exists ${parts[0]}`);
      const found = this.lane.catalog.table(pathOf(table));
      if (found === undefined) await createTable(this.lane, table, columns);
      else {
        if (isSnapshot(found)) throw fixedTable(`${table} is a snapshot: nothing can be loaded into it`);
        refuseLimits(table, found.columns);
      }
      if (files.length === 0) return { rows: 0 };
      const scan = await parquetFiles(connection, files);
      const described = (await connection.runAndReadAll(`describe select * from ${scan}`)).getRows();
      const stored = storedColumns(
        described.map((row) => ({ name: String(row[0]), type: String(row[1]) })),
        columns,
      );
      try {
        const result = await connection.run(
          `insert into ${name} (${columns.map((column) => quoteName(column.name)).join(", ")}) select ${stored.map((column) => column.sql).join(", ")} from ${scan}`,
        );
        return { rows: result.rowsChanged };
      } catch (error) {
        throw asGoogleSqlError(error);
      }
    });
  }

  async exportParquet(sql: string, path: string, options: QueryOptions = {}): Promise<{ readonly rows: number }> {
    const speaker = await this.lane.inTurn(undefined, () => this.lane.speak());
    return await this.lane.inTurn(options.signal, async () => {
      const { connection } = this.lane;
      await speaker.know();
      const query = speaker.translate(sql, options);
      const inner = query.columns.map((_, i) => `"c${i + 1}"`);
      const outer = query.columns.map(
        (column, i) =>
          `${exportedColumn(inner[i]!, column.type)} as ${quoteName(column.name === "" ? `f${i}_` : column.name)}`,
      );
      const text = `select ${outer.join(", ")} from (${query.sql}) as _q(${inner.join(", ")})`;
      await mkdir(dirname(path), { recursive: true });
      const half = `${path}.${randomBytes(4).toString("hex")}.tmp`;
      try {
        const result = await connection.run(
          `copy (${text}) to ${literal(half)} ${await parquetOptions(connection, half, "zstd")}`,
        );
        await rename(half, path);
        return { rows: result.rowsChanged };
      } catch (error) {
        await rm(half, { force: true });
        throw asGoogleSqlError(error);
      }
    });
  }

  columns(table: string): Promise<readonly Column[] | undefined> {
    return columnsOn(this.lane, table);
  }

  /** Work in a transaction on a connection of its own, seen by nobody else until it is done, and undone when it throws. */
  async inTransaction<T>(work: (warehouse: Warehouse, lane: SessionLane) => Promise<T>): Promise<T> {
    await this.lane.inTurn(undefined, () => this.lane.speak());
    const lane = this.spare.pop() ?? (await SessionLane.open(this.instance, this.relations));
    try {
      // Functions in JavaScript come into the database now: within the transaction a second coming would undo it.
      await (await lane.speak()).know();
      await lane.native("begin transaction");
      lane.isInTransaction = true;
      const result = await work(new LaneWarehouse(lane), lane);
      await lane.native("commit");
      lane.catalog.commit();
      return result;
    } catch (error) {
      lane.catalog.rollback();
      await lane.native("rollback").catch(() => undefined);
      throw error;
    } finally {
      lane.isInTransaction = false;
      this.spare.push(lane);
    }
  }

  async close(): Promise<void> {
    for (const lane of this.spare) lane.close();
    this.lane.close();
    this.instance.closeSync();
  }
}

/** The port over one connection, for the length of a transaction. */
class LaneWarehouse implements Warehouse {
  readonly name = "duckdb";
  private readonly lane: SessionLane;

  constructor(lane: SessionLane) {
    this.lane = lane;
  }

  query(sql: string, options?: QueryOptions): Promise<QueryResult> {
    return queryOn(this.lane, sql, options);
  }
  async execute(sql: string, options?: QueryOptions): Promise<ExecuteResult> {
    return (await this.lane.run(sql, options)).effect;
  }
  append(table: string, rows: readonly Row[], options?: { readonly signal?: AbortSignal }): Promise<AppendResult> {
    return appendOn(this.lane, table, rows, options?.signal);
  }
  columns(table: string): Promise<readonly Column[] | undefined> {
    return columnsOn(this.lane, table);
  }
  loadParquet(): Promise<never> {
    throw new Error("files are not loaded within an action's transaction");
  }
  exportParquet(): Promise<never> {
    throw new Error("files are not written within an action's transaction");
  }
  async close(): Promise<void> {}
}

async function queryOn(lane: SessionLane, sql: string, options: QueryOptions | undefined): Promise<QueryResult> {
  const { query } = await lane.run(sql, options);
  return query ?? { columns: [], rows: [] };
}

/** `` `p.raw.events` `` or `raw.events` as DuckDB names it; the project part has no meaning here. */
export const storedName = (table: string): string => pathOf(table).map(quoteName).join(".");

const pathOf = (table: string): readonly string[] => table.replaceAll("`", "").split(".").slice(-2);

async function columnsOn(lane: SessionLane, table: string): Promise<readonly Column[] | undefined> {
  return await lane.inTurn(undefined, async () =>
    lane.catalog.table(pathOf(table))?.columns.map((column) => ({ name: column.name, type: typeName(column.type) })),
  );
}

const fixedTable = (message: string): UserError => new UserError(message, { code: "warehouse.table", exit: "config" });

const isSnapshot = (table: CatalogTable): boolean => table.properties?.madeAs === "snapshot";

/** Rows that come past the translation would not be held to `STRING(10)`. */
function refuseLimits(table: string, columns: readonly CatalogColumn[]): void {
  const limited = columns.find((column) => column.declared !== undefined);
  if (limited === undefined) return;
  throw new UnsupportedGoogleSql(
    "parameterized_type",
    `rows are not loaded into ${table}, whose ${limited.name} is ${limited.declared}; INSERT holds it to that`,
  );
}

async function appendOn(
  lane: SessionLane,
  table: string,
  rows: readonly Row[],
  signal: AbortSignal | undefined,
): Promise<AppendResult> {
  return await lane.inTurn(signal, async () => {
    const found = lane.catalog.table(pathOf(table));
    if (found === undefined || found.kind === "view" || isSnapshot(found)) {
      const what = found?.kind === "view" ? "view" : "snapshot";
      throw fixedTable(
        found === undefined ? `there is no table ${table}` : `${table} is a ${what}: nothing can be appended to it`,
      );
    }
    refuseLimits(table, found.columns);
    const columns = appended(found);
    const index = new Map(columns.map((column, i) => [column.name.toLowerCase(), i]));
    const values: DuckDBValue[][] = [];
    const refused = new Map<number, string>();
    for (const [i, row] of rows.entries()) {
      const line: DuckDBValue[] = columns.map(({ given }) => given ?? null);
      for (const [name, value] of Object.entries(row)) {
        const at = index.get(name.toLowerCase());
        try {
          if (at === undefined) throw new UnfitValue(`${table} has no column "${name}"`);
          line[at] = toDuckDb(value, columns[at]!.type);
        } catch (error) {
          if (!(error instanceof UnfitValue)) throw error;
          refused.set(i, at === undefined ? error.message : `${name}: ${error.message}`);
        }
      }
      values.push(line);
    }
    if (refused.size > 0) return { kind: "rejected-rows", reasonByIndex: refused };
    if (values.length > 0) await insertValues(lane, found.sql, columns.length, values);
    return { kind: "written", rows: rows.length };
  });
}

/** A table's columns as they are stored. A row that does not say when it arrived, arrives now; of a source, nobody knows when. */
function appended({
  columns,
  properties,
}: CatalogTable): readonly (CatalogColumn & { readonly given?: DuckDBValue })[] {
  const unit = properties?.arrivalUnit;
  if (unit === undefined) return columns;
  if (unit === "ANY") return [{ name: arrivalColumn, type: parseType("TIMESTAMP") }, ...columns];
  const given = toDuckDb(partitionAt(unit), parseType("TIMESTAMP"));
  return [{ name: arrivalColumn, type: parseType("TIMESTAMP"), given }, ...columns];
}

/** The beginning of the partition that it is now. */
function partitionAt(unit: "HOUR" | "DAY" | "MONTH" | "YEAR"): string {
  const now = new Date().toISOString();
  const kept = { HOUR: 13, DAY: 10, MONTH: 7, YEAR: 4 }[unit];
  return `${now.slice(0, kept)}${"0000-01-01T00:00:00Z".slice(kept)}`;
}

/** Through DuckDB's appender, so that a large batch costs no parsing; all of it or nothing. */
async function insertValues(
  lane: SessionLane,
  table: string,
  width: number,
  rows: readonly (readonly DuckDBValue[])[],
): Promise<void> {
  const { connection } = lane;
  const [schema, name] = splitStored(table);
  // The appender writes what it holds in one go; only when it will do so several times is a transaction needed around it.
  const needsTransaction = !lane.isInTransaction && rows.length > 50_000;
  if (needsTransaction) await connection.run("begin transaction");
  try {
    const appender = await connection.createAppender(name, schema);
    const types = Array.from({ length: width }, (_, i) => appender.columnType(i));
    for (let at = 0; at < rows.length; at += 2048) {
      const part = rows.slice(at, at + 2048);
      const chunk = DuckDBDataChunk.create(types, part.length);
      for (let i = 0; i < width; i++)
        chunk.setColumnValues(
          i,
          part.map((row) => row[i] ?? null),
        );
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
    if (needsTransaction) await connection.run("commit");
  } catch (error) {
    if (needsTransaction) await connection.run("rollback").catch(() => undefined);
    throw asGoogleSqlError(error);
  }
}

const splitStored = (table: string): readonly [string, string] => {
  const parts = [...table.matchAll(/"((?:[^"]|"")*)"/g)].map((match) => match[1]!.replaceAll('""', '"'));
  return parts.length > 1 ? [parts[0]!, parts[1]!] : ["main", parts[0]!];
};

/** Makes an empty table of GoogleSQL columns in place of what has that name. */
export async function createTable(lane: SessionLane, table: string, columns: readonly Column[]): Promise<void> {
  const typed = columns.map((column) => ({ name: column.name, type: parseType(column.type) }));
  const { comments, propertiesComment, sourceTable } = await import("../../packages/googlesql/index.ts");
  const { columns: own, properties } = sourceTable(typed);
  const list = own.map((column) => `${quoteName(column.name)} ${duckdbType(column.type)}`);
  if (properties) list.unshift(`${quoteName(arrivalColumn)} timestamptz`);
  const name = storedName(table);
  await lane.connection.run(`create or replace table ${name} (${list.join(", ")})`);
  for (const text of [...comments(name, own), ...propertiesComment(name, "TABLE", properties)])
    await lane.connection.run(text);
  await lane.catalog.put(lane.connection, pathOf(table), "table", own, { properties });
  if (!lane.isInTransaction) lane.catalog.commit();
}
