import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

/**
 * Statements and what the last of them gives, as text: a row a line, columns apart by ` | `; or the code of the error. The answers
 * are those of GoogleSQL's documentation and reference implementation.
 */
const answers: Readonly<Record<string, readonly (readonly [sql: string, answer: string])[]>> = {
  "user-defined aggregate functions": [
    [
      "create temp aggregate function scaled(x float64, by_ float64 not aggregate) as (sum(x) / by_); select scaled(v, 2) from unnest([1, 3, 5]) as v",
      "4.5",
    ],
    [
      "create temp aggregate function both(x any type) as (struct(sum(x) as s, count(*) as n)); select k, both(v).s, both(v).n from unnest([struct(1 as k, 10 as v), (1, 20), (2, 5)]) group by k order by k",
      "1 | 30 | 2\n2 | 5 | 1",
    ],
    ["create temp aggregate function one() as (1); select one() from unnest(array<int64>[]) as v", "1"],
    ["create temp aggregate function f(x int64) as (x + sum(x)); select f(v) from unnest([1]) as v", "sql.analysis"],
    ["create temp aggregate function f(x int64) as (sum(x)); select f(1)", "sql.analysis"],
    [
      "create temp aggregate function f(x int64) as (struct(sum(x), count(*))); select f(v where v > 1) from unnest([1, 2, 3]) as v",
      "(5, 2)",
    ],
    ["create temp aggregate function f(x int64) as (sum(x)); select f(v) over () from unnest([1]) as v", "refused.f"],
  ],
  "definitions are looked at when they are made": [
    ["create temp function f(x int64, y int64) as (x / sum(y))", "sql.analysis"],
    ["create temp function f(x int64) returns int64 as ('a')", "sql.analysis"],
    ["create temp function f(x int64, X int64) as (1)", "sql.analysis"],
    ["create temp function f(x any type) as (x + nosuch); select 1", "1"],
    ["create temp aggregate function f(x int64) as (sum(x) + x)", "sql.analysis"],
    ["create table function tx(x int64) returns table<x int64> as select 'a' as x", "sql.analysis"],
    ["create table function tx(x int64) returns table<x int64> as select 1 as y", "sql.analysis"],
  ],
  "an expression that is a grouping key, wherever it stands": [
    [
      "select distinct date_trunc(date(ts), month) from unnest([struct(timestamp '2024-02-15' as ts), (struct(timestamp '2024-01-20'))]) order by date_trunc(date(ts), month)",
      // What the expression is made of is gone after DISTINCT.
      "sql.analysis",
    ],
    [
      "select format_date('%m', date(ts)), sum(x) from unnest([struct(timestamp '2024-01-15' as ts, ' a ' as u, 1 as x), ('2024-01-20', '', 2), ('2024-02-01', 'b', 5)]) group by format_date('%m', date(ts)) having format_date('%m', date(ts)) > '00' order by format_date('%m', date(ts)) desc",
      "02 | 5\n01 | 3",
    ],
    [
      "select upper(coalesce(nullif(trim(u), ''), 'x')) || '!', count(*) from unnest([struct(timestamp '2024-01-15' as ts, ' a ' as u, 1 as x), ('2024-01-20', '', 2), ('2024-02-01', 'b', 5)]) group by coalesce(nullif(trim(u), ''), 'x') order by 1",
      "A! | 1\nB! | 1\nX! | 1",
    ],
    [
      "select date_trunc(date(ts), month), rank() over (partition by date_trunc(date(ts), year) order by sum(x)) from unnest([struct(timestamp '2024-01-15' as ts, ' a ' as u, 1 as x), ('2024-01-20', '', 2), ('2024-02-01', 'b', 5)]) group by date_trunc(date(ts), month), date_trunc(date(ts), year) qualify date_trunc(date(ts), month) > '2024-01-01'",
      "2024-02-01 | 2",
    ],
    [
      "select to_json_string(t), count(*) from unnest([struct(timestamp '2024-01-15' as ts, ' a ' as u, 1 as x), ('2024-01-20', '', 2), ('2024-02-01', 'b', 5)]) as t group by to_json_string(t) having count(*) > 1",
      "",
    ],
    [
      "select date(ts), grouping(date(ts)), sum(x) from unnest([struct(timestamp '2024-01-15' as ts, ' a ' as u, 1 as x), ('2024-01-20', '', 2), ('2024-02-01', 'b', 5)]) group by rollup(date(ts)) having grouping(DATE(ts)) = 1",
      "null | 1 | 8",
    ],
    [
      "select date(ts) as x, count(*) from unnest([struct(timestamp '2024-01-15' as ts, ' a ' as u, 1 as x), ('2024-01-20', '', 2), ('2024-02-01', 'b', 5)]) group by date(ts) order by x limit 1",
      "2024-01-15 | 1",
    ],
    [
      "select max(x) as ts, count(*) from unnest([struct(timestamp '2024-01-15' as ts, ' a ' as u, 1 as x), ('2024-01-20', '', 2), ('2024-02-01', 'b', 5)]) group by date_trunc(date(ts), month) order by date_trunc(date(ts), month)",
      "sql.analysis",
    ],
  ],
  "collations that are not served are refused wherever they are asked for": [
    ["create temp table t (n int64) default collate 'und:ci'", "refused.collation"],
    ["create temp table t (a string) default collate 'de'", "refused.collation"],
    ["create schema s default collate 'und:ci'", "refused.collation"],
    ["create temp table t (a string collate 'de')", "refused.collation"],
    ["alter table information_schema.t set default collate 'und:ci'", "sql.analysis"],
    ["select cast('a' as string(5) collate 'und:ci')", "refused.collation"],
    ["select cast(['a'] as array<string(5) collate 'und:ci'>)", "refused.collation"],
    ["select collate('a', 'de')", "refused.collation"],
    ["create temp table t (a string) default collate ''; select count(*) from t", "0"],
  ],
  "CONTAINS_SUBSTR over parts": [
    [
      "select contains_substr(struct('abc' as a, 1 as b), 'B'), contains_substr((1, ['x', 'Yes']), 'yes'), contains_substr(23, '3'), contains_substr(date '2024-01-15', '24-01')",
      "true | true | true | true",
    ],
    [
      "select contains_substr((1, cast(null as string)), 'yes'), contains_substr((1, cast(null as string)), '1'), contains_substr(cast(null as struct<a string>), 'a'), contains_substr(['a', null], 'b'), contains_substr(['a', 'c'], 'b')",
      "null | true | null | null | false",
    ],
    [
      "select contains_substr(json '{\"lunch\":\"soup\"}', 'lunch'), contains_substr(json '{\"lunch\":\"soup\"}', 'SOUP'), contains_substr(json '{\"lunch\":\"soup\"}', 'lunch', json_scope => 'JSON_KEYS'), contains_substr(json '{\"lunch\":[23]}', '3', json_scope => 'JSON_KEYS_AND_VALUES'), contains_substr(json '{\"lunch\":\"soup\"}', 'soup', json_scope => 'JSON_KEYS')",
      "false | true | true | true | false",
    ],
    [
      "select contains_substr(t, 'toast') from (select 'French toast' as name, 3 as n union all select 'Soup', 4) t order by n",
      "true\nfalse",
    ],
    ["select contains_substr(json '1', 'a', json_scope => 'NAMES')", "sql.evaluation"],
    ["select contains_substr((1, 'a'), cast(null as string))", "sql.analysis"],
  ],
  TABLESAMPLE: [
    [
      "select distinct w from (select * from unnest(generate_array(1, 1000))) tablesample bernoulli (50 percent) with weight as w",
      "2",
    ],
    [
      "select count(*), max(w) from (select * from unnest(generate_array(1, 23)) e) tablesample reservoir (3 rows partition by case when e < 2 then 1 when e < 6 then 2 else 3 end) with weight w group by w order by w",
      "1 | 1\n3 | 1.3333333333333333\n3 | 6",
    ],
    ["select t.x, weight from (select 1 as x) t tablesample reservoir (5 rows) with weight", "1 | 1"],
    ["select count(*) from unnest([1, 2, 3]) x, (select 1 union all select 2) tablesample reservoir (1 rows)", "3"],
    ["select 1 from unnest([1]) tablesample reservoir (1 rows)", "sql.analysis"],
    ["select count(*) from (select 1 as x) t tablesample bernoulli (0 percent) with weight", "0"],
    ["from unnest([1, 2, 3]) as x |> tablesample system (100 percent) |> aggregate count(*)", "3"],
    ["select 1 from (select 1 as x) t tablesample bernoulli (50 percent partition by x)", "sql.analysis"],
    ["select 1 from (select 1 as x) t tablesample reservoir (1 rows) repeatable (7)", "refused.TABLESAMPLE_REPEATABLE"],
  ],
  "values in pipes": [
    ["from unnest([1, 2, 3]) |> as value |> where value = 2", "2"],
    ["from unnest([1, 2]) with offset |> where offset = 1", "2 | 1"],
    ["select 1 as a |> select as struct a, a + 1 as b |> where b = 2", "1 | 2"],
    ["select 1 as a |> select as struct a, a + 1 as b |> extend a + b as c", "1 | 2 | 3"],
    ["select array(select 1, 2 as y |> select as struct *, t) from unnest([7]) t", "[(1, 2, 7)]"],
    ["from unnest([struct(1 as a, 'x' as b)]) |> as q |> select q.a, q", "1 | (1, x)"],
    ["from unnest([1, 1, 2]) |> distinct |> as v |> aggregate count(*) as n group by v |> order by v", "1 | 1\n2 | 1"],
  ],
  "pipe AGGREGATE": [
    [
      "from unnest([1, 1, 2]) as x |> extend x + 1 as z |> aggregate count(*) as n group by x, z, x |> order by 1",
      "1 | 2 | 1 | 2\n2 | 3 | 2 | 1",
    ],
    ["from unnest([1, 1, 2]) as x |> aggregate x group by x", "sql.analysis"],
    ["from unnest([1, 1, 2]) as x |> aggregate count(*) group by x, ()", "sql.analysis"],
    ["from unnest([1]) as x |> select sum(x)", "sql.analysis"],
  ],
  LATERAL: [
    ["select a, b from unnest([1, 2]) a, lateral (select a * 10 as b) order by a", "1 | 10\n2 | 20"],
    [
      "with r as (select * from unnest([struct(1 as id, 'a1' as s), (2, 'a2')])), t as (select * from unnest([struct(1 as id, 'b1' as s), (2, 'b2'), (3, 'a1')])) select r.id, l.id from r left join lateral (select t.id from t where t.s > r.s order by t.id limit 1) as l on l.id = r.id order by 1",
      "1 | 1\n2 | null",
    ],
    [
      "select a, l.b, z from unnest([1, 2]) a join lateral (select a as b) as l on l.b = a join lateral (select l.b + a as z) as m on true order by a",
      "1 | 1 | 2\n2 | 2 | 4",
    ],
    ["select a from unnest([1]) a right join lateral (select a as b) as l on true", "sql.analysis"],
    ["select * from lateral t", "sql.syntax"],
  ],
  "pipe IF": [
    [
      "from unnest([1, 2]) as x |> if true then (|> select x + 1 as y |> where y > 2) else (|> select bad) |> extend y * 2 as z",
      "3 | 6",
    ],
    ["from unnest([1]) as x |> if null then (|> select x + 1 as y) elseif false then (|> select error('x'))", "1"],
    [
      "from unnest([1]) as x |> if true then (|> extend 5 as f |> if false then (|> drop f) else (|> set f = f + x))",
      "1 | 6",
    ],
    ["from unnest([1]) as x |> if x = 1 then (|> drop x)", "sql.analysis"],
    ["from unnest([1]) as x |> if 1 = 1 then (|> drop x)", "refused.pipe_IF"],
  ],
  APPLY: [
    [
      "select apply(10, x -> x + 1), apply(cast(null as int64), x -> x is null), apply(rand(), x -> x = x)",
      "11 | true | true",
    ],
    ["select safe.apply(-1, x -> sqrt(x)), safe.apply(4, x -> sqrt(x))", "null | 2"],
    ["select safe.apply(sqrt(-1), x -> x + 1)", "sql.evaluation"],
    ["select (k).apply(x -> x + 1000).apply(x -> concat(cast(x as string), '!')) from unnest([1]) as k", "1001!"],
  ],
  "table functions": [
    [
      "create or replace table function tf(t any table, p int64) as (select x, sum(y) as s from t where x <= p group by x); select * from tf((select * from unnest([struct(1 as x, 2 as y), (1, 3), (5, 6)])), 2)",
      "1 | 5",
    ],
    ["with u as (select 1 as x, 4 as y) select a.s from tf(table u, 2) as a", "4"],
    ["select * from tf(p => 3, t => (select 1 as x, 1 as y))", "1 | 1"],
    ["select * from tf((select 1 as x, 1 as y))", "sql.analysis"],
    [
      "create or replace table function tg(t table<y int64, x float64>) as select *, x / 2 as h from t; from (select 1 as x, 2 as y, 'z' as z) |> call tg() as q |> select q.h, x, y",
      "0.5 | 1 | 2",
    ],
    ["select * from tg((select 1 as x))", "sql.analysis"],
    [
      "create or replace table function th() returns table<a int64> as select 1 as a, 2 as b; select * from th(), th() as o where o.a = 1",
      "1 | 1",
    ],
    [
      "create or replace table function ti(t table<r float64>) as select a.r = b.r from t as a, t as b; select * from ti((select rand() as r))",
      "true",
    ],
    ["select * from no_such_function()", "refused.NO_SUCH_FUNCTION"],
  ],
  constants: [
    ["create or replace constant c5 = 5; select c5, x from (select 2 as x) where x < c5", "5 | 2"],
    ["create or replace constant cr = rand(); select cr = cr, (select cr) = cr", "true | true"],
    ["create constant c5 = 6", "sql.analysis"],
    [
      "declare r range<date> default range<date> '[2020-01-01, unbounded)'; select r, range_start(r)",
      "[2020-01-01, UNBOUNDED) | 2020-01-01",
    ],
  ],
  recursion: [
    [
      "with recursive a as (select 1 x union all select b.x from (with recursive c as (select x + 1 as x from a where x < 3) select x from c) b) select max(x) from a",
      "sql.analysis",
    ],
    ["with recursive t as (select 1 as n union distinct select n + 1 from t) select count(*) from t", "sql.evaluation"],
    ["with recursive t as (select 1 as n union all select n + 1 from t) select count(*) from t", "sql.evaluation"],
    [
      "with recursive t as (select 1 as n union distinct select n + 1 from t where n < 400) select count(*) from t",
      "400",
    ],
    [
      "with recursive t as (select 1 as a, 2 as b union distinct by name select b + 1 as b, a from t where b < 4) select * from t order by b",
      "1 | 2\n1 | 3\n1 | 4",
    ],
    [
      "with recursive t as ((select 1 as a, 2 as b) |> union distinct by name (select b, a from t)) select * from t",
      "1 | 2",
    ],
  ],
  hints: [
    ["@{other.x = 5} select 1", "1"],
    [
      "select @{other.a = 1 + 2, other.b = concat('a', 'b')} x from unnest([1]) as x group @{other.c = 1} by x order @{other.d = 2} by x",
      "1",
    ],
    ["select 1 in @{other.x = 1} (select 1), exists @{other.x = 1} (select 1)", "true | true"],
    ["@{unknown = 5} select 1", "sql.analysis"],
    ["@5 select 1", "sql.analysis"],
    ["select @{unknown = 5} 1", "sql.analysis"],
    ["select a.x from (select 1 as x) as a join @{unknown = 5} (select 1 as x) as b using (x)", "sql.analysis"],
    ["select x from unnest([1]) @{unknown = 5} as x group @{other.x = 1} by x", "sql.analysis"],
  ],
  "MERGE INSERT ROW": [
    [
      "create or replace table there (id int64, s struct<a int64>); merge there using (select 1 as id, struct(2 as a) as s) as s on there.id = s.id when not matched then insert row; select id, s.a from there",
      "1 | 2",
    ],
  ],
  "tables that are there, or not": [
    ["create or replace table there as select 1 as a; create table there (a int64)", "sql.evaluation"],
    ["alter table there drop column b", "sql.analysis"],
    ["alter table there rename column b to c", "sql.analysis"],
    ["alter table there drop column if exists b; select a from there", "1"],
  ],
  "arguments of user-defined functions": [
    ["create temp function same(a float64) as (a = a); select same(rand())", "true"],
    [
      "create temp function f(a int64, b int64 default 2 + 3) as (a - b); select f(1), f(1, 1), f(b => 1, a => 9)",
      "-4 | 0 | 8",
    ],
    ["create temp function f(a int64) as (1 / a); select safe.f(0), safe.f(2)", "null | 0.5"],
    ["create temp function f(a float64) as (1 / a); select safe.f(1 / 0)", "sql.evaluation"],
    ["create temp function f(a int64) as (a); select f(1, 2)", "sql.analysis"],
    ["create temp function f(a int64) as (a); select f(b => 2)", "sql.analysis"],
    [
      "create temp function f(a any type) as (a || a); select length(f(f(f(f(f(f(f(f(f(f(f(f(concat('a', 'b'))))))))))))))",
      "8192",
    ],
    [
      "create temp function f(a int64) as ((select sum(x) + a from unnest([1, 2]) as x)); select f(v + 1) from unnest([10]) as v",
      "14",
    ],
  ],
};

