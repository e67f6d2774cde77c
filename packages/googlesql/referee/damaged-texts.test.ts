import { expect, test } from "vitest";
import { describeOnBoth } from "./describe-on-both.ts";

/**
 * What reads a text, and texts that it takes. Left out is what the reference evaluator of 2023 has not or refuses whole: FROM_BASE32 and
 * BASE32, RRRR, and %G with %V.
 */
const readers: Readonly<Record<string, readonly string[]>> = {
  "safe_cast(x as date)": ["2024-01-15", "0001-01-01", "9999-12-31"],
  "safe_cast(x as datetime)": ["2024-01-15 10:20:30.5", "2024-1-5T1:2:3", "2024-01-15t23:59:59.999999"],
  "safe_cast(x as time)": ["10:20:30.5", "1:2:3", "23:59:59.999999"],
  "safe_cast(x as timestamp)": [
    "2024-01-15 10:20:30.5+01:30",
    "2024-01-15T10:20:30 Europe/Rome",
    "2024-01-15 10:20Z",
    "2024-01-15 10:20:30 UTC",
  ],
  "safe_cast(x as interval)": ["1-2 3 4:5:6.7", "P1Y2M3W4DT5H6M7.8S", "-1-2 -3 -4:5:6"],
  "safe_cast(x as numeric)": ["1.5e3", "-12345678901234567890123456789.123456789", "+.5"],
  "safe_cast(x as bignumeric)": [
    "1.5e3",
    "-12345678901234567890123456789.123456789",
    "+.5",
    "5.7896044618658097711785492504343953926634992332820282019728792003956564819967e38",
  ],
  "safe_cast(x as int64)": ["-12", "0x1F", "-9223372036854775808"],
  "safe_cast(x as float64)": ["1.5e3", "-inf", "nan", "+infinity", "1e308", "0x1.8p3"],
  "safe_cast(x as bool)": ["true", "false", "TRUE"],
  "safe_cast(x as bytes format 'HEX')": ["0aFF", "abc"],
  "safe_cast(x as bytes format 'BASE64')": ["aGVsbG8=", "YWI="],
  "safe_cast(x as bytes format 'BASE8')": ["02620466", "00000100"],
  "safe_cast(x as bytes format 'BASE2')": ["01100010", "0000000100000000"],
  "safe.from_hex(x)": ["0aFF", "abc"],
  "safe.from_base64(x)": ["aGVsbG8=", "YWI"],
  "safe_cast(x as range<date>)": ["[2024-01-15, 2024-02-01)", "[UNBOUNDED, 2024-01-01)"],
  "safe_cast(x as date format 'YYYY-MM-DD')": ["2024-01-15", "1-1-1"],
  "safe_cast(x as time format 'HH12:MI:SS AM')": ["10:20:30 PM", "1:2:3 a.m."],
  "safe_cast(x as timestamp format 'YYYY-MM-DD HH24:MI:SS.FF3TZH:TZM')": ["2024-01-15 10:20:30.123+01:30"],
  "safe_cast(x as datetime format 'YYYY-MM-DD\"T\"HH24:MI:SS')": ["2024-01-15T10:20:30"],
  "safe.parse_numeric(x)": ["- 12.3", "1,000", "5-", "1e5"],
  "safe.parse_bignumeric(x)": ["- 12.3", "1,000", "5-", "1e5"],
  "safe.parse_date('%Y-%m-%d', x)": ["2024-01-15"],
  "safe.parse_date('%d %b %y', x)": ["15 Jan 24", "1 DECEMBER 99"],
  "safe.parse_date('%A %d %B %Y', x)": ["Monday 15 January 2024"],
  "safe.parse_date('%m/%d/%y', x)": ["01/15/24"],
  "safe.parse_date('%C%y', x)": ["2024"],
  "safe.parse_date('%s', x)": ["1705276800"],
  "safe.parse_date('%Q %Y', x)": ["1 2024"],
  "safe.parse_datetime('%F %T', x)": ["2024-01-15 10:20:30"],
  "safe.parse_datetime('%c', x)": ["Mon Jan 15 10:20:30 2024"],
  "safe.parse_datetime('%D %R', x)": ["01/15/24 10:20"],
  "safe.parse_datetime('%x %X', x)": ["01/15/24 10:20:30"],
  "safe.parse_datetime('%Y-%m-%d %H:%M:%E3S', x)": ["2024-01-15 10:20:30.123"],
  "safe.parse_datetime('%E4Y%m%d', x)": ["20240115"],
  "safe.parse_timestamp('%F %T %Z', x)": ["2024-01-15 10:20:30 UTC"],
  "safe.parse_timestamp('%F %T%Ez', x)": ["2024-01-15 10:20:30+01:30"],
  "safe.parse_timestamp('%s', x)": ["1705276800", "-1"],
  "safe.parse_timestamp('%a, %d %b %Y %H:%M:%S %z', x)": ["Mon, 15 Jan 2024 10:20:30 +0130"],
  "safe.parse_time('%T', x)": ["10:20:30"],
  "safe.parse_time('%r', x)": ["10:20:30 PM"],
  "safe.parse_time('%k:%M', x)": [" 9:20", "12:20"],
  "safe.parse_time('%l%n%p', x)": [" 9 PM"],
  "to_json_string(safe.parse_json(x))": ['{"a":[1,2.5e3,true,null,"b"]}', '"a\\\\u0041b"', "-0.1", " 12 ", "[[],{}]"],
  "json_value(x, '$.a')": ['{"a":"b"}', '{"a":1.50,"b":[true]}'],
  "json_query(x, '$.a')": ['{"a":{"b":1}}', '{"a":[1, 2]}'],
  "json_extract_scalar(x, '$.a')": ['{"a":"b"}'],
  "json_query_array(x)": ['[1,"a",{"b":null}]'],
  "json_value_array(x)": ['["a",1,true]'],
  "safe.net.ip_from_string(x)": ["192.168.0.1", "2001:db8::1", "::ffff:1.2.3.4"],
  "safe.net.safe_ip_from_string(x)": ["192.168.0.1", "2001:db8::1"],
};

