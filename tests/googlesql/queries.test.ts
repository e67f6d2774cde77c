import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../warehouse/duckdb/local-warehouse.ts";
import { runOnBoth } from "./both-engines.ts";
import { isRefereeInstalled, Referee } from "./referee.ts";

/** Forms of queries, FROM clauses and subqueries that other engines read otherwise, each with statements that show it. */
const forms: Readonly<Record<string, readonly string[]>> = {
  "values of one name joined by USING": [
    "select * from unnest([1]) a join unnest([1]) a using (a)",
    "select t1, * from unnest([1, 2]) t1 join unnest([2]) t1 using (t1)",
    "select * from unnest([1, 2]) val with offset pos join unnest([1, 2]) val with offset pos using (val, pos) order by val",
    "select 1 from unnest([1]) a, unnest([2]) a",
    "select 1 from unnest([1]) a join unnest([2]) a on true",
    "select 1 from (select 1 x) a join (select 1 x) a using (x)",
  ],
  "named windows": [
    "select 1 from unnest([1]) x window w1 as (order by x), w2 as (w1 partition by x)",
    "select 1 from unnest([1]) x window w2 as (w1 order by x)",
    "select 1 from unnest([1]) x window w2 as (w1), w1 as (order by x)",
    "select (first_value(c) over (order by c.x)).* from (select struct(x, y) c from (select 1 x, 2 y))",
    "select (any_value(t) over ()).*, row_number() over () as r from (select 1 as x) t qualify r = 1",
  ],
  "ORDER BY constants": [
    "select x from unnest([1, 2]) x order by null",
    "select array_agg(x order by 1) from unnest([1, 2]) x",
    "select array_agg(x order by null) from unnest([1, 2]) x",
    "select string_agg('a' order by 'a') from unnest([1, 2]) x",
    "select array_agg(x order by cast(null as int64)) from unnest([1, 2]) x",
    "select x from unnest([1, 2]) x order by 'a'",
    "select x from unnest([1, 2]) x order by -1",
    "select null as n from unnest([1, 2]) x order by n",
    "select 'a' as n, b'a' as b, true as t, 1.5 as f, x from unnest([2, 1]) x order by n, b, t, f, x",
  ],
  "UNPIVOT columns": ["select * from (select 1 a, 2 b) unpivot (x for y in (a, a))"],
  "names of the SELECT list": [
    "select x, x from unnest([1, 2]) x order by x",
    "select x as a, x as A from unnest([1]) x order by a",
    "select *, x + 1 as x from (select 1 as x) order by x",
    "select *, x + 1 as x from (select 1 as x) qualify row_number() over (order by x) = 1",
    "select x, x from (select 1 as x) group by x",
    "select a.x, b.x from (select 1 x) a, (select 1 x) b group by x, 2",
    "select x, x from unnest([1]) x group by 1, 2 having x > 1",
    "select x, x from unnest([2, 1]) x order by 1",
    "select as struct x, x from unnest([2, 1]) x order by x",
    "select x.*, 1 as z from (select struct(3 as z, 2 as w) as x) order by z",
    "select * replace (-x as x) from (select 1 as x union all select 2) order by x",
    "select * replace (-x as x) from (select 1 as x union all select 2) t order by t.x",
    "select * replace (mod(x, 2) as x) from unnest([1, 2, 3]) x group by x order by x",
    "select *, count(*) as n from (select 1 as x, 2 as y) t group by x, y having y = 2",
  ],
  "aggregates of HAVING and ORDER BY see the SELECT list": [
    "select x + 100 as x, count(*) from unnest([1, 2, 3]) x group by x having max(x) > 50 order by 1",
    "select mod(x, 2) as x, count(*) from unnest([1, 2, 3]) x group by 1 having max(x) = 3",
    "select -x as y, sum(x) as z from unnest([1, 2, 3]) x group by 1 having sum(y) < -1 order by sum(y)",
    "select y as x, count(*) from (select 1 as x, 20 as y union all select 2, 10) group by y order by sum(x)",
    "select sum(x) as x from unnest([1]) x having sum(x) > 5",
    "select count(*) as x from unnest([1, 2, 3]) x having max(x) = 3",
    "select t.x, count(*) from (select 1 as x) t group by t.x having sum(t.x) = 1 order by sum(t.x)",
    "select x from unnest([1, 2, 3]) x order by sum(x)",
  ],
  "clauses that need others": [
    "select 1 as x order by x",
    "select 1, 2 order by 1",
    "select distinct 1",
    "select 1 limit 1",
    "select 1 window w as ()",
    "select * from (select as struct 1 as x, 2 as y) pivot(sum(x) for y in (1, 2))",
    "with t as (select 1 x) select * from t for system_time as of current_timestamp()",
    "with recursive a as (select * from b), b as (select * from a) select * from b",
    "with recursive t1 as (select * from t2), t2 as (with t1 as (select 1 as x) select * from t1) select * from t1",
  ],
  "names of pivoted columns": [
    "select * from (select struct(10, -20) as k, 1 v) pivot(count(v) for k in (struct(10, -20), (1, 2)))",
    "select * from (select struct(date '2020-01-01' as d, true as b, 'x y' as s, 1 as i) as k, 1 v) pivot(count(v) for k in (struct(date '2020-01-01' as d, true as b, 'x y' as s, 1 as i), struct(date '2020-01-01', cast(null as bool), 'x', null)))",
    "select * from (select struct(struct(1 as a) as b, numeric '1.5' as n) as k, 1 v) pivot(count(v) for k in (struct(struct(1 as a) as b, numeric '1.5' as n)))",
    "select * from (select true as k, 1 v) pivot(count(v) for k in (true, false, null))",
    "select * from (select '1a' as k, 1 v) pivot(count(v) for k in ('1a', ''))",
    "select * from (select struct('') as k, 1 v) pivot(count(v) as c for k in (struct(''), null))",
    "select * from (select 1.5 as k, 1 v) pivot(count(v) for k in (1.5))",
    "select * from (select [1] as k, 1 v) pivot(count(v) for k in ([1]))",
  ],
  "subqueries in lambdas": [
    "select array_filter([1, 2, 3, 4], (e, i) -> e > (select count(*) from unnest([1, 2])) and i < 3)",
    "select array_transform([10, 10, 10], (e, i) -> (select e + i)), array_transform(cast(null as array<int64>), e -> (select e))",
    "select x, array_filter([1, x], e -> exists(select 1 from unnest([1, 2]) f where f = e + x)) from unnest([0, 1, 5]) x",
    "select array_includes([1, 2, 3], e -> e > (select max(x) from unnest([1, 2]) x))",
    "select array_transform(array_agg(x), e -> (select e + sum(y) from unnest([1, 2]) y)) from unnest([1, 2]) x",
    "select array_transform([1, 2], e -> [e])",
  ],
  "common tables see no column of the query around them": [
    "select (with t as (select x as n) select n from t) from unnest([1]) x",
    "select (with recursive t as (select 1 as n union all select n + 1 from t where n < x) select count(*) from t) from unnest([3]) x",
    "select (select max(z) from (with t as (select 1 as z) select * from t)) from unnest([1]) x",
  ],
  "what a recursive term may be": [
    "with recursive a as (select 1 x union all select b.x from (with c as (select x + 1 as x from a where x < 3) select x from c) b) select * from a",
    "with recursive a as (select 1 x union all select distinct x + 1 from a where x < 3) select * from a",
    "with recursive a as (select 1 x union all select count(*) from a) select * from a",
    "with recursive a as (select 1 x union all select x + 1 from a where x in (select x from a) and x < 3) select * from a",
    "with recursive a as (select 1 x union all select a.x + b.x from a, a b where a.x < 3) select * from a",
    "with recursive a as (select 1 x union all select x from (select x + 1 as x from a where x < 3 group by x)) select * from a",
    "with recursive a as (select 1 x union all select 1 from unnest([1]) y left join a on true) select * from a",
    "with recursive a as (select 1 x union all select x + row_number() over () from a where x < 3) select * from a",
    "with recursive a as (select 1 x union all (select x + 1 from a where x < 3 limit 5)) select * from a",
    "with recursive a as (select 1 x union all (select 9 except all select x from a)) select * from a",
    "with recursive a as (select 1 x union all select a.x + 1 from a left join (select 1 y) b on a.x = b.y where a.x < 3) select * from a",
    "with recursive a as (select 1 x union all select x + (select count(*) from unnest([1, 2])) from a where x < 4) select * from a",
    "with recursive a as (select 1 x union all select x + 1 from a, (select distinct y from unnest([1, 1]) y) where x < 3) select * from a",
    "with recursive a as (select 1 x union all select x + 1 from a where x < 3), b as (select 1 y union all select y + 1 from b, (select count(*) c from a) where y < c) select * from b",
    "with a as (select 1 x) (with b as (select 2 y union all select 1) select y from b order by y)",
    "with a as (select 1 x) (with recursive b as (select 2 y union all select y + 1 from b where y < 4) select y + x from b, a order by y)",
  ],
  "recursion over distinct rows": [
    "with recursive t as (select 1 as n union distinct select mod(n, 5) + 1 from t) select * from t",
    "with recursive t as (select 1 as n, null as m union distinct select mod(n, 3) + 1, if(n = 2, 2, null) from t) select * from t",
    "with recursive e as (select * from unnest([struct(1 as a, 2 as b), (2, 3), (3, 1), (3, 4)])), r as (select 1 as x union distinct select e.b from r join e on e.a = r.x) select array_agg(x order by x) from r",
    "with recursive t as (select struct(1 as a) as s union distinct select struct(mod(s.a, 3) + 1) from t) select s.a from t",
    "with recursive t as (select 1 as n union distinct select n + 1 from t where n < 3), u as (select n from t union distinct select n * 2 from u where n < 10) select n from u order by n",
    "with recursive t as (select 1.0 as x union distinct select cast('nan' as float64) from t) select * from t",
  ],
  "paths through arrays": [
    "select v from (select [struct([1, 2] as a), struct([3] as a), null] as arr) t, t.arr.a as v order by v",
    "select v, o from (select struct([struct([1, 2] as a), struct([3] as a)] as s) as r) t, t.r.s.a as v with offset o order by o",
    "select v from (select [struct(struct(1 as b) as a), null] as arr) t, unnest(t.arr.a.b) v order by v",
    "select flatten([struct([1, 2] as a), struct([3, 4] as a)].a[offset(1)])",
    "select flatten([struct([1] as a)].a[offset(1)])",
    "select flatten([struct([1] as a)].a[safe_offset(1)]), flatten(cast(null as array<struct<a int64>>).a)",
    "select 2 in unnest(arr.a), (select sum(x) from unnest(arr.a) x) from (select [struct(2 as a), null, struct(5)] as arr)",
    "select t.arr.a from (select [struct(1 as a)] as arr) t",
    "select flatten(struct(1 as a))",
    "select t.x, v from (select 1 x, [struct([1, 2] as a)] as arr) t left join t.arr.a v on v > 1",
  ],
};

describe.skipIf(!isRefereeInstalled())("forms of queries", () => {
  let local: LocalWarehouse;
  let referee: Referee;
  beforeAll(async () => {
    local = await openLocalWarehouse();
    referee = await Referee.start();
  });
  afterAll(() => {
    referee.stop();
    local.close();
  });

  for (const [form, statements] of Object.entries(forms)) {
    test(form, async () => {
      for (const sql of statements) {
        const outcome = await runOnBoth(local, referee, sql);
        expect(outcome, sql).toMatchObject({ kind: "same" });
      }
    });
  }
});
