import fc from "fast-check";
import type { GoogleSqlType, ScalarKind } from "../types.ts";
import { typeName } from "../types.ts";

/** What strings a function is likely to make something of. */
export type StringFlavour =
  | "text"
  | "json"
  | "path"
  | "pattern"
  | "date"
  | "format"
  | "zone"
  | "url"
  | "number"
  | "code";

const quoted = (text: string): string => `'${text.replace(/[\\']/g, "\\$&").replaceAll("\n", "\\n")}'`;

const strings: Readonly<Record<StringFlavour, readonly string[]>> = {
  text: [
    "",
    "a",
    "abc",
    "Abc DEF",
    "ABC",
    "  pad ",
    "ß",
    "İstanbul",
    "naïve",
    "été",
    "日本語",
    "😀x😀",
    "a,b,,c",
    "x_y%z",
    "foo-bar baz",
    "aaa",
    "\t\n",
    "1e3",
    "tEST",
  ],
  json: [
    '{"a":1,"b":[1,2,{"c":"x"}],"d":null}',
    '[1,2.5,"x",null,true]',
    '"text"',
    "12345678901234567890",
    "1.0",
    "-0.0",
    "null",
    "true",
    "{}",
    "[]",
    '{"a.b":{"c d":"\\u00e9"}}',
    '{"a":',
    "1e400",
    ' {"a" : 1 } ',
    '{"a":1,"a":2}',
  ],
  path: [
    "$",
    "$.a",
    "$.b[1]",
    "$.b[2].c",
    "$['a.b']",
    "$.b",
    "$[0]",
    "$.nope",
    "$.d",
    "a",
    "$.b[-1]",
    '$."a.b"."c d"',
    "$.*",
    "$.b[99]",
  ],
  pattern: [
    "a",
    "a.c",
    "(a)(b)?",
    "[A-Z]+",
    "^a|c$",
    "\\\\d+",
    "(?i)abc",
    ".*",
    "",
    "b+?",
    "\\\\pL",
    "a{2}",
    "(",
    "(?P<x>b)",
    "\\\\bfoo",
    "_b%",
    "%",
    "a_c",
    "%\\\\%%",
  ],
  date: [
    "2024-02-29",
    "2023-12-31 23:59:59.999999",
    "2024-01-01 00:00:00",
    "1969-12-31",
    "2024-03-31T02:30:00",
    "2024-06-01 12:00:00+05:30",
    "2024-10-27 01:30:00 Europe/Berlin",
    "0001-01-01",
    "9999-12-31",
    "12:34:56",
    "2024-2-3",
    "20240203",
    "not a date",
    "1-2 3 4:5:6",
    "P1Y2M3DT4H5M6.5S",
  ],
  format: [
    "%Y-%m-%d",
    "%H:%M:%E*S",
    "%A, %d %B %Y",
    "%j %U %V %G",
    "%Q",
    "%s",
    "%E4Y %e",
    "%I %p",
    "%Z %z %Ez",
    "%%",
    "%y%m%d",
    "%F %T",
    "%c",
    "%x %X",
    "%D %R",
    "%u %w %W",
    "%n%t",
    "%C %g %h",
    "%k %l",
    "%E3S",
    "%P",
  ],
  zone: [
    "UTC",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Asia/Kolkata",
    "+05:30",
    "-08",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Nowhere/City",
    "utc",
  ],
  url: [
    "https://www.Example.co.uk:8080/a/b?q=1#f",
    "http://user:pw@host.example.com/",
    "mailto:someone@example.com",
    "//x.org/p",
    "example.org",
    "http://[::1]/",
    "http://1.2.3.4/x",
    "",
    "not a url",
  ],
  number: [
    "1",
    "-1.5",
    " 12 ",
    "0x1F",
    "1e10",
    "NaN",
    "inf",
    "-Infinity",
    "9223372036854775807",
    "9223372036854775808",
    "0.1234567890123456789",
    "+3",
    "",
    "abc",
    "true",
  ],
  code: ["00ff", "QUJD", "aGVsbG8=", "MFRGGZDF", "xyz!", "0AF", "====", "ab_-"],
};

export const stringsOf = (...flavours: readonly StringFlavour[]): readonly string[] =>
  flavours.flatMap((flavour) => strings[flavour]).map(quoted);

