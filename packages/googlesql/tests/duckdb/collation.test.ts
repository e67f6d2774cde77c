import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await warehouse.run(`
    create schema d;
    create table d.t (id int64, s string collate 'und:ci', p string, a array<string collate 'und:ci'>);
    insert into d.t values (1, 'Abc', 'Abc', ['x']), (2, 'aBC', 'aBC', ['Y']), (3, 'b', 'b', []), (4, null, null, null), (5, 'É', 'é', null)`);
});
afterAll(() => warehouse.close());

const rows = async (sql: string) => (await warehouse.run(sql)).rows;
const code = async (sql: string) =>
  await warehouse.run(sql).then(
    () => "no error",
    (error: Error & { code?: string }) => error.code,
  );

// https://cloud.google.com/bigquery/docs/reference/standard-sql/collation-concepts; what the referee carries is in referee/collation.test.ts.
describe("columns collated without regard to case", () => {
  test.each([
    ["select id from d.t where s = 'ABC' order by id", [[1n], [2n]]],
    [
      "select s, count(*) from d.t group by s order by s",
      [
        [null, 1n],
        ["Abc", 2n],
        ["b", 1n],
        ["É", 1n],
      ],
    ],
    ["select distinct s from d.t order by s", [[null], ["Abc"], ["b"], ["É"]]],
    ["select min(s), max(s), count(distinct s), count(distinct p) from d.t", [["Abc", "É", 3n, 4n]]],
    ["select a.id, b.id from d.t a join d.t b using (s) where a.id < b.id", [[1n, 2n]]],
    ["select a.id, b.id from d.t a join d.t b on a.s = b.p where a.id < b.id", [[1n, 2n]]],
    ["select id from d.t where 'Y' in unnest(a) or 'X' in unnest(a) order by id", [[1n], [2n]]],
    ["select e from d.t, unnest(a) as e where e = 'y'", [["Y"]]],
    ["select p from d.t where p > 'a' order by p collate 'und:ci', id", [["aBC"], ["b"], ["é"]]],
    ["select id from d.t where lower(p) = 'abc' and p = 'ABC'", []],
    ["from d.t |> where id < 4 |> select s |> distinct |> order by s", [["Abc"], ["b"]]],
    ["select s from d.t intersect distinct select 'ABC'", [["Abc"]]],
    ["select s from d.t except distinct (select 'abc' union all select null) order by s", [["b"], ["É"]]],
    ["from d.t |> select s |> except distinct (select 'B') |> where s is not null |> order by s", [["Abc"], ["É"]]],
    [
      "select s, count(*), grouping(s) from d.t group by rollup (s) order by s, 3 desc",
      [
        [null, 5n, 1n],
        [null, 1n, 0n],
        ["Abc", 2n, 0n],
        ["b", 1n, 0n],
        ["É", 1n, 0n],
      ],
    ],
    [
      "select s, p, count(*) from d.t where id < 4 group by grouping sets (s, (s, p), p, ()) having s = 'ABC' or grouping(s) = 1 order by s, p",
      [
        [null, null, 3n],
        [null, "Abc", 1n],
        [null, "aBC", 1n],
        [null, "b", 1n],
        ["Abc", null, 2n],
        ["Abc", "Abc", 1n],
        ["aBC", "aBC", 1n],
      ],
    ],
    ["select count(*), countif(s = 'abc') from (select s, id > 1 as i from d.t group by cube (s, i))", [[12n, 3n]]],
    ["from d.t |> where s = 'ABC' |> aggregate count(*) as n group by s |> select n", [[2n]]],
    [
      "create function d.same(x any type) as (x = 'ABC'); select d.same(s), d.same(p) from d.t where id = 1",
      [[true, false]],
    ],
    [
      "select column_name, data_type from d.INFORMATION_SCHEMA.COLUMNS where column_name in ('s', 'a')",
      [
        ["s", "STRING"],
        ["a", "ARRAY<STRING>"],
      ],
    ],
  ])("%s", async (sql, expected) => {
    expect(await rows(sql)).toEqual(expected);
  });

  test("when a table has a default collation, its strings have it, but for those with one of their own", async () => {
    await warehouse.run(`
      create table d.v (s string, n int64, own string collate '', r struct<x string>) default collate 'und:ci';
      insert into d.v values ('a', 1, 'a', struct('a')), ('A', 2, 'A', struct('A'))`);
    expect(await rows("select countif(s = 'a'), countif(own = 'a'), countif(r.x = 'a') from d.v")).toEqual([
      [2n, 1n, 2n],
    ]);
    await warehouse.run("create table d.w like d.v; insert into d.w (s) values ('q')");
    expect(await rows("select count(*) from d.w where s = 'Q'")).toEqual([[1n]]);
  });

  test("when rows are changed, the condition is without regard to case and the values are kept as written", async () => {
    await warehouse.run(
      "create table d.c (s string(4) collate 'und:ci', n int64); insert into d.c values ('aB', 1), ('Cd', 2)",
    );
    await warehouse.run("update d.c set n = 3 where s = 'AB'; delete from d.c where s = 'CD'");
    await warehouse.run("merge d.c using (select 'ab' as k) on s = k when matched then update set s = concat(s, 'x')");
    expect(await rows("select * from d.c")).toEqual([["aBx", 3n]]);
    await expect(warehouse.run("insert into d.c (s) values ('abcde')")).rejects.toThrow(
      /STRING\(4\) has maximum length 4/,
    );
  });

  test.each([
    "select nullif(s, 'ABC') from d.t",
    "select greatest(s, 'b') from d.t",
    "select trim(s) from d.t",
    "select to_json_string(s) from d.t",
    "select regexp_contains(s, 'a') from d.t",
    "select array_agg(distinct s) from d.t",
    "select string_agg(distinct s) from d.t",
    "select struct(s) = struct('a') from d.t",
    "select starts_with(s, 'a') from d.t",
    "select s like 'a%' from d.t",
    "select s from d.t intersect all select 'a'",
    "select any_value(p having max s) from d.t",
    "select collate(p, 'en_US') from d.t",
    "select p from d.t order by p collate 'de'",
    "create table d.x as select s from d.t",
    "create view d.x as select s from d.t",
    "create table d.x (n int64) default collate 'und:ci'",
    "create schema e default collate 'und:ci'",
    "alter table d.t add column z string",
    "alter table d.t set default collate 'und:ci'",
    "alter table d.t alter column s set data type string",
    "declare x string default (select min(s) from d.t)",
    "create function d.f(x string) as (x = 'a'); select d.f(s) from d.t",
    "create temp function j(x string) returns string language js as 'return x'; select j(s) from d.t",
  ])("when it is not known to be right, it is refused by name: %s", async (sql) => {
    expect(await code(sql)).toMatch(/^refused\.(collation|COLLATE|ALTER_TABLE)$/);
  });

  test("when something else is wrong, it is told as ever", async () => {
    const given = "(select collate('a', 'und:ci') as s)";
    await expect(
      warehouse.run(
        `create table function d.all_of(x any table) as (select * from x); select * from d.all_of(${given})`,
      ),
    ).rejects.toThrow("Collation 'und:ci' on column s of argument of TVF call is not allowed");
    await expect(warehouse.run("select nothing from d.t")).rejects.toThrow("Unrecognized name: nothing");
    expect(await code("select count(*) from d.t where s")).toMatch(/^(sql.analysis|refused.collation)$/);
  });
});
