import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSnapshot, type SnapshotRequest } from "../../retrain/snapshot/snapshot.ts";
import { verifySnapshot } from "../../retrain/snapshot/verify-snapshot.ts";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import { readParquet } from "../../warehouse/duckdb/read-parquet.ts";
import type { Row, Warehouse } from "../../warehouse/warehouse.ts";
import { fillExamples } from "../retrain/support/examples.ts";
import { type PlainWarehouse, plainWarehouse } from "../retrain/support/plain-duckdb.ts";
import { ownBigQuery } from "./support/own-bigquery.ts";

/** The same examples in a plain DuckDB and in BigQuery. */
const emulator = await ownBigQuery();
let folder: string;
let here: PlainWarehouse;
let there: Warehouse;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-cloud-snapshot-"));
  here = await plainWarehouse();
  await fillExamples(here, 1_500);
  await here.run(
    "create or replace table training.examples as select *, hash(message_id) % 3 > 0 as is_trusted, 'p' || hash(user_id_hash) % 400 as person_id from training.examples",
  );
  await here.run("update training.examples set person_id = null where message_id < 'm00000200'");
  const pending: Row[] = [];
  const file = join(folder, "examples.parquet");
  await here.run(`copy training.examples to '${file}' (format parquet)`);
  there = await connectBigQuery({ projectId: "snapshots", ...emulator });
  const columns = (await here.columns("training.examples"))!;
  const list = columns.map(({ name, type }) => `\`${name}\` ${type}`).join(", ");
  await there.execute(`create schema if not exists training; create table training.examples (${list})`);
  await readParquet([file], columns, (valuesOf, rows) => {
    for (let i = 0; i < rows; i++)
      pending.push(Object.fromEntries(columns.map(({ name }) => [name, valuesOf(name)[i] ?? null])));
  });
  for (let at = 0; at < pending.length; at += 500)
    expect((await there.append("training.examples", pending.slice(at, at + 500))).kind).toBe("written");
});
afterAll(async () => {
  await there?.close();
  await here?.close();
  await rm(folder, { recursive: true, force: true });
});

test.each<[string, SnapshotRequest]>([
  ["as it comes", {}],
  ["a stratified sample with windows", { sampleRows: 400, split: { validate: { days: 12 }, learn_days: 30 } }],
])(
  "when a snapshot is made on BigQuery (%s), then its sides and its content are those of DuckDB",
  async (_, request) => {
    const made = async (warehouse: PlainWarehouse | Warehouse, snapshots: string) => {
      const env = { warehouse, snapshots: join(folder, snapshots), now: () => new Date(0) };
      const found = await createSnapshot(env, request);
      if (found.kind === "planned") throw new Error("planned");
      return found;
    };
    const [mine, theirs] = [await made(here, "here"), await made(there, "there")];
    expect(theirs.lock.lock.content).toEqual(mine.lock.lock.content);
    expect(theirs.lock.lock.split).toEqual(mine.lock.lock.split);
    expect(theirs.lock.lock.query).toEqual(mine.lock.lock.query);
    expect(mine.lock.lock.split!.post_ai).toBeGreaterThan(5);
    expect((await verifySnapshot(theirs)).verdict).toBe("pass");
  },
);
