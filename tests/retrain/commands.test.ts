import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createProgram } from "../../cli/program.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "inboxloop-commands-"));
  process.exitCode = undefined;
});
afterEach(async () => {
  process.exitCode = undefined;
  await rm(home, { recursive: true, force: true });
});

/** Runs one command line; gives what it printed on stdout. */
async function run(...words: string[]): Promise<string> {
  let text = "";
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await createProgram(new AbortController().signal).parseAsync(["--home", home, "--quiet", ...words], {
      from: "user",
    });
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
  return text;
}

test("when nothing was released, then status and log say so as data", async () => {
  expect(JSON.parse(await run("--json", "release", "status"))).toMatchObject({
    champion: null,
    canary: null,
    versions: [],
  });
  expect(JSON.parse(await run("--json", "release", "log"))).toEqual([]);
});

test("when options are wrong, then the error names them, with exit code 2", async () => {
  await expect(run("snapshot", "create", "--as-of", "last tuesday")).rejects.toMatchObject({
    code: "cli.time",
    exitCode: 2,
  });
  await expect(run("train", "--snapshot", "x", "--target", "moon")).rejects.toMatchObject({
    code: "settings.no-target",
    exitCode: 2,
  });
  await expect(run("train")).rejects.toMatchObject({ code: "train.snapshot", exitCode: 2 });
  await expect(run("train", "--snapshot", "x", "--alias", "9")).rejects.toThrow("letters, digits and dashes");
  await expect(run("train", "--snapshot", "x", "--seed", "1.5")).rejects.toMatchObject({ code: "cli.number" });
  await expect(run("snapshot", "create", "--sample", "random", "5")).rejects.toMatchObject({ code: "cli.number" });
});

test("when a snapshot or a model is not there, then the error says what to try", async () => {
  await expect(run("snapshot", "verify", "nope")).rejects.toMatchObject({ code: "snapshot.unknown" });
  await expect(run("evaluate", "--candidate", "nope")).rejects.toMatchObject({ code: "model.unknown" });
  await expect(run("train", "--snapshot", "nope")).rejects.toMatchObject({ code: "snapshot.unknown" });
  expect(await run("snapshot", "list")).toContain("inboxloop snapshot create");
});

test("when training on Vertex AI lacks a setting, then it is named, with exit code 3", async () => {
  vi.stubEnv("GOOGLE_CLOUD_PROJECT", "");
  await expect(run("train", "--snapshot", "x", "--target", "vertex")).rejects.toMatchObject({
    code: "vertex.settings",
    exitCode: 3,
  });
  vi.unstubAllEnvs();
});
