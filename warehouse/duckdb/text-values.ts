import type { DuckDBConnection } from "../../packages/googlesql/duckdb/client.ts";
import { DuckDBBlobValue, DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { openDatabase } from "./open-database.ts";
import { parquetFile } from "./sealed-engine.ts";
import { identifier, literal } from "./sql-text.ts";

/** Distinct values of one column that hold text anywhere within, a batch at a time; BLOBs as their bytes. */
export type VisitTexts = (table: string, column: string, values: readonly (string | Uint8Array)[]) => void;

/** Most values are ids that the door made; they are left out where they lie, unless `withIds` asks for them. */
const madeByUs = literal(
  "(sha256:[0-9a-f]{64}|keyed:[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z_]{1,40})",
);

/**
 * Visits the texts of a Parquet file, nested ones and JSON included, without whole values that are keyed ids, digests, UUIDs or one plain word.
 * Throws what DuckDB says when the file is broken.
 */
export async function visitParquetTexts(
  file: string,
  visit: VisitTexts,
  signal: AbortSignal,
  withIds = false,
): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "800MB" });
  const connection = await instance.connect();
  try {
    await visitColumns(connection, await parquetFile(connection, file), "", visit, signal, withIds);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The same of every table of a DuckDB file; what is a view is looked at where its rows lie. */
export async function visitDatabaseTexts(
  path: string,
  visit: VisitTexts,
  signal: AbortSignal,
  withIds = false,
): Promise<void> {
  const instance = await openDatabase({ path, signal });
  const connection = await instance.connect();
  try {
    const tables = await connection.runAndReadAll(
      "select schema_name, table_name from duckdb_tables() where not internal and not temporary order by all",
    );
    for (const [schema, table] of tables.getRows() as [string, string][])
      await visitColumns(
        connection,
        `${identifier(schema)}.${identifier(table)}`,
        `${schema}.${table}`,
        visit,
        signal,
        withIds,
      );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function visitColumns(
  connection: DuckDBConnection,
  source: string,
  table: string,
  visit: VisitTexts,
  signal: AbortSignal,
  withIds: boolean,
): Promise<void> {
  const described = await connection.runAndReadAll(`describe select * from ${source}`);
  for (const row of described.getRowObjects()) {
    const column = String(row["column_name"]);
    const type = String(row["column_type"]);
    if (!/VARCHAR|JSON|BLOB/.test(type)) continue;
    const query =
      type === "BLOB"
        ? `select distinct ${identifier(column)} as value from ${source} where value is not null`
        : `select distinct value from (select cast(${identifier(column)} as varchar) as value from ${source}) where value is not null${withIds ? "" : ` and not regexp_full_match(value, ${madeByUs})`}`;
    const result = await connection.stream(query);
    for (;;) {
      signal.throwIfAborted();
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) break;
      const values = chunk.getColumnValues(0);
      visit(
        table,
        column,
        values.map((value) => (value instanceof DuckDBBlobValue ? value.bytes : String(value))),
      );
    }
  }
}
