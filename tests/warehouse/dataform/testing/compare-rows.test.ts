import { describe, expect, test } from "vitest";
import { compareRows, renderDifference } from "../../../../warehouse/dataform/testing/compare-rows.ts";
import type { Row } from "../../../../warehouse/warehouse.ts";

const columns = [
  { name: "id", type: "STRING" },
  { name: "n", type: "INT64" },
  { name: "price", type: "FLOAT64" },
  { name: "amount", type: "NUMERIC" },
  { name: "at", type: "TIMESTAMP" },
  { name: "doc", type: "JSON" },
  { name: "item", type: "STRUCT<a INT64, b ARRAY<STRING>>" },
];
const compare = (actual: readonly Row[], expected: readonly Row[], isOrdered = false) =>
  compareRows({ columns, rows: actual }, { rows: expected, isOrdered });

describe("compareRows", () => {
  test.each<[string, Row, Row]>([
    ["whole numbers", { n: 1n }, { n: 1 }],
    ["floats to twelve digits", { price: 0.1 + 0.2 }, { price: 0.3 }],
    ["decimals whatever their zeros", { amount: "1.5" }, { amount: "1.500" }],
    ["instants in any zone", { at: "2023-11-14T22:13:21Z" }, { at: "2023-11-14 23:13:21.000+01:00" }],
    ["JSON whatever the order of keys", { doc: '{"b":1,"a":[1,2]}' }, { doc: { a: [1, 2], b: 1 } }],
    ["structs by field", { item: { a: 1n, b: ["x"] } }, { item: { a: 1n, b: ["x"] } }],
    ["nulls", { id: null }, { id: null }],
    ["names without case", { id: "x" }, { ID: "x" }],
  ])("when there are %s, equal is equal", (_what, actual, expected) => {
    expect(compare([actual], [expected])).toBeUndefined();
  });

  test.each<[string, Row, Row]>([
    ["a null is no empty text", { id: null }, { id: "" }],
    ["numbers differ", { n: 1n }, { n: 2n }],
    ["instants differ by a microsecond", { at: "2023-11-14T22:13:21.000001Z" }, { at: "2023-11-14T22:13:21Z" }],
  ])("when %s, it is found", (_what, actual, expected) => {
    expect(compare([actual], [expected])).toEqual({ missing: [expected], extra: [actual], problems: [] });
  });

  test("when rows come in another order, that is fine unless order is asked for; how often counts", () => {
    const rows = [{ id: "a" }, { id: "b" }];
    expect(compare(rows, [...rows].reverse())).toBeUndefined();
    expect(compare(rows, [...rows].reverse(), true)).toBeDefined();
    expect(compare([{ id: "a" }], [{ id: "a" }, { id: "a" }])).toMatchObject({ missing: [{ id: "a" }], extra: [] });
  });

  test("when rows mention different columns, each finds a row of its own where there is a way", () => {
    const actual = [
      { id: "a", n: 1n },
      { id: "a", n: 2n },
    ];
    expect(compare(actual, [{ id: "a" }, { id: "a", n: 1 }])).toBeUndefined();
    expect(compare(actual, [{ n: 1 }, { id: "a", n: 1 }])).toMatchObject({ missing: [{ id: "a", n: 1n }] });
  });

  test("when a column is not there or a value does not fit, that is said rather than called a difference", () => {
    expect(compare([], [{ nope: 1 }])?.problems).toEqual([
      'there is no column "nope"; there are: id, n, price, amount, at, doc, item',
    ]);
    expect(compare([], [{ n: "many" }])?.problems).toEqual(['column "n": many is no INT64']);
  });

  test("when rows differ, the closest is shown beside, with the columns in which it does", () => {
    const difference = compare(
      [
        { id: "a", n: 3n },
        { id: "z", n: 9n },
      ],
      [{ id: "a", n: 1 }],
    )!;
    expect(renderDifference(difference)).toBe(
      [
        "- expected  id: a, n: 1",
        "+ actual    id: a, n: 3",
        "  differs in n: 1 -> 3",
        "+ actual    id: z, n: 9  (not expected)",
      ].join("\n"),
    );
  });

  test("when a value is the same in other words, it is not among the columns that differ", () => {
    const actual = { id: "a", at: "2023-11-14T22:13:21Z", n: 3n };
    const difference = compare([actual], [{ id: "a", at: "2023-11-15T00:13:21+02:00", n: 1 }])!;
    expect(renderDifference(difference)).toContain("\n  differs in n: 1 -> 3");
  });
});
