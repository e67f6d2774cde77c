import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/duckdb/local-warehouse.ts";
import { localTarget } from "../../../targets/local.ts";
import { buildProject } from "../../../warehouse/dataform/build.ts";
import { certify } from "../../../warehouse/dataform/parity.ts";
import { runTests } from "../../../warehouse/dataform/testing/run-tests.ts";
import { openBench } from "../../../warehouse/duckdb/bench-warehouse.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 180_000 });

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  await writeFile(join(dir, "secret.csv"), "hunter2\n");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test("when a stranger's project would read or write the machine, then build, parity and test refuse each of its ways", async () => {
  const project = join(dir, "project");
  const secret = join(dir, "secret.csv");
  const actions: Readonly<Record<string, string>> = {
    read_csv: `config { type: "table" }\nselect * from read_csv('${secret}')`,
    read_text: `config { type: "view" }\nselect * from read_text('${secret}')`,
    as_table: `config { type: "table" }\nselect * from \`${secret}\``,
    globbed: `config { type: "table" }\nselect * from glob('${dir}/*')`,
    in_javascript: `config { type: "operations", hasOutput: true }\ncreate or replace table d.in_javascript as select d.f() as x`,
    the_function: `config { type: "operations" }\ncreate function d.f() returns string language js as "return require('fs').readFileSync('${secret}', 'utf8')"; select d.f()`,
    immediate: `config { type: "operations" }\nexecute immediate "select * from read_text('${secret}')"`,
    copied: `config { type: "operations" }\ncopy (select 1) to '${dir}/out.csv'`,
    attached: `config { type: "operations" }\nattach '${dir}/other.duckdb' as other`,
    loaded: `config { type: "operations" }\nload data into d.t from files (format = 'CSV', uris = ['${secret}'])`,
    exported: `config { type: "operations" }\nexport data options (uri = '${dir}/out-*.csv', format = 'CSV') as select 1`,
    installed: `config { type: "operations" }\ninstall httpfs`,
    unlocked: `config { type: "operations" }\nset enable_external_access = true`,
  };
  const files = {
    "workflow_settings.yaml": "defaultProject: p\ndefaultDataset: d\ndefaultLocation: EU\n",
    ...Object.fromEntries(Object.entries(actions).map(([name, text]) => [`definitions/${name}.sqlx`, `${text}\n`])),
    "tests/models/read_csv/reads/expect.yaml": "query:\n  - { column0: hunter2 }\n",
    "tests/models/read_text/reads/expect.yaml": "query:\n  - { content: hunter2 }\n",
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), text);
  }
  const world = { cwd: dir, settings: {}, signal: new AbortController().signal };
  const engine = await localTarget("local", { kind: "local" }, world, join(dir, "home")).openEngine({
    projectDir: project,
  });
  const cacheDir = join(dir, "cache");
  let id = 0;
  const built = await buildProject({
    projectDir: project,
    engine,
    cacheDir,
    now: () => new Date(),
    newId: () => `${++id}`,
  });
  await engine.close();
  expect(built.result.results.filter(({ outcome }) => outcome !== "failed").map((one) => one.id)).toEqual([]);

  const scratch = await openLocalWarehouse();
  const certificate = await certify(built.project.graph, {
    run: (sql, file) => scratch.run(sql, { file }),
    columnsOf: async () => undefined,
  });
  scratch.close();
  expect(JSON.stringify(certificate)).not.toContain("hunter2");

  const { outcomes } = await runTests({ projectDir: project, cacheDir, openBench, clock: () => 0, seed: 1 });
  expect(outcomes.filter(({ passed }) => passed)).toEqual([]);
  expect(outcomes).not.toEqual([]);
  expect(JSON.stringify(built.result.results)).not.toContain("hunter2");
  expect((await readdir(dir)).sort()).toEqual(["cache", "home", "project", "secret.csv"]);
});
