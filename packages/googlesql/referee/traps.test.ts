import { expect, test } from "vitest";
import { describeOnBoth, testStatements } from "./describe-on-both.ts";

/** Where GoogleSQL and other engines part ways, each with statements that show it. */
const traps: Readonly<Record<string, readonly string[]>> = {
  "integer and float division": [
    "select 7 / 2, -7 / 2, div(7, 2), div(-7, 2), mod(-7, 3), mod(7, -3)",
    "select 1 / 3, 10 / 4",
    "select numeric '1' / 3, bignumeric '1' / 3",
  ],
  "division by zero": [
    "select 1 / 0",
    "select 1.0 / 0.0",
    "select 0 / 0",
    "select div(1, 0)",
    "select mod(1, 0)",
    "select ieee_divide(1, 0), ieee_divide(0, 0), safe_divide(1, 0)",
    "select numeric '1' / 0",
    "select x / y from (select 1 x, 0 y)",
  ],
  overflow: [
    "select 9223372036854775807 + 1",
    "select -9223372036854775808 - 1",
    "select 9223372036854775807 * 2",
    "select - x from (select -9223372036854775808 x)",
    "select abs(-9223372036854775808)",
    "select safe_add(9223372036854775807, 1), safe_negate(-9223372036854775808), safe_multiply(9223372036854775807, 2)",
    "select 1e308 * 10",
    "select exp(1000)",
    "select numeric '99999999999999999999999999999' * 10",
    "select sum(x) from unnest([9223372036854775807, 1]) x",
    "select cast(9.3e18 as int64)",
  ],
  "array access out of range": [
    "select [1, 2][offset(2)]",
    "select [1, 2][ordinal(0)]",
    "select [1, 2][safe_offset(2)], [1, 2][safe_ordinal(0)]",
    "select [1, 2][offset(-1)]",
    "select [1, 2][0], [1, 2][ordinal(2)]",
    "select cast(null as array<int64>)[offset(0)]",
  ],
  "scalar subquery": [
    "select (select x from unnest([1, 2]) x)",
    "select (select x from unnest([1]) x), (select 1 from unnest([1]) where false)",
    "select array(select x from unnest([3, 1, 2]) x order by x)",
    "select exists(select 1 from unnest([1]) where false)",
  ],
  "errors that are held back": [
    "select safe_add(cast(s as int64), 1) from (select 'a' s)",
    "select safe_negate(cast(s as int64)), safe_subtract(1, cast(s as int64)) from (select 'a' s)",
    "select safe_divide(numeric '1' / x, 1) from (select numeric '0' x)",
    "select safe.sqrt(x), if(x >= 0, sqrt(x), 0.0), if(x >= 0, sqrt(x) + 1, 0.0) from (select -1.0 x union all select 4)",
    "select iferror(1 / x, 0), iferror(1 / x + 1, 0), iserror(1 / x), nulliferror(1 / x) from (select 0 x union all select 4)",
    "select safe.sum(x), safe.avg(x) from unnest([9223372036854775807, 1]) x",
    "select safe.sum(1 / x) from unnest([0, 1]) x",
  ],
  "frames at the edge": [
    "select x, count(*) over (order by x range between 2 preceding and 4 preceding), count(*) over (order by x rows between 4 following and 2 following) from unnest([1, 2, 4, 5, 9]) x",
    "select x, count(*) over (order by x range between 1 preceding and current row), sum(x) over (order by x desc range between 1 preceding and 1 following) from unnest([null, cast('nan' as float64), cast('-inf' as float64), 1.5, 2.0, cast('inf' as float64)]) x",
    "select x, count(*) over (order by x range between 1 preceding and unbounded following), count(*) over (order by x desc range between unbounded preceding and 1 preceding) from unnest([numeric '99999999999999999999999999999.999999999', numeric '-99999999999999999999999999999.999999999', 0, null]) x",
    "select x, count(*) over (order by x range between 9223372036854775807 preceding and 1 following) from unnest([10, -10, null]) x",
  ],
  "statistics of large values": [
    "select sum(x), avg(x) from unnest([1e308, 1e308, -1e308]) x",
    "select avg(x) from unnest([1e308, 1e308, 1e308]) x",
    "select x, avg(x) over (order by x), avg(x) over (order by x desc) from unnest([cast('inf' as float64), 1.5, null]) x",
    "select avg(x), sum(x) from unnest([cast('inf' as float64), cast('-inf' as float64)]) x",
    "select corr(x, y), covar_pop(x, y), covar_samp(x, y) from (select -1.5 as x, 1e308 as y union all select 466.875, 0.5)",
    "select stddev_samp(x), stddev_pop(x) from unnest([1.0, 2.2e+304, -2.2e+304]) x",
    "select covar_pop(x, y), covar_samp(x, y), corr(x, y) from (select numeric '1' x, numeric '2' y union all select 3, 5 union all select null, 7 union all select 4, 4)",
    "select percentile_disc(x, 0.5) over (), percentile_disc(x, 0 respect nulls) over () from unnest([2.0, cast('nan' as float64), null]) x",
    "select percentile_cont(x, numeric '0.3') over () from unnest([numeric '-99999999999999999999999999999.999999999', 0, numeric '99999999999999999999999999999.999999999']) x",
  ],
  casts: [
    "select cast('x' as int64)",
    "select safe_cast('x' as int64), safe_cast('1.5' as int64), safe_cast('0x1f' as int64)",
    "select cast(2.5 as int64), cast(-2.5 as int64), cast(3.5 as int64)",
    "select cast(1.5 as string), cast(1e20 as string), cast(-0.0 as string), cast(1e-7 as string), cast(123456789012345678 as string)",
    "select cast('nan' as float64), cast('  -inf ' as float64), cast('1e400' as float64)",
    "select cast(true as string), cast('TRUE' as bool), cast('yes' as bool)",
    "select cast(b'\\xff' as string)",
    "select cast('2024-02-30' as date)",
    "select safe_cast('2024-02-30' as date), safe_cast(b'\\xff' as string)",
    "select cast(numeric '1.50' as string), cast(numeric '2.5' as int64), cast('1e3' as numeric)",
    "select cast(date '2024-01-02' as timestamp), cast(timestamp '2024-01-02 03:04:05.6+00' as string), cast(datetime '2024-01-02 03:04:05.600' as string)",
  ],
  "SAFE.": [
    "select safe.substr('foo', 0, -2), safe.parse_date('%Y', 'x'), safe.ln(-1), safe.date_add(date '9999-12-31', interval 1 day)",
    "select safe.log(0), safe.sqrt(-1), safe.exp(1000)",
    "select safe.from_base64('!')",
  ],
  "NULL and NaN order": [
    "select array_agg(x order by x), array_agg(x order by x desc) from unnest([2.0, null, cast('nan' as float64), cast('-inf' as float64), 1.0]) x",
    "select array_agg(x order by x nulls last), array_agg(x order by x desc nulls first) from unnest([2, null, 1]) x",
    "select min(x), max(x) from unnest([1.0, cast('nan' as float64), null]) x",
    "select cast('nan' as float64) = cast('nan' as float64), cast('nan' as float64) < 1, 1 < cast('nan' as float64)",
    "select x, rank() over (order by x), rank() over (order by x desc) from unnest([2, null, 1, null]) x",
  ],
  "NULL in IN and NOT IN": [
    "select 1 in (1, null), 2 in (1, null), 2 not in (1, null), null in (1), 1 not in (2, 3)",
    "select 1 in unnest([1, null]), 2 in unnest(array<int64>[null]), 2 in unnest(cast(null as array<int64>)), null in unnest(array<int64>[])",
    "select 2 in (select x from unnest([1, null]) x), 2 not in (select x from unnest(array<int64>[]) x)",
  ],
  "GREATEST and LEAST with NULL": [
    "select greatest(1, null, 3), least(1, null), greatest(1.0, cast('nan' as float64)), least(1.0, cast('nan' as float64))",
    "select greatest('a', 'B'), least(date '2024-01-01', date '2023-01-01')",
  ],
  "code points against bytes": [
    "select length('é😀'), length(b'\\xc3\\xa9'), byte_length('é😀'), char_length('日本'), reverse('aé😀'), substr('日本語', 2, 1), substr(b'\\xe6\\x97', 1, 1)",
    "select strpos('日本語', '語'), upper('straße'), lower('İ'), initcap('o\\'neil mc-donald'), to_code_points('é'), code_points_to_string([233, 128512])",
    "select left('日本語', 2), right('日本語', 1), lpad('é', 3, '日本'), rpad('a', 3)",
    "select instr('banana', 'an', -1), instr('banana', 'an', 1, 2), substr('hello', -3), substr('hello', 0), substr('hello', -10, 7)",
  ],
  "LIKE escapes": [
    "select 'a%b' like 'a\\\\%b', 'axb' like 'a\\\\%b', 'a_b' like 'a\\\\_b', 'axb' like 'a_b', 'a\\nb' like 'a%b', '' like '', 'A' like 'a'",
    "select 'a' like 'a\\\\'",
    "select b'a\\xff' like b'a_', 'é' like '_'",
    "select 'foo' like any ('f%', 'b%'), 'foo' not like any ('b%'), 'foo' like all ('f%', '%o')",
  ],
  RE2: [
    "select regexp_contains('ABC', '(?i)b'), regexp_contains('a\\nb', 'a.b'), regexp_contains('a\\nb', '(?s)a.b'), regexp_contains('x', '')",
    "select regexp_extract('foo bar', '(o+)'), regexp_extract('abc', 'x'), regexp_extract('abcabc', 'b', 3), regexp_extract('abcabc', 'b.', 1, 2)",
    "select regexp_extract_all('a1b22', '[0-9]+'), regexp_replace('abc', '(b)', '[\\\\1]'), regexp_replace('abc', '', '-'), regexp_instr('abcb', 'b')",
    "select regexp_contains('a', '(')",
    "select regexp_extract('ab', '(a)(b)')",
    "select regexp_contains('é', '^.$')",
  ],
  weeks: [
    "select extract(week from date '2024-01-06'), extract(week from date '2024-01-07'), extract(isoweek from date '2021-01-03'), extract(isoyear from date '2021-01-03'), extract(week(monday) from date '2024-01-08'), extract(dayofweek from date '2024-01-07')",
    "select date_trunc(date '2024-01-10', week), date_trunc(date '2024-01-10', week(monday)), date_trunc(date '2024-01-10', isoweek), date_trunc(date '2021-01-03', isoyear), date_trunc(date '2024-05-10', quarter)",
    "select date_diff(date '2024-01-07', date '2024-01-06', week), date_diff(date '2024-01-08', date '2024-01-07', isoweek), date_diff(date '2024-01-08', date '2024-01-07', week(monday)), date_diff(date '2024-03-01', date '2024-02-29', month), date_diff(date '2024-01-01', date '2023-12-31', year)",
    "select format_date('%U %W %V %G %u %w %j', date '2024-12-30')",
  ],
  LAST_DAY: [
    "select last_day(date '2024-02-10'), last_day(date '2023-02-10', month), last_day(date '2024-01-10', week), last_day(date '2024-01-10', week(monday)), last_day(date '2024-01-10', quarter), last_day(date '2024-01-10', isoyear)",
    "select last_day(datetime '2024-02-10 11:00:00')",
    "select date_add(date '2024-01-31', interval 1 month), date_sub(date '2024-03-31', interval 1 month), date_add(date '2024-02-29', interval 1 year)",
  ],
  "time zones, DATETIME against TIMESTAMP": [
    "select timestamp '2024-03-10 02:30:00 America/Los_Angeles', timestamp('2024-11-03 01:30:00', 'America/Los_Angeles')",
    "select datetime(timestamp '2024-07-01 00:00:00+00', 'Asia/Kolkata'), date(timestamp '2024-07-01 00:00:00+00', 'America/New_York'), extract(hour from timestamp '2024-07-01 00:00:00+00' at time zone 'Europe/Berlin')",
    "select timestamp_trunc(timestamp '2024-07-01 03:00:00+00', day, 'America/New_York'), timestamp_diff(timestamp '2024-07-02 00:00:00+00', timestamp '2024-07-01 00:00:01+00', day), timestamp_add(timestamp '2024-03-10 09:30:00+00', interval 1 day)",
    "select datetime_diff(datetime '2024-07-02 00:00:00', datetime '2024-07-01 23:59:59', day), datetime_diff(datetime '2024-01-01', datetime '2023-12-31 23:59:59', year)",
    "select timestamp 'nowhere'",
    "select format_timestamp('%F %T %Z %z', timestamp '2024-07-01 00:00:00+00', 'Europe/Berlin'), string(timestamp '2024-07-01 00:00:00+00', 'Asia/Kolkata')",
    "select timestamp_add(timestamp '2024-01-01', interval 1 month)",
  ],
  microseconds: [
    "select timestamp '2024-01-01 00:00:00.123456+00', timestamp_micros(1), timestamp_millis(-1), unix_micros(timestamp '1969-12-31 23:59:59.999999+00'), unix_millis(timestamp '1969-12-31 23:59:59.999999+00'), unix_seconds(timestamp '1969-12-31 23:59:59.999999+00')",
    "select time '23:59:59.999999', time_add(time '23:59:59.999999', interval 1 microsecond), datetime_trunc(datetime '2024-01-01 01:02:03.456789', millisecond)",
  ],
  "format strings": [
    "select format('%d %5d %-5d| %05d %+d %x %o %\\'d', 1, 2, 3, 4, 5, 255, 8, 1234567)",
    "select format('%s %t %T %q', 'a\\'b', 'a\\'b', 'a\\'b', 'a')",
    "select format('%t %T', [1, null], struct(1 as a, 'x'))",
    "select format('%.2f %e %g %10.3f %a', 1.005, 12345.678, 0.0001, 3.14159, 1.0)",
    "select format('%t %T %t %T', date '2024-01-02', date '2024-01-02', timestamp '2024-01-02 03:04:05+00', numeric '1.5')",
    "select format('%d', null), format('%*d', 5, 42), format('%%')",
    "select format('%d', 'x')",
    "select format('%t %T', 1.0, 1e20), format('%t', cast('nan' as float64)), format('%T', b'a\\xff')",
    "select format_date('%A %d %B %Y %Q', date '2024-02-29'), format_datetime('%c|%E4Y|%e|%I %p', datetime '2024-02-09 15:04:05'), format_time('%H:%M:%E3S', time '01:02:03.456789')",
    "select parse_date('%d/%m/%Y', '29/02/2024'), parse_timestamp('%Y-%m-%dT%H:%M:%E*S%Ez', '2024-02-29T01:02:03.5+05:30'), parse_datetime('%s', '0'), parse_time('%I:%M %p', '11:30 pm')",
    "select parse_date('%d/%m/%Y', '30/02/2024')",
  ],
  "NULL in the first of several STRUCTs": [
    "select * from unnest([struct(1 as a, null as b), (2, date '2024-01-01')])",
    "select * from unnest([struct(1 as a, null as b), (2, timestamp '2024-01-01'), (3, null)])",
    "select * from unnest([struct(1 as a, null as b), (2, 'x')])",
    "select * from unnest([struct(1 as a, null as b), (2, true)])",
    "select * from unnest([struct(1 as a, null as b), (2, 1.5)])",
    "select * from unnest([struct(1 as a, null as b), (2, numeric '1.5')])",
    "select * from unnest([struct(1 as a, null as b), (2, 'z'), (3, concat('a', 'b'))])",
    "select * from unnest([struct(1 as a, null as b), (2, [1])])",
    "select * from unnest([struct(1 as a, null as b, null as c), (2, date '2024-01-01', null), (3, null, concat('x'))])",
    "select * from unnest([struct(1 as a, null as b, null as c), (2, date '2024-01-01', null), (3, null, 'x')])",
    "select t.* from (select 3 as x, 'r' as y), unnest([struct(x as a, null as b), (2, y)]) as t",
    "select coalesce(struct(1 as a, null as b), struct(2, date '2024-01-01'))",
    "select if(false, struct(1 as a, null as b), struct(2, 'x'))",
    "select case when false then struct(1 as a, null as b) else struct(2, concat('x')) end",
  ],
  "STRUCT equality and anonymous fields": [
    "select struct(1, 'a') = struct(1, 'a'), struct(1, null) = struct(1, null), (1, 2) in ((1, 2), (3, 4)), struct(1 as a) = struct(1 as b)",
    "select struct(1 as a, 2 as a), struct(1, 2), (1, 2)",
    "select struct(1) < struct(2)",
    "select s.a, s.* from (select struct(1 as a, 'x' as b) as s)",
    "select (select as struct 1 as x, 'y' as z) as s",
  ],
  ARRAY_AGG: [
    "select array_agg(x ignore nulls order by x desc limit 2) from unnest([3, null, 1, 2]) x",
    "select array_agg(distinct x order by x) from unnest([3, 1, 3, 2]) x",
    "select array_agg(x) from unnest(array<int64>[]) x",
    "select array_agg(x order by x) from unnest([1, null]) x",
    "select string_agg(x, '-' order by x desc limit 2), string_agg(distinct x order by x) from unnest(['a', 'c', null, 'b']) x",
    "select array_concat_agg(x order by array_length(x)) from (select [1, 2] as x union all select [3])",
  ],
  "UNNEST WITH OFFSET": [
    "select x, o from unnest(['a', 'b']) x with offset o",
    "select * from unnest([struct(1 as a, 'x' as b), (2, 'y')]) with offset",
    "select x from unnest(cast(null as array<int64>)) x",
    "select t.k, v from (select 1 k, [10, 20] vs union all select 2, array<int64>[]) t left join unnest(t.vs) v",
    "select k, v from (select 1 k, [10, 20] vs) t, t.vs v",
  ],
  "JSON_VALUE against JSON_QUERY": [
    "select json_value('{\"a\":{\"b\":1}}', '$.a'), json_query('{\"a\":{\"b\":1}}', '$.a'), json_value('{\"a\":\"x\"}', '$.a'), json_query('{\"a\":\"x\"}', '$.a')",
    "select json_value(json '{\"a\":1.50}', '$.a'), json_query(json '[1, {\"b\":null}]', '$[1]'), json_value('{\"a\":null}', '$.a'), json_value('not json', '$.a')",
    "select json_extract_array('[1,\"x\",null]'), json_value_array('[1,\"x\"]'), json_query_array('{\"a\":[[1],{}]}', '$.a')",
    "select to_json_string(struct(1 as a, [1.5, null] as b, date '2024-01-01' as c, 'q\"' as d)), to_json_string(9007199254740993), to_json_string(cast('nan' as float64))",
    "select json_type(json '1'), int64(json '1'), string(json '\"x\"'), bool(json 'true'), lax_int64(json '\"7\"'), json '{\"a\":[1,2]}'.a[1]",
    'select parse_json(\'{"a":1.0e2, "b":18446744073709551615}\')',
  ],
  hashes: [
    "select sha256('a'), md5(''), sha1(b'\\xff'), sha512('é'), farm_fingerprint('foo'), farm_fingerprint(b''), to_hex(sha256('')), to_base64(md5('x'))",
  ],
  "GENERATE_ARRAY bounds": [
    "select generate_array(1, 5, 2), generate_array(5, 1), generate_array(5, 1, -2), generate_array(1, null), generate_array(0.0, 1.0, 0.25)",
    "select generate_array(1, 2, 0)",
    "select generate_date_array(date '2024-01-30', date '2024-03-31', interval 1 month), generate_timestamp_array(timestamp '2024-01-01', timestamp '2024-01-02', interval 12 hour)",
  ],
  "BIGNUMERIC and NUMERIC": [
    "select bignumeric '0.12345678901234567890123456789012345678' + 1, bignumeric '3' * bignumeric '2.5', -bignumeric '1e-38', bignumeric '1' > 0.5",
    "select numeric '0.0000000015'",
    "select round(numeric '2.5'), round(numeric '-2.345', 2), trunc(numeric '2.9'), numeric '1.10' * numeric '1.10', numeric '10' / 3",
    "select avg(x), sum(x) from unnest([numeric '0.1', 0.2]) x",
    "select numeric '1.0000000001'",
    "select 1.1 = numeric '1.1', numeric '1' + 1, numeric '1' + 0.5",
  ],
  "INTERVAL arithmetic": [
    "select date '2024-01-31' + interval 1 month, date '2024-01-31' - interval 1 day, timestamp '2024-01-01 00:00:00+00' + interval 90 minute, datetime '2024-01-01' + interval '1-2 3 4:5:6' year to second",
    "select date '2024-03-01' - date '2024-02-01', timestamp '2024-01-02 00:00:00+00' - timestamp '2024-01-01 12:00:00+00'",
    "select interval 1 day * 3, interval '1:30:00' hour to second / 2, -interval 1 month, interval 1 month = interval 30 day, interval 36 hour > interval 1 day",
    "select extract(day from interval '1-2 3 4:5:6.789' year to second), justify_interval(interval 65 day), make_interval(1, 2, 3), cast(interval 1 hour as string)",
    "select timestamp '2024-01-01' + interval 1 month",
  ],
  identifiers: [
    "select A, a as B from (select 1 as a)",
    "with T as (select 1 as X) select t.x from t",
    "select `my-col` from (select 1 as `my-col`)",
    "select `a b`.`c d` from (select struct(1 as `c d`) as `a b`)",
    "select 1 as a, 2 as A",
    "select a from (select 1 as a, 2 as A)",
    "select t.a.b from (select struct(1 as b) as a) t",
  ],
  "set operations and joins": [
    "select 1 as a union all select 2.5",
    "select 1 union distinct select 1 union distinct select null",
    "(select x from unnest([1, 1, 2]) x) except distinct select 1",
    "(select x from unnest([1, 1, null]) x) intersect distinct select null",
    "select * from (select 1 a, 2 b) join (select 1 a, 3 c) using (a)",
    "select * from (select 1 a) full join (select 2 a) using (a)",
    "select * except (a), * replace (a + 1 as a) from (select 1 a, 2 b)",
    "select null as x union all select 'a'",
    "select x from (select null x) where x is null",
  ],
  grouping: [
    "select a, sum(b) from (select 1 a, 2 b union all select null, 3 union all select 1, 4) group by a",
    "select a + 1 as k, count(*) from (select 1 a union all select 1) group by k having count(*) > 1",
    "select count(*), count(distinct x), countif(x > 1), logical_or(x > 1), any_value(1) from unnest([1, 2, 2, null]) x",
    "select sum(x), avg(x), max(x), count(x) from unnest(array<int64>[]) x",
    "select a from (select 1 a, 2 b) group by b",
    "select x.y from (select struct(1 as y) x) group by 1",
  ],
  windows: [
    "select x, sum(x) over (order by x rows between 1 preceding and 1 following), sum(x) over (order by x range between 1 preceding and current row), lag(x, 1, -1) over (order by x), nth_value(x, 2) over (order by x rows between unbounded preceding and unbounded following) from unnest([1, 2, 2, 5]) x",
    "select x, row_number() over (order by x), dense_rank() over (order by x), percent_rank() over (order by x), cume_dist() over (order by x), ntile(2) over (order by x) from unnest([10, 20, 20, 40]) x",
    "select x from unnest([1, 2, 3]) x where true qualify row_number() over (order by x desc) = 1",
    "select x, first_value(x ignore nulls) over (order by o), last_value(x) over (order by o) from unnest([null, 3, 4]) x with offset o",
    "select percentile_cont(x, 0.5) over (), percentile_disc(x, 0.5) over () from unnest([1, 2, 3, 4]) x",
  ],
  "recursion, pivot, unpivot": [
    "with recursive t as (select 1 n union all select n + 1 from t where n < 4) select * from t",
    "select * from (select 'a' k, 1 v union all select 'b', 2) pivot (sum(v) as s for k in ('a', 'b' as bb))",
    "select * from (select 1 id, 10 x, 20 y) unpivot (v for k in (x, y as 'why'))",
    "select * from (select 1 id, 10 x, cast(null as int64) y) unpivot include nulls (v for k in (x, y))",
  ],
  conditionals: [
    "select if(null, 1, 2), case when null then 1 else 2 end, case 1 when null then 1 when 1 then 2 end, coalesce(null, 1), nullif(1, 1), ifnull(null, 'x')",
    "select if(true, 1, 1 / 0), coalesce(1, 1 / 0), case when true then 1 else error('x') end",
    "select iferror(1 / 0, -1), nulliferror(1 / 0), iserror(1 / 0)",
    "select null and false, null or true, not cast(null as bool), 1 is distinct from null",
    "select null = null",
  ],
};

