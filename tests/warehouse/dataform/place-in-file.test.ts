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

/** Each is wrong where `wrongname` stands last; what JavaScript puts together, where its expression begins. */
const files: Readonly<Record<string, string>> = {
  "definitions/long_config.sqlx":
    'config {\n  type: "view",\n  description: "It\'s long",\n  columns: {\n    a: "one"\n  }\n}\n\nselect 1 as a,\n  wrongname as b\n',
  "definitions/spread.sqlx":
    '-- said before\nconfig { type: "table" }\njs {\n  const list = ["x", "y"];\n}\nselect\n  ${list.map((name) => `\'${name}\' as ${name}`).join(",\\n  ")},\n  ${`1\n  , 2\n  `} as two,\n  wrongname as c\n',
  "definitions/branch.sqlx":
    'config { type: "incremental", uniqueKey: ["k"] }\nselect 1 as k\n${when(incremental(), `where true`, `where\n  wrongname > 1`)}\n',
  "definitions/before.sqlx":
    'config { type: "table" }\npre_operations {\n  create temp table t as\n  select wrongname as x\n}\nselect 1 as x from t\n',
  "definitions/doing.sqlx":
    'config { type: "operations" }\ncreate or replace table shop.made as select 1 as x -- no wrongname\n---\nselect x\n  , wrongname\nfrom shop.made\n',
  "definitions/actions.js":
    'publish("from_js", { type: "view" }).query(\n  (ctx) => `\n  select 1 as x,\n    wrongname as y`,\n);\n',
  "definitions/asserted.sqlx":
    'config {\n  type: "table",\n  assertions: {\n    uniqueKey: ["k"],\n    nonNull: ["k", "wrongname"]\n  }\n}\nselect 1 as k\n',
  "definitions/made_up.sqlx": 'config { type: "view" }\nselect 1 as x,\n  ${["wrong", "name"].join("")} as y\n',
};
const expected = Object.entries(files).map(([file, text]) => {
  const at = file.endsWith("made_up.sqlx") ? text.indexOf("${") : text.lastIndexOf("wrongname");
  const lines = text.slice(0, at).split("\n");
  return `${file}:${lines.length}:${lines.at(-1)!.length + 1}`;
});

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  const more = {
    "workflow_settings.yaml": "defaultProject: my-shop\ndefaultDataset: shop\ndefaultLocation: EU\n",
    "tests/models/long_config/one/expect.yaml": "query: []\n",
  };
  for (const [path, text] of Object.entries({ ...files, ...more })) {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await writeFile(join(project, path), text);
  }
});
afterEach(() => rm(project, { recursive: true, force: true }));

test("when a query is wrong, then build, parity, lineage and tests all name the place in the file that was written", async () => {
  const cacheDir = join(project, ".cache");
  const engine = localEngine(await openDuckDbWarehouse({ path: join(project, "w.duckdb") }), project);
  let id = 0;
  const { result, project: compiled } = await buildProject({
    projectDir: project,
    engine,
    cacheDir,
    now: () => new Date(),
    newId: () => `${++id}`,
  }).finally(() => engine.close());
  const built = result.results.flatMap(({ error }) => (error === undefined ? [] : [error.where ?? ""]));
  expect([...built].sort()).toEqual([...expected].sort());

  const scratch = await openLocalWarehouse();
  const { models } = await certify(compiled.graph, {
    run: (sql, file) => scratch.run(sql, { file }),
    columnsOf: async () => undefined,
  }).finally(() => scratch.close());
  const judged = models.flatMap(({ reason }) => (reason?.where === undefined ? [] : [reason.where]));
  expect([...judged].sort()).toEqual([...expected].sort());

  const { problems } = await lineageOf(compiled.graph, { columnsOf: async () => undefined });
  const followed = [...problems.values()].flatMap(({ where = "" }) => (/:\d/.test(where) ? [where] : []));
  expect(followed.length).toBeGreaterThan(3);
  expect(followed.filter((where) => !expected.includes(where) && !where.includes("doing"))).toEqual([]);

  const { outcomes } = await runTests({
    projectDir: project,
    cacheDir,
    openBench,
    clock: () => 0,
    seed: 1,
    kinds: ["rows"],
  });
  expect(outcomes[0]?.message).toContain(`where: ${expected[0]}`);
});