/** Characters that one reader or another knows, and some that none does: other spaces, digits that are not ASCII's. */
const characters = [
  ..." \t\n.,:-+/TZtzeExXpP_0159aAmM[](){}\"'%$\\",
  "\u00a0",
  "\u2003",
  "\u0661",
  "\u00e9",
  "\ufeff",
  "\0",
];

/** Mulberry32: the same numbers from the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Up to `count` texts, each made of a right one by one to three changes: a character more, another, a part less, twice, backwards, its case. */
function damaged(texts: readonly string[], count: number, random: () => number): readonly string[] {
  const below = (n: number): number => Math.floor(random() * n);
  const all = new Set<string>();
  for (let tries = 0; tries < count * 3 && all.size < count; tries++) {
    let text = texts[below(texts.length)]!;
    for (let changes = 1 + below(3); changes > 0; changes--) {
      const from = below(text.length + 1);
      const to = Math.min(text.length, from + 1 + below(3));
      const [before, part, after] = [text.slice(0, from), text.slice(from, to), text.slice(to)];
      const character = characters[below(characters.length)]!;
      const changed = [
        () => before + character + part + after,
        () => before + character + part.slice(1) + after,
        () => before + after,
        () => before + part + part + after,
        () => before + [...part].reverse().join("") + after,
        () => (random() < 0.5 ? text.toUpperCase() : text.toLowerCase()),
      ];
      text = changed[below(changed.length)]!();
    }
    // Nothing that both would have to refuse for its nanoseconds, and no zone that is found only as a file's path.
    if (!/[.,]\d{7}|\/\/|\.\//.test(text)) all.add(text);
  }
  return [...all];
}

const quoted = (text: string): string =>
  `'${text.replace(/[\\'\n\t\0]/g, (c) => ({ "\n": "\\n", "\t": "\\t", "\0": "\\x00" })[c] ?? `\\${c}`)}'`;

describeOnBoth("texts that are damaged are read alike", (both) => {
  for (const [reader, texts] of Object.entries(readers)) {
    test(`when ${reader} reads texts with a few changes, then both take the same ones for the same values`, async () => {
      const seed = 20260131;
      const list = damaged(texts, 600, randomOf(seed)).map(quoted);
      expect(list.length).toBeGreaterThan(25);
      const sql = `select x, ${reader} from unnest([${list.join(", ")}]) x`;
      expect(await both.run(sql), `${reader}, seed ${seed}`).toEqual({ kind: "same", as: "rows" });
    });
  }

  const types = {
    int64: ["-1", "0x1F"],
    float64: ["1.5", "inf"],
    numeric: ["1.5"],
    bignumeric: ["1.5"],
    bool: ["true"],
    date: ["2024-01-15"],
    datetime: ["2024-01-15 10:20:30"],
    time: ["10:20:30"],
    timestamp: ["2024-01-15 10:20:30+00"],
    interval: ["1-2 3 4:5:6"],
  };
  const spaces = [
    "\\t",
    "\\n",
    "\\v",
    "\\f",
    "\\r",
    " ",
    "\\u0085",
    "\\u00a0",
    "\\u1680",
    "\\u2003",
    "\\u2028",
    "\\u3000",
    "\\u200b",
    "\\ufeff",
  ];
  for (const [type, texts] of Object.entries(types)) {
    test(`when any kind of space stands before or after a ${type}, then both take the same ones`, async () => {
      const all = texts.flatMap((text) => spaces.flatMap((space) => [`'${space}${text}'`, `'${text}${space}'`]));
      const sql = `select x, safe_cast(x as ${type}) from unnest([${all.join(", ")}]) x`;
      expect(await both.run(sql)).toEqual({ kind: "same", as: "rows" });
    });
  }

  test("when a text that is not quite JSON is asked for a value, then both give what stands there before it goes wrong", async () => {
    const texts = [
      `{"a":NaN}`,
      `{"b":NaN,"a":1}`,
      `{"b":-Infinity,"a":1}`,
      `{"a":1,}`,
      `{"a":[1,,2],}`,
      `{'a':'it'}`,
      `{"a":truex`,
      `{"a":-0.0`,
      `{"b":,"a":1}`,
      `{"b":}`,
      `{"a":1.}`,
      `{"a":1e}`,
      `{"a":1.5m`,
      `{"a":1/**/}`,
      `{"a":"b\tc"}`,
      `{"a":"b\nc"}`,
      `{"a":"\\x41\\101\\v\\q"}`,
      `{"a":"\\ud83d\\ude00"}`,
      `{"a":"\\xq"}`,
      `{"a":"\\`,
      `{"a":"b`,
      `{a:1}`,
      `{1:1}`,
      `{"a" 1}`,
      `{"a":01}`,
      `{"a":+1}`,
      `{"a":.5}`,
      `{"a":{"b":1 "c":2}}`,
      `[1 2]`,
      `[1`,
      `"a"z`,
      ``,
    ].map(quoted);
    for (const read of [
      "json_value(x, '$.a')",
      "json_query(x, '$.a')",
      "json_query_array(x, '$.a')",
      "json_value(x)",
      "json_value(x, '$[0]')",
      "json_extract_scalar(x, '$.a')",
    ]) {
      const sql = `select x, ${read} from unnest([${texts.join(", ")}]) x`;
      expect(await both.run(sql), read).toEqual({ kind: "same", as: "rows" });
    }
  });
});
