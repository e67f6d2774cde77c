import { describeOnBoth, testStatements } from "./describe-on-both.ts";

describeOnBoth("what is seen and allowed after DISTINCT", (both) => {
  testStatements(both, {
    "when ORDER BY is an expression over what SELECT DISTINCT gives, it is worked out of that": [
      "select distinct x from unnest([1,2]) x order by -x",
      "select distinct x as z from unnest([1,2]) x order by z * 2, x + 1",
      "select distinct x, 5 as y from unnest([1,2]) x order by y - x",
      "select distinct t.x, t.y from unnest([struct(1 as x, 2 as y), (2, 1)]) t order by t.x + t.y, t.y",
      "select distinct struct(x as a) as s from unnest([1,2]) x order by s.a + 1",
      "select distinct sum(x) as s from unnest([1,2]) x group by x order by s + 1",
      "select distinct x from unnest([1,2]) x order by case x when 1 then 2 else 1 end",
      "select distinct date_trunc(d, month) as m from unnest([date '2020-01-05', '2020-02-05']) d order by extract(month from m) desc",
      "select array(select distinct x from unnest([2,1]) x order by -x)",
      "select distinct x from unnest(['b','A','a','B']) x order by x collate 'und:ci', x",
      "select distinct x from (select 1 as x union all select 2) order by 1, x * 2",
    ],
    "when ORDER BY names what SELECT DISTINCT does not give, both fail": [
      "select distinct x + 1 as z from unnest([1,2]) x order by x + 1",
      "select distinct x + 1 from unnest([1,2]) x order by x + 2",
      "select distinct a from unnest([struct(1 as a, 2 as b)]) order by b",
      "select distinct t.x from unnest([struct(1 as x, 2 as y)]) t order by t.x + t.y",
      "select distinct t.x from (select 1 as x, 2 as y) t order by format('%t', t)",
      "select distinct x as y from (select 1 as x, 2 as y) order by (select max(z) from unnest([1]) z where z = q)",
      "select distinct sum(x) as s from unnest([1,2]) x group by x order by sum(x) + 1",
    ],
    "when an analytic function has DISTINCT, its window has neither ORDER BY nor a frame": [
      "select sum(distinct x) over (partition by x) from unnest([1,1]) x",
      "select sum(distinct x) over (order by x) from unnest([1]) x",
      "select count(distinct x) over (rows unbounded preceding) from unnest([1]) x",
      "select count(distinct x) over w from unnest([1]) x window w as (order by x)",
    ],
    "when a part, a collation or a literal is not for its type, both fail": [
      "select date_diff(date '2020-01-01', date '2019-01-01', hour)",
      "select date_diff(datetime '2020-01-01', date '2019-01-01', hour)",
      "select x from unnest([1]) x order by x collate 'und:ci'",
      "select range<date> '[2020-01-01,2020-02-01)'",
      "select range<date> '[ 2020-01-01, 2020-02-01)'",
      "select range<date> '[2020-01-01, NULL)', range<datetime> '[2020-01-01 00:00:00, 2020-02-01)'",
      "select 1e400, -1e400, 1e-400, 1.8e308",
      "select numeric '1e400'",
    ],
  });
});
