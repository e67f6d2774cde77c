import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cellText, floatText } from "../../retrain/digest/cells.ts";
import { contentDigest } from "../../retrain/digest/content-digest.ts";
import { contentDigestSql } from "../../retrain/digest/content-digest-sql.ts";
import type { Column, Row } from "../../warehouse/warehouse.ts";
import { type PlainWarehouse, plainWarehouse } from "./support/plain-duckdb.ts";

const columns: readonly Column[] = [
  { name: "text", type: "STRING" },
  { name: "whole", type: "INT64" },
  { name: "share", type: "FLOAT64" },
  { name: "flag", type: "BOOL" },
  { name: "at", type: "TIMESTAMP" },
  { name: "day", type: "DATE" },
  { name: "price", type: "NUMERIC" },
];

const micros = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }).map((value) => {
  const millis = value / 1000n - (value % 1000n < 0n ? 1n : 0n);
  const text = new Date(Number(millis)).toISOString().slice(0, -1);
  return `${text}${String(value - millis * 1000n).padStart(3, "0")}Z`;
});
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, -1n, 9_007_199_254_740_993n),
);
const double = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1, 2, 0.5, 1 - 2 ** -53),
  fc.integer({ min: -1074, max: 1023 }).map((e) => 2 ** e),
  fc.integer({ min: -1000, max: 1023 }).map((e) => 2 ** e * (1 - 2 ** -53)),
);
const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 8, nil: null });
const row: fc.Arbitrary<Row> = fc.record({
  text: nullable(fc.string({ unit: "grapheme" }).map((s) => s.replaceAll("\u0000", ""))),
  whole: nullable(int64),
  share: nullable(double),
  flag: nullable(fc.boolean()),
  at: nullable(micros),
  day: nullable(fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })).map(
    (d) => d?.toISOString().slice(0, 10) ?? null,
  ),
  price: nullable(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })).map((units) => decimal(units)),
});

/** A NUMERIC of nine decimals from its units, as engines print it. */
function decimal(units: bigint | null): string | null {
  if (units === null) return null;
  const text = (units < 0n ? -units : units).toString().padStart(10, "0");
  return `${units < 0n ? "-" : ""}${text.slice(0, -9)}.${text.slice(-9)}`;
}
const value = (rows: readonly Row[]) => contentDigest(columns, rows).content.value;

describe("content digest", () => {
  test("when rows are reordered, then the digest stays", () => {
    fc.assert(
      fc.property(
        fc
          .array(row, { maxLength: 30 })
          .chain((rows) => fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }))),
        ([rows, shuffled]) => value(rows) === value(shuffled),
      ),
      { numRuns: 100 },
    );
  });

  test("when the columns are listed in another order, then the digest stays", () => {
    const rows = fc.sample(row, { numRuns: 20, seed: 7 });
    expect(contentDigest([...columns].reverse(), rows)).toEqual(contentDigest(columns, rows));
  });

  test("when any one cell changes, then the digest changes", () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 10 }),
        row,
        fc.nat(),
        fc.constantFrom(...columns),
        (rows, other, at, { name, type }) => {
          const index = at % rows.length;
          const before = rows[index] as Row;
          fc.pre(cellText(type as never, before[name]) !== cellText(type as never, other[name]));
          return value(rows) !== value(rows.with(index, { ...before, [name]: other[name] }));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("when a row is repeated, then the digest changes, and the row count with it", () => {
    const rows = fc.sample(row, { numRuns: 5, seed: 3 });
    const doubled = contentDigest(columns, [...rows, rows[0] as Row]);
    expect(doubled.rows).toBe(6);
    expect(doubled.content.value).not.toBe(value(rows));
    expect(contentDigest(columns, [...rows, rows[1] as Row]).content.value).not.toBe(doubled.content.value);
  });

  test("when text could be mistaken for a neighbouring cell or for NULL, then it is not", () => {
    const two: readonly Column[] = [
      { name: "a", type: "STRING" },
      { name: "b", type: "STRING" },
    ];
    const texts = ["", "N", "S1:x", "x;S1:y", null, "x", "y", ";"];
    const digests = texts.flatMap((a) => texts.map((b) => contentDigest(two, [{ a, b }]).content.value));
    expect(new Set(digests).size).toBe(texts.length ** 2);
  });

  test("when two doubles differ, then their texts do, and the text holds the exact value", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        const text = floatText(x);
        if (x === 0) return text === "0";
        const [, sign, mantissa, exponent] = /^(-?)(\d+)p(-?\d+)$/.exec(text) as RegExpExecArray;
        const e = Number(exponent);
        const back = Number(mantissa) * 2 ** Math.trunc(e / 2) * 2 ** (e - Math.trunc(e / 2));
        return (sign === "-" ? -back : back) === x && Number(mantissa) >= 2 ** 52 && Number(mantissa) < 2 ** 53;
      }),
      { numRuns: 2000 },
    );
  });

  test("when a column has no canonical text, then it is refused by name", () => {
    expect(() => contentDigest([{ name: "items", type: "ARRAY<INT64>" }], [])).toThrowError(/"items" is ARRAY<INT64>/);
  });
});

describe("content digest in SQL", () => {
  let warehouse: PlainWarehouse;
  beforeAll(async () => {
    warehouse = await plainWarehouse();
  });
  afterAll(() => warehouse.close());

  const literal = (name: string, cell: unknown): string => {
    if (cell === null) return "null";
    if (name === "share") {
      const x = cell as number;
      return Number.isFinite(x) ? `cast('${Object.is(x, -0) ? "-0.0" : x}' as double)` : `cast('${x}' as double)`;
    }
    return `'${String(cell).replaceAll("'", "''")}'`;
  };

  test("when the same rows are digested by SQL and by code, then both agree", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 60 }), async (rows) => {
        await warehouse.run(
          'create or replace table t (text varchar, whole bigint, share double, flag boolean, "at" timestamp, day date, price decimal(38, 9))',
        );
        for (const r of rows) {
          await warehouse.run(`insert into t values (${columns.map((c) => literal(c.name, r[c.name])).join(", ")})`);
        }
        const result = await warehouse.query(contentDigestSql("select * from t", columns));
        const expected = contentDigest(columns, rows);
        expect(result.rows[0]?.["content"]).toBe(expected.content.value);
        expect(Number(result.rows[0]?.["n_rows"])).toBe(expected.rows);
      }),
      { numRuns: 12, seed: 20260131 },
    );
  });
});
