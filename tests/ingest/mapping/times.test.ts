import { expect, test } from "vitest";
import { instantText } from "../../../ingest/door/instant.ts";
import { readMoney, readNumber } from "../../../ingest/mapping/numbers.ts";
import { parseMapping } from "../../../ingest/mapping/schema.ts";
import { hasLocalTimes, readTime, speaksAgainstUtc } from "../../../ingest/mapping/times.ts";

const read = (value: unknown, formats: readonly string[] = [], zone?: string, mayAssumeUtc = false): string => {
  const found = readTime(value, { formats, zone, mayAssumeUtc });
  return found.kind === "instant"
    ? `${instantText(found.at).replace(".000000Z", "Z")}${found.isZoneAssumed ? " assumed" : ""}`
    : found.why;
};

test.each([
  ["2026-02-01T10:00:00Z", "2026-02-01T10:00:00Z"],
  ["2026-02-01 10:00:00 +00:00", "2026-02-01T10:00:00Z"],
  ["2026-02-01 10:00:00 -0600", "2026-02-01T16:00:00Z"],
  ["2026-02-01 10:00:00 America/Chicago", "2026-02-01T16:00:00Z"],
  ["2026-07-01T10:00:00[Europe/Berlin]", "2026-07-01T08:00:00Z"],
  ["2026-02-01 10:00:00 UTC", "2026-02-01T10:00:00Z"],
  ["Sun 01 Feb 2026 10:00:00 -0600", "2026-02-01T16:00:00Z"],
  ["Sun, 01 Feb 2026 10:00:00 CST", "2026-02-01T16:00:00Z"],
  ["Sun, 1 Feb 2026 10:00 +0100 (CET)", "2026-02-01T09:00:00Z"],
  ["1769940000", "2026-02-01T10:00:00Z"],
  ["1769940000.5", "2026-02-01T10:00:00.500000Z"],
  ["1769940000000", "2026-02-01T10:00:00Z"],
  ["1769940000000000", "2026-02-01T10:00:00Z"],
  [1769940000000, "2026-02-01T10:00:00Z"],
])("when a time says by itself when it is (%s) then it is read without a word in the mapping", (value, wanted) => {
  expect(read(value)).toBe(wanted);
});

test.each([
  ["31/12/2025 23:59", [], undefined, /name the order, format/],
  ["2/1/2026 10:00:00 AM", [], "America/Chicago", /name the order, format/],
  ["2026-02-01 10:00:00", [], undefined, /without a zone/],
  ["Feb 01, 2026 10:00 am", [], undefined, /without a zone/],
  ["20260201100000", [], undefined, /without a zone/],
  ["2026-02-01 10:00:00 CST", [], undefined, /names several zones/],
  ["2026-02-01 10:00:00 CST", [], "Asia/Tokyo", /names several zones/],
  ["31/12/2025 23:59", ["dd/MM/yyyy HH:mm"], undefined, /without a zone/],
  ["13/13/2025 10:00", ["dd/MM/yyyy HH:mm"], "UTC", /not "dd\/MM\/yyyy HH:mm"/],
  ["2026-03-08 02:30:00", [], "America/Chicago", /skip this time/],
  ["08/03/2026 02:30", ["dd/MM/yyyy HH:mm"], "America/Chicago", /skip this time/],
  ["soon", [], "UTC", /not a time/],
] as const)(
  "when a time is anybody's guess (%s %s %s) then it is refused and says what to declare",
  (value, formats, zone, why) => {
    expect(read(value, formats, zone)).toMatch(why);
  },
);

