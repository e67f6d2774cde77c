// biome-ignore-all lint/suspicious/noTemplateCurlyInString: SQLX has templates in its text
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { UserError } from "../../../errors/user-error.ts";
import { compileProject } from "../../../warehouse/dataform/compile.ts";
import { readProjectSources } from "../../../warehouse/dataform/project-sources.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 120_000 });

const require = createRequire(import.meta.url);
const ourVersion = (require("@dataform/core/package.json") as { version: string }).version;
/** What only a core before 3 compiles: an action that is customised after it is made, an inline table, a setting of another warehouse. */
const ofCore2 = {
  "definitions/made.js":
    'const made = publish("made", { type: "view" }).query("select 1 as x");\n\nmade.type("table").config({ description: "tuned after the fact" });\n',
  "definitions/part.sqlx": 'config { type: "inline" }\nselect ${names.seven} as y\n',
  "definitions/whole.sqlx":
    'config { type: "incremental", bigquery: { partitionBy: "date(seen)" } }\nselect y, timestamp "2026-01-01" as seen from ${ref("part")}\n',
  "includes/names.js": "module.exports = { seven: 7 };\n",
};

let scratch: string;
let project: string;
const put = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(join(project, path)), { recursive: true });
  await writeFile(join(project, path), text);
};
const putAll = async (files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) await put(path, text);
};
/** Lays an installed core 2 into the project, under a version. */
const installCore2 = async (version: string): Promise<void> => {
  const from = dirname(require.resolve("dataform-core-2/package.json"));
  await put("node_modules/@dataform/core/bundle.js", await readFile(join(from, "bundle.js"), "utf8"));
  await put("node_modules/@dataform/core/package.json", JSON.stringify({ version, main: "bundle.js" }));
};
const asks = (version: string) => put("package.json", JSON.stringify({ dependencies: { "@dataform/core": version } }));
const failure = async (): Promise<UserError> =>
  await compileProject({ projectDir: project }).then(
    () => {
      throw new Error("it was let through");
    },
    (error: UserError) => error,
  );

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  project = join(scratch, "project");
  await put(
    "dataform.json",
    '{ "warehouse": "bigquery", "defaultDatabase": "p", "defaultSchema": "d", "defaultLocation": "EU" }',
  );
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

