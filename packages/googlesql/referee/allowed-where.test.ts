import { describeOnBoth, testStatements } from "./describe-on-both.ts";

describeOnBoth("what is seen and allowed where", (both) => {
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
    "when the rows of a table of values are grouped, their fields are, by either name; of another table only what is listed":
      [
        "select t.a, count(*) from (select as struct 1 as a, 2 as b) t group by t having b = 2 order by t.a",
        "select a, sum(x.b) over () from unnest([struct(1 as a, 2 as b), (1, 2), (3, 4)]) x group by x order by x.b",
        "select a, b, count(*) from unnest([struct(1 as a, 2 as b), (1, 2), (3, 4)]) x group by x, a order by x.b",
        "select x.a.c, a.c from unnest([struct(struct(1 as c) as a, 2 as b)]) x group by x",
        "select t.a from (select 1 as a, 2 as b) t group by t",
        "select x.* from unnest([struct(1 as a, 2 as b)]) x group by x",
        "select x.b from unnest([struct(1 as a, 2 as b)]) x group by x.a",
      ],
    "when a STRING literal stands where + and - have a time, it is one; no other string is": [
      "select '2000-01-01' - 5, '2000-01-01' + 5, 5 + '2000-01-01', '2000-01-01' - '1999-01-01'",
      "select '2000-01-01' + interval 1 day, interval 1 day + '2000-01-01', date '2020-01-05' - '2000-01-01'",
      "select '2020-01-05' - datetime '2000-01-01', timestamp '2020-01-05' - '2000-01-01 01:00:00+02', time '10:00:00' - '09:00:00'",
      ...[
        "'5' - 3",
        "'2000-01-01' - 5.0",
        "interval 1 day - '1-2'",
        "'2020-01-01' + '2020-01-02'",
        "1 - '2020-01-01'",
      ].map((difference) => `select ${difference}`),
      "select date '2020-01-05' - (select '2020-01-01')",
      "select date '2020-01-05' - s from unnest(['2020-01-01']) s",
      "select '2020-01-01' - null",
    ],
    "when a constructor is written with limits, both fail": [
      "select array<string(10)>['abc']",
      "select array<struct<a string(3)>>[struct('a')]",
      "select struct<string(3)>('a')",
      "select array<numeric(3, 1)>[1]",
    ],
    "when a literal is to put rows in order, both fail, after a set operation as well": [
      ...["'foo'", "null", "1.5", "-1", "true", "x + 0, 1", "date '2020-01-01'", "1 + 1"].flatMap((key) => [
        `select x from (select 1 as x) union all select 2 order by ${key}`,
        `select x from (select 1 as x) order by ${key}`,
      ]),
      "select array(select as struct x, y from (select 1 as x, 2 as y union all select 3, 1) order by 2 desc)",
      "select as struct x, y from (select 1 as x, 2 as y) order by 3",
    ],
    "when HAVING has the only aggregate, both fail": [
      "select 1 from (select 1 as x) having sum(x) > 5",
      "select 1, sum(1) over () from (select 1 as x) having count(*) > 0",
      "select sum(x) from (select 1 as x) having count(*) > 0",
      "select 1 from (select 1 as x) group by x having count(*) > 0",
    ],
    "when NULL is the first or the last value, both fail": [
      "select first_value(null) over (order by x) from (select 1 as x)",
      "select last_value(cast(null as int64)) over (order by x) from (select 1 as x)",
      "select lag(null) over (order by x), lead(null) over (order by x) from (select 1 as x)",
    ],
    "when USING names a table, both fail": [
      "select 1 from (select 1 as k) k join (select 1 as k) b using (k)",
      "select 1 from (select 1 as k) a join (select 1 as k) k using (k)",
      "select k from unnest([1, 2]) k join unnest([2, 3]) k using (k)",
    ],
    "when a default of LAG or LEAD is another one for each row, both fail": [
      "select lag(x, 1, y) over (order by x) from (select 1 as x, 2 as y)",
      "select lead(x, 1, x + 1) over (order by x) from unnest([1, 2]) x",
      "select (select lag(x, 1, o) over (order by x) from (select 1 as x)) from (select 5 as o)",
      "select lag(x, 1, 5 * -1) over (order by x), lead(x, 1, coalesce(null, 7)) over (order by x) from unnest([1, 2]) x",
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
