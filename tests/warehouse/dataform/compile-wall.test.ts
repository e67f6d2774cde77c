// biome-ignore-all lint/suspicious/noTemplateCurlyInString: SQLX has templates in its text
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compileProject } from "../../../warehouse/dataform/compile.ts";
import { layCompilerInto, permissions, runCompiler } from "../../../warehouse/dataform/compiler-process.ts";
import { readDeclaredColumns } from "../../../warehouse/dataform/testing/declared-columns.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 120_000 });

let scratch: string;
let project: string;
const put = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(join(project, path)), { recursive: true });
  await writeFile(join(project, path), text);
};
beforeEach(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), "inboxloop-test-")));
  project = join(scratch, "project");
  await put("workflow_settings.yaml", "defaultProject: p\ndefaultDataset: d\ndefaultLocation: EU\n");
  await put("definitions/a.sqlx", 'config { type: "view" }\nselect 1 as x\n');
  await writeFile(join(scratch, "secret.js"), 'module.exports = { key: "hunter2" };\n');
  await mkdir(join(scratch, "others"));
  await writeFile(join(scratch, "others/b.sqlx"), 'config { type: "view" }\nselect 2 as y\n');
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

describe("a stranger's project", () => {
  test.each([
    ["includes/key.js", "secret.js"],
    ["definitions/more", "others"],
    ["includes", "others"],
    ["package.json", "secret.js"],
    ["root.js", "secret.js"],
    ["node_modules", "others"],
  ])("when %s is a symbolic link that leads out of it, it is refused by name", async (path, target) => {
    await mkdir(dirname(join(project, path)), { recursive: true });
    await symlink(join(scratch, target), join(project, path));
    await expect(compileProject({ projectDir: project })).rejects.toMatchObject({
      code: "dataform.outside",
      where: path,
      message: `${path} is a symbolic link that leads out of the project: a project is compiled of its own files alone`,
    });
  });

  test("when a link leads to another file of the project, it is read; to a folder that it lies in, it is refused", async () => {
    await put("shared/names.js", 'module.exports = { x: "named" };\n');
    await mkdir(join(project, "includes"));
    await symlink("../shared/names.js", join(project, "includes/names.js"));
    await put("definitions/c.sqlx", 'config { type: "view" }\nselect 1 as ${names.x}\n');
    const { graph } = await compileProject({ projectDir: project });
    expect(graph.actions.find(({ id }) => id === "d.c")).toMatchObject({ query: expect.stringContaining("as named") });
    await symlink("..", join(project, "definitions/up"));
    await expect(compileProject({ projectDir: project })).rejects.toThrow(
      /definitions\/up is a symbolic link to a folder that it lies in/,
    );
  });

  test("when a file of it is a pipe, it is refused rather than waited for", async () => {
    await promisify(execFile)("mkfifo", [join(project, "definitions/pipe.sqlx")]);
    await expect(compileProject({ projectDir: project })).rejects.toThrow("definitions/pipe.sqlx is no regular file");
  });

  test("when its JavaScript does not come to an end, its process is ended in time and it is said", async () => {
    const [dir, temporary] = [join(scratch, "copy"), join(scratch, "tmp")];
    await mkdir(temporary);
    await layCompilerInto(dir);
    await mkdir(join(dir, "definitions"));
    await writeFile(join(dir, "workflow_settings.yaml"), "defaultProject: p\ndefaultDataset: d\n");
    await writeFile(join(dir, "definitions/endless.js"), "for (;;);\n");
    const began = Date.now();
    await expect(
      runCompiler({ projectDir: dir, extension: undefined, temporary, signal: undefined, limitMs: 4_000 }),
    ).rejects.toThrow("the project's JavaScript did not come to an end within 4 s, and was ended");
    expect(Date.now() - began).toBeLessThan(30_000);
  });

  test("when its JavaScript asks for files, processes or the environment, it gets none of them", async () => {
    vi.stubEnv("INBOXLOOP_PSEUDONYM_KEY", "hunter2");
    const probes = [
      "require('fs').readFileSync('/etc/passwd', 'utf8')",
      "require('child_process').execSync('id').toString()",
      "this.constructor.constructor('return process')().env.INBOXLOOP_PSEUDONYM_KEY || 'empty'",
      "process.env.INBOXLOOP_PSEUDONYM_KEY || process.env.HOME || 'empty'",
      "new Error().constructor.constructor('return process')().mainModule.require('fs').readdirSync('/')",
    ];
    await put(
      "definitions/probes.js",
      `const seen = [${probes.map((probe) => `() => ${probe}`).join(", ")}].map((probe) => { try { return String(probe()); } catch { return "refused"; } });
publish("probes", { type: "view" }).query(\`select '\${seen.join("|")}' as seen\`);\n`,
    );
    const { graph } = await compileProject({ projectDir: project });
    vi.unstubAllEnvs();
    const query = graph.actions.find(({ id }) => id === "d.probes");
    const seen = query?.kind === "view" ? query.query.slice("select '".length, -"' as seen".length).split("|") : [];
    expect(seen).toHaveLength(5);
    expect(seen.filter((one) => !["refused", "empty"].includes(one))).toEqual([]);
  });

  test.each([
    "require('node:fs').readFileSync('/etc/passwd')",
    "require('node:fs').writeFileSync(process.cwd() + '/x', 'x')",
    "require('node:child_process').execSync('id')",
    "new (require('node:worker_threads').Worker)('0', { eval: true })",
  ])("when something gets out of the compiler's sandbox all the same, its process may not: %s", async (probe) => {
    const walls = permissions([join(scratch, "project", "*")]);
    await expect(promisify(execFile)(process.execPath, [...walls, "--eval", probe])).rejects.toThrow(
      /ERR_ACCESS_DENIED/,
    );
  });

  test.each([
    "module.exports = { tables: { x: { a: String(module.constructor.constructor('return typeof process')()) } } }",
    "for (;;);",
    "module.exports = { tables: { x: { a: require('fs').readFileSync('/etc/passwd', 'utf8') } } }",
  ])("when includes/raw_tables.js is more than constants, it is refused: %s", async (text) => {
    await put("includes/raw_tables.js", text);
    await expect(readDeclaredColumns(project)).rejects.toMatchObject({ code: "test.types" });
  });
});
