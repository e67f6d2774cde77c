import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { readCsv } from "./world-files.ts";

const root = mkdtempSync(join(tmpdir(), "inboxloop-simulate-command-"));
afterAll(() => rmSync(root, { recursive: true }));

const project = join(import.meta.dirname, "../..");
const inboxloop = async (...args: string[]): Promise<{ stdout: string; stderr: string; code: number }> => {
  const run = promisify(execFile);
  try {
    const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", "cli/main.ts", ...args], {
      cwd: project,
    });
    return { stdout, stderr, code: 0 };
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
    return { stdout, stderr, code };
  }
};

// Each call starts a process, which takes its time on a busy machine.
describe("inboxloop simulate", () => {
  const world = join(root, "world");
  const size = ["--events", "3000", "--days", "14"];

  test("when it is only asked what it would do, it makes nothing", async () => {
    const { stdout, code } = await inboxloop("simulate", "--out", world, ...size, "--dry-run", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      config: { seed: 7, events: 3000, days: 14 },
      to: "2025-09-15T00:00:00.000Z",
    });
    expect(existsSync(world)).toBe(false);
  });

  test("when a world is made, a canary can be run in it from a file of assignments", async () => {
    const made = await inboxloop("simulate", "--out", world, ...size, "--json");
    expect(JSON.parse(made.stdout).events).toBeGreaterThanOrEqual(3000);
    const people = readCsv(join(world, "truth", "customers.csv")).filter((c) => c["may_be_mailed_at_end"] === "true");
    const lines = people.map((c, n) =>
      JSON.stringify({
        user_id: c["user_id"],
        arm: "candidate",
        variant: n % 2 ? "plain" : "suppress",
        model_version: "m2",
      }),
    );
    const assignments = join(root, "assignments.ndjson");
    writeFileSync(assignments, `${lines.join("\n")}\n`);
    const canary = [
      "simulate",
      "canary",
      "--world",
      world,
      "--assignments",
      assignments,
      "--out",
      join(root, "canary"),
      "--json",
    ];
    const { stdout } = await inboxloop(...canary);
    const { arms } = JSON.parse(stdout);
    expect(arms.candidate.assigned).toBe(people.length);
    expect(arms.candidate.sent + arms.candidate.suppressed + arms.candidate.refused).toBe(people.length);
    expect(existsSync(join(root, "canary", "events-000.ndjson"))).toBe(true);
    // A canary never writes over a world.
    const over = await inboxloop(...canary.with(-2, world));
    expect(over.code).toBe(2);
    expect(over.stderr).toContain("simulate.folder-in-use");
  });

  test("when a number is none, it is a usage error that says which", async () => {
    const { stderr, code } = await inboxloop("simulate", "--out", world, "--seed", "lucky");
    expect(code).toBe(2);
    expect(stderr).toContain("--seed");
  });
});
