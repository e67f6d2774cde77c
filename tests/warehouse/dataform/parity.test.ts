import { describe, expect, test } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/duckdb/local-warehouse.ts";
import type { Action, Graph } from "../../../warehouse/dataform/graph.ts";
import { certify } from "../../../warehouse/dataform/parity.ts";
import { incremental, source, table, view } from "./graphs.ts";

const columns = [
  { name: "k", type: "INT64" },
  { name: "s", type: "STRING" },
];

async function certificateOf(actions: readonly Action[], known: readonly string[] = ["raw.a"]) {
  const graph: Graph = { actions, tests: [], errors: [], defaultSchema: "s", vars: {} };
  const local = await openLocalWarehouse();
  try {
    return await certify(graph, {
      run: (sql, file) => local.run(sql, { file }),
      columnsOf: async (target) => (known.includes(`${target.schema}.${target.name}`) ? columns : undefined),
    });
  } finally {
    local.close();
  }
}

const verdicts = async (actions: readonly Action[], known?: readonly string[]) =>
  Object.fromEntries((await certificateOf(actions, known)).models.map((model) => [model.id, model.verdict]));

describe("the certificate of a project", () => {
  test("when the engine takes every model and the referee has judged its functions, then it is verified with the evidence", async () => {
    const { models, run } = await certificateOf([
      source("raw.a"),
      view("s.b", ["raw.a"], {
        query: "select k, upper(s) as s from `p.raw.a` qualify row_number() over (partition by k order by s) = 1",
      }),
    ]);
    expect(models).toMatchObject([{ id: "s.b", verdict: "verified", constructs: ["qualify", "window"] }]);
    expect(models[0]!.functions.map((one) => [one.name, one.status])).toEqual([
      ["ROW_NUMBER", "verified"],
      ["UPPER", "verified"],
    ]);
    expect(models[0]!.functions.every((one) => one.cases > 0)).toBe(true);
    expect(run.referee).toContain("zetasql");
  });

  test("when a model uses what is not on the list, then it is refused by name and place, and what reads it is unknown", async () => {
    const { models, counts } = await certificateOf([
      source("raw.a"),
      table("s.b", ["raw.a"], { query: "select k,\n  st_geohash(s) as s from `p.raw.a`" }),
      table("s.c", ["s.b"]),
    ]);
    expect(models[0]).toMatchObject({
      verdict: "refused",
      reason: { code: "refused.ST_GEOHASH", where: expect.stringMatching(/^definitions\/s\/b\.sqlx:\d+:3$/) },
      functions: [{ name: "ST_GEOHASH", status: "refused" }],
    });
    expect(models[1]).toMatchObject({ verdict: "unknown", reason: { message: expect.stringContaining("s.b") } });
    expect(counts).toEqual({ verified: 0, served: 0, refused: 1, invalid: 0, unknown: 1 });
  });

  test("when the columns of a source are not known, then what reads it is unknown", async () => {
    expect(await verdicts([source("raw.a"), table("s.b", ["raw.a"])], [])).toEqual({ "s.b": "unknown" });
  });

  test("when a model is wrong, then it is invalid", async () => {
    expect(await verdicts([table("s.b", [], { query: "select nope" })])).toEqual({ "s.b": "invalid" });
  });

  test("when only the incremental text is refused, then the model is", async () => {
    const actions = [
      source("raw.a"),
      incremental("s.b", ["raw.a"], { query: "select k, st_geohash(s) as s from `p.raw.a`" }),
    ];
    expect(await verdicts(actions)).toEqual({ "s.b": "refused" });
  });

  test("when the referee cannot judge a function of ours, then the model is served and no more", async () => {
    const query = "select edit_distance(s, 'a') as n from `p.raw.a`";
    expect(await verdicts([source("raw.a"), table("s.b", ["raw.a"], { query })])).toEqual({ "s.b": "served" });
  });

  test("when a statement is made at run time, then the model is served and no more; out of rows, it is unknown", async () => {
    const operation = (id: string, query: string): Action => ({
      ...table(id, ["raw.a"]),
      kind: "operation",
      queries: [query],
      hasOutput: false,
    });
    const fromRows = "execute immediate (select string_agg(concat('select ', s), ' union all ') from `p.raw.a`)";
    const actions = [source("raw.a"), operation("s.b", "execute immediate 'select 1'"), operation("s.c", fromRows)];
    expect(await verdicts(actions)).toEqual({ "s.b": "served", "s.c": "unknown" });
  });

  test("when a model reads INFORMATION_SCHEMA, which no referee has, then it is served and no more", async () => {
    const query = "select table_name from `p.raw.INFORMATION_SCHEMA.TABLES`";
    const made = await certificateOf([table("s.b", [], { query })]);
    expect(made.models).toMatchObject([{ verdict: "served", constructs: ["information schema"] }]);
  });
});
