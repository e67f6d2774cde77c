import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await warehouse.run("create schema d");
});
afterAll(() => warehouse.close());
beforeEach(async () => {
  await warehouse.run(`
    create or replace table d.t (id int64, what string) partition by _PARTITIONDATE;
    insert into d.t (_PARTITIONTIME, id, what) values (timestamp '2017-05-01', 21, 'one'), ('2017-05-02', 22, 'two')`);
});

const rows = async (sql: string) => (await warehouse.run(sql)).rows;
const fault = async (sql: string) =>
  await warehouse.run(sql).then(
    () => "none",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
const days = "select id, cast(_PARTITIONDATE as string) as day from d.t order by id";

// https://cloud.google.com/bigquery/docs/querying-partitioned-tables, https://cloud.google.com/bigquery/docs/using-dml-with-partitioned-tables
describe("a table partitioned by the time of arrival", () => {
  test("when all columns are asked for, the pseudo columns are not among them", async () => {
    expect(await rows("select * from d.t order by id")).toEqual([
      [21n, "one"],
      [22n, "two"],
    ]);
    expect(await rows("select t.* from d.t as t where t._PARTITIONDATE = '2017-05-01'")).toEqual([[21n, "one"]]);
    expect(await rows("select format('%t', t) from d.t as t where id = 21")).toEqual([["(21, one)"]]);
    expect(await fault("select _PARTITIONTIME as p from (select * from d.t)")).toContain("Unrecognized name");
  });

  test.each([
    ["select id from d.t where _PARTITIONTIME = timestamp '2017-05-01'", [[21n]]],
    ["select string(max(_partitiontime)) from d.t", [["2017-05-02 00:00:00+00"]]],
    ["select count(*) from d.t group by _PARTITIONDATE having _PARTITIONDATE > '2017-05-01'", [[1n]]],
    ["from d.t |> where _PARTITIONDATE = '2017-05-02' |> select id, _PARTITIONDATE = '2017-05-02' as x", [[22n, true]]],
    ["select a.id from d.t as a join d.t as b on a._PARTITIONTIME < b._PARTITIONTIME", [[21n]]],
    ["select id from d.t tablesample system (100 percent) where _PARTITIONDATE = '2017-05-02'", [[22n]]],
  ])("when they are named, they have their values: %s", async (sql, expected) => {
    expect(await rows(sql)).toEqual(expected);
  });

  test.each([
    "insert into d.t values (1, 'now')",
    "insert into d.t (what, id) select 'now', 1",
    "insert into d.t (_PARTITIONTIME, id) values (default, 1)",
    "merge d.t t using (select 1 as id, 'now' as what) s on t.id = s.id when not matched then insert row",
    "merge d.t t using (select 1 as id) s on t.id = s.id when not matched then insert (id) values (id)",
  ])("when a row comes without a time, it arrives now: %s", async (sql) => {
    await warehouse.run(sql);
    expect(
      await rows("select _PARTITIONTIME = timestamp_trunc(current_timestamp(), day) from d.t where id = 1"),
    ).toEqual([[true]]);
  });

  test.each([
    ["insert into d.t (_PARTITIONTIME, id) select timestamp '2017-05-01 21:30:00', 1", "beginning of a partition"],
    ["insert into d.t (_PARTITIONTIME, id) values (null, 1)", "beginning of a partition"],
    ["insert into d.t (_PARTITIONDATE, id) values ('2017-05-01', 1)", "refused._PARTITIONDATE"],
    ["update d.t set _PARTITIONTIME = timestamp_add(_PARTITIONTIME, interval 1 hour) where true", "beginning of a"],
    ["select _PARTITIONTIME from d.t", 'Invalid field name "_PARTITIONTIME"'],
    ["create table d.x as select _PARTITIONDATE from d.t", 'Invalid field name "_PARTITIONDATE"'],
    ["create table d.x (_partitiontime timestamp)", 'Invalid field name "_partitiontime"'],
    ["alter table d.t add column _TABLE_x int64", 'Invalid field name "_TABLE_x"'],
    ["alter table d.t drop column _PARTITIONTIME", "Cannot drop partitioning column"],
    ["select _PARTITIONTIME as x from d.t as a, d.t as b", "ambiguous"],
    ["select _PARTITION_LOAD_TIME as x from d.t", "refused._PARTITION_LOAD_TIME"],
    ["select * from d.INFORMATION_SCHEMA.COLUMNS", "refused.INFORMATION_SCHEMA"],
    ["create table d.x like d.t as select 1, 'a'", "refused._PARTITIONTIME"],
  ])("what BigQuery does not do, or is not served, fails: %s", async (sql, expected) => {
    expect(await fault(sql)).toContain(expected);
  });

  test("when rows are changed, they may move to another partition, and those of one may go", async () => {
    await warehouse.run("update d.t set _PARTITIONTIME = '2017-06-01' where _PARTITIONTIME = '2017-05-01' and id = 21");
    expect(await rows(days)).toEqual([
      [21n, "2017-06-01"],
      [22n, "2017-05-02"],
    ]);
    await warehouse.run("delete from d.t as t where t._PARTITIONDATE = '2017-05-02'");
    expect(await rows(days)).toEqual([[21n, "2017-06-01"]]);
  });

  test("when the table changes or is copied, the times stay", async () => {
    await warehouse.run("alter table d.t add column more int64; insert into d.t (id, more) values (1, 2)");
    expect(await rows("select * from d.t where more = 2")).toEqual([[1n, null, 2n]]);
    await warehouse.run("create or replace table d.c copy d.t; create or replace table d.l like d.t");
    expect(await rows("select id from d.c where _PARTITIONDATE < '2020-01-01' order by id")).toEqual([[21n], [22n]]);
    await warehouse.run("insert into d.l (id) values (5)");
    expect(await rows("select id from d.l where _PARTITIONDATE > '2020-01-01'")).toEqual([[5n]]);
  });

  test("when the partition is an hour, a month or a year, times are truncated to it and there is no day", async () => {
    for (const unit of ["hour", "month", "year"]) {
      await warehouse.run(
        `create or replace table d.u (id int64) partition by timestamp_trunc(_PARTITIONTIME, ${unit}); insert into d.u values (1)`,
      );
      const now = `timestamp_trunc(current_timestamp(), ${unit})`;
      expect(await rows(`select _PARTITIONTIME = ${now} from d.u`)).toEqual([[true]]);
      expect(await fault("select _PARTITIONDATE as x from d.u")).toContain("Unrecognized name: _PARTITIONDATE");
    }
  });

  test("when a filter is required, either pseudo column will do", async () => {
    await warehouse.run("alter table d.t set options (require_partition_filter = true)");
    expect(await fault("select id from d.t where id = 21")).toContain("without a filter over column(s)");
    expect(await rows("select id from d.t where _PARTITIONDATE = '2017-05-01'")).toEqual([[21n]]);
    expect(await rows("select id from d.t where date(_PARTITIONTIME) = '2017-05-02'")).toEqual([[22n]]);
    await warehouse.run("create or replace view d.v as select id, _PARTITIONTIME as pt from d.t");
    expect(await fault("select id from d.v")).toContain("without a filter over column(s)");
    expect(await rows("select id from d.v where pt < '2017-05-02'")).toEqual([[21n]]);
  });
});
