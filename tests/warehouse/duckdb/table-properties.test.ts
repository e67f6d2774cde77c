import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "table-properties-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const open = () => openDuckDbWarehouse({ path: join(dir, "w.duckdb") });
const unfiltered = "without a filter over column(s) 'day'";

test("when a database is opened again, what is said of its tables and views still holds", async () => {
  const before = await open();
  await before.execute(`
    create schema s;
    create table s.t (day date, id int64) partition by day options (require_partition_filter = true);
    create view s.v as select id, day as d from s.t;
    insert into s.t values (date '2024-01-01', 1)`);
  await before.execute("create snapshot table s.snap clone s.t");
  await before.close();
  const after = await open();
  await expect(after.query("select * from s.t")).rejects.toThrow(unfiltered);
  await expect(after.query("select * from s.v")).rejects.toThrow(unfiltered);
  expect((await after.query("select id from s.v where d = '2024-01-01'")).rows).toEqual([{ id: 1n }]);
  await expect(after.execute("delete from s.snap where day is not null")).rejects.toThrow("is a snapshot");
  await expect(after.append("s.snap", [{ id: 2n }])).rejects.toThrow("s.snap is a snapshot");
  await after.execute("alter table s.t set options (require_partition_filter = false)");
  expect((await after.query("select id from s.v")).rows).toEqual([{ id: 1n }]);
  await after.execute("drop snapshot table s.snap");
  expect(await after.columns("s.snap")).toBeUndefined();
  await after.close();
});

test("when a table is partitioned by the time of arrival, its rows keep theirs and appended ones get theirs", async () => {
  const before = await open();
  await before.execute(`
    create schema s;
    create table s.t (id int64) partition by _PARTITIONDATE;
    insert into s.t (_PARTITIONTIME, id) values ('2024-01-01', 1)`);
  await before.close();
  const after = await open();
  expect(await after.columns("s.t")).toEqual([{ name: "id", type: "INT64" }]);
  await after.append("s.t", [{ id: 2n }]);
  await after.execute("insert into s.t values (3)");
  expect((await after.query("select * from s.t order by id")).rows).toEqual([{ id: 1n }, { id: 2n }, { id: 3n }]);
  const days = "select id, _PARTITIONDATE = current_date() as today from s.t order by id";
  expect((await after.query(days)).rows.map((row) => row["today"])).toEqual([false, true, true]);
  await after.close();
});

test("when the transaction that makes a table is undone, what stood before is as it was", async () => {
  const warehouse = await open();
  await warehouse.execute("create schema s; create table s.t (day date) partition by day");
  await expect(
    warehouse.inTransaction(async (on) => {
      await on.execute(
        "create or replace table s.t (day date) partition by day options (require_partition_filter = true)",
      );
      await on.query("select * from s.t where day is not null");
      await on.query("select * from s.t");
    }),
  ).rejects.toThrow(unfiltered);
  expect((await warehouse.query("select * from s.t")).rows).toEqual([]);
  await warehouse.close();
});
