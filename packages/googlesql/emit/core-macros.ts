import type { Macro } from "../functions/contract.ts";

/** INTERVAL n PART: the part, its DuckDB text, and the largest n that GoogleSQL takes. */
const intervalUnits: readonly (readonly [string, string, string])[] = [
  ["year", "to_months(cast(n * 12 as integer))", "10000"],
  ["quarter", "to_months(cast(n * 3 as integer))", "40000"],
  ["month", "to_months(cast(n as integer))", "120000"],
  ["week", "to_days(cast(n * 7 as integer))", "522857"],
  ["day", "to_days(cast(n as integer))", "3660000"],
  ["hour", "to_microseconds(n * 3600000000)", "87840000"],
  ["minute", "to_microseconds(n * 60000000)", "5270400000"],
  ["second", "to_microseconds(n * 1000000)", "316224000000"],
  ["millisecond", "to_microseconds(n * 1000)", "316224000000000"],
  ["microsecond", "to_microseconds(n)", "316224000000000000"],
];

/** Macros that operators and casts stand on. */
export const coreMacros: readonly Macro[] = [
  ...intervalUnits.map(([unit, text, limit]) => ({
    name: `gs_interval_${unit}` as const,
    definition: `(n) as case when n between -${limit} and ${limit} then ${text}
      when n is null then null else cast(gs_raise('Interval overflow: ' || n || ' ${unit}') as interval) end`,
  })),
  {
    name: "gs_like",
    definition:
      "(x, p) as case when x is null then null else cast(gs_raise('LIKE pattern ends with a backslash') as boolean) end",
  },
  // ICU's sort key of the root locale has a level each for letters, accents and case, between bytes 01: without the last, case makes no difference.
  {
    name: "gs_ci",
    definition:
      "(x) as case when x is null then null else regexp_extract(icu_sort_key(x, 'und'), '^(?:(?:0[02-9A-F]|[1-9A-F][0-9A-F])*01){2}') end",
  },
  { name: "gs_collated", definition: "(x) as x" },
  {
    name: "gs_ci_ascii",
    definition:
      "(x) as case when x is null or regexp_full_match(x, '[ -~]*') then lower(x) else gs_raise('refused.collation: looking for a text without regard to case, beyond ASCII') end",
  },
  {
    name: "gs_ci_sought",
    definition:
      "(x) as case when x = '' then gs_raise('refused.collation: looking for an empty text') else gs_ci_ascii(x) end",
  },
  {
    name: "gs_ci_pattern",
    definition: `(p) as case when contains(p, '_') then gs_raise('LIKE pattern has ''_'' which is not allowed when its operands have collation: ' || p)
      when contains(p, '\\') then gs_raise('refused.collation: a backslash in the pattern of LIKE') else gs_ci_ascii(p) end`,
  },
  {
    name: "gs_ci_replace",
    definition: `(x, y, z) as case when x is null or y is null or z is null then null when y = '' then x
      when gs_ci_ascii(x) is not null and gs_ci_ascii(y) is not null
      then regexp_replace(x, '(?i)' || regexp_escape(y), replace(z, '\\', '\\\\'), 'g') end`,
  },
  {
    name: "gs_ci_split",
    definition: `(x, y) as case when x is null or y is null then null when y = '' then string_split(x, '')
      when gs_ci_ascii(x) is not null and gs_ci_ascii(y) is not null then string_split_regex(x, '(?i)' || regexp_escape(y)) end`,
  },
  // A cast that always fails: unlike error() it is not volatile, so TRY can hold it.
  { name: "gs_raise", definition: "(m) as cast(cast(('!!' || m) as smallint) as varchar)" },
  { name: "gs_feq", definition: "(a, b) as case when isnan(a) and b is not null then false else a = b end" },
  { name: "gs_fne", definition: "(a, b) as case when isnan(a) and b is not null then true else a <> b end" },
  {
    name: "gs_flt",
    definition:
      "(a, b) as case when (isnan(a) and b is not null) or (isnan(b) and a is not null) then false else a < b end",
  },
  {
    name: "gs_fle",
    definition:
      "(a, b) as case when (isnan(a) and b is not null) or (isnan(b) and a is not null) then false else a <= b end",
  },
  {
    name: "gs_fdiv",
    definition: `(a, b) as case
      when b = 0 then cast(gs_raise('division by zero: ' || a || ' / ' || b) as double)
      when isfinite(a / b) then a / b
      when isfinite(a) and isfinite(b) then cast(gs_raise('double overflow: ' || a || ' / ' || b) as double)
      else a / b end`,
  },
  {
    name: "gs_idiv_float",
    definition: `(a, b) as case when b = 0 then cast(gs_raise('division by zero: ' || a || ' / ' || b) as double)
      else cast(a as double) / cast(b as double) end`,
  },
  // Where JS takes over what DuckDB cannot do, its branch stands first: a NULL falls through to DuckDB's and costs no call.
  {
    name: "gs_numeric_mul",
    definition: `(a, b) as case when abs(a) >= 1000000000 or abs(b) >= 1000000000 then gs_numeric_mul_exact(a, b)
      else cast(a * b as decimal(38,9)) end`,
  },
  {
    name: "gs_numeric_check",
    definition: "(x) as cast(x as decimal(38,9))",
  },
  {
    name: "gs_float_to_int64",
    definition: "(x) as cast(round(x) as bigint)",
  },
  {
    name: "gs_string_to_int64",
    definition:
      "(s) as case when not regexp_full_match(s, '[+-]?[0-9]{1,18}') then gs_parse_int64(s) else cast(s as bigint) end",
  },
  {
    name: "gs_string_to_float64",
    definition:
      "(s) as case when not regexp_full_match(s, '[+-]?[0-9]{1,15}([.][0-9]{1,15})?') then gs_parse_float64(s) else cast(s as double) end",
  },
  {
    name: "gs_string_to_numeric",
    definition:
      "(s) as case when not regexp_full_match(s, '[+-]?[0-9]{1,15}([.][0-9]{1,9})?') then gs_parse_numeric(s) else cast(s as decimal(38,9)) end",
  },
  {
    name: "gs_string_to_bool",
    definition: `(s) as case lower(s) when 'true' then true when 'false' then false
      else case when s is null then null else cast(gs_raise('Bad bool value: ' || s) as boolean) end end`,
  },
  {
    name: "gs_string_to_date",
    definition:
      "(s) as case when not regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}') or s < '0001' then gs_parse_date(s) else cast(s as date) end",
  },
  {
    name: "gs_string_to_datetime",
    definition: `(s) as case when not regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?')
      or s < '0001' then gs_parse_datetime(s) else cast(s as timestamp) end`,
  },
  {
    name: "gs_string_to_timestamp",
    definition: `(s) as case when not regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?(Z|[+]00)?')
      or s < '0001' then gs_parse_timestamp(s) else cast(cast(rtrim(replace(s, '+00', ''), 'Z') as timestamp) as timestamptz) end`,
  },
  {
    name: "gs_fraction_text",
    definition: `(us) as case when us = 0 then '' when us % 1000 = 0 then '.' || lpad(cast(us // 1000 as varchar), 3, '0')
      else '.' || lpad(cast(us as varchar), 6, '0') end`,
  },
  {
    name: "gs_datetime_text",
    definition: "(x) as strftime(x, '%Y-%m-%d %H:%M:%S') || gs_fraction_text(microsecond(x) % 1000000)",
  },
  { name: "gs_timestamp_text", definition: "(x) as gs_datetime_text(x at time zone 'UTC') || '+00'" },
  {
    name: "gs_time_text",
    definition: `(x) as lpad(cast(hour(x) as varchar), 2, '0') || ':' || lpad(cast(minute(x) as varchar), 2, '0') || ':'
      || lpad(cast(second(x) as varchar), 2, '0') || gs_fraction_text(microsecond(x) % 1000000)`,
  },
  { name: "gs_numeric_to_float", definition: "(x) as cast(cast(x as varchar) as double)" },
  {
    name: "gs_numeric_text",
    definition: "(x) as regexp_replace(cast(x as varchar), '[.]?0+$', '')",
  },
  // Three-valued AND and OR over a list of truths; of no truths AND is true and OR is false.
  {
    name: "gs_all_true",
    definition:
      "(l) as case when list_contains(l, false) then false when list_count(l) < len(l) then null else true end",
  },
  {
    // Starts first: without one before all others; then ends: without one after all others.
    name: "gs_range_key",
    definition:
      "(r) as case when r is not null then {'a': r.f1 is not null, 'b': r.f1, 'c': r.f2 is null, 'd': r.f2} end",
  },
  {
    name: "gs_any_true",
    definition:
      "(l) as case when l is null then false when list_contains(l, true) then true when list_count(l) < len(l) then null else false end",
  },
  {
    name: "gs_date_check",
    definition: `(d) as case when d < date '0001-01-01' or d > date '9999-12-31'
      then cast(gs_raise('date out of range') as date) else d end`,
  },
  { name: "gs_date_plus", definition: "(d, n) as gs_date_from_days(gs_days_of_date(d) + n)" },
  { name: "gs_days_of_date", definition: "(d) as date_diff('day', date '1970-01-01', d)" },
  {
    name: "gs_date_from_days",
    definition: `(n) as date '1970-01-01' + cast(n as integer)
      + case when n < -719162 or n > 2932896 then cast(gs_raise('date out of range') as integer) else 0 end`,
  },
  {
    name: "gs_datetime_check",
    definition: `(x) as case when x < timestamp '0001-01-01' or x > timestamp '9999-12-31 23:59:59.999999'
      then cast(gs_raise('datetime out of range') as timestamp) else x end`,
  },
  {
    name: "gs_timestamp_check",
    definition: `(x) as case when x < timestamptz '0001-01-01 00:00:00+00' or x > timestamptz '9999-12-31 23:59:59.999999+00'
      then cast(gs_raise('timestamp out of range') as timestamptz) else x end`,
  },
  {
    name: "gs_timestamp_plus_interval",
    definition: `(x, i) as case when datepart('year', i) <> 0 or datepart('month', i) <> 0
      then cast(gs_raise('TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH or YEAR part') as timestamptz)
      else gs_timestamp_check(cast((x at time zone 'UTC') + i as timestamptz)) end`,
  },
  {
    name: "gs_interval_check",
    definition: `(i) as case when abs(datepart('year', i)) >= 10000 and i <> to_years(10000) and i <> to_years(-10000)
      then cast(gs_raise('INTERVAL out of range') as interval) else i end`,
  },
  { name: "gs_date_minus", definition: "(a, b) as to_days(cast(gs_days_of_date(a) - gs_days_of_date(b) as integer))" },
  {
    name: "gs_datetime_minus",
    definition: `(a, b) as to_days(cast((epoch_us(a) - epoch_us(b)) // 86400000000 as integer)) +
      to_microseconds((epoch_us(a) - epoch_us(b)) % 86400000000)`,
  },
  { name: "gs_instant_minus", definition: "(a, b) as to_microseconds(epoch_us(a) - epoch_us(b))" },
  { name: "gs_time_minus", definition: "(a, b) as to_microseconds(epoch_us(a) - epoch_us(b))" },
  { name: "gs_shift_left", definition: "(a, n) as gs_shift(a, n, true)" },
  { name: "gs_shift_right", definition: "(a, n) as gs_shift(a, n, false)" },
  {
    name: "gs_array_at",
    definition: `(a, i) as case when i < 0 or i >= len(a) then cast(gs_raise('Array index ' || i || ' is out of bounds') as bigint) else i end`,
  },
];
