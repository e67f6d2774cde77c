import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await warehouse.run(`
    create schema d;
    create table d.t (day date not null, name string(5) default 'none', tags array<struct<a int64, b string>>)
      partition by day options (require_partition_filter = true);
    insert into d.t values (date '2024-01-01', 'a', [(1, 'x')]);
    create view d.v as select 1 as a;
    create snapshot table d.snap clone d.t options (description = 'as it was', expiration_timestamp = timestamp '2030-01-01')`);
});
afterAll(() => warehouse.close());

const rows = async (sql: string) => (await warehouse.run(sql)).rows;
const fault = async (sql: string) =>
  await warehouse.run(sql).then(
    () => "none",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

// https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_snapshot_table_statement
describe("a snapshot", () => {
  test("when its table changes, it stays, and can be read like a table", async () => {
    await warehouse.run("insert into d.t (day) values (date '2024-01-02')");
    expect(await rows("select name, tags[offset(0)].b from d.snap where day is not null")).toEqual([["a", "x"]]);
    expect(await fault("select * from d.snap")).toContain("without a filter over column(s) 'day'");
  });

  test.each([
    [
      "insert into d.snap (day) values (date '2024-01-02')",
      "sql.analysis: d.snap is a snapshot, which cannot be changed",
    ],
    [
      "update d.snap set name = 'b' where day is not null",
      "sql.analysis: d.snap is a snapshot, which cannot be changed",
    ],
    ["delete from d.snap where day is not null", "sql.analysis: d.snap is a snapshot, which cannot be changed"],
    ["truncate table d.snap", "sql.analysis: d.snap is a snapshot, which cannot be changed"],
    [
      "merge d.snap using d.v on false when not matched then insert (day) values (date '2024-01-02')",
      "sql.analysis: d.snap is a snapshot",
    ],
    [
      "alter table d.snap add column x int64",
      "sql.analysis: d.snap is not allowed for this operation because it is currently a SNAPSHOT",
    ],
    ["drop table d.snap", "sql.analysis: d.snap is not allowed for this operation because it is currently a SNAPSHOT"],
    [
      "create or replace table d.snap (a int64)",
      "sql.analysis: d.snap is not allowed for this operation because it is currently a SNAPSHOT",
    ],
    ["drop snapshot table d.t", "sql.analysis: d.t is no snapshot"],
    ["drop snapshot table d.none", "sql.analysis: Not found: d.none"],
    [
      "create snapshot table d.other clone d.v",
      "sql.analysis: d.v is not allowed for this operation because it is currently a VIEW",
    ],
    ["create or replace snapshot table d.snap clone d.t", "sql.syntax: CREATE SNAPSHOT TABLE has no OR REPLACE"],
    ["create snapshot table d.other clone d.t for system_time as of current_timestamp()", "refused.FOR_SYSTEM_TIME"],
    ["create table d.other clone d.t for system_time as of current_timestamp()", "refused.FOR_SYSTEM_TIME"],
    ["create external table d.other options (format = 'CSV')", "refused.CREATE_EXTERNAL_TABLE"],
  ])("what would change it, and what is none, fails: %s", async (sql, expected) => {
    expect(await fault(sql)).toContain(expected);
  });

  test("when a table is cloned from it, that can be changed; when it is dropped, it is gone", async () => {
    await warehouse.run(`
      create snapshot table d.s2 clone d.t;
      create snapshot table if not exists d.s2 clone d.snap;
      create table d.restored clone d.s2;
      insert into d.restored (day) values (date '2024-01-03');
      alter table d.s2 set options (description = 'x')`);
    expect(await rows("select count(*) from d.restored where day is not null")).toEqual([[3n]]);
    expect(
      await rows("select table_name, table_type, is_insertable_into from d.INFORMATION_SCHEMA.TABLES order by 1"),
    ).toEqual([
      ["restored", "CLONE", "YES"],
      ["s2", "SNAPSHOT", "NO"],
      ["snap", "SNAPSHOT", "NO"],
      ["t", "BASE TABLE", "YES"],
      ["v", "VIEW", "NO"],
    ]);
    await warehouse.run("drop snapshot table d.s2; drop snapshot table if exists d.s2; drop table d.restored");
    expect(await fault("select * from d.s2")).toContain("Table not found");
  });
});

describe("LIKE, COPY and CLONE", () => {
  test.each([
    ["create or replace table d.c like d.t", 0n],
    ["create or replace table d.c copy d.t", 2n],
    ["create or replace table d.c clone d.t", 2n],
    [
      "create or replace table d.c like d.t as select date '2024-01-05', 'abc', cast(null as array<struct<a int64, b string>>)",
      1n,
    ],
  ])("%s: types, limits, NOT NULL, defaults and the required filter come along", async (sql, count) => {
    await warehouse.run(sql);
    expect(await rows("select count(*) from d.c where day is not null")).toEqual([[count]]);
    expect(await fault("select * from d.c")).toContain("without a filter over column(s) 'day'");
    expect(await fault("insert into d.c (name) values ('a')")).toContain("sql.evaluation");
    expect(await fault("insert into d.c (day, name) values (date '2024-01-09', 'too long')")).toContain(
      "sql.evaluation",
    );
    await warehouse.run("insert into d.c (day) values (date '2024-01-09')");
    expect(await rows("select name from d.c where day = '2024-01-09'")).toEqual([["none"]]);
  });

  test("when LIKE has a query of other columns, or an option of its own, that is told or held to", async () => {
    expect(await fault("create or replace table d.c like d.t as select 1")).toContain("the table has 3");
    await warehouse.run("create or replace table d.c like d.t options (require_partition_filter = false)");
    expect(await rows("select * from d.c")).toEqual([]);
  });
});
