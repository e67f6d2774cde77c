import type { BenchWarehouse } from "../dataform/testing/bench.ts";
import { quoteName } from "../googlesql/emit/text.ts";
import { createTable, openDuckDbWarehouse, storedName } from "./adapter.ts";

/** A database in memory for model tests. */
export async function openBench(): Promise<BenchWarehouse> {
  // Tests have a handful of rows: handing work to other threads would cost more than the work.
  const warehouse = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
  const { lane } = warehouse;
  const nameOf = (target: { readonly schema: string; readonly name: string }) =>
    storedName(`${target.schema}.${target.name}`);
  return {
    name: warehouse.name,
    query: (sql, options) => warehouse.query(sql, options),
    execute: (sql, options) => warehouse.execute(sql, options),
    append: (table, rows, options) => warehouse.append(table, rows, options),
    loadParquet: (table, files, columns) => warehouse.loadParquet(table, files, columns),
    exportParquet: (sql, path, options) => warehouse.exportParquet(sql, path, options),
    columns: (table) => warehouse.columns(table),
    close: () => warehouse.close(),
    async ensureSchemas(schemas) {
      for (const schema of schemas) await lane.native(`create schema if not exists ${quoteName(schema)}`);
    },
    async createEmpty(target, columns) {
      await lane.inTurn(undefined, () => createTable(lane, `${target.schema}.${target.name}`, columns));
    },
    async clear(target) {
      await lane.native(`truncate ${nameOf(target)}`);
    },
    async drop(target) {
      await lane.inTurn(undefined, async () => {
        const found = lane.catalog.table([target.schema, target.name]);
        if (found === undefined) return;
        await lane.connection.run(`drop ${found.kind} ${found.sql}`);
        await lane.catalog.remove(lane.connection, [target.schema, target.name]);
        lane.catalog.commit();
      });
    },
  };
}
