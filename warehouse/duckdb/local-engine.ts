import { version } from "../../packages/googlesql/duckdb/client.ts";
import { quoteName, typeName } from "../../packages/googlesql/index.ts";
import type { BuildEngine } from "../dataform/engine.ts";
import { hasRelation } from "../dataform/graph.ts";
import type { Relation } from "../dataform/statements.ts";
import type { Warehouse } from "../warehouse.ts";
import type { DuckDbWarehouse } from "./adapter.ts";
import { ensureRecords, forgetRecords, readRecords, readSourceStamp, writeRecord } from "./build-records.ts";
import { reclaimRows } from "./reclaim-rows.ts";
import type { SessionLane } from "./session-lane.ts";

/** Goes up when a text that was translated before is to be translated, and run, anew. */
const translationVersion = 4;

export interface LocalEngine extends BuildEngine {
  dropSchemas(schemas: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * A DuckDB warehouse as the runner wants it: each action is one transaction with its record, so that a killed build leaves every
 * table either as it was or as it should be. `project` keeps the records of projects apart that share a warehouse.
 */
export function localEngine(warehouse: DuckDbWarehouse, project: string): LocalEngine {
  const { lane } = warehouse;
  /** The connections of transactions under way. */
  const lanes = new WeakMap<Warehouse, SessionLane>();
  return {
    warehouse,
    parallel: 2,
    assertionsAtOnce: 8,
    ignoresDatabases: true,
    identity: `duckdb ${version()}, translation ${translationVersion}`,
    async ensureSchemas(schemas) {
      for (const schema of schemas) await lane.native(`create schema if not exists ${quoteName(schema)}`);
    },
    async dropSchemas(schemas) {
      for (const schema of schemas) {
        await lane.inTurn(undefined, async () => {
          await lane.connection.run(`drop schema if exists ${quoteName(schema)} cascade`);
          await lane.catalog.removeSchema(lane.connection, schema);
          lane.catalog.commit();
        });
      }
    },
    async relations(actions) {
      return await lane.inTurn(undefined, async () => {
        const found = new Map<string, Relation>();
        for (const action of actions.filter(hasRelation)) {
          const table = lane.catalog.table([action.target.schema, action.target.name]);
          if (table === undefined) continue;
          const columns = table.columns.map((column) => ({ name: column.name, type: typeName(column.type) }));
          found.set(action.id, { kind: table.kind, columns });
        }
        return found;
      });
    },
    records: () =>
      lane.inTurn(undefined, async () => {
        await ensureRecords(lane.connection);
        return await readRecords(lane.connection, project);
      }),
    atomically: (work) =>
      warehouse.inTransaction(async (on, own) => {
        lanes.set(on, own);
        const done = await work(on);
        for (const record of done.records)
          await own.inTurn(undefined, () => writeRecord(own.connection, project, record));
        return done;
      }),
    async sourceStamp(target) {
      return await lane.inTurn(undefined, async () => {
        await ensureRecords(lane.connection);
        return await readSourceStamp(lane.connection, `${target.schema}.${target.name}`);
      });
    },
    async rowCount(target, on) {
      const own = lanes.get(on) ?? lane;
      const table = own.catalog.table([target.schema, target.name]);
      // DuckDB's own count: one in GoogleSQL would want a filter where the table requires one.
      if (table?.kind === "table") return Number((await own.native(`select count(*) from ${table.sql}`))[0]![0]);
      const { rows } = await on.query(`select count(*) as n from \`${target.schema}.${target.name}\``);
      return Number(rows[0]?.["n"] ?? 0);
    },
    forget: (ids) => lane.inTurn(undefined, () => forgetRecords(lane.connection, project, ids)),
    async close() {
      // What is not given back now is given back after another build.
      await lane.inTurn(undefined, () => reclaimRows(lane.connection)).catch(() => false);
      await warehouse.close();
    },
  };
}
