import { describe, expect, test } from "vitest";
import { commonTables, readCommonTable } from "../../../../warehouse/dataform/testing/common-table.ts";

describe("readCommonTable", () => {
  const query = `
-- with comment as (
with recursive a as (
  select ')' as x, "(" as y, r'\\)' as z /* ) */ from unnest([1]) # )
), \`b c\` as (select (1 + (2)) as n from a)
select * from \`b c\``;

  test("when a CTE is asked for, the query ends by reading it, brackets in texts and comments notwithstanding", () => {
    expect(commonTables(query)?.names).toEqual(["a", "b c"]);
    expect(readCommonTable(query, "A")).toBe(`${query.slice(0, query.lastIndexOf(")") + 1)}\nselect * from \`A\``);
  });
  test("when there is none of that name, or none at all, it is undefined", () => {
    expect(readCommonTable(query, "c")).toBeUndefined();
    expect(readCommonTable("select 1", "a")).toBeUndefined();
  });
});
