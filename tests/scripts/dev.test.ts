import { spawn } from "node:child_process";
import { appendFile, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test, vi } from "vitest";

// It starts the command line several times over; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 300_000 });

const root = resolve(import.meta.dirname, "../..");

test("when a model changes while npm run dev is on, what it touches is built and tested again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "inboxloop-dev-"));
  const project = join(folder, "shop");
  await cp(join(root, "tests/warehouse/dataform/fixtures/shop"), project, { recursive: true });
  const args = ["--home", join(folder, "home"), "--project", project, "--sources", join(project, "sources")];
  const child = spawn(process.execPath, [join(root, "scripts/dev.mjs"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  child.stderr.on("data", (data) => (said += data));
  const until = (pattern: RegExp) =>
    vi.waitFor(() => expect(said).toMatch(pattern), { timeout: 250_000, interval: 100 });
  try {
    await until(/8 passed, 0 failed[\s\S]*watching definitions/);
    expect(said).toMatch(/6 built, 3 of 4 assertions held/);
    said = "";
    await appendFile(join(project, "definitions/marts/revenue_daily.sqlx"), "\nlimit 1000\n");
    await until(/1 passed, 0 failed/);
    expect(said).toContain("definitions/marts/revenue_daily.sqlx");
    expect(said).toMatch(/[12] built, [45] unchanged/);
  } finally {
    child.kill("SIGINT");
    await rm(folder, { recursive: true, force: true });
  }
});