describe("a project's own @dataform/core", () => {
  test.each(["2.9.0", ">=2.4 <3"])(
    "when its node_modules has the core 2 that it asks for (%s), that one compiles it",
    async (asked) => {
      await putAll(ofCore2);
      await asks(asked);
      await installCore2("2.9.0");
      const { graph, core } = await compileProject({ projectDir: project });
      expect(core).toEqual({ version: "2.9.0", isOwn: true });
      expect(graph.actions.map(({ id, kind, file }) => [id, kind, file])).toEqual([
        ["d.made", "table", "definitions/made.js"],
        ["d.whole", "incremental", "definitions/whole.sqlx"],
      ]);
      expect(graph.actions[0]).toMatchObject({ description: "tuned after the fact" });
      expect(graph.actions[1]).toMatchObject({
        query: expect.stringMatching(/from \(\s*select 7 as y\s*\)/),
        storage: { partitionBy: "date(seen)" },
      });
    },
  );

  test("when a file is wrong for the core 2 that compiles it, the error has file and line, and no word of core 3", async () => {
    await putAll(ofCore2);
    await asks("2.9.0");
    await installCore2("2.9.0");
    await put("definitions/wrong.js", 'publish("wrong", "select 1");\n\nnope.type("view");\n');
    const error = await failure();
    expect(error).toMatchObject({ message: "nope is not defined", where: "definitions/wrong.js:3", next: undefined });
  });

  test("when it asks for another 3.0 than ours and has that one, that one compiles it; another content is another graph", async () => {
    await put("definitions/a.sqlx", 'config { type: "view" }\nselect 1 as x\n');
    await asks("3.0.36");
    const ours = dirname(require.resolve("@dataform/core/package.json"));
    await cp(ours, join(project, "node_modules/@dataform/core"), {
      recursive: true,
      filter: (path) => !/proto$/.test(path),
    });
    await put("node_modules/@dataform/core/package.json", '{ "version": "3.0.36", "main": "bundle.js" }');
    const cacheDir = join(scratch, "cache");
    const first = await compileProject({ projectDir: project, cacheDir });
    expect(first.core).toEqual({ version: "3.0.36", isOwn: true });
    expect(first.graph.actions.map(({ id }) => id)).toEqual(["d.a"]);
    expect((await compileProject({ projectDir: project, cacheDir })).fromCache).toBe(true);
    await put("node_modules/@dataform/core/more.js", "// another build of it\n");
    expect((await compileProject({ projectDir: project, cacheDir })).fromCache).toBe(false);
  });

  test("when a core needs packages, those beside it and those inside it are there for it", async () => {
    await putAll(ofCore2);
    await asks("2.8.3");
    await installCore2("2.8.3");
    const home = "node_modules/@dataform/core";
    await cp(join(project, home, "bundle.js"), join(project, home, "real.js"));
    await put(`${home}/bundle.js`, 'require("inside"); module.exports = require("./real.js");\n');
    await put(`${home}/package.json`, '{ "version": "2.8.3", "main": "bundle.js", "dependencies": { "inside": "1" } }');
    await put(`${home}/node_modules/inside/package.json`, '{ "version": "1.0.0", "dependencies": { "beside": "1" } }');
    await put(`${home}/node_modules/inside/index.js`, 'if (require("beside") !== 8) throw new Error("no");\n');
    await put("node_modules/beside/package.json", '{ "version": "1.0.0" }');
    await put("node_modules/beside/index.js", "module.exports = 8;\n");
    const { graph } = await compileProject({ projectDir: project });
    expect(graph.actions.map(({ id }) => id)).toEqual(["d.made", "d.whole"]);
  });

  test("when a core reaches for files, processes or secrets, it gets none of them", async () => {
    vi.stubEnv("INBOXLOOP_PSEUDONYM_KEY", "hunter2");
    const probes = [
      "require('fs').readFileSync('/etc/passwd', 'utf8')",
      "require('child_process').execSync('id').toString()",
      "process.env.INBOXLOOP_PSEUDONYM_KEY || process.env.HOME || 'empty'",
      "this.constructor.constructor('return process')().env.INBOXLOOP_PSEUDONYM_KEY || 'empty'",
    ].map((probe) => `() => ${probe}`);
    await asks("2.9.0");
    await put("node_modules/@dataform/core/package.json", '{ "version": "2.9.0", "main": "bundle.js" }');
    await put(
      "node_modules/@dataform/core/bundle.js",
      `const seen = [${probes.join(", ")}].map((probe) => { try { return String(probe()); } catch { return "refused"; } });
module.exports = { compiler: (code) => code, version: "2.9.0", main: () => { throw new Error("seen: " + seen.join("|")); } };\n`,
    );
    const { message } = await failure();
    vi.unstubAllEnvs();
    const seen = /seen: (.*)/.exec(message)?.[1]?.split("|") ?? [];
    expect(seen).toHaveLength(probes.length);
    expect(seen.filter((one) => !["refused", "empty"].includes(one))).toEqual([]);
  });

  test("when the core is a link that leads out of the project, it is refused by name", async () => {
    await asks("2.9.0");
    await mkdir(join(project, "node_modules/@dataform"), { recursive: true });
    await symlink(
      dirname(require.resolve("dataform-core-2/package.json")),
      join(project, "node_modules/@dataform/core"),
    );
    expect(await failure()).toMatchObject({ code: "dataform.outside", where: "node_modules/@dataform/core" });
  });

  test.each([
    ["0.9.1", /@dataform\/core 0\.9\.1: versions 1\.22\.0 to 2\.9 and 3\.0 to/],
    ["4.0.0", /@dataform\/core 4\.0\.0: versions/],
    ["3.0.0-beta.0", /@dataform\/core 3\.0\.0-beta\.0: versions/],
  ])(
    "when its node_modules has a core that nothing here runs (%s), the error says which it may be",
    async (version, said) => {
      await asks(version);
      await installCore2(version);
      expect(await failure()).toMatchObject({
        code: "dataform.core",
        message: expect.stringMatching(said),
        next: `npm install --ignore-scripts --prefix ${project} @dataform/core@${ourVersion}`,
      });
    },
  );
});

