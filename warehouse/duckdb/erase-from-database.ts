import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { quoteName } from "../../packages/googlesql/index.ts";
import { syncDirectory, syncFile } from "../../platform/files.ts";
import type { FoundRows } from "./doomed-rows.ts";
import { openDatabase } from "./open-database.ts";
import { loadSubject, type Subject, subjectRows } from "./person-rows.ts";
import { attachOptions } from "./sealed-engine.ts";
import { literal } from "./sql-text.ts";

/** A table of a DuckDB file, as `schema.table`, with rows of the subject in it. */
export interface FoundInTable extends FoundRows {
  readonly table: string;
}

/** Where a DuckDB file holds rows of some people; views are looked at where their rows lie. */
export async function findInDatabase(
  path: string,
  subject: Subject,
  signal?: AbortSignal,
): Promise<readonly FoundInTable[]> {
  if (!existsSync(path)) return [];
  return withTables(path, subject, signal, async (connection, tables) => {
    const found: FoundInTable[] = [];
    for (const { name, source, doomed } of tables) {
      const count = await numberOf(connection, `select count(*) from (${doomed})`);
      if (count === 0) continue;
      found.push({ table: name, rows: await numberOf(connection, `select count(*) from ${source}`), found: count });
    }
    return found;
  });
}

/** The rows of some people in a DuckDB file: by table, each as the JSON text of its columns. */
export async function readFromDatabase(
  path: string,
  subject: Subject,
  signal?: AbortSignal,
): Promise<readonly { readonly table: string; readonly row: string }[]> {
  if (!existsSync(path)) return [];
  return withTables(path, subject, signal, async (connection, tables) => {
    const rows: { table: string; row: string }[] = [];
    for (const { name, source, doomed } of tables) {
      const reader = await connection.runAndReadAll(
        `select to_json(own)::varchar from (select * from ${source} where rowid in (${doomed})) as own`,
      );
      for (const [row] of reader.getRows()) rows.push({ table: name, row: String(row) });
    }
    return rows;
  });
}

/**
 * Deletes the rows of some people from every table of a DuckDB file, in one transaction, and then writes the file anew: what was deleted, or
 * stood in a table that was made again since, is still in the free blocks of the old one. May be repeated at any point; views must be able
 * to find what they read. `fault` is called between the steps.
 */
export async function eraseFromDatabase(
  path: string,
  subject: Subject,
  options: { readonly signal?: AbortSignal; readonly fault?: (point: string) => void } = {},
): Promise<void> {
  if (!existsSync(path)) return;
  await withTables(path, subject, options.signal, async (connection, tables) => {
    await connection.run("begin transaction");
    try {
      for (const { source, doomed } of tables) await connection.run(`delete from ${source} where rowid in (${doomed})`);
      await connection.run("commit");
    } catch (error) {
      await connection.run("rollback").catch(() => undefined);
      throw error;
    }
    await connection.run("checkpoint");
  });
  options.fault?.("warehouse-deleted");
  await writeAnew(path, options.fault);
}

async function writeAnew(path: string, fault: ((point: string) => void) | undefined): Promise<void> {
  const copy = `${path}.erasing`;
  await rm(copy, { force: true });
  await rm(`${copy}.wal`, { force: true });
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run(`attach ${literal(path)} as old ${await attachOptions(connection, path, true)}`);
    await connection.run(`attach ${literal(copy)} as new ${await attachOptions(connection, copy)}`);
    await connection.run("copy from database old to new");
    await connection.run("checkpoint new");
    await connection.run("detach new");
    await syncFile(copy);
    fault?.("warehouse-copied");
    // The old file is still held, so nobody wrote to it meanwhile.
    await rename(copy, path);
    await syncDirectory(dirname(path));
    fault?.("warehouse-renamed");
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

interface SearchedTable {
  readonly name: string;
  readonly source: string;
  /** The query of the subject's row ids. */
  readonly doomed: string;
}

async function withTables<T>(
  path: string,
  subject: Subject,
  signal: AbortSignal | undefined,
  work: (connection: DuckDBConnection, tables: readonly SearchedTable[]) => Promise<T>,
): Promise<T> {
  const instance = await openDatabase({ path, signal });
  const connection = await instance.connect();
  try {
    await loadSubject(connection, subject);
    const reader = await connection.runAndReadAll(
      `select schema_name, table_name, column_name, data_type from duckdb_columns() join duckdb_tables() using (database_name, schema_name, table_name)
       where not duckdb_tables.internal and not temporary order by schema_name, table_name, column_index`,
    );
    const columns = new Map<string, { source: string; columns: { name: string; type: string }[] }>();
    for (const [schema, table, column, type] of reader.getRows().map((row) => row.map(String))) {
      const name = `${schema}.${table}`;
      const known = columns.get(name) ?? { source: `${quoteName(schema!)}.${quoteName(table!)}`, columns: [] };
      known.columns.push({ name: column!, type: type! });
      columns.set(name, known);
    }
    const tables: SearchedTable[] = [];
    for (const [name, known] of columns) {
      const doomed = subjectRows(known.source, "rowid", known.columns);
      if (doomed !== undefined) tables.push({ name, source: known.source, doomed });
    }
    return await work(connection, tables);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function numberOf(connection: DuckDBConnection, sql: string): Promise<number> {
  return Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
}
