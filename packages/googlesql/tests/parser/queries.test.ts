import { expect, test } from "vitest";
import { parseQuery } from "../../parser/parse.ts";
import { sExpression } from "./s-expression.ts";

const cases: readonly (readonly [sql: string, tree: string])[] = [
  [
    "with recursive a as (select 1), b as (from a) select x, y as z, *, t.*, (s).* except (c) replace (1 as d), from a t",
    "(query with:(with-clause recursive entries:[(common-table name:a query:(select items:[1])) (common-table name:b query:(from-query from:a))]) body:(select items:[x (select-expression expression:y alias:z) (select-star) (select-dot-star object:t) (select-dot-star object:s except:[c] replace:[(star-replacement expression:1 name:d)])] from:(table-reference name:a alias:t)))",
  ],
  ["select distinct as struct 1 from t", "(select distinct as:struct items:[1] from:t)"],
  ["select as value x from t", "(select as:value items:[x] from:t)"],
  [
    "select with differential_privacy options (epsilon = 1) count(*, contribution_bounds_per_group => (0, 9)) from t",
    "(select privacy:(privacy-clause options:(options-list entries:[(option-entry name:epsilon value:1)])) items:[(function-call name:[count] arguments:[* (named-argument name:contribution_bounds_per_group value:(struct-constructor form:tuple fields:[0 9]))])] from:t)",
  ],
  ["select with differential_privacy x from t", "(select privacy:(privacy-clause) items:[x] from:t)"],
  [
    "select a from t where b group by c having d qualify e window w as (partition by f), v as w",
    "(select items:[a] from:t where:b groupBy:(group-by items:[c]) having:d qualify:e windows:[(named-window name:w spec:(window-spec partitionBy:[f])) (named-window name:v spec:(window-spec base:w))])",
  ],
  ["select 1 group by all", "(select items:[1] groupBy:(group-by all))"],
  [
    "select 1 group by 1, (a, b), (), rollup(a, (b, c)), cube(d), grouping sets((a, b), c, (), rollup(e))",
    "(select items:[1] groupBy:(group-by items:[1 (struct-constructor form:tuple fields:[a b]) (grouping-empty) (rollup elements:[[a] [b c]]) (cube elements:[[d]]) (grouping-sets sets:[(grouping-set keys:[a b]) (grouping-set keys:[c]) (grouping-set) (rollup elements:[[e]])])]))",
  ],
  [
    "select a from b order by c collate 'und:ci' desc nulls first, 2 limit @n offset 5",
    '(query body:(select items:[a] from:b) orderBy:[(order-item expression:c collation:"und:ci" direction:desc nulls:first) 2] limit:(limit count:@n offset:5))',
  ],
  [
    "from `p.d.t` as a join my-project.ds.t b on true cross join c inner join d using (x, y) left join e on f right outer join g on h",
    "(from-query from:(join operator:right left:(join operator:left left:(join operator:inner left:(join operator:cross left:(join operator:inner left:(table-reference name:`p.d.t` alias:a) right:(table-reference name:my-project.ds.t alias:b) condition:(join-on expression:true)) right:c) right:d condition:(join-using columns:[x y])) right:e condition:(join-on expression:f)) right:g condition:(join-on expression:h)))",
  ],
  [
    "from a join b join c on x on y",
    "(from-query from:(join operator:inner left:a right:(join operator:inner left:b right:c condition:(join-on expression:x)) condition:(join-on expression:y)))",
  ],
  [
    "from a join b on x join c on y",
    "(from-query from:(join operator:inner left:(join operator:inner left:a right:b condition:(join-on expression:x)) right:c condition:(join-on expression:y)))",
  ],
  [
    "from (a join b on c) left outer join (select 1) d on e",
    "(from-query from:(join operator:left left:(join operator:inner left:a right:b condition:(join-on expression:c)) right:(subquery-table query:(select items:[1]) alias:d) condition:(join-on expression:e)))",
  ],
  [
    "from t, t.arr as e with offset as i, unnest(t.b) with offset, unnest([1, 2]) x",
    "(from-query from:(join operator:comma left:(join operator:comma left:(join operator:comma left:t right:(table-reference name:t.arr alias:e offset:(offset-alias alias:i))) right:(unnest array:t.b offset:(offset-alias))) right:(unnest array:(array-constructor elements:[1 2]) alias:x)))",
  ],
  ["from t for system_time as of @t", "(from-query from:(table-reference name:t systemTime:@t))"],
  [
    "from t as a tablesample system (10 percent)",
    "(from-query from:(sampled-table input:(table-reference name:t alias:a) sample:(sample method:system size:10 unit:percent)))",
  ],
  [
    "from ds.f(table t, model m, (select 1), x => 2) as y",
    "(from-query from:(table-function-call name:ds.f arguments:[(table-argument name:[t]) (model-argument name:[m]) (scalar-subquery query:(select items:[1])) (named-argument name:x value:2)] alias:y))",
  ],
  [
    "from t pivot(sum(a) as s, count(*) for b in ('x' as x, 'y')) as p",
    '(from-query from:(pivot-table input:t pivot:(pivot aggregates:[(pivot-aggregate expression:(function-call name:[sum] arguments:[a]) alias:s) (function-call name:[count] arguments:[*])] forExpression:b values:[(pivot-value expression:"x" alias:x) "y"]) alias:p))',
  ],
  [
    "from t unpivot include nulls ((a, b) for q in ((c, d) as 'first', (e, f)))",
    '(from-query from:(unpivot-table input:t unpivot:(unpivot includeNulls valueColumns:[a b] nameColumn:q items:[(unpivot-item columns:[c d] label:"first") (unpivot-item columns:[e f])])))',
  ],
  [
    "from t unpivot(v for n in (c, d 'dd'))",
    '(from-query from:(unpivot-table input:t unpivot:(unpivot valueColumns:[v] nameColumn:n items:[(unpivot-item columns:[c]) (unpivot-item columns:[d] label:"dd")])))',
  ],
  [
    "select 1 union all select 2 union all (select 3 limit 1) order by 1",
    "(query body:(set-operation operator:union quantifier:all inputs:[(select items:[1]) (select items:[2]) (query body:(select items:[3]) limit:(limit count:1))]) orderBy:[1])",
  ],
  [
    "select 1 intersect distinct select 2",
    "(set-operation operator:intersect quantifier:distinct inputs:[(select items:[1]) (select items:[2])])",
  ],
  [
    "select 1 full outer union all by name on (a) select 2",
    "(set-operation operator:union quantifier:all matching:(set-matching syntax:by-name mode:full columns:[a]) inputs:[(select items:[1]) (select items:[2])])",
  ],
  [
    "select 1 except distinct corresponding by (a) select 2",
    "(set-operation operator:except quantifier:distinct matching:(set-matching syntax:corresponding columns:[a]) inputs:[(select items:[1]) (select items:[2])])",
  ],
  [
    "(select 1) union all ((select 2))",
    "(set-operation operator:union quantifier:all inputs:[(select items:[1]) (select items:[2])])",
  ],
  ["((select 1) order by 1)", "(query body:(select items:[1]) orderBy:[1])"],
  [
    "from t |> select a, b as c |> extend a + 1 as d, window w as (order by a) |> set a = 1, b = 2 |> drop c |> rename d as e, f g |> as u |> where true",
    "(query body:(from-query from:t) pipes:[(pipe-select items:[a (select-expression expression:b alias:c)]) (pipe-extend items:[(select-expression expression:(+ a 1) alias:d)] windows:[(named-window name:w spec:(window-spec orderBy:[a]))]) (pipe-set items:[(pipe-set-item column:a value:1) (pipe-set-item column:b value:2)]) (pipe-drop columns:[c]) (pipe-rename items:[(pipe-rename-item from:d to:e) (pipe-rename-item from:f to:g)]) (pipe-as alias:u) (pipe-where condition:true)])",
  ],
  [
    "from t |> aggregate sum(a) as s desc, count(*) group by b as c asc nulls last, d |> order by s desc, |> limit 5 offset 1 |> distinct",
    "(query body:(from-query from:t) pipes:[(pipe-aggregate items:[(pipe-aggregate-item expression:(function-call name:[sum] arguments:[a]) alias:s order:(grouping-order direction:desc)) (function-call name:[count] arguments:[*])] groupBy:(group-by items:[(grouping-key expression:b alias:c order:(grouping-order direction:asc nulls:last)) d])) (pipe-order-by items:[(order-item expression:s direction:desc)]) (pipe-limit limit:(limit count:5 offset:1)) (pipe-distinct)])",
  ],
  [
    "from t |> aggregate group and order by a |> aggregate count(*)",
    "(query body:(from-query from:t) pipes:[(pipe-aggregate groupBy:(group-by items:[a]) groupAndOrder) (pipe-aggregate items:[(function-call name:[count] arguments:[*])])])",
  ],
  [
    "from t |> left join u as v using (a) |> cross join w |> join (select 1) on true |> union all (select 1), (from x) |> except distinct by name (select 2)",
    "(query body:(from-query from:t) pipes:[(pipe-join operator:left right:(table-reference name:u alias:v) condition:(join-using columns:[a])) (pipe-join operator:cross right:w) (pipe-join operator:inner right:(subquery-table query:(select items:[1])) condition:(join-on expression:true)) (pipe-set-operation operator:union quantifier:all inputs:[(select items:[1]) (from-query from:x)]) (pipe-set-operation operator:except quantifier:distinct matching:(set-matching syntax:by-name) inputs:[(select items:[2])])])",
  ],
  [
    "from t |> call f(1) as g |> pivot(sum(a) for b in (1)) |> unpivot(a for b in (c)) as d |> tablesample bernoulli (5 rows) |> with x as (select 1) |> assert a > 1, 'no'",
    '(query body:(from-query from:t) pipes:[(pipe-call name:f arguments:[1] alias:g) (pipe-pivot pivot:(pivot aggregates:[(function-call name:[sum] arguments:[a])] forExpression:b values:[1])) (pipe-unpivot unpivot:(unpivot valueColumns:[a] nameColumn:b items:[(unpivot-item columns:[c])]) alias:d) (pipe-sample sample:(sample method:bernoulli size:5 unit:rows)) (pipe-with with:(with-clause entries:[(common-table name:x query:(select items:[1]))])) (pipe-assert condition:(> a 1) payload:["no"])])',
  ],
  [
    "select @{a.b = 1} x from t @{c = d} join @{e = 'f'} u on true",
    '(select items:[x] hint:(hint entries:[(hint-entry name:[a b] value:1)]) from:(join operator:inner left:(table-reference name:t hint:(hint entries:[(hint-entry name:[c] value:d)])) right:u condition:(join-on expression:true) hint:(hint entries:[(hint-entry name:[e] value:"f")])))',
  ],
  ["from a-1.b, p-2024.d.t", "(from-query from:(join operator:comma left:a-1.b right:p-2024.d.t))"],
  ["from region-us.INFORMATION_SCHEMA.TABLES", "(from-query from:region-us.INFORMATION_SCHEMA.TABLES)"],
];

test.each(cases)("when a query is %s then its tree is as shown", (sql, tree) => {
  expect(sExpression(parseQuery(sql))).toBe(tree);
});
