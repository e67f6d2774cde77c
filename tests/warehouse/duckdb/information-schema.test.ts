import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";

let warehouse: DuckDbWarehouse;
beforeAll(async () => {
  warehouse = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
  await warehouse.execute(`
    create schema ds;
    create table ds.Orders (id int64, lines array<struct<sku string, n int64>>, price numeric);
    create view ds.ids as select id from ds.Orders;
    create schema dsx;
    create table dsx.other as select 1 as x`);
});
afterAll(() => warehouse.close());
const rows = async (sql: string) => (await warehouse.query(sql)).rows.map((row) => Object.values(row));

describe("INFORMATION_SCHEMA", () => {
  test.each<[what: string, sql: string, rows: readonly (readonly unknown[])[]]>([
    [
      "tables",
      "select table_schema, table_name, table_type, is_insertable_into from ds.INFORMATION_SCHEMA.TABLES order by 2",
      [
        ["ds", "Orders", "BASE TABLE", "YES"],
        ["ds", "ids", "VIEW", "NO"],
      ],
    ],
    [
      "columns, their types spelled as BigQuery does",
      "select column_name, ordinal_position, data_type from `p.ds.INFORMATION_SCHEMA.COLUMNS` where table_name = 'Orders' order by 2",
      [
        ["id", 1n, "INT64"],
        ["lines", 2n, "ARRAY<STRUCT<sku STRING, n INT64>>"],
        ["price", 3n, "NUMERIC"],
      ],
    ],
    [
      "whether there is one, whatever its other columns are",
      "select exists(select * from `p.ds`.information_schema.columns c where c.column_name = 'price' and c.is_hidden = 'NO')",
      [[true]],
    ],
    [
      "tables with their columns",
      "select table_name, count(*) as n from ds.INFORMATION_SCHEMA.TABLES join ds.INFORMATION_SCHEMA.COLUMNS using (table_schema, table_name) group by 1 order by 1",
      [
        ["Orders", 3n],
        ["ids", 1n],
      ],
    ],
    ["nothing of a dataset without tables", "select count(*) as n from nowhere.INFORMATION_SCHEMA.TABLES", [[0n]]],
    [
      "nothing that is not known, where no row asks for it",
      "select is_nullable from ds.INFORMATION_SCHEMA.COLUMNS where table_name = 'gone'",
      [],
    ],
  ])("when it is asked for %s, then the catalogue answers", async (_, sql, expected) => {
    expect(await rows(sql)).toEqual(expected);
  });

  test("when a table has come, changed or gone, then the next query knows", async () => {
    const columns =
      "select string_agg(column_name order by ordinal_position) as names from ds.INFORMATION_SCHEMA.COLUMNS where table_name = 'late'";
    expect(await rows(columns)).toEqual([[null]]);
    await warehouse.execute("create table ds.late as select 1 as a");
    expect(await rows(columns)).toEqual([["a"]]);
    await warehouse.execute("alter table ds.late add column b string");
    expect(await rows(columns)).toEqual([["a,b"]]);
    await warehouse.execute("drop table ds.late");
    expect(await rows(columns)).toEqual([[null]]);
  });

  test("when a script makes its statement of the columns there are, then it runs", async () => {
    await warehouse.execute(`
      declare sums string;
      insert into ds.Orders (id, price) values (1, 2.5), (2, 4);
      set sums = (select string_agg(format('sum(%s) as %s', column_name, column_name), ', ' order by ordinal_position)
        from ds.INFORMATION_SCHEMA.COLUMNS where table_name = 'Orders' and data_type in ('INT64', 'NUMERIC'));
      execute immediate format('create or replace table ds.sums as select %s from ds.Orders', sums)`);
    expect(await rows("select * from ds.sums")).toEqual([[3n, "6.5"]]);
    await warehouse.execute("drop table ds.sums");
  });

  test.each([
    ["a column whose value is not known here", "select c.is_nullable from ds.INFORMATION_SCHEMA.COLUMNS c"],
    ["all columns", "select * from ds.INFORMATION_SCHEMA.TABLES"],
    ["other records", "select 1 from ds.INFORMATION_SCHEMA.PARTITIONS"],
    ["records of a region", "select 1 from `region-eu`.INFORMATION_SCHEMA.TABLES"],
    ["records of the project", "select 1 from INFORMATION_SCHEMA.SCHEMATA"],
    ["a view that would keep them", "create view ds.v as select table_name from ds.INFORMATION_SCHEMA.TABLES"],
  ])("when it is asked for %s, then it is refused by name", async (_, sql) => {
    await expect(warehouse.execute(sql)).rejects.toMatchObject({ code: "refused.INFORMATION_SCHEMA" });
  });

  test("when a column is none of BigQuery's, then the query is wrong", async () => {
    await expect(rows("select nope from ds.INFORMATION_SCHEMA.TABLES")).rejects.toMatchObject({ code: "sql.analysis" });
  });
});