describe("a project whose core is not there", () => {
  test.each([
    ["definitions/made.js", /^core 3 of Dataform has no \.type\(\) .* publish\("name"/, 3],
    [
      "definitions/part.sqlx",
      /^core 3 of Dataform has no type "inline": make it a view, or a function in includes\//,
      1,
    ],
  ] as const)(
    "when %s needs core 2, the error says what core 3 lacks and the command that brings core 2",
    async (file, said, line) => {
      await put(file, ofCore2[file]);
      await put("includes/names.js", ofCore2["includes/names.js"]);
      await asks("2.6.0");
      expect(await failure()).toMatchObject({
        code: "dataform.core",
        where: `${file}:${line}`,
        message: expect.stringMatching(said),
        next: `npm install --ignore-scripts --prefix ${project}`,
      });
      expect((await failure()).message).toContain(
        `(the project asks for @dataform/core 2.6.0, which its node_modules does not have; it is compiled with ${ourVersion})`,
      );
    },
  );

  test.each(["redshift", "presto"])(
    "when a config has settings of another warehouse (%s), the error says to leave them out",
    async (name) => {
      await put("definitions/a.sqlx", `config {\n  type: "table",\n  ${name}: { distKey: "x" }\n}\nselect 1 as x\n`);
      expect(await failure()).toMatchObject({
        message: `core 3 of Dataform writes for BigQuery alone and has no setting "${name}": leave it out`,
        where: "definitions/a.sqlx:3",
      });
    },
  );

  test("when its node_modules has another version than it asks for, ours compiles it and says both", async () => {
    await put("definitions/a.sqlx", 'config { type: "view" }\nselect ${nope.x}\n');
    await asks("2.6.0");
    await installCore2("2.9.0");
    expect((await failure()).message).toBe(
      `nope is not defined\n  (the project asks for @dataform/core 2.6.0, which its node_modules has as 2.9.0; it is compiled with ${ourVersion})`,
    );
  });

  test("when workflow_settings.yaml names the version, the command installs that one and writes no package.json", async () => {
    await rm(join(project, "dataform.json"));
    await put("workflow_settings.yaml", "dataformCoreVersion: 3.0.42\ndefaultProject: p\ndefaultDataset: d\n");
    const { core } = await readProjectSources(project, {});
    expect(core).toEqual({
      version: ourVersion,
      isOwn: false,
      missed: {
        asked: "3.0.42",
        installed: undefined,
        isOtherGeneration: false,
        next: `npm install --ignore-scripts --prefix ${project} --no-save @dataform/core@3.0.42`,
      },
    });
  });

  test.each([ourVersion, "^3.0.0", "*", "latest"])("when ours is what it asks for (%s), ours it is", async (asked) => {
    await asks(asked);
    expect((await readProjectSources(project, {})).core).toEqual({ version: ourVersion, isOwn: false });
  });

  test("when a range is asked for that the shell would read, the command quotes it", async () => {
    await rm(join(project, "dataform.json"));
    await put("workflow_settings.yaml", 'dataformCoreVersion: ">=2.4 <3"\n');
    const { core } = await readProjectSources(project, {});
    expect(core.missed).toMatchObject({
      isOtherGeneration: true,
      next: `npm install --ignore-scripts --prefix ${project} --no-save "@dataform/core@>=2.4 <3"`,
    });
  });
});

describe("a setting of the wrong kind", () => {
  test.each([
    [
      "of a list from includes/",
      'publish("a", { type: "table", description: kept.list }).query("select 1 as x");\n',
      "description must be text, not a list",
    ],
    [
      "of a number among labels",
      'publish("a", { type: "table",\n  bigquery: { labels: { team: 7 } } }).query("select 1 as x");\n',
      "bigquery.labels.team must be text, not 7",
    ],
    [
      "of a number for a tag",
      'publish("a", { type: "table", tags: ["daily", 4] }).query("select 1 as x");\n',
      "tags must be text, not 4",
    ],
  ])("when one %s is where text is wanted, the error names property and file", async (_, text, message) => {
    await put("includes/kept.js", 'module.exports = { list: ["a", "b"] };\n');
    await put("definitions/a.js", text);
    await put("definitions/b.sqlx", 'config { type: "view" }\nselect 1 as x\n');
    const error = await failure();
    expect(error.message).toBe(message);
    expect(error.where).toMatch(/^definitions\/a\.js/);
  });
});