describe("answers of queries", () => {
  let warehouse: LocalWarehouse;
  beforeAll(async () => {
    warehouse = await openLocalWarehouse();
  });
  afterAll(() => {
    warehouse.close();
  });

  const answerTo = async (sql: string): Promise<string> => {
    try {
      const { rows } = await warehouse.run(sql);
      return rows.map((row) => row.map(textOf).join(" | ")).join("\n");
    } catch (error) {
      return String((error as { readonly code?: unknown }).code ?? error);
    }
  };

  for (const [family, cases] of Object.entries(answers)) {
    test(family, async () => {
      for (const [sql, answer] of cases) {
        await warehouse.run(cleanUp);
        expect(await answerTo(sql), sql).toBe(answer);
      }
    });
  }
});

/** Each case makes what it needs. */
const cleanUp = ["f", "one", "same", "both", "scaled"].map((name) => `drop function if exists ${name};`).join("\n");

function textOf(value: unknown): string {
  if (Array.isArray(value)) {
    const isStruct = value.length > 0 && typeof value[0] === "object" && value[0] !== null && "name" in value[0];
    const items = value.map((one: unknown) => textOf(isStruct ? (one as { readonly value: unknown }).value : one));
    return isStruct ? `(${items.join(", ")})` : `[${items.join(", ")}]`;
  }
  return String(value);
}
