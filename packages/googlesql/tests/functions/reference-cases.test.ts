import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

/**
 * Expressions with what Google's reference implementation answered, as TO_JSON_STRING prints it; null where it failed while
 * evaluating. Taken down from `EvaluateQuery` of the npm package @fivetrandevelopers/zetasql (UTC, product external).
 */
const cases = JSON.parse(readFileSync(new URL("./reference-cases.json", import.meta.url), "utf8")) as [
  string,
  string | null,
][];

describe("functions against the reference implementation", () => {
  let warehouse: LocalWarehouse;
  beforeAll(async () => {
    warehouse = await openLocalWarehouse();
  });
  afterAll(() => warehouse.close());

  it("when there are cases, then there are many", () => {
    expect(cases.length).toBeGreaterThan(300);
  });

  it.each(cases)("when evaluating %s, then it is what the reference says", async (expression, expected) => {
    const run = warehouse.run(`SELECT TO_JSON_STRING(${expression})`);
    if (expected === null) await expect(run).rejects.toMatchObject({ code: "sql.evaluation" });
    else expect((await run).rows[0]?.[0]).toBe(expected);
  });
});