test.each([
  ["31/12/2025 23:59", ["dd/MM/yyyy HH:mm"], "America/Chicago", "2026-01-01T05:59:00Z"],
  ["2/1/2026 10:00:00 AM", ["M/d/yyyy h:mm:ss a"], "-06:00", "2026-02-01T16:00:00Z"],
  ["2/1/2026 12:05:00 AM", ["M/d/yyyy h:mm:ss a"], "UTC", "2026-02-01T00:05:00Z"],
  ["01.02.2026 10:00", ["dd.MM.yyyy HH:mm"], "Europe/Berlin", "2026-02-01T09:00:00Z"],
  ["01/02/2026", ["dd/MM/yyyy"], "UTC", "2026-02-01T00:00:00Z"],
  ["Feb 01, 2026 10:00 am", [], "America/Chicago", "2026-02-01T16:00:00Z"],
  ["February 1, 2026 10:00 AM", [], "UTC", "2026-02-01T10:00:00Z"],
  ["Feb 01, 2026 10:00 am", ["MMM dd, yyyy hh:mm a"], "America/Chicago", "2026-02-01T16:00:00Z"],
  ["2026-02-01 10:00:00", [], "America/Chicago", "2026-02-01T16:00:00Z"],
  ["2026-07-01 10:00:00", [], "America/Chicago", "2026-07-01T15:00:00Z"],
  ["2026-02-01 10:00:00 CST", [], "America/Chicago", "2026-02-01T16:00:00Z"],
  ["20260201100000", ["yyyyMMddHHmmss"], "UTC", "2026-02-01T10:00:00Z"],
  ["2026-02-01T10:00:00.25-06:00", ["yyyy-MM-dd'T'HH:mm:ss.SSXXX"], undefined, "2026-02-01T16:00:00.250000Z"],
  ["2026-02-01T16:00:00Z", ["yyyy-MM-dd'T'HH:mm:ssXXX"], undefined, "2026-02-01T16:00:00Z"],
  ["01/Feb/2026:10:00:00 -0600", ["dd/MMM/yyyy:HH:mm:ss Z"], undefined, "2026-02-01T16:00:00Z"],
  ["1769940000", ["epoch-seconds"], undefined, "2026-02-01T10:00:00Z"],
  ["1769940000123456", ["epoch-micros"], undefined, "2026-02-01T10:00:00.123456Z"],
  ["17699400", ["epoch-seconds"], undefined, "not a time that is known; say its format"],
  ["2026-11-01 01:30:00", [], "America/Chicago", "2026-11-01T06:30:00Z"],
  ["01/02/2026 10:00", ["epoch-millis", "dd/MM/yyyy HH:mm"], "UTC", "2026-02-01T10:00:00Z"],
] as const)("when the mapping says how a time is written (%s %s %s) then it is %s", (value, formats, zone, wanted) => {
  expect(read(value, formats, zone)).toBe(wanted);
});

test("when nothing in a file speaks against UTC then its ISO times are taken for that and say so", () => {
  expect(read("2026-02-01 10:00:00", [], undefined, true)).toBe("2026-02-01T10:00:00Z assumed");
  expect(
    speaksAgainstUtc("Email,At\na,2026-02-01 10:00:00\nb,2026-02-01T10:00:00Z\nc,2026-02-01 10:00:00 +00:00"),
  ).toBe(false);
  for (const one of [
    "2026-02-01 10:00:00 -0600",
    "2026-02-01T10:00:00+01:00",
    "2026-02-01 10:00:00 CST",
    "31/12/2025 23:59",
    "2/1/2026 10:00:00 AM",
    "2026-02-01 10:00:00 America/Chicago",
  ])
    expect(speaksAgainstUtc(`x,2026-02-01 09:00:00\ny,${one}`), one).toBe(true);
  expect(hasLocalTimes("a,2026-02-01 10:00:00,b")).toBe(true);
  expect(hasLocalTimes("a,2026-02-01T10:00:00Z,b\nc,2026-02-01 10:00:00 +00:00")).toBe(false);
});

test.each([
  ["{column: a, cast: instant, zone: Mars/Base}", /no such zone/],
  ["{column: a, cast: instant, format: 'half past'}", /no format of times/],
])("when a mapping declares %s then it is refused with its line", (expression, message) => {
  expect(() =>
    parseMapping(`version: 1\nrows:\n  - table: campaigns\n    set: {name: ${expression}}`, "m.yaml"),
  ).toThrow(message);
});

test.each([
  ["1,234.50", ".", 1234.5],
  ["1.234,50", ",", 1234.5],
  ["1.234,50", ".", undefined],
  ["1,234.50", undefined, undefined],
  ["1234.50", undefined, 1234.5],
  ["1 234,5", ",", 1234.5],
  ["12,34", ".", undefined],
  ["0x10", undefined, undefined],
] as const)("when a number is written %s with decimal %s then it is %s", (text, decimal, wanted) => {
  expect(readNumber(text, decimal)).toBe(wanted);
});

test.each([
  ["$1,234.50", ".", 1234.5],
  ["1.234,50 €", ",", 1234.5],
  ["EUR 80", undefined, 80],
  ["-€80.00", ".", -80],
  ["(80.00)", ".", -80],
  ["80-", undefined, undefined],
  ["free", undefined, undefined],
] as const)("when money is written %s with decimal %s then it is %s", (text, decimal, wanted) => {
  expect(readMoney(text, decimal)).toBe(wanted);
});
