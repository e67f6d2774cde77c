import { DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { parquetFiles, parquetOptions } from "./sealed-engine.ts";
import { identifier, literal } from "./sql-text.ts";

/** Which rows and columns of Parquet files go into another one. */
export interface ParquetCopy {
  readonly columns: readonly string[];
  /** A text column and the value that its rows have. */
  readonly where: readonly [string, string];
  /** A column whose values become numbers without meaning, equal where they are equal, under a name. */
  readonly group: readonly [string, string];
  readonly orderBy: readonly string[];
}

/** Writes some rows and columns of Parquet files, in an order. Gives how many rows. */
export async function copyParquet(files: readonly string[], target: string, copy: ParquetCopy): Promise<number> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "800MB" });
  const connection = await instance.connect();
  try {
    const [column, value] = copy.where;
    const [key, as] = copy.group;
    const list = copy.columns.map(identifier).join(", ");
    const sql = `select ${list}, dense_rank() over (order by sha256(coalesce(cast(${identifier(key)} as varchar), message_id))) as ${identifier(as)}
      from ${await parquetFiles(connection, files)}
      where ${identifier(column)} = ${literal(value)} order by ${copy.orderBy.map(identifier).join(", ")}`;
    const reader = await connection.runAndReadAll(
      `copy (${sql}) to ${literal(target)} ${await parquetOptions(connection, target)}`,
    );
    return Number(reader.getRows()[0]?.[0] ?? 0);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