const pools: Readonly<Record<Exclude<ScalarKind, "STRING">, readonly string[]>> = {
  BOOL: ["true", "false"],
  INT64: [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "5",
    "-7",
    "10",
    "31",
    "63",
    "64",
    "100",
    "255",
    "1000000",
    "1704067200",
    "-62135596800",
    "253402300799",
    "9223372036854775807",
    "-9223372036854775808",
    "9007199254740993",
  ],
  FLOAT64: [
    "0.0",
    "-0.0",
    "1.0",
    "-1.5",
    "0.1",
    "2.5",
    "-2.5",
    "3.7",
    "1e10",
    "123456789.123",
    "1e-5",
    "1e308",
    "-1e308",
    "4.9e-324",
    "cast('nan' as float64)",
    "cast('inf' as float64)",
    "cast('-inf' as float64)",
    "9.3e18",
    "0.5",
  ],
  NUMERIC: [
    "numeric '0'",
    "numeric '1'",
    "numeric '-1.5'",
    "numeric '0.000000001'",
    "numeric '2.5'",
    "numeric '-2.5'",
    "numeric '99999999999999999999999999999.999999999'",
    "numeric '-99999999999999999999999999999.999999999'",
    "numeric '123.456789'",
    "numeric '3'",
  ],
  BIGNUMERIC: [
    "bignumeric '0'",
    "bignumeric '1'",
    "bignumeric '-1.5'",
    "bignumeric '1e-38'",
    "bignumeric '2.5'",
    "bignumeric '123456789012345678901234567890.5'",
    "bignumeric '5.7896044618658097711785492504343953926634992332820282019728792003956564819967e38'",
    "bignumeric '3'",
    "bignumeric '-0.25'",
  ],
  BYTES: ["b''", "b'abc'", "b'\\x00\\xff'", "b'aXbX'", "b'\\xe2\\x82\\xac'", "b'ABC'", "b' a '", "b'a'"],
  DATE: [
    "date '1970-01-01'",
    "date '2024-02-29'",
    "date '2023-12-31'",
    "date '2024-12-30'",
    "date '0001-01-01'",
    "date '9999-12-31'",
    "date '2017-11-05'",
    "date '2021-01-03'",
    "date '1582-10-15'",
    "date '2024-03-31'",
  ],
  TIME: ["time '00:00:00'", "time '23:59:59.999999'", "time '12:34:56.123'", "time '01:02:03'"],
  DATETIME: [
    "datetime '1970-01-01 00:00:00'",
    "datetime '2024-02-29 23:59:59.999999'",
    "datetime '2023-12-31 12:00:00'",
    "datetime '0001-01-01 00:00:00'",
    "datetime '9999-12-31 23:59:59.999999'",
    "datetime '2024-03-31 02:30:00.5'",
    "datetime '2021-01-03 01:02:03.004005'",
  ],
  TIMESTAMP: [
    "timestamp '1970-01-01 00:00:00+00'",
    "timestamp '2024-02-29 23:59:59.999999+00'",
    "timestamp '2023-12-31 12:00:00-08'",
    "timestamp '0001-01-01 00:00:00+00'",
    "timestamp '9999-12-31 23:59:59.999999+00'",
    "timestamp '2024-03-31 01:30:00.5+00'",
    "timestamp '1969-12-31 23:59:59.999+00'",
    "timestamp '2024-11-03 09:00:00+00'",
  ],
  INTERVAL: [
    "interval 1 day",
    "interval -1 month",
    "interval '1-2 3 4:5:6.789' year to second",
    "interval 0 second",
    "interval 25 hour",
    "interval 1 year",
    "interval -90 minute",
  ],
  JSON: [
    'json \'{"a":1,"b":[1,2,{"c":"x"}],"d":null}\'',
    "json '[1,2.5,\"x\",null,true]'",
    "json '\"text\"'",
    "json '12'",
    "json '1.5'",
    "json 'null'",
    "json 'true'",
    "json '{}'",
    "json '[]'",
    "json '-9223372036854775808'",
    "json '1e20'",
    "json '\"12\"'",
  ],
};

export interface LiteralOptions {
  /** How strings are chosen; plain text when absent. */
  readonly strings?: readonly string[] | undefined;
  /** One in so many is NULL; 0 for never. */
  readonly nullOneIn?: number;
}

/** GoogleSQL text of a value of that type: the ordinary, the extreme, and NULL. */
export function literalOf(type: GoogleSqlType, options: LiteralOptions = {}): fc.Arbitrary<string> {
  const nullOneIn = options.nullOneIn ?? 8;
  const value = presentValue(type, options);
  if (nullOneIn === 0) return value;
  return fc.oneof(
    { weight: nullOneIn - 1, arbitrary: value },
    { weight: 1, arbitrary: fc.constantFrom(`cast(null as ${typeName(type)})`, "null") },
  );
}

function presentValue(type: GoogleSqlType, options: LiteralOptions): fc.Arbitrary<string> {
  switch (type.kind) {
    case "STRING":
      return fc.constantFrom(...(options.strings ?? stringsOf("text")));
    case "INT64":
      return fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...pools.INT64) },
        { weight: 2, arbitrary: fc.integer({ min: -12, max: 40 }).map(String) },
      );
    case "FLOAT64":
      return fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...pools.FLOAT64) },
        { weight: 1, arbitrary: fc.integer({ min: -9999, max: 9999 }).map((n) => (n / 8).toFixed(3)) },
      );
    case "ARRAY": {
      const element = literalOf(type.element, { ...options, nullOneIn: 10 });
      return fc
        .array(element, { maxLength: 4 })
        .map((items) => `array<${typeName(type.element)}>[${items.join(", ")}]`);
    }
    case "STRUCT":
      return fc
        .tuple(...type.fields.map((field) => literalOf(field.type, options)))
        .map((fields) => `struct<${typeName(type).slice(7, -1)}>(${fields.join(", ")})`);
    case "RANGE": {
      const day = fc.constantFrom("2020-01-01", "2020-06-15", "2024-02-29", "UNBOUNDED");
      return fc.tuple(day, day).map(([a, b]) => `range<${typeName(type.element)}> '[${a}, ${b})'`);
    }
    default:
      return fc.constantFrom(...pools[type.kind as Exclude<ScalarKind, "STRING">]);
  }
}
