import { quoteName } from "../../packages/googlesql/index.ts";
import type { BenchWarehouse } from "../dataform/testing/bench.ts";
import type { QueryResult } from "../warehouse.ts";
import { createTable, openDuckDbWarehouse, storedName } from "./adapter.ts";

/** A database in memory for model tests. */
export async function openBench(): Promise<BenchWarehouse> {
  // Tests have a handful of rows: handing work to other threads would cost more than the work.
  const warehouse = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
  const { lane } = warehouse;
  await lane.inTurn(undefined, () => lane.speak());
  const nameOf = (target: { readonly schema: string; readonly name: string }) =>
    storedName(`${target.schema}.${target.name}`);
  // Tests of a model ask the same of other rows. What was translated holds until a table or view comes or goes.
  const translated = new Map<string, () => Promise<QueryResult>>();
  const inserted = new Map<string, () => Promise<void>>();
  let held: string | undefined;
  /** Chance begins anew with each statement, so that what was run before makes no difference. */
  const begin = async (): Promise<void> => {
    if (held !== undefined) await lane.native("select setseed(0.25)");
  };
  const forget = () => {
    translated.clear();
    inserted.clear();
  };
  const thenForget = <T>(result: T): T => {
    forget();
    return result;
  };
  return {
    name: warehouse.name,
    async query(sql, options) {
      await begin();
      if (options?.params !== undefined || !isOneQuery(sql)) return thenForget(await warehouse.query(sql, options));
      return await lane.inTurn(options?.signal, async () => {
        const run = translated.get(sql) ?? (await (await lane.speak()).prepare(sql, options ?? {}));
        translated.set(sql, run);
        return await run();
      });
    },
    async execute(sql, options) {
      await begin();
      return thenForget(await warehouse.execute(sql, options));
    },
    append: (table, rows, options) => warehouse.append(table, rows, options),
    loadParquet: async (table, files, columns) => thenForget(await warehouse.loadParquet(table, files, columns)),
    exportParquet: (sql, path, options) => warehouse.exportParquet(sql, path, options),
    columns: (table) => warehouse.columns(table),
    close: () => warehouse.close(),
    async ensureSchemas(schemas) {
      for (const schema of schemas) await lane.native(`create schema if not exists ${quoteName(schema)}`);
    },
    async createEmpty(target, columns) {
      forget();
      await lane.inTurn(undefined, () => createTable(lane, `${target.schema}.${target.name}`, columns));
    },
    async clear(target) {
      await lane.native(`truncate ${nameOf(target)}`);
    },
    async insertQuery(target, query, options) {
      const table = nameOf(target);
      await begin();
      await lane.inTurn(undefined, async () => {
        const key = `${table} ${query}`;
        const insert = inserted.get(key) ?? (await (await lane.speak()).prepareInsert(table, query, options));
        inserted.set(key, insert);
        await insert();
      });
    },
    async holdStill(now) {
      const wanted = now?.toISOString();
      if (wanted === held) return;
      held = wanted;
      // Helpers are bound by name each time a statement runs, prepared ones too.
      const clock = wanted === undefined ? "now()" : `timestamptz '${wanted}'`;
      await lane.native(`create or replace temp macro gs_now() as ${clock}`);
    },
    async drop(target) {
      forget();
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

/** Whether a text is a query and nothing else; one that declares or creates something first is left to the script runner. */
const isOneQuery = (sql: string): boolean => /^\s*(?:--[^\n]*\n\s*)*(?:select|with)\b/i.test(sql) && !sql.includes(";");
