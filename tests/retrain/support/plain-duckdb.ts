import { DuckDBInstance } from "@duckdb/node-api";
import { parquetOptions } from "../../../warehouse/duckdb/sealed-engine.ts";
import type { Column, Row, Warehouse } from "../../../warehouse/warehouse.ts";

/**
 * A warehouse for the tests of this room: bare DuckDB, with the few GoogleSQL functions that snapshots use spelt out by hand. It shares
 * nothing with the adapter, so a digest that is right here and there is right twice.
 */
export type PlainWarehouse = Pick<Warehouse, "name" | "query" | "exportParquet" | "columns" | "close"> & {
  run(duckdbSql: string): Promise<void>;
};

const macros = [
  "create macro plain_hex(x) as x",
  "create macro byte_length(x) as strlen(x)",
  "create macro unix_micros(x) as epoch_us(x)",
  "create macro unix_date(x) as cast(x as date) - date '1970-01-01'",
  "create macro is_nan(x) as isnan(x)",
  "create macro is_inf(x) as isinf(x)",
  "create macro div(a, b) as a // b",
  "create macro timestamp_add(t, i) as t + i",
  "create macro safe_divide(a, b) as case when b = 0 then null else a / b end",
  "create type float64 as double",
];

const googleTypes: Readonly<Record<string, string>> = {
  BOOLEAN: "BOOL",
  BIGINT: "INT64",
  DOUBLE: "FLOAT64",
  VARCHAR: "STRING",
  DATE: "DATE",
  TIMESTAMP: "TIMESTAMP",
  "DECIMAL(38,9)": "NUMERIC",
};

const translated = (sql: string): string =>
  sql
    .replaceAll("to_hex(", "plain_hex(")
    .replace(/'((?:[^'\\]|\\.)*)'/g, "E'$1'")
    .replace(/timestamp E'/g, "timestamp '")
    .replaceAll("`", '"');

export async function plainWarehouse(): Promise<PlainWarehouse> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2" });
  const connection = await instance.connect();
  for (const macro of macros) await connection.run(macro);
  const rowsOf = async (sql: string): Promise<readonly Row[]> =>
    (await connection.runAndReadAll(sql)).getRowObjects() as Row[];
  return {
    name: "duckdb",
    async run(sql) {
      await connection.run(sql);
    },
    async query(sql) {
      return { columns: [], rows: await rowsOf(translated(sql)) };
    },
    async exportParquet(sql, path) {
      await connection.run(`copy (${translated(sql)}) to '${path}' ${await parquetOptions(connection, path)}`);
      return { rows: 0 };
    },
    async columns(table) {
      const rows = await rowsOf(
        `select column_name, data_type from duckdb_columns() where schema_name || '.' || table_name = '${table}' order by column_index`,
      );
      const columns: Column[] = rows.map((r) => ({
        name: String(r["column_name"]),
        type: googleTypes[String(r["data_type"])] ?? String(r["data_type"]),
      }));
      return columns.length > 0 ? columns : undefined;
    },
    async close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
