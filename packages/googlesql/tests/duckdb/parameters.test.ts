import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";
import { GoogleSqlParameterError } from "../../errors.ts";

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
});
afterAll(() => warehouse.close());

const given = async (value: unknown) => {
  const { columns, rows } = await warehouse.run("select @p", { params: { p: value } });
  return [columns[0]!.type, rows[0]![0]];
};

describe("values of query parameters", () => {
  test.each([
    [{ type: "INT64", value: "-12" }, ["INT64", -12n]],
    [{ type: "FLOAT64", value: "-inf" }, ["FLOAT64", -Infinity]],
    [{ type: "NUMERIC", value: "1.50" }, ["NUMERIC", "1.5"]],
    [{ type: "BIGNUMERIC", value: "1e3" }, ["BIGNUMERIC", "1000"]],
    [{ type: "DATE", value: "2024-1-5" }, ["DATE", "2024-01-05"]],
    [{ type: "TIMESTAMP", value: "2024-01-05T10:00:00+01" }, ["TIMESTAMP", "2024-01-05 09:00:00+00"]],
    [new Date(0), ["TIMESTAMP", "1970-01-01 00:00:00+00"]],
    [{ type: "INTERVAL", value: "1-2 3 4:5:6" }, ["INTERVAL", "1-2 3 4:5:6"]],
    [{ type: "RANGE<DATE>", value: "[2024-01-05, UNBOUNDED)" }, ["RANGE<DATE>", "[2024-01-05, UNBOUNDED)"]],
    [{ type: "JSON", value: '{"b":1,"a":-0}' }, ["JSON", '{"a":0,"b":1}']],
    [{ type: "ARRAY<INT64>", value: [1, null, 2n] }, ["ARRAY<INT64>", [1n, null, 2n]]],
    [{ type: "STRING", value: null }, ["STRING", null]],
  ])("when a value is of its type, it is that: %o", async (value, expected) => {
    expect(await given(value)).toEqual(expected);
  });

  test.each([
    [{ type: "FOO", value: 1 }, '"FOO" is no GoogleSQL type'],
    [{ type: "INT64 x", value: 1 }, '"INT64 x" is no GoogleSQL type'],
    [{ type: "ARRAY<ARRAY<INT64>>", value: [] }, "there are no arrays of arrays"],
    [{ type: "INT64", value: "x" }, "x is no INT64"],
    [{ type: "INT64", value: 1.5 }, "1.5 is no INT64"],
    [1n << 64n, "18446744073709551616 is no INT64"],
    [{ type: "BOOL", value: "yes" }, "yes is no BOOL"],
    [{ type: "FLOAT64", value: "1,5" }, "1,5 is no FLOAT64"],
    [{ type: "DATE", value: "epoch" }, "epoch is no DATE"],
    [{ type: "TIMESTAMP", value: "infinity" }, "infinity is no TIMESTAMP"],
    [{ type: "TIME", value: "25:00:00" }, "25:00:00 is no TIME"],
    [{ type: "NUMERIC", value: "1e40" }, "Invalid NUMERIC value: 1e40"],
    [{ type: "BYTES", value: "aGk=" }, "aGk= is no BYTES"],
    [{ type: "RANGE<DATE>", value: "[x, y)" }, "x is no DATE"],
    [{ type: "INTERVAL", value: "soon" }, "soon is no INTERVAL"],
    [{ type: "JSON", value: "{" }, "syntax error at offset 1"],
    [{ type: "ARRAY<INT64>", value: 5 }, "5 is no ARRAY<INT64>"],
    [{ type: "STRUCT<a INT64>", value: { b: 1 } }, "STRUCT<a INT64> has no field b"],
    [[1, "x"], "the elements of an array have one type"],
    [new Date(Number.NaN), "Invalid Date is no TIMESTAMP"],
    [Symbol("s"), "a symbol is no value of GoogleSQL"],
  ])("when a value is none of its type, the error says which parameter and why: %o", async (value, message) => {
    const error = await given(value).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(GoogleSqlParameterError);
    expect(error).toMatchObject({ code: "sql.parameter", message: `Query parameter @p: ${message}` });
  });

  test("when a parameter has no name, its place is told", async () => {
    await expect(warehouse.run("select ?, ?", { positional: [1, { type: "DATE", value: "x" }] })).rejects.toThrow(
      "Query parameter 2: x is no DATE",
    );
  });
});