/** This build of the referee cannot carry these out. */
const documented: readonly (readonly [string, readonly string[]])[] = [
  [
    "select a, grouping(a), count(*) from (select 1 a union all select 2) group by rollup(a)",
    ["1 0 1", "2 0 1", "null 1 2"],
  ],
  [
    "select a, b, count(*) from (select 1 a, 'x' b union all select 1, 'y') group by grouping sets ((a), (b), ())",
    ["1 null 2", "null x 1", "null y 1", "null null 2"],
  ],
  [
    "select a, b, count(*) from (select 1 a, 'x' b union all select 1, 'y') group by cube (a, b)",
    ["1 x 1", "1 y 1", "1 null 2", "null x 1", "null y 1", "null null 2"],
  ],
  ["select edit_distance('a', 'b'), edit_distance('aa', 'b'), edit_distance('aa', 'ba')", ["1 2 1"]],
  ["from unnest([1, 2, 3]) as x |> where x > 1 |> aggregate sum(x) as s", ["5"]],
];

/** Traps that the local engine stays out of. */
const refused: readonly (readonly [string, string])[] = [
  ["select regexp_extract('ab', '^b', 2)", "refused.REGEXP_EXTRACT"],
  ["select regexp_extract('ab', x, 2) from unnest(['^b']) x", "refused.REGEXP_EXTRACT"],
];

describeOnBoth("traps", (both) => {
  test("what the referee cannot judge gives what the documentation shows", async () => {
    for (const [sql, expected] of documented) {
      const { rows } = await both.local.run(sql);
      const text = rows.map((row) => row.map(String).join(" ")).sort();
      expect(text, sql).toEqual([...expected].sort());
    }
  });

  test("what is not served is refused by name", async () => {
    for (const [sql, code] of refused) await expect(both.local.run(sql), sql).rejects.toMatchObject({ code });
  });

  testStatements(both, traps);
});
