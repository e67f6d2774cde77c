import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CompilerFailed, layCompilerInto, runCompiler } from "../../../warehouse/dataform/compiler-process.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 180_000 });

const root = resolve(import.meta.dirname, "../../..");
let projectDir: string;
let temporary: string;

beforeEach(async () => {
  const scratch = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  [projectDir, temporary] = [join(scratch, "project"), join(scratch, "tmp")];
  await mkdir(temporary);
  await layCompilerInto(projectDir);
  for (const name of ["definitions", "includes", "dataform.json"])
    await cp(join(root, name), join(projectDir, name), { recursive: true });
});
afterEach(() => rm(resolve(projectDir, ".."), { recursive: true, force: true }));

const compiled = (signal?: AbortSignal) => runCompiler({ projectDir, extension: undefined, temporary, signal });

describe("runCompiler", () => {
  test("when a project is compiled then its graph is the one that `dataform compile --json` prints", async () => {
    const entry = createRequire(import.meta.url).resolve("@dataform/cli/bundle.js");
    const env = { PATH: process.env["PATH"], HOME: temporary, TMPDIR: temporary };
    const [ours, dataforms] = await Promise.all([
      compiled(),
      promisify(execFile)(process.execPath, [entry, "compile", projectDir, "--json"], { env, maxBuffer: 1 << 30 }),
    ]);
    expect(JSON.parse(JSON.stringify(ours.graph))).toEqual(JSON.parse(dataforms.stdout));
    expect((ours.graph as { tables: unknown[] }).tables.length).toBeGreaterThan(30);
  });

  test("when a project's JavaScript writes to the console then the graph is whole all the same", async () => {
    await writeFile(
      join(projectDir, "includes/chatty.js"),
      'console.log("{"); console.error("["); module.exports = {};\n',
    );
    await writeFile(join(projectDir, "definitions/chatty.js"), 'operate("chatty").queries(() => "select 1");\n');
    const { operations } = (await compiled()).graph as { operations: { target: { name: string } }[] };
    expect(operations.map(({ target }) => target.name)).toContain("chatty");
  });

  test("when there is no compiler in the project then what it said is told", async () => {
    await rm(join(projectDir, "node_modules"), { recursive: true });
    await expect(compiled()).rejects.toThrow(CompilerFailed);
    await expect(compiled()).rejects.toThrow(/@dataform\/core/);
  });

  test("when it is aborted then it ends with the reason, and its process too", async () => {
    await writeFile(join(projectDir, "definitions/endless.js"), "for (;;);\n");
    const abort = new AbortController();
    const work = compiled(abort.signal);
    setTimeout(() => abort.abort(new Error("enough")), 1_000);
    await expect(work).rejects.toThrow("enough");
  });
});
