import { describeOnBoth, testStatements } from "./describe-on-both.ts";

const words = "unnest(['b', 'A', 'a', 'B', 'ä', 'Ä', 'z', '', 'ß', 'a b', 'a-b', '10', '9', 'é', 'E', '_', 'ａ']) w";

const statements: Readonly<Record<string, readonly string[]>> = {
  comparisons: [
    "select collate('a', 'und:ci') = 'A', collate('a', 'und:ci') < 'B', 'a' > collate('B', 'und:ci'), collate('é', 'und:ci') = 'E'",
    "select collate('a', 'und:ci') <> 'A', collate('b', 'und:ci') between 'A' and 'C', collate(null, 'und:ci') = 'a'",
    "select collate('a', 'und:ci') in ('x', 'A'), collate('a', 'und:ci') not in ('x', null), 'A' in unnest([collate('a', 'und:ci')])",
    "select case collate('a', 'und:ci') when 'A' then 1 else 2 end",
    "select collate('ẞ', 'und:ci') > collate('SS', 'und:ci'), collate('ẞ1', 'und:ci') < collate('SS2', 'und:ci')",
    "select collate('a', '') = 'A'",
    "select 'GooGle' like all ('go%', collate('google', 'und:ci')), 'GooGle' like any (collate('%y%', 'und:ci'), 'GOOGLE'), 'a' like any ('A', collate('b', ''))",
    `select a, b, collate(a, 'und:ci') = b, collate(a, 'und:ci') < b from ${words.replace(") w", ") a")}, ${words.replace(") w", ") b")} order by a, b`,
  ],
  orders: [
    `select w from ${words} order by collate(w, 'und:ci'), w`,
    `select w from ${words} order by collate(w, 'und:ci') desc, w`,
    `select w from ${words} order by w collate 'und:ci', w`,
    `select w, rank() over (order by collate(w, 'und:ci')) as r from ${words} order by w`,
    `select w, count(*) over (partition by collate(w, 'und:ci')) as r from ${words} order by w`,
  ],
  groups: [
    `select lower(g), n from (select collate(w, 'und:ci') as g, count(*) as n from ${words} where w < 'c' group by g) order by lower(g)`,
    `select count(distinct collate(w, 'und:ci')), count(distinct w) from ${words}`,
    `select lower(min(collate(w, 'und:ci'))), lower(max(collate(w, 'und:ci'))) from ${words}`,
    `select count(*) from (select distinct collate(w, 'und:ci') as g from ${words})`,
    "select count(*) from (select collate('a', 'und:ci') union distinct select 'A' union distinct select 'b')",
    "select count(*) from (select collate('a', 'und:ci') as x) join (select 'A' as x) on true where true",
  ],
  sets: [
    "select count(*) from (select collate('a', 'und:ci') as x union all select 'b' union all select 'B' intersect distinct select 'A')",
    "select lower(x) from (select x from unnest([collate('a','und:ci'),'b','B','c',null,null]) x intersect distinct select y from unnest(['A','B',null,'d']) y) order by 1",
    "select lower(x) from (select x from unnest([collate('a','und:ci'),'b','B','c',null,null]) x except distinct select y from unnest(['A',null,'d']) y) order by 1",
    "select lower(x), n from (select x, n from unnest([struct(collate('a','und:ci') as x, 1 as n),('A',1),('a',2),('c',3)]) except distinct select y, 1 from unnest(['A',null,'d']) y) order by 1,2",
    "select lower(x), n from (select x, n from unnest([struct(collate('a','und:ci') as x, 1 as n),('A',1),('a',2),('c',3),('D',null)]) intersect distinct (select y, 1 from unnest(['A',null,'d']) y union all select 'd', null) intersect distinct select 'D', null) order by 1,2",
    "select y, (select count(*) from (select distinct x from unnest([collate('a','und:ci'),'A','b']) x where x > y)) from unnest(['','a','b']) y",
    "select y, (select count(*) from (select distinct concat(x, y) from unnest([collate('a','und:ci'),'A','b']) x)) from unnest(['','a','b']) y",
    "select y, array(select lower(z) from (select x as z from unnest([collate('a','und:ci'),'A','b']) x intersect distinct select y) order by 1) from unnest(['','a','B']) y",
    "select y, array_length(array(select distinct collate(x, 'und:ci') from unnest(y) x)) from unnest([struct(['a','A'] as y), struct(['a','b'])])",
    "select y, exists(select x from unnest([collate('a','und:ci')]) x except distinct select y) from unnest(['','a','A']) y",
  ],
  queries: [
    "select 'A' in (select collate('a', 'und:ci')), collate('a', 'und:ci') in (select 'A'), exists(select 1 from unnest([collate('b', 'und:ci')]) x where x = 'B')",
    "select max(x) over (), min(x) over (order by x), count(distinct x) over () from unnest([collate('a', 'und:ci'), 'B']) x",
    "select x, y from (select collate('a', 'und:ci') as x, 1 as y union all select 'A', 2) order by x, y desc",
    "select x from (select collate('a', 'und:ci') as x union all select 'A' union all select 'B') group by x having x = 'b'",
    "select x from (select collate('a', 'und:ci') as x, 1 as y union all select 'A', 2) qualify row_number() over (partition by x order by y) = 1",
    "select array_agg(x order by x desc limit 1) from unnest([collate('b', 'und:ci'), 'a', 'C']) x",
    "with t as (select collate('a', 'und:ci') as x union all select 'B') select t.x from t where x between 'A' and 'b' order by x desc",
  ],
  propagation: [
    "select upper(collate('a', 'und:ci')) = 'a', concat(collate('a', 'und:ci'), 'b') = 'AB', (collate('a', 'und:ci') || 'b') = 'AB'",
    "select substr(collate('abc', 'und:ci'), 2) = 'BC', left(collate('abc', 'und:ci'), 1) = 'A', repeat(collate('a', 'und:ci'), 2) = 'AA'",
    "select if(true, collate('a', 'und:ci'), 'b') = 'A', coalesce(null, collate('a', 'und:ci')) = 'A', ifnull(collate('a', 'und:ci'), 'b') = 'A'",
    "select struct(collate('a', 'und:ci') as x).x = 'A', [collate('a', 'und:ci'), 'b'][offset(1)] = 'B'",
    "select any_value(x) = 'A', string_agg(x) = 'A' from (select collate('a', 'und:ci') as x)",
    "select length(collate('a', 'und:ci')), collate('a', 'und:ci')",
  ],
  searches: [
    "select starts_with(collate('abc', 'und:ci'), 'AB'), ends_with('ABC', collate('bc', 'und:ci')), strpos(collate('abc', 'und:ci'), 'BC'), instr(collate('abcabc', 'und:ci'), 'C', 1, 2)",
    "select starts_with(collate('abc', 'und:ci'), 'b'), strpos(collate('abc', 'und:ci'), 'x')",
    "select collate('abc', 'und:ci') like 'A%', 'ABC' like collate('a%c', 'und:ci'), collate('abc', 'und:ci') not like 'B%', collate('ABC', 'und:ci') like any ('x%', 'a%')",
    "select collate('abc', 'und:ci') like '_B_'",
    "select replace(collate('aBcABC', 'und:ci'), 'b', 'x'), replace(collate('abc', 'und:ci'), '', 'x'), replace(collate('a.b', 'und:ci'), '.', '\\\\1'), replace('aXb', collate('x', 'und:ci'), 'y') = 'AYB'",
    "select split(collate('aXbxc', 'und:ci'), 'x'), split(collate('abc', 'und:ci'), ''), split(collate('', 'und:ci'), 'x'), split(collate('a,b', 'und:ci')), split(collate('a,b', 'und:ci'))[offset(0)] = 'A'",
    "select cast(collate('a', 'und:ci') as string) = 'A', safe_cast(collate('1', 'und:ci') as int64), format('%s', collate('a', 'und:ci')) = 'A'",
    "select array_to_string([collate('a', 'und:ci'), 'b'], ',') = 'A,B'",
  ],
};

describeOnBoth("collation", (both) => testStatements(both, statements));
