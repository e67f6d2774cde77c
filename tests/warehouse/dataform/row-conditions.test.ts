import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/duckdb/local-warehouse.ts";
import { rowConditionsInOnePass } from "../../../warehouse/dataform/row-conditions.ts";

const engine = await openLocalWarehouse();
afterAll(() => engine.close());

/** As @dataform/core writes `rowConditions` (rowConditionsAssertion, sqlString). */
const asDataformWrites = (table: string, conditions: readonly string[]): string =>
  conditions
    .map((text) => {
      const quoted = `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;
      return `\nSELECT\n  ${quoted} AS failing_row_condition,\n  *\nFROM ${table}\nWHERE NOT (${text})\n`;
    })
    .join("UNION ALL");

const conditions = [
  "amount >= 0",
  "amount is not null",
  "kind in ('a', 'b')",
  "kind not like '%\\\\d' /* a comment */",
  "amount < 3 or kind = 'it\\'s' or kind = 'a'",
  "amount in (select amount from shop.allowed)",
  "if(amount = 4, null, true)",
  "orders.kind != 'c'",
];

await engine.run(`
  create schema shop;
  create table shop.allowed as select amount from unnest([0, 1, 2]) as amount;
  create table shop.orders (id int64, amount int64, kind string)`);

const sorted = async (sql: string) =>
  (await engine.run(sql)).rows.map((row) => JSON.stringify(row, (_, value) => String(value))).sort();

test("when several conditions are asked in one pass, the offenders are those of Dataform's query, a row for each condition", async () => {
  const order = fc.record({
    amount: fc.option(fc.integer({ min: -2, max: 5 })),
    kind: fc.option(fc.constantFrom("a", "b", "c", "a\\d")),
  });
  const asked = fc.uniqueArray(fc.integer({ min: 0, max: conditions.length - 1 }), { minLength: 2 });
  let offenders = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(order, { maxLength: 20 }), asked, async (orders, places) => {
      const values = orders.map(
        ({ amount, kind }, id) => `(${id}, ${amount ?? "null"}, ${kind === null ? "null" : `r'${kind}'`})`,
      );
      await engine.run("truncate table shop.orders");
      if (values.length > 0) await engine.run(`insert into shop.orders (id, amount, kind) values ${values.join(", ")}`);
      const written = asDataformWrites(
        "`shop.orders`",
        places.map((place) => conditions[place]!),
      );
      const found = await sorted(rowConditionsInOnePass(written)!);
      expect(found).toEqual(await sorted(written));
      offenders += found.length;
    }),
    { numRuns: 40, seed: 11 },
  );
  expect(offenders).toBeGreaterThan(100);
});

test("when several conditions are asked in one pass, the table is read once", () => {
  const text = rowConditionsInOnePass(asDataformWrites("`shop.orders`", conditions))!;
  expect(text.match(/FROM `shop\.orders`/g)).toHaveLength(1);
});

test.each([
  ["one condition", asDataformWrites("`shop.orders`", ["amount > 0"])],
  ["two tables", `${asDataformWrites("`shop.orders`", ["a"])}UNION ALL${asDataformWrites("`shop.allowed`", ["b"])}`],
  ["another assertion", "select * from shop.orders where amount < 0 union all select * from shop.orders where id < 0"],
  ["an order of its own", `${asDataformWrites("`shop.orders`", ["a", "b"])}order by id`],
  ["columns left out", asDataformWrites("`shop.orders`", ["a", "b"]).replaceAll("\n  *\n", "\n  * except (id)\n")],
  ["what is no query", `${asDataformWrites("`shop.orders`", ["a", "b"])} where where`],
])("when it is %s, the text stays Dataform's", (_, text) => {
  expect(rowConditionsInOnePass(text)).toBeUndefined();
});
