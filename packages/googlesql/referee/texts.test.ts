import { expect, test } from "vitest";
import { describeOnBoth } from "./describe-on-both.ts";

/** What reads a text, the texts that it takes, and characters that bring them to the edge of what it takes. */
const readers: Readonly<Record<string, { readonly texts: readonly string[]; readonly with: string }>> = {
  "safe_cast(x as date)": { texts: ["2024-01-15", "2024-1-5", "9999-12-31"], with: "0 -/T+" },
  "safe.date(x)": { texts: ["2024-01-15", "2024-01-15 10:20:30+01"], with: "0 -:T+" },
  "safe_cast(x as datetime)": {
    texts: ["2024-01-15 10:20:30.5", "2024-1-5T1:2:3", "2024-01-15 23:59:60"],
    with: "0 -:.T2",
  },
  "safe.datetime(x)": { texts: ["2024-01-15 10:20:30.123456"], with: "1 :." },
  "safe_cast(x as time)": { texts: ["10:20:30.5", "1:2:3", "23:59:60"], with: "0 :.-+" },
  "safe_cast(x as timestamp)": {
    texts: [
      "2024-01-15 10:20:30.5+01:30",
      "2024-01-15 10:20:30 Europe/Rome",
      "2024-01-15T10:20:30 UTC+1",
      "2024-01-15 -03",
      "2024-01-15 10:20:30Z",
      "10000-01-01 00:30:00+01",
      "0000-12-31 23:30:00-01",
      "2024-01-15 10:20:30 PST",
    ],
    with: "0 :+-.TZ",
  },
  "safe.timestamp(x, 'America/New_York')": { texts: ["2024-03-10 02:30:00", "2024-01-15"], with: "0 :+Z" },
  "safe.datetime(timestamp '2024-07-15 12:00:00+00', x)": {
    texts: ["UTC", "America/New_York", "+01:30", "UTC-14:00", "PST8PDT", "EST", "IST", "Etc/GMT+3", "utc"],
    with: "1+-: ",
  },
  "safe_cast(x as interval)": {
    texts: ["1-2 3 4:5:6.7", "1-2 -3", "3 4:5", "1 2 3", "P1Y2M3DT4H5M6.7S", "P-1M1Y", " 1-2 ", "PT"],
    with: "0 -:.PTYM",
  },
  "safe_cast(x as int64)": { texts: ["-12", "0x1F", "9223372036854775807", " 7 "], with: "0 +-x_" },
  "safe_cast(x as float64)": { texts: ["1.5e3", "-.5", "inf", "nan", "0x1p3", "-0x.8"], with: "0 +-.exf" },
  "safe_cast(x as numeric)": { texts: ["1.5e3", "-.5", " 12", "0.1234567891"], with: "0 +-.e," },
  "safe_cast(x as bool)": { texts: ["true", "FALSE"], with: "t 1" },
  "safe.parse_numeric(x)": { texts: ["- 12.3", "1,000", "5-"], with: "0 +-.e," },
  "safe.parse_date('%Y-%m-%d', x)": { texts: ["2024-01-15", " 2024- 1-5 "], with: "0 +-" },
  "safe.parse_date('%Y %U', x)": { texts: ["1999 0", "2024 00", "2023 53", "0001 01"], with: "0 -9" },
  "safe.parse_date('%Y %OW', x)": { texts: ["1999 0", "2024 01", "2024 53"], with: "0 -9" },
  "safe.parse_timestamp('%F %H:%M:%E*S%z', x)": {
    texts: ["2024-01-15 10:20:30.5+01:30", "2024-01-15 1:2:60-0330"],
    with: "0 :+-.",
  },
  "safe.parse_time('%I:%M %p', x)": { texts: ["10:20 PM", "12:00 am"], with: "0 :m" },
};

/** The texts, and each of them with one character less, one more, and one replaced. */
function edited({ texts, with: characters }: { readonly texts: readonly string[]; readonly with: string }): string[] {
  const all = new Set(texts);
  for (const text of texts) {
    for (let i = 0; i <= text.length; i++) {
      all.add(text.slice(0, i) + text.slice(i + 1));
      for (const c of characters) {
        all.add(text.slice(0, i) + c + text.slice(i));
        all.add(text.slice(0, i) + c + text.slice(i + 1));
      }
    }
  }
  // Nothing that both would have to refuse for its nanoseconds.
  return [...all].filter((text) => !/[.,]\d{7}/.test(text));
}

describeOnBoth("a mark of encoding is a character like another", (both) => {
  const calls = [
    "trim(x)",
    "upper(x)",
    "length(x)",
    "reverse(x)",
    "to_code_points(x)",
    "split(x, '')",
    "regexp_replace(x, r'\\s', '_')",
    "regexp_contains(x, r'^\\W')",
    "strpos(x, 'a')",
    "soundex(x)",
    "farm_fingerprint(x)",
    "sha256(x)",
    "normalize_and_casefold(x)",
    "to_json(x)",
    "safe.parse_json(x)",
    "safe.parse_json(concat(x, '1'))",
    "json_value(x, '$.a')",
    "json_value(concat('{\"a\":\"', x, '\"}'), '$.a')",
    "format('%t %T', x, x)",
    "x like '_a%'",
    "safe.parse_date('%Y', x)",
    "net.host(x)",
    "safe_cast(x as int64)",
    "lax_float64(to_json(x))",
    "lax_float64(to_json(concat(x, '1')))",
  ];
  test("when a text begins with U+FEFF or NUL, then every function sees it", async () => {
    const texts = ["\\ufeff", "\\ufeffaBc", "\\ufeff\\ufeff1", "\\x00", "\\x00aBc", " \\ufeff ", "a\\x00", "\\ufeff{}"];
    for (const call of calls) {
      const sql = `select x, ${call} from unnest([${texts.map((text) => `'${text}'`).join(", ")}]) x`;
      expect(await both.run(sql), call).toEqual({ kind: "same", as: "rows" });
    }
    expect(await both.run("select json '\\ufeff{\"a\":1}'")).toEqual({ kind: "same", as: "rows" });
  });
});

describeOnBoth("texts that are no value are none to both", (both) => {
  for (const [reader, seeds] of Object.entries(readers)) {
    test(`when ${reader} reads texts one character off, then both take the same ones`, async () => {
      const texts = edited(seeds);
      for (let i = 0; i < texts.length; i += 250) {
        const list = texts.slice(i, i + 250).map((text) => `'${text}'`);
        const sql = `select x, ${reader} from unnest([${list.join(", ")}]) x`;
        expect(await both.run(sql), reader).toEqual({ kind: "same", as: "rows" });
      }
    });
  }
});
