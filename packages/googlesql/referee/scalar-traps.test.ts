import { describeOnBoth, testStatements } from "./describe-on-both.ts";

/** Scalar functions where the letter of the reference matters, each with statements that show it. */
const traps: Readonly<Record<string, readonly string[]>> = {
  "regular expressions that match nothing": [
    "select regexp_extract_all('abc', ''), regexp_extract_all('', ''), regexp_extract_all('', 'a'), regexp_extract_all('aXbX', '(x)?')",
    "select regexp_instr('abc', 'x*'), regexp_instr('abc', 'x*', 2), regexp_instr('éé', 'x*', 1, 2), regexp_instr('abc', ''), regexp_instr('abc', '(x*)', 1, 2)",
    "select regexp_replace('aaa', 'a*', '-'), regexp_replace('abc', '', 'x'), regexp_extract('ab', '(x)?b')",
    "select regexp_extract('ééé', '', 4), regexp_extract('ééé', '', 6), regexp_extract('ééé', '', 7), regexp_extract('', '', 1)",
  ],
  "regular expressions over BYTES": [
    "select regexp_contains(b'\\xe9', b'(?i)\\xc9'), regexp_replace(b'\\xff\\x01', b'\\xff', b'[\\\\0]'), regexp_extract(b'abc', b'b.')",
    "select regexp_instr(b'щцфщфф', b'щ(.).', 1, 2), regexp_extract_all(b'foo bar', b'[^ ]+')",
  ],
  "regular expressions that are not literals": [
    "select regexp_extract('foo bar', x, 2) from unnest(['o', 'b', 'z']) x",
    "select regexp_extract('foo', x) from unnest(['(o)(o)']) x",
    "select regexp_replace('abaac', x, r'[\\1]') from unnest(['(a*)', '(a|b)', '(?P<x>a)c']) x",
    "select regexp_replace('a', 'a', x) from unnest(['\\\\2']) x",
    "select x from unnest(['a', 'b']) x where regexp_contains(x, concat('[', x, ']'))",
  ],
  "regular expressions that are none": [
    "select regexp_extract('a', '(')",
    "select safe.regexp_extract('a', '('), safe.regexp_contains('a', '('), safe.regexp_replace('a', 'a', r'\\1')",
    "select regexp_replace('a', 'b', r'\\1')",
  ],
  "FORMAT by a format that is not a literal": [
    "select format(x, 1) from unnest(['%d', '%5d', '%-5d|', '%t', '%T', '%05d', null]) x",
    "select format(f, y, z) from unnest([struct('%d %d' as f, 15 as y, -23 as z), ('%*i', 6, 13), ('%0.*d', 4, 12), ('%*d', null, 12), ('%*d', 4, null), (null, 4, 12)])",
    "select format('%*d', y, 5), format('%.*f', y, 2.5) from unnest([3, -7]) y",
    "select format(x, b'a', [1, null], struct(1, 'x'), date '2020-01-02', json '{\"a\":1}') from unnest(['%t %t %t %t %p', '%T %T %T %T %P']) x",
    "select format(x, cast(null as int64), 'a') from unnest(['%d%s', '%t%s']) x",
    "select format(x, 'abc') from unnest(['%d']) x",
    "select format(x, 1) from unnest(['a%']) x",
    "select format(x, 1) from unnest(['%d %d']) x",
    "select format('%t %T', interval 1 day, interval '1-2 3' year to day)",
  ],
  "STRING literals as civil times": [
    "select datetime_bucket('2020-02-15 14:57:39', interval 1 day), datetime_bucket('2020-02-15', interval 1 day)",
    "select datetime_add('2020-01-01 10:00:00', interval 1 day), datetime_trunc('2020-01-01 10:00:00', hour), timestamp_trunc('2020-01-01', day)",
    "select datetime('2000-01-01' || ' ' || '18:17:16'), safe.datetime('x'), datetime('2020-01-01')",
    "select datetime('2000-01-01 18:17:16+08')",
    "select date_diff('2020-01-01', datetime '2019-01-01', day)",
    "select timestamp_diff(datetime '2020-01-01', '2019-01-01', day)",
    "select extract(year from '2020-01-01')",
    "select format_date('%F', '2020-01-01 00:00:00')",
  ],
  "buckets of another type": [
    "select date_bucket(datetime '2020-02-15 14:57:39', interval 1 day), timestamp_bucket(date '2020-02-15', interval 1 day), datetime_bucket(timestamp '2020-02-15', interval 1 day)",
    "select datetime_bucket(date '2020-01-01', interval 1 hour)",
    "select date_bucket(timestamp '2020-01-01', interval 1 month)",
  ],
  "|| of other types": [
    "select 1 || 2, 1.5 || 'a', true || 'x', date '2020-01-01' || '', numeric '1.50' || '', interval 1 day || 'a'",
    "select b'a' || 'a'",
    "select json '1' || 'a'",
    "select [1] || 1",
  ],
  intervals: [
    "select interval '0-13 370 48:61:61' year to second, cast('0-13' as interval), cast('1:99:99' as interval)",
    "select extract(nanosecond from interval '1.5' second)",
  ],
  "subqueries in lambdas": [
    "select array_filter([1, 2, 3], e -> exists(select 1 from unnest([2, 3]) y where y = e)), array_transform([10, 20], (e, i) -> (select e + i)), array_includes([1, 2, 3], e -> e > (select max(x) from unnest([1, 2]) x))",
    "select array_filter(cast(null as array<int64>), e -> exists(select e)), array_transform(array<int64>[], e -> (select e))",
    "select a, array_filter(a, e -> e in (select b from unnest([1, 3]) b)) from (select [1, 2] a union all select [3])",
    "select array_filter([1, 2, 3], e -> e > array_length((select array_transform([1, e], e -> e + 1))))",
  ],
  "LIKE ANY and ALL of nothing": [
    "select 'a' like any unnest([]), 'a' like all unnest([]), b'a' like any unnest([])",
    "select round(numeric '2.45', 1, null)",
  ],
  "LIKE by a pattern that ends in a backslash": ["select 'a' like x from unnest(['\\\\']) x"],
  ranges: [
    "select generate_range_array(range(date '2020-01-01', date '2020-01-06'), interval 2 day), generate_range_array(range(date '2020-01-01', date '2020-01-06'), interval 2 day, false), generate_range_array(range(timestamp '2020-01-01', timestamp '2020-01-02'), interval 8 hour), generate_range_array(range(datetime '2020-01-31', datetime '2020-04-01'), interval 1 month)",
    "select generate_range_array(range(date '2020-01-01', null), interval 1 day)",
    "select generate_range_array(range(date '2020-01-01', date '2020-01-06'), interval 1 hour)",
    "select cast('[2020-01-01, 2020-01-02)' as range<date>), cast('[UNBOUNDED, 2020-01-02)' as range<date>), safe_cast('[2020-01-01,2020-01-02)' as range<date>)",
    "select cast('[2020-01-02, 2020-01-01)' as range<date>)",
  ],
  "limits of types": [
    "select cast(([(bignumeric '0.12345', 'hey', null), (0.9876, 'hi', numeric '0.55')], b'hello') as struct<array<struct<bignumeric(2, 2), string(4), numeric(2, 1)>>, bytes(5)>)",
    "select cast(['hello', 'hi'] as array<string(2)>)",
    "select safe_cast('abc' as string(2))",
    "select cast(bignumeric '1234.456' as bignumeric(5, 2))",
  ],
  "hosts and domains": [
    "select net.host(u), net.reg_domain(u), net.public_suffix(u) from unnest(['', ' ', '.com', 'com.', 'Google..COM', 'user:password@foo.com:12345', '//user:password@[2001:0db8::8329]:1', 'http://www.Google.co.UK', 'http://例子.卷筒纸.中国', 'foo.github.io', 'city.kobe.jp', 'x.city.kobe.jp', 'www.ck', 'x.unknowntld', '\\\\\\\\foo.com\\\\x', 'mailto:?to=']) u",
  ],
  numbers: [
    "select parse_numeric(' ,1,2,34. + '), parse_bignumeric(' ,,,,1 '), parse_numeric('1,2e3')",
    "select parse_numeric(' ,,,.123 ')",
    "select round(cast('inf' as float64), -309), trunc(cast('nan' as float64), -400), round(cast('inf' as float64), -308)",
    "select format('%0#15x|%#X|%0#10x|%-#8x|%#o|%08o', 123, 255, -5, 3, 8, 8)",
    "select generate_array(cast('inf' as float64), cast('inf' as float64), 1.0), generate_array(1.5, 1.5)",
    "select array_is_distinct([cast('nan' as float64), cast('nan' as float64)]), array_is_distinct([cast('nan' as float64), 1.0])",
    "select timestamp_from_unix_seconds('2020-01-01'), timestamp_from_unix_millis(cast(null as timestamp))",
  ],
  "an untyped NULL in a STRUCT": [
    "select [struct(1, null), struct(2, 'a')]",
    "select [struct(2, 'a'), struct(1, null)], [struct(null), struct(1.5)]",
    "select struct(1, null) in (struct(1, 'a'))",
    "select if(true, struct(1, null), struct(null, 'a'))",
    "select json_object(['a', 'b'], [struct([10, 20] as d, 'foo' as e, json '1' as f), struct([1] as d, null as e, json '[[null]]' as f)])",
  ],
  "literals that give way to values": [
    "select generate_array(1249.500, 0.0, bignumeric '1e-38'), generate_array(1.5, 3.0, numeric '0.5')",
    "select mod(5.5, numeric '2'), safe_divide(1.5, numeric '2'), greatest(1.5, numeric '2')",
    "select range_contains(null, date '2020-01-01')",
    "select range_intersect(range(date '2020-01-01', null), null)",
  ],
  "EXTRACT from DATE": [
    "select extract(hour from date '2020-01-01')",
    "select extract(microsecond from date '2020-01-01')",
    "select extract(date from date '2020-01-01')",
    "select extract(time from date '2020-01-01')",
    "select extract(week(monday) from date '2020-01-01'), extract(isoyear from date '2020-01-01'), extract(dayofyear from cast(null as date))",
  ],
  "NaN in arrays": [
    "select array_is_distinct([struct(1.0), struct(1.0)]), array_is_distinct([struct(1.0), struct(2.0)]), array_is_distinct([struct(-0.0), struct(0.0)])",
    "select array_includes_any([1.0, cast('nan' as float64), null], [2.0, null]), array_includes_any([cast('nan' as float64)], [cast('nan' as float64)]), array_includes_all([1.0, 2.0, cast('nan' as float64)], [1.0]), array_includes_all([1.0, cast('nan' as float64)], [cast('nan' as float64)]), array_includes_all([1.0], array<float64>[]), array_includes_all(cast(null as array<float64>), [1.0])",
  ],
  "arrays by number": [
    "select array_remove_first_n([1, 2, 3], 2), array_remove_last_n([1, 2, 3], 1), array_remove_first_n([1, 2], 5), array_remove_first_n([1, null, 2], 0), array_remove_first_n(cast(null as array<int64>), -1), array_remove_last_n(array<int64>[], 1)",
    "select array_remove_first_n([1, 2, 3], -1)",
    "select generate_array(bignumeric '2', bignumeric '1', bignumeric '-0.25'), generate_array(bignumeric '2', 3)",
    "select pi(), pi_numeric(), pi_bignumeric()",
  ],
  JSONPath: [
    "select json_value('{}', x) from unnest(['$']) x",
    'select json_extract_array(\'{"a": ["foo"]}\', null)',
    "select json_query(null, '$.a'), json_query_array(null), json_extract(null, '$')",
    "select json_set(json '{}', '$.a[-1]', 1)",
  ],
};

describeOnBoth("traps of scalar functions", (both) => testStatements(both, traps));
