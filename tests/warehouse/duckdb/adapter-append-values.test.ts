import { DuckDBDecimalValue, DuckDBTimestampTZValue } from "@duckdb/node-api";
import { describe, expect, test } from "vitest";
import { parseType } from "../../../packages/googlesql/types.ts";
import { toDuckDb, UnfitValue } from "../../../warehouse/duckdb/append-values.ts";

const convert = (value: unknown, type: string) => toDuckDb(value, parseType(type));

describe("toDuckDb", () => {
  test("when values are as the port writes them, DuckDB gets them to the last digit", () => {
    expect(convert(9223372036854775807n, "INT64")).toBe(9223372036854775807n);
    expect(convert("12345678901234567890123456789.123456789", "NUMERIC")).toEqual(
      new DuckDBDecimalValue(12345678901234567890123456789123456789n, 38, 9),
    );
    expect(convert("2023-11-14T22:13:20.123456Z", "TIMESTAMP")).toEqual(new DuckDBTimestampTZValue(1700000000123456n));
    expect(convert("2023-11-14 23:13:20+01:00", "TIMESTAMP")).toEqual(new DuckDBTimestampTZValue(1700000000000000n));
    expect(convert(new Date(1700000000123), "TIMESTAMP")).toEqual(new DuckDBTimestampTZValue(1700000000123000n));
    expect(convert("1969-12-31", "DATE")).toMatchObject({ days: -1 });
    expect(convert("23:59:59.999999", "TIME")).toMatchObject({ micros: 86399999999n });
    expect(convert({ B: ["x"], a: 1n }, "STRUCT<a INT64, b ARRAY<STRING>>")).toMatchObject({
      entries: { f1: 1n, f2: { items: ["x"] } },
    });
    expect(convert(null, "INT64")).toBeNull();
  });

  test.each([
    ["1.5", "INT64"],
    [9223372036854775808n, "INT64"],
    [1, "STRING"],
    ["yes", "BOOL"],
    ["2023-13-45", "DATE"],
    ["2023-11-14T22:13:20.1234567Z", "TIMESTAMP"],
    ["0.0000000001", "NUMERIC"],
    ["{", "JSON"],
    ["AA==", "BYTES"],
    [{}, "ARRAY<INT64>"],
  ])("when %s is given for %s, it is refused rather than bent", (value, type) => {
    expect(() => convert(value, type)).toThrow(UnfitValue);
  });
});
