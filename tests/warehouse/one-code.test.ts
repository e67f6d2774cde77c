import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { carriedError, raisedThere } from "../../errors/carried-error.ts";
import { UserError } from "../../errors/user-error.ts";
import { openLocalWarehouse } from "../../packages/googlesql/index.ts";
import { compareWithLastBuild, withData } from "../../warehouse/dataform/changes.ts";
import { engineOver } from "../../warehouse/dataform/engine.ts";
import { lineageOf } from "../../warehouse/dataform/lineage.ts";
import { certify } from "../../warehouse/dataform/parity.ts";
import { planBuild } from "../../warehouse/dataform/plan.ts";
import { runPlan } from "../../warehouse/dataform/run.ts";
import { runDataformTest } from "../../warehouse/dataform/testing/dataform-tests.ts";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import { openBench } from "../../warehouse/duckdb/bench-warehouse.ts";
import { graphOf, view } from "./dataform/graphs.ts";

const program = await openLocalWarehouse();
const dir = await mkdtemp(join(tmpdir(), "one-code-"));
const port = await openDuckDbWarehouse({ path: ":memory:", threads: 1, directories: [dir] });
const bench = await openBench();
afterAll(async () => {
  program.close();
  await port.close();
  await bench.close();
  await rm(dir, { recursive: true });
});

/** The code of what a road throws; on the product's roads with the exit kind that every one of its errors has. */
const thrown = async (work: () => Promise<unknown>, isOurs = true): Promise<string | undefined> => {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (isOurs && !(error instanceof UserError && error.exit === "check")) return `no error of the product: ${error}`;
    return (error as { readonly code?: string }).code;
  }
};

/** The code at the end of a message that a person reads. */
const told = (message: string | undefined): string | undefined => /\[([\w.]+)\]/.exec(message ?? "")?.[1];

const graphWith = (query: string) => graphOf(view("s.v", [], { query }));

const running: Readonly<Record<string, (sql: string) => Promise<string | undefined>>> = {
  "a program": (sql) => thrown(() => program.run(sql), false),
  "the port's query": (sql) => thrown(() => port.query(sql)),
  "the port's execute": (sql) => thrown(() => port.execute(sql)),
  "an export": (sql) => thrown(() => port.exportParquet(sql, join(dir, "x.parquet"))),
  "a transaction": (sql) => thrown(() => port.inTransaction((inside) => inside.query(sql))),
  "the tests' bench": (sql) => thrown(() => bench.query(sql)),
  "another process": (sql) =>
    thrown(() => port.query(sql).catch((error: unknown) => Promise.reject(raisedThere(carriedError(error))))),
  "a Dataform test": async (sql) => {
    const test = { name: "t", file: "t.sqlx", query: sql, expected: sql };
    return told((await runDataformTest(port, test as never, () => 0)).message);
  },
};

const reading: Readonly<Record<string, (sql: string) => Promise<string | undefined>>> = {
  "a build": async (sql) => {
    const graph = graphWith(sql);
    const engine = { ...engineOver(port, 1), ignoresDatabases: true };
    const plan = planBuild(graph, { relations: await engine.relations(graph.actions) });
    const { results } = await runPlan(plan, engine, { now: () => new Date(0), newId: () => "1" });
    return results[0]?.error?.code;
  },
  "a plan": async (sql) => {
    const graph = graphWith(sql);
    const { ensureSchemas } = engineOver(port, 1);
    const trial = { warehouse: port, ensureSchemas, dropSchemas: async () => {} };
    const [change] = await withData(graph, compareWithLastBuild(graph, new Map()), new Map(), trial);
    return told(change?.problem);
  },
  "a certificate": async (sql) => {
    const options = {
      run: (text: string, file: string) => program.run(text, { file }),
      columnsOf: async () => undefined,
    };
    return (await certify(graphWith(sql), options)).models[0]?.reason?.code;
  },
};

const lineage = async (sql: string): Promise<string | undefined> =>
  (await lineageOf(graphWith(sql), { columnsOf: async () => undefined })).problems.get("s.v")?.code;

describe.each([
  ["sql.syntax", "select 1 +", { ...running, ...reading, lineage }],
  ["sql.analysis", "select nowhere", { ...running, ...reading, lineage }],
  ["refused.deep_nesting", `select ${"1+".repeat(20_000)}1`, { ...running, ...reading }],
  ["refused.ST_GEOGPOINT", "select st_geogpoint(1, 2)", { ...running, ...reading }],
  ["sql.evaluation", "select 1 / 0", running],
] as const)("when a statement is %s", (code, sql, roads) => {
  test.each(Object.entries(roads))("then %s says so by that code", async (_road, said) => {
    expect(await said(sql)).toBe(code);
  });
});
