import type { DuckDBConnection } from "../../packages/googlesql/duckdb/client.ts";
import type { BuildRecord } from "../dataform/engine.ts";

/** DuckDB schema of what is remembered of builds and sources; no project's models may live there. */
export const metaSchema = "inboxloop_meta";

/** Makes the tables of the records where they are not yet there. */
export async function ensureRecords(connection: DuckDBConnection): Promise<void> {
  await connection.run(`create schema if not exists ${metaSchema}`);
  await connection.run(
    `create table if not exists ${metaSchema}.actions (project varchar not null, id varchar not null, record varchar not null, primary key (project, id))`,
  );
  await connection.run(
    `create table if not exists ${metaSchema}.sources (name varchar primary key, stamp varchar not null)`,
  );
}

export async function readRecords(
  connection: DuckDBConnection,
  project: string,
): Promise<ReadonlyMap<string, BuildRecord>> {
  const reader = await connection.runAndReadAll(
    `select id, record from ${metaSchema}.actions where project = $1 order by id`,
    [project],
  );
  return new Map(reader.getRows().map(([id, record]) => [String(id), JSON.parse(String(record)) as BuildRecord]));
}

export async function writeRecord(connection: DuckDBConnection, project: string, record: BuildRecord): Promise<void> {
  await connection.run(`insert or replace into ${metaSchema}.actions values ($1, $2, $3)`, [
    project,
    record.id,
    JSON.stringify(record),
  ]);
}

export async function forgetRecords(
  connection: DuckDBConnection,
  project: string,
  ids: readonly string[],
): Promise<void> {
  for (const id of ids)
    await connection.run(`delete from ${metaSchema}.actions where project = $1 and id = $2`, [project, id]);
}

export async function readSourceStamp(connection: DuckDBConnection, name: string): Promise<string | undefined> {
  const reader = await connection.runAndReadAll(`select stamp from ${metaSchema}.sources where name = $1`, [name]);
  const [row] = reader.getRows();
  return row === undefined ? undefined : String(row[0]);
}

export async function writeSourceStamp(connection: DuckDBConnection, name: string, stamp: string): Promise<void> {
  await connection.run(`insert or replace into ${metaSchema}.sources values ($1, $2)`, [name, stamp]);
}
