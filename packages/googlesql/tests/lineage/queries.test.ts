import { describe, expect, test } from "vitest";
import { columnLineage } from "../../lineage/column-lineage.ts";
import { catalogOf, lineageText } from "./support.ts";

const catalog = catalogOf({
  t: "a INT64, b INT64, c STRING, j JSON",
  u: "a INT64, x INT64, y STRING",
  people:
    "id INT64, home STRUCT<city STRING, geo STRUCT<lat FLOAT64, lng FLOAT64>>, tags ARRAY<STRING>, visits ARRAY<STRUCT<page STRING, seconds INT64>>",
});

/** Each query, and its lineage as text: a line a column (I identity, T transformation, A aggregation), then what decides about rows. */
const cases: Readonly<Record<string, readonly (readonly [sql: string, lineage: readonly string[]])[]>> = {
  columns: [
    ["select a, b + 1 as b1, 'x' as lit from t", ["a: t.a I", "b1: t.b T", "lit:", "rows: t.* ROWS"]],
    ["select t.a + t.b from t", [": t.a T, t.b T", "rows: t.* ROWS"]],
    ["select T.A as n from `p.ds.t` as T", ["n: t.a I", "rows: t.* ROWS"]],
    ["select cast(a as string) as s, safe.substr(c, b) as d from t", ["s: t.a T", "d: t.b T, t.c T", "rows: t.* ROWS"]],
    ["select j.k.l as v, json_value(j, '$.m') as w from t", ["v: t.j T", "w: t.j T", "rows: t.* ROWS"]],
    [
      "select timestamp_diff(timestamp_seconds(a), timestamp_seconds(b), day) as days, extract(day from date(a, b, 1)) as d from t",
      ["days: t.a T, t.b T", "d: t.a T, t.b T", "rows: t.* ROWS"],
    ],
  ],
  conditions: [
    ["select if(a > 0, b, 0) as v from t", ["v: t.a CONDITIONAL, t.b T", "rows: t.* ROWS"]],
    [
      "select case a when 1 then b when x then 3 end as v from t join u using (a)",
      ["v: t.a CONDITIONAL, t.b T, u.x CONDITIONAL", "rows: t.* ROWS, t.a JOIN, u.* ROWS, u.a JOIN"],
    ],
    [
      "select coalesce(a, b) as v, nullif(a, b) as w from t",
      ["v: t.a T, t.b T", "w: t.a T, t.b CONDITIONAL", "rows: t.* ROWS"],
    ],
    [
      "select a is null as v, b between a and 3 as w, c like 'x%' as l from t",
      ["v: t.a T", "w: t.a T, t.b T", "l: t.c T", "rows: t.* ROWS"],
    ],
  ],
  rows: [
    ["select a from t where b > 1 order by c limit 3", ["a: t.a I", "rows: t.* ROWS, t.b FILTER, t.c SORT"]],
    ["select distinct a, b from t", ["a: t.a I", "b: t.b I", "rows: t.* ROWS, t.a GROUP_BY, t.b GROUP_BY"]],
    [
      "select t.a, u.x from t join u on t.b = u.a",
      ["a: t.a I", "x: u.x I", "rows: t.* ROWS, t.b JOIN, u.* ROWS, u.a JOIN"],
    ],
    [
      "select a, x from t left join u using (a)",
      ["a: t.a I", "x: t.a JOIN, u.* ROWS, u.a JOIN, u.x I", "rows: t.* ROWS, t.a JOIN, u.* ROWS, u.a JOIN"],
    ],
    ["select a from t full join u using (a)", ["a: t.a I, u.a I", "rows: t.* ROWS, t.a JOIN, u.* ROWS, u.a JOIN"]],
    ["select a from t right join u using (a)", ["a: u.a I", "rows: t.* ROWS, t.a JOIN, u.* ROWS, u.a JOIN"]],
  ],
  aggregates: [
    [
      "select c, sum(b) as s, count(*) as n from t group by c",
      ["c: t.c I", "s: t.* ROWS, t.b A, t.c GROUP_BY", "n: t.* A+ROWS, t.c GROUP_BY", "rows: t.* ROWS, t.c GROUP_BY"],
    ],
    // Whose the rows are decides which of them count.
    [
      "select with differential_privacy options(epsilon=1, delta=.1, max_groups_contributed=1, privacy_unit_column=a) c, percentile_cont(b, 0.5, contribution_bounds_per_row => (0, 9)) as s from t group by c",
      ["c: t.c I", "s: t.* ROWS, t.a FILTER, t.b A, t.c GROUP_BY", "rows: t.* ROWS, t.a FILTER, t.c GROUP_BY"],
    ],
    [
      "select upper(c) as k, max(a) as m from t group by k having m > 3",
      ["k: t.c T", "m: t.* ROWS, t.a A, t.c GROUP_BY", "rows: t.* ROWS, t.a FILTER, t.c GROUP_BY"],
    ],
    ["select c, b from t group by 1, 2", ["c: t.c I", "b: t.b I", "rows: t.* ROWS, t.b GROUP_BY, t.c GROUP_BY"]],
    [
      "select c, min(a) as a from t group by all",
      ["c: t.c I", "a: t.* ROWS, t.a A, t.c GROUP_BY", "rows: t.* ROWS, t.c GROUP_BY"],
    ],
    [
      "select sum(if(a = 1, b, 0)) as s, countif(a = 1) as n from t",
      ["s: t.* ROWS, t.a CONDITIONAL, t.b A", "n: t.* ROWS, t.a A", "rows: t.* ROWS"],
    ],
    [
      "select any_value(b having max a) as v, array_agg(c order by a limit 2) as l from t",
      ["v: t.* ROWS, t.a CONDITIONAL, t.b A", "l: t.* ROWS, t.a SORT, t.c A", "rows: t.* ROWS"],
    ],
    [
      "select c, b, sum(a) as s from t group by rollup (c, b)",
      [
        "c: t.c I",
        "b: t.b I",
        "s: t.* ROWS, t.a A, t.b GROUP_BY, t.c GROUP_BY",
        "rows: t.* ROWS, t.b GROUP_BY, t.c GROUP_BY",
      ],
    ],
    ["select sum(if(a = 1, 1, 0)) as n from t", ["n: t.* A+ROWS, t.a CONDITIONAL", "rows: t.* ROWS"]],
    ["select sum(a) as a from t having sum(a) > 1", ["a: t.* ROWS, t.a A", "rows: t.* ROWS, t.a FILTER"]],
  ],
  windows: [
    [
      "select sum(a) over (partition by b order by c) as s from t",
      ["s: t.* ROWS, t.a A, t.b WINDOW, t.c WINDOW", "rows: t.* ROWS"],
    ],
    ["select lag(a) over w as p from t window w as (order by b)", ["p: t.* ROWS, t.a T, t.b WINDOW", "rows: t.* ROWS"]],
    [
      "select sum(a) over (w rows between 2 preceding and current row) as s from t window w as (partition by c order by b)",
      ["s: t.* ROWS, t.a A, t.b WINDOW, t.c WINDOW", "rows: t.* ROWS"],
    ],
    [
      "select a from t qualify row_number() over (partition by b order by c desc) = 1",
      ["a: t.a I", "rows: t.* WINDOW+ROWS, t.b WINDOW, t.c WINDOW"],
    ],
    [
      "select a, rank() over (order by b) as r from t qualify r = 1",
      ["a: t.a I", "r: t.* WINDOW+ROWS, t.b WINDOW", "rows: t.* WINDOW+ROWS, t.b WINDOW"],
    ],
  ],
  "common tables and subqueries": [
    [
      "with s as (select a as k, b from t where c = 'x') select k + 1 as n from s where b > 1",
      ["n: t.a T", "rows: t.* ROWS, t.b FILTER, t.c FILTER"],
    ],
    ["with t as (select x as a from u) select a from t", ["a: u.x I", "rows: u.* ROWS"]],
    [
      "select (select max(x) from u where u.a = t.a) as m from t",
      ["m: t.a FILTER, u.* ROWS, u.a FILTER, u.x A", "rows: t.* ROWS"],
    ],
    [
      "select exists(select 1 from u where u.a = t.a) as e from t",
      ["e: t.a FILTER, u.* T, u.a FILTER", "rows: t.* ROWS"],
    ],
    ["select a from t where b in (select x from u)", ["a: t.a I", "rows: t.* ROWS, t.b FILTER, u.* ROWS, u.x FILTER"]],
    ["select array(select x from u order by y) as xs from t", ["xs: u.* ROWS, u.x I, u.y SORT", "rows: t.* ROWS"]],
    ["select count(*) as n from (select 1 from u)", ["n: u.* A+ROWS", "rows: u.* ROWS"]],
    [
      "with recursive r as (select a, b from t union all select x, b from r join u on r.a = u.a) select a, b from r",
      ["a: t.a I, u.x I", "b: t.b I", "rows: t.* ROWS, t.a JOIN, u.* ROWS, u.a JOIN, u.x JOIN"],
    ],
  ],
  "set operations": [
    [
      "select a, b from t union all select x, a from u",
      ["a: t.a I, u.x I", "b: t.b I, u.a I", "rows: t.* ROWS, u.* ROWS"],
    ],
    [
      "select a from t except distinct select x from u",
      ["a: t.a I", "rows: t.* ROWS, t.a GROUP_BY+FILTER, u.* ROWS, u.x GROUP_BY+FILTER"],
    ],
    [
      "select a, b from t union all by name select a as b, x as a from u",
      ["a: t.a I, u.x I", "b: t.b I, u.a I", "rows: t.* ROWS, u.* ROWS"],
    ],
    ["(select a from t) union all (select null) order by 1", ["a: t.a I", "rows: t.* ROWS, t.a SORT"]],
  ],
  stars: [
    [
      "select * except (c, j) replace (a + x as b) from t cross join (select x from u)",
      ["a: t.a I", "b: t.a T, u.x T", "x: u.x I", "rows: t.* ROWS, u.* ROWS"],
    ],
    [
      "select u.*, t.b from t join u on true",
      ["a: u.a I", "x: u.x I", "y: u.y I", "b: t.b I", "rows: t.* ROWS, u.* ROWS"],
    ],
    [
      "select home.* from people",
      [
        "city: people.home.city I",
        "geo.lat: people.home.geo.lat I",
        "geo.lng: people.home.geo.lng I",
        "rows: people.* ROWS",
      ],
    ],
  ],
  structs: [
    [
      "select home.city, home.geo.lat as lat from people",
      ["city: people.home.city I", "lat: people.home.geo.lat I", "rows: people.* ROWS"],
    ],
    ["select s.k from (select struct(a as k, b as l) as s from t)", ["k: t.a I", "rows: t.* ROWS"]],
    ["select struct(a as k, b + 1 as l) as s from t", ["s.k: t.a I", "s.l: t.b T", "rows: t.* ROWS"]],
    [
      "select if(b > 0, s, null).k from (select struct(a as k, c as l) as s, b from t)",
      ["k: t.a T, t.b CONDITIONAL", "rows: t.* ROWS"],
    ],
    [
      "select to_json_string(home) as h from people",
      ["h: people.home.city T, people.home.geo.lat T, people.home.geo.lng T", "rows: people.* ROWS"],
    ],
    ["select to_json_string(t) as r from (select a, b from t) as t", ["r: t.a T, t.b T", "rows: t.* ROWS"]],
    ["select v.k from (select as struct a as k, b from t) as v", ["k: t.a I", "rows: t.* ROWS"]],
  ],
  arrays: [
    [
      "select tag from people, unnest(tags) as tag",
      ["tag: people.tags I", "rows: people.* ROWS, people.tags JOIN+ROWS"],
    ],
    [
      "select v.page, seconds from people, people.visits as v",
      [
        "page: people.visits.page I",
        "seconds: people.visits.seconds I",
        "rows: people.* ROWS, people.visits.page JOIN+ROWS, people.visits.seconds JOIN+ROWS",
      ],
    ],
    [
      "select (select sum(v.seconds) from unnest(visits) as v where v.page = 'x') as s from people",
      ["s: people.visits.page JOIN+FILTER+ROWS, people.visits.seconds A+JOIN+ROWS", "rows: people.* ROWS"],
    ],
    ["select visits[offset(0)].page as p from people", ["p: people.visits.page T", "rows: people.* ROWS"]],
    [
      "select array_length(tags) as n, o from people, unnest(tags) with offset as o",
      ["n: people.tags T", "o: people.tags JOIN", "rows: people.* ROWS, people.tags JOIN+ROWS"],
    ],
    [
      "select v.k from (select array_agg(struct(a as k, b as l)) as vs from t), unnest(vs) as v",
      ["k: t.* ROWS, t.a A", "rows: t.* ROWS, t.a JOIN+ROWS, t.b JOIN+ROWS"],
    ],
    [
      "select page, flatten(visits.seconds) as s from people, people.visits.page as page",
      ["page: people.visits.page I", "s: people.visits.seconds I", "rows: people.* ROWS, people.visits.page JOIN+ROWS"],
    ],
    ["select k from unnest([struct(1 as k), struct(2)])", ["k:", "rows:"]],
  ],
  pivots: [
    [
      "select * from (select a, b, c from t) pivot (sum(b) for c in ('x', 'y' as z))",
      [
        "a: t.a I",
        "x: t.* ROWS, t.a GROUP_BY, t.b A, t.c CONDITIONAL",
        "z: t.* ROWS, t.a GROUP_BY, t.b A, t.c CONDITIONAL",
        "rows: t.* ROWS, t.a GROUP_BY",
      ],
    ],
    [
      "select * from (select c, a, b from t) unpivot (v for n in (a, b))",
      ["c: t.c I", "v: t.a I, t.b I", "n:", "rows: t.* ROWS, t.a FILTER, t.b FILTER"],
    ],
  ],
  pipes: [
    [
      "from t |> where b > 1 |> extend a + b as s |> set c = upper(c) |> drop j, a |> rename b as bb",
      ["bb: t.b I", "c: t.c T", "s: t.a T, t.b T", "rows: t.* ROWS, t.b FILTER"],
    ],
    [
      "from t |> aggregate sum(b) as s, count(*) as n group by c |> order by s",
      [
        "c: t.c I",
        "s: t.* ROWS, t.b A, t.c GROUP_BY",
        "n: t.* A+ROWS, t.c GROUP_BY",
        "rows: t.* ROWS, t.b SORT, t.c GROUP_BY",
      ],
    ],
    [
      "from t |> as l |> join u on l.a = u.a |> select l.b, x",
      ["b: t.b I", "x: u.x I", "rows: t.* ROWS, t.a JOIN, u.* ROWS, u.a JOIN"],
    ],
    ["from t |> select a |> union all (select x from u)", ["a: t.a I, u.x I", "rows: t.* ROWS, u.* ROWS"]],
  ],
};

for (const [topic, list] of Object.entries(cases)) {
  describe(topic, () => {
    for (const [sql, lineage] of list) {
      test(sql, () => {
        expect(lineageText(columnLineage(sql, catalog))).toEqual(lineage);
      });
    }
  });
}

describe("what lineage does not know is an error", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["select a from nowhere", /nowhere/],
    ["select nope from t", /Unrecognized name: nope/],
    ["select t.nope from t", /nope not found inside t/],
    ["select my_udf(a) from t", /MY_UDF/],
    ["select a from t join u on true", /ambiguous/],
    ["select * from ml.predict(model m, table t)", /predict/i],
    ["select home.nope from people", /nope does not exist/],
    ["select (select as struct a, b from t).a.* ", /fields of this value are not known/],
  ];
  for (const [sql, message] of wrong) test(sql, () => expect(() => columnLineage(sql, catalog)).toThrow(message));
});
