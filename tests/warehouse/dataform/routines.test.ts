// biome-ignore-all lint/suspicious/noTemplateCurlyInString: SQLX has templates in its text
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/duckdb/local-warehouse.ts";
import { buildProject } from "../../../warehouse/dataform/build.ts";
import { lineageOf } from "../../../warehouse/dataform/lineage.ts";
import { certify } from "../../../warehouse/dataform/parity.ts";
import { runTests } from "../../../warehouse/dataform/testing/run-tests.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { openBench } from "../../../warehouse/duckdb/bench-warehouse.ts";
import { localEngine } from "../../../warehouse/duckdb/local-engine.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 180_000 });

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  const files = {
    "workflow_settings.yaml": "defaultProject: my-shop\ndefaultDataset: shop\ndefaultLocation: EU\n",
    "definitions/gross.sqlx":
      'config { type: "operations", hasOutput: true }\ncreate or replace function ${self()}(net float64) as (net * 1.2)\n',
    "definitions/shout.sqlx":
      "config { type: \"operations\" }\ncreate or replace function tools.shout(s string) returns string language js as 'return s.toUpperCase()'\n",
    "definitions/fill.sqlx":
      'config { type: "operations", hasOutput: true }\ncreate or replace procedure ${self()}(least float64, out n int64)\nbegin\n  create or replace table shop.filled as select net, net * 1.2 as gross from unnest([struct(10.0 as net), struct(1.0)]) where net >= least;\n  set n = (select count(*) from shop.filled);\nend\n',
    "definitions/filled.sqlx":
      'config { type: "operations", hasOutput: true }\ndeclare n int64;\ncall ${ref("fill")}(5, n);\nassert n = 1\n',
    "definitions/of_filled.sqlx": 'config { type: "view" }\nselect sum(gross) as gross from ${ref("filled")}\n',
    "definitions/elsewhere.sqlx":
      'config { type: "operations", hasOutput: true }\ncreate or replace table shop.written_elsewhere as select 1 as x\n',
    "definitions/priced.sqlx":
      'config { type: "view" }\nselect ${ref("gross")}(net) as gross from unnest([struct(10.0 as net)])\n',
    ...Object.fromEntries(
      ["a", "b", "c"].map((name) => [
        `definitions/loud_${name}.sqlx`,
        `config { type: "table", dependencies: ["shout"] }\nselect tools.shout('${name}') as s\n`,
      ]),
    ),
    "tests/models/priced/taxed/expect.yaml": "query:\n  - { gross: 12 }\n",
    "tests/models/loud_a/upper/expect.yaml": "query:\n  - { s: A }\n",
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), text);
  }
});
afterEach(() => rm(project, { recursive: true, force: true }));

test("when operations make functions, then build, parity, lineage and row tests all know them", async () => {
  const cacheDir = join(project, ".cache");
  const warehouse = await openDuckDbWarehouse({ path: join(project, "w.duckdb") });
  const engine = localEngine(warehouse, project);
  const now = () => new Date();
  let id = 0;
  try {
    const { result, project: compiled } = await buildProject({
      projectDir: project,
      engine,
      cacheDir,
      now,
      newId: () => `${++id}`,
    });
    expect(result.results.map(({ id: name, outcome, error, rows }) => [name, outcome, error?.message, rows])).toEqual(
      expect.arrayContaining([
        ["shop.gross", "done", undefined, undefined],
        ["shop.elsewhere", "done", undefined, undefined],
        ["shop.fill", "done", undefined, undefined],
        ["shop.filled", "done", undefined, 1],
        ["shop.of_filled", "done", undefined, undefined],
        ["shop.priced", "done", undefined, undefined],
        ["shop.loud_a", "done", undefined, 1],
        ["shop.loud_b", "done", undefined, 1],
        ["shop.loud_c", "done", undefined, 1],
      ]),
    );
    expect(result.isGood).toBe(true);
    const scratch = await openLocalWarehouse();
    const certificate = await certify(compiled.graph, {
      run: (sql, file) => scratch.run(sql, { file }),
      columnsOf: async () => undefined,
    });
    scratch.close();
    expect(certificate.models.filter(({ verdict }) => verdict !== "verified")).toEqual([]);
    const lineage = await lineageOf(compiled.graph, { columnsOf: async () => undefined });
    expect([...lineage.problems.values()].filter(({ id: name }) => /priced|loud|fill/.test(name))).toEqual([]);
    expect(lineage.has("shop.of_filled.gross")).toBe(true);
  } finally {
    await engine.close();
  }
  const { outcomes } = await runTests({ projectDir: project, cacheDir, openBench, clock: () => 0, seed: 1 });
  expect(outcomes.map(({ name, message }) => [name, message])).toEqual([
    ["loud_a/upper", undefined],
    ["priced/taxed", undefined],
  ]);
});
