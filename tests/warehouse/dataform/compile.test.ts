// biome-ignore-all lint/suspicious/noTemplateCurlyInString: SQLX has templates in its text
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { UserError } from "../../../errors/user-error.ts";
import { compileProject } from "../../../warehouse/dataform/compile.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 180_000 });

const fixtures = join(import.meta.dirname, "fixtures");
let scratch: string;
let project: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  project = join(scratch, "project");
  await cp(join(fixtures, "shop"), project, { recursive: true });
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

const failure = async (work: Promise<unknown>): Promise<UserError> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error("it was let through");
};

describe("compileProject", () => {
  test("when a project has workflow_settings.yaml, includes, a required file and JavaScript actions, all are in the graph", async () => {
    const { graph } = await compileProject({ projectDir: project });
    const byId = new Map(graph.actions.map((action) => [action.id, action]));
    expect([...byId.keys()].sort()).toEqual([
      "shop.customer_summary",
      "shop.placed_2026_02",
      "shop.placed_2026_03",
      "shop.placed_orders",
      "shop.revenue_daily",
      "shop_assertions.assert_placed_orders__customer_is_known",
      "shop_assertions.assert_placed_orders__price_is_positive",
      "shop_assertions.shop_placed_orders_assertions_rowConditions",
      "shop_assertions.shop_placed_orders_assertions_uniqueKey_0",
      "shop_raw.customers",
      "shop_raw.orders",
      "shop_staging.stg_orders",
    ]);
    expect(byId.get("shop.placed_orders")).toMatchObject({
      kind: "incremental",
      dependsOn: ["shop_staging.stg_orders"],
      storage: { partitionBy: "date(placed_at)", clusterBy: ["customer_id"] },
      incremental: { uniqueKey: ["order_id"], strategy: "merge", onSchemaChange: "IGNORE" },
    });
    expect(byId.get("shop_staging.stg_orders")).toMatchObject({
      columns: [{ path: ["order_id"], description: "Order." }],
    });
    expect(graph.tests.map((unit) => unit.name)).toEqual(["stg_orders__keeps_newest"]);
    expect(graph.vars).toEqual({ as_of: "2026-03-10T00:00:00Z", country: "NL" });
  });

  test("when nothing has changed, the graph comes from the cache; when a var or a file has, it is compiled anew", async () => {
    const cacheDir = join(scratch, "cache");
    const first = await compileProject({ projectDir: project, cacheDir });
    const second = await compileProject({ projectDir: project, cacheDir });
    expect([first.fromCache, second.fromCache]).toEqual([false, true]);
    expect(second.graph).toEqual(JSON.parse(JSON.stringify(first.graph)));

    const dated = await compileProject({ projectDir: project, cacheDir, vars: { as_of: "a,b=c" } });
    expect(dated.fromCache).toBe(false);
    expect(dated.graph.vars["as_of"]).toBe("a,b=c");

    await writeFile(join(project, "includes/money.js"), "module.exports = { euros: (c) => `${c} * 1` };\n");
    const changed = await compileProject({ projectDir: project, cacheDir });
    expect([changed.fromCache, changed.digest === first.digest]).toEqual([false, false]);
  });

  test.each([
    ["js { const made = new Date().toISOString(); }", "${made}"],
    ["js { const made = Date.now(); }", "${made}"],
    ["js { const made = Date(); }", "${made}"],
    ["js { const made = new Date(2024, 0, 1).constructor.now(); }", "${made}"],
    ["js { const made = Math.random(); }", "${made}"],
    ["js { const made = new Intl.DateTimeFormat('en', { fractionalSecondDigits: 3 }).format(); }", "${made}"],
    ["", "${process.hrtime().join()}"],
  ])("when JavaScript asks for what no file says (%s %s), the graph is kept nowhere", async (js, value) => {
    const cacheDir = join(scratch, "cache");
    await writeFile(
      join(project, "definitions/ambient.sqlx"),
      `config { type: "table" }\n${js}\nselect '${value}' as made\n`,
    );
    const { ambient } = await compileProject({ projectDir: project, cacheDir });
    expect(ambient).toEqual([js.includes("random") ? "a random number" : "the clock"]);
    expect(existsSync(cacheDir)).toBe(false);
  });

  test("when JavaScript asked for the clock, the next graph and its digest are others", async () => {
    const cacheDir = join(scratch, "cache");
    await writeFile(
      join(project, "definitions/ambient.sqlx"),
      'config { type: "table" }\nselect "${new Date().toISOString()}" as made\n',
    );
    const first = await compileProject({ projectDir: project, cacheDir });
    const second = await compileProject({ projectDir: project, cacheDir });
    expect([first.fromCache, second.fromCache, second.digest === first.digest]).toEqual([false, false, false]);
    expect(second.graph).not.toEqual(first.graph);
  });

  test("when an include asks for the time as it is loaded, the graph is kept nowhere either", async () => {
    const cacheDir = join(scratch, "cache");
    await writeFile(join(project, "includes/day.js"), "module.exports = { today: new Date() };\n");
    expect((await compileProject({ projectDir: project, cacheDir })).ambient).toEqual(["the clock"]);
    expect(existsSync(cacheDir)).toBe(false);
  });

  test("when JavaScript makes dates out of what is given, the graph is kept, and the dates are UTC's", async () => {
    const cacheDir = join(scratch, "cache");
    await writeFile(
      join(project, "definitions/given.sqlx"),
      `config { type: "table" }
js {
  const day = new Date("2024-03-31T00:30:00");
  const next = new Date(day.getTime() + 86400000);
  const isDate = day instanceof Date && Date.UTC(2024, 0, 1) === Date.parse("2024-01-01T00:00:00Z");
}
select '\${next.toISOString()} \${isDate} \${new Date(2024, 5, 1).getHours()} \${Date.name}' as d
`,
    );
    const { graph, ambient } = await compileProject({ projectDir: project, cacheDir });
    expect(ambient).toEqual([]);
    expect(graph.actions.find(({ target }) => target.name === "given")).toMatchObject({
      query: expect.stringContaining("2024-04-01T00:30:00.000Z true 0 Date"),
    });
    expect((await compileProject({ projectDir: project, cacheDir })).fromCache).toBe(true);
  });

  test("when a cached graph is torn, it is compiled again", async () => {
    const cacheDir = join(scratch, "cache");
    const { digest } = await compileProject({ projectDir: project, cacheDir });
    await writeFile(join(cacheDir, `${digest}.json`), '{"actions": [');
    expect((await compileProject({ projectDir: project, cacheDir })).fromCache).toBe(false);
  });

  test("when a template names a property that is not there, the file and line are refused", async () => {
    const file = join(project, "definitions/staging/stg_orders.sqlx");
    await writeFile(
      file,
      (await readFile(file, "utf8")).replace("lower(status) as status", "lower(${money.column}) as status"),
    );
    const error = await failure(compileProject({ projectDir: project }));
    expect(error).toMatchObject({
      code: "dataform.undefined",
      exit: "config",
      where: "definitions/staging/stg_orders.sqlx:24",
    });
    expect(error.message).toContain("lower(undefined) as status");
  });

  test("when the SQL itself says 'undefined', it is let through", async () => {
    const file = join(project, "definitions/staging/stg_orders.sqlx");
    await writeFile(
      file,
      (await readFile(file, "utf8")).replace("lower(status)", "nullif(lower(status), 'undefined')"),
    );
    await compileProject({ projectDir: project });
  });

  test.each([
    [
      "an unknown name in a SQLX file",
      "definitions/marts/bad.sqlx",
      'config { type: "view" }\n\nselect ${nope.x}\n',
      "definitions/marts/bad.sqlx:3",
      "nope is not defined",
    ],
    [
      "a syntax error in JavaScript",
      "definitions/marts/bad.js",
      '// bad\npublish("a"\n',
      "definitions/marts/bad.js:2",
      "missing )",
    ],
    [
      "a ref to nothing",
      "definitions/marts/bad.sqlx",
      'config { type: "view" }\nselect * from ${ref("nowhere")}\n',
      "definitions/marts/bad.sqlx:2",
      "nowhere",
    ],
    [
      "an ambiguous ref",
      "definitions/marts/customers.sqlx",
      'config { type: "view" }\nselect * from ${ref("customers")}\n',
      "definitions/marts/customers.sqlx:2",
      "Ambiguous",
    ],
  ])("when there is %s, the error names file and line", async (_what, file, text, where, words) => {
    await writeFile(join(project, file), text);
    const error = await failure(compileProject({ projectDir: project }));
    expect(error).toMatchObject({ code: "dataform.compile", exit: "config", where });
    expect(error.message).toContain(words);
  });

  test("when the folder holds no project, or its settings cannot be read, it says so", async () => {
    expect(await failure(compileProject({ projectDir: scratch }))).toMatchObject({ code: "dataform.no-project" });
    await writeFile(join(project, "workflow_settings.yaml"), "defaultDataset: [");
    expect(await failure(compileProject({ projectDir: project }))).toMatchObject({
      code: "dataform.settings",
      where: "workflow_settings.yaml",
    });
  });

  test("when a settings file is from Dataform's first years, it is read as it was meant", async () => {
    await rm(join(project, "workflow_settings.yaml"));
    const settings = {
      warehouse: "bigquery",
      gcloudProjectId: "old-project",
      defaultSchema: "shop",
      idempotentActionRetries: 3,
      useRunCache: true,
      vars: { as_of: "2026-03-10T00:00:00Z", country: "NL" },
    };
    await writeFile(join(project, "dataform.json"), JSON.stringify(settings));
    const { graph } = await compileProject({ projectDir: project });
    expect([graph.defaultDatabase, graph.actions.length]).toEqual(["old-project", 12]);

    await writeFile(join(project, "dataform.json"), JSON.stringify({ ...settings, warehouse: "redshift" }));
    expect(await failure(compileProject({ projectDir: project }))).toMatchObject({
      code: "dataform.warehouse",
      exit: "config",
      message: "the project is written for redshift: its SQL is not GoogleSQL",
    });
  });

  test("when a package is not installed, it is named with its version and how to get it; once it is, it counts", async () => {
    const cacheDir = join(scratch, "cache");
    await writeFile(
      join(project, "definitions/weeks.js"),
      'const { name } = require("week-names");\noperate(name).queries("select 1");\n',
    );
    await writeFile(join(project, "package.json"), '{"dependencies": {"week-names": "1.2.0"}}');
    expect(await failure(compileProject({ projectDir: project, cacheDir }))).toMatchObject({
      code: "dataform.package",
      exit: "config",
      message: 'the project needs the npm package "week-names" 1.2.0; it is not in its node_modules',
      where: "definitions/weeks.js:1",
      next: `npm install --ignore-scripts --prefix ${project}`,
    });
    const install = async (name: string, manifest: object, code: string) => {
      await mkdir(join(project, "node_modules", name), { recursive: true });
      await writeFile(join(project, "node_modules", name, "package.json"), JSON.stringify(manifest));
      await writeFile(join(project, "node_modules", name, "index.js"), code);
    };
    // What a package needs in turn lies beside it.
    await install(
      "week-names",
      { version: "1.2.0", dependencies: { "day-names": "1" } },
      'exports.name = require("day-names").monday;',
    );
    await install("day-names", { version: "1.0.0" }, 'exports.monday = "monday";');
    const first = await compileProject({ projectDir: project, cacheDir });
    expect(first.graph.actions.map((action) => action.id)).toContain("shop.monday");
    await install("day-names", { version: "1.0.0" }, 'exports.monday = "maandag";');
    const second = await compileProject({ projectDir: project, cacheDir });
    expect(second.graph.actions.map((action) => action.id)).toContain("shop.maandag");
  });

  test("when several files are wrong, the first few are told, and that another compiler was asked for", async () => {
    const settings = join(project, "workflow_settings.yaml");
    await writeFile(
      settings,
      (await readFile(settings, "utf8")).replace(/dataformCoreVersion: .*/, "dataformCoreVersion: 2.9.0"),
    );
    for (const name of ["a", "b"]) {
      await writeFile(join(project, `definitions/${name}.sqlx`), 'config { type: "view" }\nselect ${nope.x}\n');
    }
    const error = await failure(compileProject({ projectDir: project }));
    expect(error.where).toBe("definitions/a.sqlx:2");
    expect(error.message).toMatch(
      /^nope is not defined\n {2}also in definitions\/b\.sqlx:2: nope is not defined\n {2}\(the project asks for @dataform\/core 2\.9\.0, which its node_modules does not have; it is compiled with 3\.\d+\.\d+\)$/,
    );
  });

  test.each([
    [
      'config { type: "table",\n  bigquery: { partitionBy: { field: "seen" } } }\nselect 1 as seen\n',
      /^bigquery\.partitionBy must be text .*, not an object/,
      2,
    ],
    [
      'config {\n  type: "view",\n  description: ["a", "b"] }\nselect 1 as x\n',
      /^description must be text, not a list/,
      3,
    ],
  ])("when a setting that is text is none, the error names file and property: %s", async (text, message, line) => {
    await writeFile(join(project, "definitions/wrong.sqlx"), text);
    const error = await failure(compileProject({ projectDir: project }));
    expect(error.message).toMatch(message);
    expect(error.where).toBe(`definitions/wrong.sqlx:${line}`);
  });

  test("when JavaScript calls what only core 2 had, the error says what takes its place", async () => {
    await writeFile(
      join(project, "definitions/old.js"),
      'const made = publish("old", { type: "view" }).query("select 1 as x");\n\nmade.type("table").config({ description: "x" });\n',
    );
    const error = await failure(compileProject({ projectDir: project }));
    expect(error.message).toMatch(
      /core 3 of Dataform has no \.type\(\) .* goes into the call that makes it, as publish/,
    );
    expect(error.where).toBe("definitions/old.js:3");
  });

  test("when a query names a table by its path, a table of the project is waited for and another one is a source", async () => {
    const sqlx = (text: string) => `config { type: "view", schema: "plain" }\n${text}\n`;
    await writeFile(
      join(project, "definitions/first.sqlx"),
      sqlx("select * from `shop_staging.stg_orders` o, o.lines"),
    );
    await writeFile(
      join(project, "definitions/second.sqlx"),
      sqlx(
        "with w as (select 1 as x) select f.* from plain.first as f, w, `elsewhere.crm.accounts`, shop.INFORMATION_SCHEMA.TABLES",
      ),
    );
    await writeFile(join(project, "definitions/third.sqlx"), sqlx("select * from ${ref('fourth')}"));
    await writeFile(join(project, "definitions/fourth.sqlx"), sqlx("select * from plain.third"));
    await writeFile(
      join(project, "definitions/staged.sqlx"),
      'config { type: "operations" }\ncreate or replace table side.stage as select 1 as x;\ninsert into shop.other select * from side.stage\n',
    );
    const { graph } = await compileProject({ projectDir: project });
    const reads = new Map(graph.actions.map((action) => [action.id, action.dependsOn]));
    expect(reads.get("plain.first")).toEqual(["shop_staging.stg_orders"]);
    expect(reads.get("plain.second")).toEqual(["elsewhere.crm.accounts", "plain.first"]);
    expect(graph.actions.find((action) => action.id === "elsewhere.crm.accounts")).toMatchObject({
      kind: "declaration",
      file: "definitions/second.sqlx",
      target: { database: "elsewhere", schema: "crm", name: "accounts" },
    });
    // A circle through a plain path is Dataform's to build: it knows no order there either.
    expect([reads.get("plain.third"), reads.get("plain.fourth")]).toEqual([["plain.fourth"], []]);
    expect(reads.has("side.stage")).toBe(false);
  });
});
