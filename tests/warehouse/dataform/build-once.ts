// Builds a graph from a JSON file into a DuckDB file, over and over; ends after a few rounds. Started, and killed, by build.test.ts.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Graph } from "../../../warehouse/dataform/graph.ts";
import { planBuild } from "../../../warehouse/dataform/plan.ts";
import { runPlan } from "../../../warehouse/dataform/run.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { localEngine } from "../../../warehouse/duckdb/local-engine.ts";

const [path, file] = process.argv.slice(2);
const graph = JSON.parse(readFileSync(file!, "utf8")) as Graph;
const warehouse = await openDuckDbWarehouse({ path: path! });
const engine = localEngine(warehouse, "killed");
process.stdout.write("begun\n");
for (let round = 0; round < 3; round++) {
  const plan = planBuild(graph, { relations: await engine.relations(graph.actions) });
  const { isGood } = await runPlan(plan, engine, { now: () => new Date(), newId: randomUUID, force: true });
  if (!isGood) process.exitCode = 4;
}
await warehouse.close();
