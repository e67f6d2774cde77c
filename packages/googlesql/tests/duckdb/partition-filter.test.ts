import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await warehouse.run(`
    create schema d;
    create table d.t (day date, id int64, ts timestamp) partition by day options (require_partition_filter = true);
    create table d.e (ts timestamp, id int64) partition by date(ts) options (require_partition_filter = true);
    create table d.n (bucket int64, id int64) partition by range_bucket(bucket, generate_array(0, 100, 10)) options (require_partition_filter = true);
    create table d.free (day date, id int64) partition by day;
    create table d.s (day date, id int64);
    create view d.v as select id, day as the_day from d.t;
    create view d.latest as select * from d.t qualify row_number() over (partition by id order by ts desc) = 1;
    create view d.daily as select day, count(*) as n from d.t group by day;
    create view d.held as select * from d.t where day = date '2024-01-01';
    create table function d.on_day(p date) as (select id from d.t where day = p);
    insert into d.t values (date '2024-01-01', 1, timestamp '2024-01-01 01:00:00'), (date '2024-01-02', 2, timestamp '2024-01-02 01:00:00');
    insert into d.e values (timestamp '2024-01-01 01:00:00', 1);
    insert into d.n values (5, 1);
    insert into d.s values (date '2024-01-01', 1)`);
});
afterAll(() => warehouse.close());

