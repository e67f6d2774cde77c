import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../warehouse/duckdb/local-warehouse.ts";
import { runOnBoth } from "./both-engines.ts";
import { isRefereeInstalled, Referee } from "./referee.ts";

/** Forms of queries, FROM clauses and subqueries that other engines read otherwise, each with statements that show it. */
const forms: Readonly<Record<string, readonly string[]>> = {
  "paths through arrays": [
    "select v from (select [struct([1, 2] as a), struct([3] as a), null] as arr) t, t.arr.a as v order by v",
    "select v, o from (select struct([struct([1, 2] as a), struct([3] as a)] as s) as r) t, t.r.s.a as v with offset o order by o",
    "select v from (select [struct(struct(1 as b) as a), null] as arr) t, unnest(t.arr.a.b) v order by v",
    "select flatten([struct([1, 2] as a), struct([3, 4] as a)].a[offset(1)])",
    "select flatten([struct([1] as a)].a[offset(1)])",
    "select flatten([struct([1] as a)].a[safe_offset(1)]), flatten(cast(null as array<struct<a int64>>).a)",
    "select 2 in unnest(arr.a), (select sum(x) from unnest(arr.a) x) from (select [struct(2 as a), null, struct(5)] as arr)",
    "select t.arr.a from (select [struct(1 as a)] as arr) t",
    "select flatten(struct(1 as a))",
    "select t.x, v from (select 1 x, [struct([1, 2] as a)] as arr) t left join t.arr.a v on v > 1",
  ],
};

describe.skipIf(!isRefereeInstalled())("forms of queries", () => {
  let local: LocalWarehouse;
  let referee: Referee;
  beforeAll(async () => {
    local = await openLocalWarehouse();
    referee = await Referee.start();
  });
  afterAll(() => {
    referee.stop();
    local.close();
  });

  for (const [form, statements] of Object.entries(forms)) {
    test(form, async () => {
      for (const sql of statements) {
        const outcome = await runOnBoth(local, referee, sql);
        expect(outcome, sql).toMatchObject({ kind: "same" });
      }
    });
  }
});
