import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DuckDBConnection } from "@duckdb/node-api";
import { expect, test, vi } from "vitest";
import { compileProject } from "../../../warehouse/dataform/compile.ts";
import { planBuild } from "../../../warehouse/dataform/plan.ts";
import { runPlan } from "../../../warehouse/dataform/run.ts";
import { readDeclaredColumns } from "../../../warehouse/dataform/testing/declared-columns.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { localEngine } from "../../../warehouse/duckdb/local-engine.ts";

const projectDir = resolve(import.meta.dirname, "../../..");
/** What the engine writes for a sum or an average of FLOAT64, and for nothing else. */
const inexact = /\bfsum\(/;

// A sum of FLOAT64 has another last digit for each order in which threads bring the rows, and with it the table another digest.
test("when a model adds up then it adds exact numbers, in whatever order the rows come", async () => {
  const scratch = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  const warehouse = await openDuckDbWarehouse({ path: ":memory:" });
  try {
    for (const [name, columns] of await readDeclaredColumns(projectDir)) {
      const list = columns.map((column) => `${column.name} ${column.type}`).join(", ");
      await warehouse.execute(`create schema if not exists ${name.split(".")[0]}; create table ${name} (${list})`);
    }
    const { graph } = await compileProject({ projectDir, cacheDir: scratch });
    const engine = localEngine(warehouse, "sums");
    const ran = vi.spyOn(DuckDBConnection.prototype, "run");
    const { results } = await runPlan(planBuild(graph, { relations: await engine.relations(graph.actions) }), engine, {
      now: () => new Date("2026-01-01T00:00:00Z"),
      newId: () => "sums",
      force: true,
    });
    const texts = ran.mock.calls.map(([text]) => text);
    expect(results.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    const models = graph.actions.filter(({ kind }) => kind === "table" || kind === "incremental");
    expect(texts.filter((text) => /^create .*table/i.test(text)).length).toBeGreaterThanOrEqual(models.length);
    expect(texts.filter((text) => inexact.test(text)).map((text) => text.slice(0, 120))).toEqual([]);
    await warehouse.execute("select sum(x) from unnest([0.1, 0.2]) as x");
    expect(ran.mock.calls.some(([text]) => inexact.test(text))).toBe(true);
  } finally {
    vi.restoreAllMocks();
    await warehouse.close();
    await rm(scratch, { recursive: true, force: true });
  }
});
