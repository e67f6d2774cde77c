import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { compileProject } from "../../warehouse/dataform/compile.ts";
import type { TableAction } from "../../warehouse/dataform/graph.ts";
import { Bench } from "../../warehouse/dataform/testing/bench.ts";
import { columnsOfTarget, readDeclaredColumns } from "../../warehouse/dataform/testing/declared-columns.ts";
import { openBench } from "../../warehouse/duckdb/bench-warehouse.ts";
import type { Row } from "../../warehouse/warehouse.ts";

export interface ProjectBench {
  /** All rows of a model of the project over rows of others, by `schema.name`. */
  rows(model: string, given: Readonly<Record<string, readonly Row[]>>): Promise<readonly Row[]>;
  close(): Promise<void>;
}

/** The project's models over given rows, as of an instant. */
export async function openProjectBench(asOf: string): Promise<ProjectBench> {
  const projectDir = resolve(import.meta.dirname, "../..");
  const cacheDir = mkdtempSync(join(tmpdir(), "inboxloop-definitions-"));
  const { graph } = await compileProject({ projectDir, cacheDir, vars: { as_of: asOf } });
  rmSync(cacheDir, { recursive: true, force: true });
  const declared = await readDeclaredColumns(projectDir);
  const warehouse = await openBench();
  const bench = new Bench(warehouse, (target) => columnsOfTarget(declared, target));
  await bench.use(graph, asOf);
  return {
    async rows(model, given) {
      const action = bench.resolve(model) as TableAction;
      await bench.layOut(action, bench.given(given as never, action, "test"));
      return (await bench.query(action, action.query)).rows;
    },
    close: () => warehouse.close(),
  };
}
