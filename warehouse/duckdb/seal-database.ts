import { rm } from "node:fs/promises";
import { type DuckDBConnection, DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { syncFile } from "../../platform/files.ts";
import { attachOptions } from "./sealed-engine.ts";
import { literal } from "./sql-text.ts";

/**
 * Writes a DuckDB file anew where another home says how: each file is encrypted as its path wants it. The old one is held meanwhile, so that nobody writes to it,
 * and what stood in its log is in it afterwards. Throws where a table has other rows in the new one. Gives the number of tables.
 */
export async function copyDatabase(from: string, to: string, memoryLimit = "1GB"): Promise<number> {
  await rm(to, { force: true });
  await rm(`${to}.wal`, { force: true });
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: memoryLimit,
    temp_directory: `${to}.spill`,
  });
  const connection = await instance.connect();
  try {
    await connection.run(`attach ${literal(from)} as old ${await attachOptions(connection, from)}`);
    await connection.run(`attach ${literal(to)} as new ${await attachOptions(connection, to)}`);
    await connection.run("copy from database old to new");
    await connection.run("checkpoint new");
    const [before, after] = [await tablesIn(connection, "old"), await tablesIn(connection, "new")];
    for (const [table, rows] of before)
      if (after.get(table) !== rows)
        throw new Error(`${to}: ${table} has other rows than the table that it was made of`);
    await connection.run("detach new");
    await syncFile(to);
    return before.size;
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(`${to}.spill`, { recursive: true, force: true });
  }
}

/** How many rows each table has, and what they are: a sum of their hashes, which no order changes. */
async function tablesIn(connection: DuckDBConnection, database: string): Promise<ReadonlyMap<string, string>> {
  const names = await connection.runAndReadAll(
    `select format('"{}"."{}"', replace(schema_name, '"', '""'), replace(table_name, '"', '""')) from duckdb_tables() where database_name = ${literal(database)} and not internal order by 1`,
  );
  const found = new Map<string, string>();
  for (const [name] of names.getRows()) {
    const sums = await connection.runAndReadAll(
      `select count(*), sum(hash(own)::hugeint) from ${database}.${String(name)} as own`,
    );
    found.set(String(name), String(sums.getRows()[0]));
  }
  return found;
}