const fault = async (sql: string) =>
  await warehouse.run(sql).then(
    () => "none",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
const missing = (table: string, column: string) =>
  `sql.analysis: Cannot query over table '${table}' without a filter over column(s) '${column}' that can be used for partition elimination`;

// https://cloud.google.com/bigquery/docs/querying-partitioned-tables
describe("a table that must be filtered on its partitions", () => {
  test.each([
    "select id from d.t where day = '2024-01-01'",
    "select id from d.t where id = 1 and day between '2024-01-01' and '2024-01-02'",
    "select id from d.t where day = '2024-01-01' or day = '2024-01-02'",
    "select id from d.t where (day = '2024-01-01' and id = 1) or (day = '2024-01-02' and id = 2)",
    "select id from d.t where day >= date_sub(current_date(), interval 3 day)",
    "select id from d.t where day in unnest([date '2024-01-01'])",
    "select id from d.t where day is not null",
    "declare d1 date default '2024-01-01'; select id from d.t where day = d1",
    "select id from d.e where date(ts) = '2024-01-01'",
    "select id from d.e where ts >= '2024-01-01'",
    "select id from d.n where bucket < 10",
    "select id from d.free",
    // Through what stands between.
    "select * from (select id, day as x from d.t) where x = '2024-01-01'",
    "with w as (select * from d.t) select id from w where day = '2024-01-01'",
    "select * from (select day, count(*) as n from d.t group by day) where day = '2024-01-01'",
    "select * from (select id, day from d.t union all select id, day from d.e cross join (select date '2024-01-01' as day) where ts > '2024-01-01') where day = '2024-01-01'",
    "select * from (select day, row_number() over (partition by day order by id) as n from d.t) where day = '2024-01-01'",
    "select s.id from d.s join d.t on s.id = t.id and t.day = '2024-01-01'",
    "select s.id from d.s left join d.t on s.id = t.id and t.day = '2024-01-01'",
    "select s.id from d.s join d.t using (day) where t.day = '2024-01-01'",
    "from d.t |> where day = '2024-01-01' |> aggregate count(*) as n",
    "from d.t |> select day as x, id |> where x = '2024-01-01'",
    "select id from d.v where the_day = '2024-01-01'",
    "select n from d.daily where day = '2024-01-01'",
    "select id from d.held",
    "select * from d.on_day('2024-01-01')",
    "update d.t set id = 1 where day = '2024-01-01'",
    "delete from d.t where day = '1999-01-01'",
    "merge d.t using d.s on t.id = s.id and t.day = '1999-01-01' when matched then delete",
    "merge d.t using d.s on t.id = s.id when matched and t.day = '1999-01-01' then delete",
    "insert into d.s select day, id from d.t where day = '1999-01-01'",
    "insert into d.t (id) select id from d.s where id > 100",
  ])("when a filter is on the partition column: %s", async (sql) => {
    expect(await fault(sql)).toBe("none");
  });

  test.each([
    ["select id from d.t", "d.t", "day"],
    ["select id from d.t where id = 1", "d.t", "day"],
    ["select id from d.t where day = '2024-01-01' or id = 1", "d.t", "day"],
    ["select id from d.t where day = date(ts)", "d.t", "day"],
    ["select id from d.t where day = (select max(day) from d.s)", "d.t", "day"],
    ["select id from d.t where day in (select day from d.s)", "d.t", "day"],
    ["select id from d.t where date '2024-01-01' = '2024-01-01'", "d.t", "day"],
    ["select s.id from d.s join d.t on s.day = t.day", "d.t", "day"],
    ["select t.id from d.t left join d.s on t.id = s.id and t.day = '2024-01-01'", "d.t", "day"],
    ["select (select count(*) from d.t) from d.s", "d.t", "day"],
    ["select id from d.s where exists (select 1 from d.t where t.day = s.day)", "d.t", "day"],
    ["select a.id from d.t a, d.t b where a.day = '2024-01-01'", "d.t", "day"],
    ["select * from (select * from d.t limit 10) where day = '2024-01-01'", "d.t", "day"],
    ["select * from (select id, max(day) as day from d.t group by id) where day = '2024-01-01'", "d.t", "day"],
    ["select id from d.e where id = 1", "d.e", "ts"],
    ["select id from d.n", "d.n", "bucket"],
    ["select id from d.v", "d.t", "day"],
    ["select id from d.v where id = 1", "d.t", "day"],
    ["select id from d.latest where day = '2024-01-01'", "d.t", "day"],
    ["update d.t set id = 1 where true", "d.t", "day"],
    ["delete from d.t where id = 1", "d.t", "day"],
    ["merge d.t using d.s on t.id = s.id when matched then delete", "d.t", "day"],
    [
      "merge d.t using d.s on t.id = s.id when matched and t.day = '1999-01-01' then delete when matched then update set id = 1",
      "d.t",
      "day",
    ],
    ["create table d.other as select id from d.t", "d.t", "day"],
    ["insert into d.s select day, id from d.t", "d.t", "day"],
    ["from d.t |> where id = 1 |> select id", "d.t", "day"],
  ])("when none is: %s", async (sql, table, column) => {
    expect(await fault(sql)).toBe(missing(table, column));
  });

  test("when ALTER TABLE changes the option, views over the table follow", async () => {
    await warehouse.run("alter table d.t set options (require_partition_filter = false)");
    expect((await warehouse.run("select count(*) from d.t")).rows).toEqual([[2n]]);
    expect(await fault("select * from d.v")).toBe("none");
    await warehouse.run("alter table d.t set options (require_partition_filter = true)");
    expect(await fault("select * from d.v")).toBe(missing("d.t", "day"));
  });

  test("when it is partitioned by the time of arrival, the pseudo columns are named", async () => {
    await warehouse.run(
      "create or replace table d.a (id int64) partition by _partitiondate options (require_partition_filter = true)",
    );
    expect(await fault("select id from d.a")).toBe(
      "sql.analysis: Cannot query over table 'd.a' without a filter over column(s) '_PARTITION_LOAD_TIME', '_PARTITIONDATE', '_PARTITIONTIME' that can be used for partition elimination",
    );
  });

  test("when a table is not partitioned by the time of arrival, there is no such column", async () => {
    await warehouse.run("create or replace table d.r (id int64, day date) partition by day");
    expect(await fault("select _PARTITIONTIME from d.r")).toBe("sql.analysis: Unrecognized name: _PARTITIONTIME");
  });

  test("when all rows are to go, TRUNCATE needs no filter", async () => {
    await warehouse.run(
      "create or replace table d.x like d.s; create or replace table d.x (day date) partition by day options (require_partition_filter = true)",
    );
    expect(await fault("truncate table d.x")).toBe("none");
  });
});

describe("what is said of a table when it is made", () => {
  test.each([
    ["create table d.q (a int64) partition by a", "sql.analysis: PARTITION BY expression must be"],
    ["create table d.q (a timestamp) partition by a", "sql.analysis: PARTITION BY expression must be"],
    [
      "create table d.q (a timestamp) partition by timestamp_trunc(a, week)",
      "sql.analysis: PARTITION BY expression must be",
    ],
    ["create table d.q (a date) partition by b", "sql.analysis: Unrecognized name: b"],
    ["create table d.q (a date) cluster by b", "sql.analysis: The field specified for clustering cannot be found"],
    ["create table d.q (a float64) cluster by a", "sql.analysis: CLUSTER BY expression must be groupable"],
    [
      "create table d.q partition by _partitiondate as select 1 as a",
      "sql.analysis: A table that is partitioned by the time",
    ],
    [
      "create table d.q (a date) options (require_partition_filter = true)",
      "sql.analysis: require_partition_filter is for a table",
    ],
    [
      "create table d.q (a date) partition by a options (require_partition_filter = 'yes')",
      "sql.analysis: Option require_partition_filter is a BOOL",
    ],
    ["create table d.q (a date) options (partition_filter = true)", "sql.analysis: Unknown option: partition_filter"],
    ["create table d.q (a date) options (description = 'a', description = 'b')", "sql.analysis: Duplicate option"],
    [
      "create table d.q (a numeric) options (default_rounding_mode = 'ROUND_HALF_EVEN')",
      "refused.option_default_rounding_mode",
    ],
    ["create table d.q (a numeric(5, 1) options (rounding_mode = 'ROUND_HALF_EVEN'))", "refused.option_rounding_mode"],
    ["create schema e options (is_case_insensitive = true)", "refused.option_is_case_insensitive"],
    ["create view d.q options (privacy_policy = '{}') as select 1 as a", "refused.option_privacy_policy"],
    ["alter table d.s set options (storage_uri = 'gs://a/b')", "refused.option_storage_uri"],
    ["alter table d.t drop column day", "sql.analysis: Cannot drop partitioning column day"],
    ["alter table d.t rename column day to other", "sql.analysis: Cannot rename partitioning column day"],
  ])("what would be ignored, or is wrong, fails: %s", async (sql, expected) => {
    expect(await fault(sql)).toContain(expected);
  });

  test("what only describes it is taken", async () => {
    expect(
      await fault(`
        create or replace table d.q (a timestamp options (description = 'when'), b string)
        partition by timestamp_trunc(a, hour) cluster by b
        options (description = 'x', labels = [('a', 'b')], partition_expiration_days = 3, expiration_timestamp = timestamp '2030-01-01', friendly_name = 'q', default_rounding_mode = 'ROUND_HALF_AWAY_FROM_ZERO');
        create schema if not exists e options (location = 'EU', default_table_expiration_days = 3.5);
        alter table d.q set options (description = null);
        alter table d.q alter column b set options (description = 'y')`),
    ).toBe("none");
  });

  test("when a table stands already, IF NOT EXISTS changes nothing of it", async () => {
    await warehouse.run(`
      create or replace table d.k (a string not null);
      insert into d.k values ('long text');
      create table if not exists d.k (a string(3) not null, b int64) as select 'x', 1`);
    expect((await warehouse.run("select * from d.k")).rows).toEqual([["long text"]]);
    expect(await fault("insert into d.k values ('longer text')")).toBe("none");
  });
});
