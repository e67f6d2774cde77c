import { mkdtemp, rm, writeFile } from "node:fs/promises";
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

test("when a canary fails its check on the command line, then the exit code is 4 and the log has the rollback", async () => {
  const { approve, canary, promote, submit } = await import("../../release/release.ts");
  const as = (by: string) => ({ log: join(home, "release_log.ndjson"), now: () => new Date(), by, alerts: [] });
  const evaluation = { verdict: "pass" as const, champion: null, failed: [] };
  for (const version of ["v1", "v2"]) {
    await submit(as("ada"), { version, model: "m", snapshot: "s", evaluation });
    await approve(as("bo"), version);
    if (version === "v1") await promote(as("bo"), version);
    else await canary(as("bo"), version, 0.5);
  }
  const arm = {
    sends: 10_000,
    complaints: 20,
    unsubscribes: 30,
    clicks: 300,
    conversions: 50,
    revenue: 2_000,
    revenue_squared: 40_000,
  };
  const counts = join(home, "counts.json");
  await writeFile(counts, JSON.stringify({ champion: arm, candidate: { ...arm, complaints: 70 } }));
  const dry = await run("release", "check", "v2", "--by", "cy", "--counts", counts, "--dry-run");
  expect(dry).toContain("would write  v2 is deactivated");
  expect(await run("release", "check", "v2", "--by", "cy", "--counts", counts)).toContain("canary-complaints    fail");
  expect(process.exitCode).toBe(4);
  expect(await run("release", "log")).toMatch(
    /cy +v2 is deactivated \(canary-complaints: complaint_rate 0.007 where 0.0024 is allowed\); v1 decide/,
  );
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
