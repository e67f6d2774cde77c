import type { DuckDBConnection } from "../../packages/googlesql/duckdb/client.ts";
import { quoteName } from "../../packages/googlesql/index.ts";

/** DuckDB opens with this: a checkpoint rewrites tables for the rows that are gone only when asked to. */
export const noReclaiming = { max_vacuum_tasks: "0" } as const;

/** Rows of a table that are gone but stored: more than this share of those that are there, and enough of them to matter. */
const shareWorthIt = 0.5;
const rowsWorthIt = 200_000;

/**
 * Gives the room of removed rows back, once it is worth it. A merge removes the rows that it changes and stores them anew; DuckDB's own rule
 * rewrites hundreds of thousands of rows for a few of those at its next checkpoint, at every build. Says whether it did. No transaction may be open.
 */
export async function reclaimRows(connection: DuckDBConnection): Promise<boolean> {
  const stored = await connection.runAndReadAll(
    `select schema_name, table_name, estimated_size from duckdb_tables() where not temporary and estimated_size >= ${rowsWorthIt}`,
  );
  for (const [schema, table, size] of stored.getRows()) {
    const name = `${quoteName(String(schema))}.${quoteName(String(table))}`;
    const counted = await connection.runAndReadAll(`select count(*) from ${name}`);
    const live = Number(counted.getRows()[0]?.[0]);
    const gone = Number(size) - live;
    if (gone < rowsWorthIt || gone < live * shareWorthIt) continue;
    await connection.run("set max_vacuum_tasks = 100");
    try {
      await connection.run("checkpoint");
    } finally {
      await connection.run(`set max_vacuum_tasks = ${noReclaiming.max_vacuum_tasks}`);
    }
    return true;
  }
  return false;
}
