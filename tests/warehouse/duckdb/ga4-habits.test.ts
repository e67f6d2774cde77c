import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/duckdb/local-warehouse.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";

let warehouse: DuckDbWarehouse;
beforeAll(async () => {
  warehouse = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
  await warehouse.execute(`
    create schema ga;
    create table ga.events_20240101 as select 'open' as name, 1 as n;
    create table ga.events_20240102 as select 2 as n, 'click' as name;
    create table ga.Events_intraday_20240103 as select 'buy' as name, 3 as n;
    create table ga.pages_20240101 as select 'other' as title;
    create view ga.seen_20240101 as select 1 as x;
    create table ga.mixed_1 as select 1 as x;
    create table ga.mixed_2 as select 'a' as x`);
});
afterAll(() => warehouse.close());
const rows = async (sql: string) => (await warehouse.query(sql)).rows;

describe("a wildcard table", () => {
  test("when names begin alike, their rows are one table; the suffix can be named and is not among all columns", async () => {
    expect(await rows("select * from `ga.events_*` order by n")).toEqual([
      { name: "open", n: 1n },
      { name: "click", n: 2n },
      { name: "buy", n: 3n },
    ]);
    expect(
      await rows(
        "select name, _table_suffix as day from `p.ga.events_*` as e where _TABLE_SUFFIX between '20240101' and '20240102' order by e.n",
      ),
    ).toEqual([
      { name: "open", day: "20240101" },
      { name: "click", day: "20240102" },
    ]);
    expect(await rows("select count(*) as n from `ga.events_2024*` where _table_suffix = '0102'")).toEqual([{ n: 1n }]);
  });

  test("when a table comes or goes, the next query knows", async () => {
    await warehouse.execute("create table ga.events_20240104 as select 'x' as name, 4 as n");
    expect(await rows("select max(_table_suffix) as newest from `ga.events_2*`")).toEqual([{ newest: "0240104" }]);
    await warehouse.execute("drop table ga.events_20240104");
    expect(await rows("select max(_table_suffix) as newest from `ga.events_2*`")).toEqual([{ newest: "0240102" }]);
  });

  test.each([
    ["there is none of that name", "ga.nothing_*", "sql.analysis"],
    ["one is a view", "ga.seen_*", "refused.wildcard_table"],
    ["columns differ", "ga.mixed_*", "refused.wildcard_table"],
  ])("when %s, it is said", async (_what, table, code) => {
    await expect(warehouse.query(`select * from \`${table}\``)).rejects.toMatchObject({ code });
  });

  test("when it is asked of the engine as a library, it is the same", async () => {
    const engine = await openLocalWarehouse();
    const { rows: found } = await engine.run(
      "create schema ga; create table ga.e_1 as select 1 as n; create table ga.e_2 as select 2 as n; select n, _table_suffix from `ga.e_*` order by n",
    );
    expect(found).toEqual([
      [1n, "1"],
      [2n, "2"],
    ]);
    engine.close();
  });
});

test("when a script labels its query, that is heard and does nothing; other system variables are refused", async () => {
  expect(await rows("set @@query_label = 'team:ga4'; select @@query_label as label")).toEqual([{ label: "team:ga4" }]);
  await expect(warehouse.execute("set @@dataset_id = 'ga'")).rejects.toMatchObject({
    code: "refused.SET_system_variable",
  });
});

test("when a text is looked for in another, case and width do not matter; every part of a value counts", async () => {
  expect(
    await rows(
      "select contains_substr('The Blue house', 'bLUE') as a, contains_substr('\u2168', 'ix') as b, contains_substr('x', 'y') as c, contains_substr(cast(null as string), 'y') as d",
    ),
  ).toEqual([{ a: true, b: true, c: false, d: null }]);
  expect(
    await rows(
      "select contains_substr(['a'], 'A') as a, contains_substr(json '{\"a\": 1}', 'a', json_scope => 'JSON_KEYS') as b, contains_substr(json '{\"a\": 1}', 'a') as c",
    ),
  ).toEqual([{ a: true, b: true, c: false }]);
  await expect(warehouse.query("select contains_substr('a', null)")).rejects.toMatchObject({ code: "sql.analysis" });
});
