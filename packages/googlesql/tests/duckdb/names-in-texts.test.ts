import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await warehouse.run(
    "create schema s; create table s.t as select k, k * 2 as v, 'x' as w from unnest([1, 2, 3]) as k; create function s.twice(x string) as (concat(x, x))",
  );
});
afterAll(() => warehouse.close());

const numbers = Array.from({ length: 24 }, (_, i) => i + 1);
/** A text made of all that the engine's own texts are made of: names of tables, columns, arguments, and words. */
const ours = [
  ...numbers.flatMap((i) => [`AS t${i}`, `v${i}.a0`, `v${i}.a1`, `w${i}.`, `(t${i}.k)`]),
  ...numbers.flatMap((i) => numbers.map((j) => `t${i}.c${j}`)),
  ") lambda BETWEEN WITH RECURSIVE WHERE ( LATERAL SELECT gs_raise",
].join(" ");
const plain = "-".repeat(ours.length);

/** `?` is where the text stands. */
const statements: readonly string[] = [
  // What a subquery takes over from the query around it.
  "select k, (select max(array_length(array_filter([1, 2, 3], z -> z <= k))) from unnest([1]) as y where '?' != '') as r from s.t",
  "select k, (select count(*) from unnest([1, 2]) as y where y < k and '?' != '' and array_length(array_filter([1, 2, 3], z -> z <= k)) > 0) as r from s.t",
  "select k, (select max(k) from unnest([1, 2]) as y where '?' != '') as r from s.t",
  "select k, (select sum(k) + min(length('?')) from unnest([1, 2]) as y) as r from s.t",
  "select k, (select '?' from unnest([1]) as y where y < k) as r from s.t",
  // The keys of PIVOT are the columns that it does not use.
  "select * from (select k as a, v as b, v + 1 as c from s.t) pivot (string_agg('?') as q for a in (1, 2))",
  "select * from (select k as a, v as b, v + 1 as c from s.t) pivot (count(b) as q for concat(a, '?') in ('1?', '2?'))",
  // Arguments of SQL functions.
  "create temp function f(x int64) as (concat('?', cast(x as string))); select f(k + 1) from s.t",
  "create temp function f(x int64) as (concat('?', cast(x + x as string))); select f(k + 1) from s.t",
  "create temp function f(x float64) as (concat('?', cast(x >= 0 as string))); select f(rand()) from s.t",
  "create temp function f(x int64) as ((select max(concat('?', y + x + x)) from unnest([x]) as y)); select f(k + 1) from s.t",
  "create temp function f(x string) as (s.twice(concat(x, '?'))); select f(concat('?', w)) from s.t",
  // Windows and what they stand on.
  "select k, safe.sum(k) over (order by '?', k) from s.t",
  "select k, sum(v) over (order by cast(k as float64) range between 1 preceding and current row) from s.t, unnest(['?']) as n where n != ''",
  "select k, sum(v) over (order by cast(k as float64) range between 1 preceding and current row) from s.t join (select '?' as n) on n != '' or '?' = n",
  "select k, sum(v) over (order by cast(k as float64) range between 1 preceding and current row) from s.t cross join (select 1 as `?`)",
  // Joins.
  "select * from (select 1 as x) full join unnest([length('?')]) as y on y = x",
  "select * from unnest([1]) as x left join lateral (select 'q' as z, '?' as u) on z = 'q' and '?' = u and x = 1",
  // Common tables, pipes, aggregates and errors that are held back.
  "with b as (select 1 as y) (with a as (select '?' as x) select x, y from a, b)",
  "(with a as (select '?' as x) select * from a) union all select '?'",
  "from s.t |> order by k desc |> select k, '?' as q |> limit 2",
  "select array(from s.t |> order by k desc |> select concat(k, '?'))",
  "select if(k > 5, string_agg(cast(10 / (k - k) as string), '?'), 'ok') from s.t group by k",
  "select '?' between '' and 'zz', ('?' between '?' and 'zz') between true and true, safe.error('?'), safe.error(concat('?', cast(k as string))) from s.t",
];

async function answer(statement: string, text: string): Promise<string> {
  const { rows } = await warehouse.run(statement.replaceAll("?", text));
  return JSON.stringify(rows, (_key, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)).replaceAll(
    text,
    "?",
  );
}

test.each(statements)(
  "when a text holds what the engine's own texts are made of, then it is a text: %s",
  async (statement) => {
    const expected = await answer(statement, plain);
    expect(await answer(statement, ours)).toBe(expected);
  },
);

test("when a row of constants stands under a LIMIT, then it is not taken for all rows of its query", async () => {
  expect(await answer("select 1 as x union all ((select 2) limit 0)", "-")).toBe('[["1n"]]');
  expect(await answer("select 1 as x union all ((select 2) order by 1 limit 1 offset 1)", "-")).toBe('[["1n"]]');
});

test("when BETWEENs stand in each other, then their text does not double with each", async () => {
  const nested = (depth: number, inner: string): string =>
    depth === 0 ? inner : nested(depth - 1, `if(${inner}, (${inner}) between false and true, true)`);
  const chained = (depth: number): string =>
    depth === 0 ? "k between 1 and 2" : `(${chained(depth - 1)}) between false and true`;
  expect(await answer(`select logical_and(${chained(40)}) from s.t`, "-")).toBe("[[true]]");
  expect(await answer(`select logical_and(${nested(6, "k between 1 and 2")}) from s.t`, "-")).toBe("[[true]]");
});
