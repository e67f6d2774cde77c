import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { emptyCatalog } from "../../catalog.ts";
import { GoogleSqlAnalysisError, GoogleSqlError, type UnsupportedGoogleSql } from "../../errors.ts";
import { columnLineage, queryLineage } from "../../lineage/column-lineage.ts";
import { readQuery } from "../../read-script.ts";
import { translateQuery } from "../../translate.ts";
import { catalogOf, lineageText } from "./support.ts";

/** Every query that stands as a text in the engine's own tests, valid or not. */
const corpus = (): readonly string[] => {
  const files = ["../../referee/queries.test.ts", "../duckdb/query-answers.test.ts", "../analyzer/queries.test.ts"];
  const texts = files.flatMap((file) =>
    [
      ...readFileSync(new URL(file, import.meta.url), "utf8").matchAll(
        /"((?:select|with|from|\()(?:[^"\\\n]|\\.)*)"/gi,
      ),
    ].map(([, text]) => JSON.parse(`"${text}"`) as string),
  );
  return [...new Set(texts)];
};

const isTranslated = (text: string): boolean => {
  try {
    translateQuery(readQuery({ text }), { text }, emptyCatalog);
    return true;
  } catch (error) {
    if (error instanceof GoogleSqlError) return false;
    throw error;
  }
};

describe("lineage reads names as the engine does", () => {
  test("when the engine takes a query, then lineage finds nothing wrong with it", () => {
    const taken = corpus().filter(isTranslated);
    expect(taken.length).toBeGreaterThan(150);
    const refusals: UnsupportedGoogleSql[] = [];
    const wrong = taken.flatMap((text) => {
      try {
        queryLineage(readQuery({ text }), { text }, { table: () => undefined });
        return [];
      } catch (error) {
        if (error instanceof GoogleSqlAnalysisError) return [`${error.message} <= ${text}`];
        refusals.push(error as UnsupportedGoogleSql);
        return [];
      }
    });
    expect(wrong).toEqual([]);
    // A form that lineage does not follow is refused by name, and few are.
    expect(refusals.length).toBeLessThan(15);
  });

  const catalog = catalogOf({
    orders: "shop INT64, sku INT64, price INT64",
    returns: "shop INT64, sku INT64, reason STRING",
  });
  test.each([
    [
      "select orders.shop, count(*) as n from orders join returns using (sku) group by shop",
      [
        "shop: orders.shop I",
        "n: orders.* A+ROWS, orders.shop GROUP_BY, orders.sku JOIN, returns.* A+ROWS, returns.sku JOIN",
      ],
    ],
    [
      "select returns.shop, max(price) as dearest from orders join returns using (sku) group by shop",
      [
        "shop: returns.shop I",
        "dearest: orders.* ROWS, orders.price A, orders.sku JOIN, returns.* ROWS, returns.shop GROUP_BY, returns.sku JOIN",
      ],
    ],
    [
      "select reason as sku, count(*) as n from returns group by sku",
      ["sku: returns.reason I", "n: returns.* A+ROWS, returns.reason GROUP_BY"],
    ],
    [
      "select shop, sum(price) as paid from orders group by shop having sum(price) > 0 order by max(shop)",
      ["shop: orders.shop I", "paid: orders.* ROWS, orders.price A, orders.shop GROUP_BY"],
    ],
    ["select -price as owed from orders group by 1 having max(owed) < 0", ["owed: orders.price T"]],
  ])("when a name is a column of two tables or an alias too, then the SELECT list decides: %s", (sql, columns) => {
    expect(lineageText(columnLineage(sql, catalog)).slice(0, columns.length)).toEqual(columns);
  });
});
