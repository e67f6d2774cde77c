import { describeOnBoth, testStatements } from "./describe-on-both.ts";

const sql = String.raw;

describeOnBoth("where a text or a number ends", (both) => {
  testStatements(both, {
    "when a text has a NUL, FORMAT's %s ends there and nothing else does": [
      sql`select format('%s|%t|%T', 'a\x00b', 'a\x00b', 'a\x00b'), format('%10s|%-10s|%.2s|', 'a\x00b', 'a\x00b', 'a\x00b')`,
      sql`select format(f, 'a\x00b', 'a\x00b') from unnest(['%s|%t|', '%5s|%5t|']) f`,
      sql`select format('%*s|', 5, 'a\x00b'), format('%10t|', ['a\x00b']), format('%s', '\x00')`,
    ],
    "when a format or a text of PARSE_* ends in one NUL, it is the end": [
      sql`select safe.parse_date(f, x) from unnest(['%Y', '%Y\x00', '%Y\x00\x00', '%Y \x00', '%Y%n\x00', '%Y\x00%m', '\x00', '']) f,
        unnest(['2024', '2024\x00', '2024\x00\x00', '2024 \x00', '2024\x00x', '', '\x00']) x`,
      sql`select safe.parse_datetime('%c', 'Mon Jan 15 10:20:30 2024\x00'), safe.parse_time('%E*S', '10.\x005')`,
    ],
    "when the name of a time zone has a NUL, it ends there; an offset does not": [
      sql`select safe.parse_timestamp('%Z %Y', x) from unnest(['UTC\x00abc 2024', 'UTC\x00 2024', '\x00UTC 2024']) x`,
      sql`select safe.timestamp('2024-07-01', z) from unnest(['UTC\x00x', 'America/New_York\x00x', '+01\x00x', '\x00']) z`,
      sql`select datetime(timestamp '2024-07-01', 'UTC\x00x'), timestamp_trunc(timestamp '2024-07-01', day, 'Europe/Rome\x00x')`,
    ],
    "when a time zone is called as only the library of time zones does, it is known": [
      sql`select datetime(timestamp '2024-07-01', 'UTC0'), extract(hour from timestamp '2024-07-01' at time zone 'Fixed/UTC+05:30:00')`,
      sql`select safe.datetime(timestamp '2024-07-01', z) from unnest(['UTC0', 'Fixed/UTC-24:00:00', 'Fixed/UTC+24:00:01', 'Fixed/UTC+1:00:00', 'utc0']) z`,
      sql`select safe.parse_timestamp('%F %Z', '2024-07-01 UTC0'), safe_cast('2024-07-01 00:00:00 UTC0' as timestamp)`,
    ],
    "when an interval of ISO 8601 has a NUL between its parts, it ends there": [
      sql`select safe_cast(x as interval) from unnest(['P1Y\x00T1H', 'P1Y2\x00M', 'PT1.5S\x00x', 'P\x00', 'P', 'PT', '1-2\x00']) x`,
    ],
    "when an element of PARSE_* goes through C's strptime, a number ends before it would be too large": [
      sql`select safe.parse_datetime('%F %T', x) from unnest(['2024-01-510:20:30', '2024-01- 50:20:30', '2024-01-15 3:6:7', '2024-01-15 31:1:1']) x`,
      sql`select safe.parse_datetime('%c', x) from unnest(['Mon Jan 51:2:30 2024', 'Mon Jan510:20:30 2024']) x`,
      sql`select safe.parse_time(f, x) from unnest(['%k%M', '%H%M', '%I%M', '%R%M', '%T%M']) f, unnest(['311', '231', '3:611', '3:5:711', ' 91']) x`,
      sql`select safe.parse_date(f, '513') from unnest(['%e%d', '%d%d', '%e%Q']) f`,
    ],
    "when JSON has a NUL behind its value, the rest is not read": [
      sql`select safe.parse_json(x) is null from unnest(['1\x00x', '{"a":1}\x00}', '[1,\x00 2]', '\x00', '"a\x00b"', ' 1 \x00']) x`,
      sql`select json '1\x00'`,
    ],
    "when JSON has half of a surrogate pair, it is none": [
      sql`select safe.parse_json(x) is null from unnest([r'"\ud800"', r'"\ude00\ud83d"', r'"\ud83d\ude00"', r'{"\udc00":1}']) x`,
      sql`select json r'"\ud800"'`,
    ],
    "when a zero of JSON has a sign, a whole one loses it": [
      sql`select to_json_string(json '-0'), to_json_string(json '-0.0'), to_json_string(parse_json('-0')), to_json_string(json '-0e1'), format('%t', json '-0')`,
      sql`select json_value('{"a":-0}', '$.a'), json_value(json '{"a":-0}', '$.a'), json_query('{"a":-0}', '$.a'), lax_string(json '-0')`,
      sql`select json_value_array('[-0,-0.0]'), json_value_array(json '[-0,-0.0]'), to_json_string(json_array(-0.0, json '-0'))`,
    ],
  });
});
