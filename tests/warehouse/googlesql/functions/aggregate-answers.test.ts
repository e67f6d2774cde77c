import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../../../warehouse/duckdb/local-warehouse.ts";

/** What googlesql/compliance/testdata, the documentation or the reference implementation's rules give; null: an error. */
const answers: readonly [string, string | null][] = [
  ["SELECT SUM(v HAVING MAX k) FROM UNNEST([STRUCT(1 AS k, 9223372036854775807 AS v), (1, 9), (2, 2), (2, 2)])", "4"],
  ["SELECT COUNT(* HAVING MIN f) FROM UNNEST([false, true, NULL, false]) AS f", "2"],
  ["SELECT COUNT(* HAVING MAX f) FROM UNNEST([1.0, CAST('nan' AS FLOAT64)]) AS f", "0"],
  [
    "SELECT ARRAY_AGG(x HAVING MIN k ORDER BY x DESC LIMIT 1) FROM UNNEST([STRUCT(1 AS k, 5 AS x), (1, 6), (2, 7)])",
    "[6]",
  ],
  ["SELECT ANY_VALUE(x HAVING MAX y) FROM UNNEST([STRUCT(1 AS x, 0.5 AS y), (2, 1.5), (3, NULL)])", "2"],
  ["SELECT COUNT(* WHERE x > 1) FROM UNNEST([1, 2, 3]) AS x", "2"],
  ["SELECT ARRAY_AGG(1 / x WHERE x <> 0 ORDER BY x) FROM UNNEST([0, 1, 2]) AS x", "[1,0.5]"],
  ["SELECT SAFE.SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x", "null"],
  ["SELECT SAFE.SUM(1 / x) FROM UNNEST([0, 1]) AS x", null],
];

describe("aggregates against the documentation", () => {
  let warehouse: LocalWarehouse;
  beforeAll(async () => {
    warehouse = await openLocalWarehouse();
  });
  afterAll(() => warehouse.close());

  it.each(answers)("when running %s, then it gives what GoogleSQL does", async (sql, expected) => {
    const run = warehouse.run(`SELECT TO_JSON_STRING((${sql}))`);
    if (expected === null) await expect(run).rejects.toThrow();
    else expect((await run).rows).toEqual([[expected]]);
  });
});
