import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Environment } from "../../cli/environment.ts";
import { watchTests } from "../../cli/watch-tests.ts";
import { UserError } from "../../errors/user-error.ts";
import type { TestRun } from "../../warehouse/dataform/testing/outcome.ts";

vi.setConfig({ testTimeout: 60_000 });

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-watch-"));
  await mkdir(join(dir, "definitions/staging"), { recursive: true });
  await mkdir(join(dir, "tests/models/orders/one"), { recursive: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A watch under way: what it said, and a wait for the next line. */
function watching(run: () => Promise<TestRun>) {
  const stop = new AbortController();
  const said: string[] = [];
  const keep = (kind: string) => (line: string) => void said.push(`${kind}: ${line}`);
  const world = {
    signal: stop.signal,
    console: {
      result: (_data: unknown, render: () => string) => keep("result")(render()),
      note: keep("note"),
      warn: keep("warning"),
    },
  } as unknown as Environment;
  const ended = watchTests({ projectDir: dir, world, run, render: (result) => `${result.passed} passed` });
  const until = (count: number) =>
    vi.waitFor(() => expect(said.length).toBeGreaterThanOrEqual(count), { timeout: 250_000 });
  return { said, until, stop, ended };
}

const passed = (count: number): TestRun => ({ outcomes: [], passed: count, failed: 0, ms: 1 });

describe("watchTests", () => {
  test("when files change together, the tests run once more; when it is interrupted, it ends", async () => {
    let runs = 0;
    const { said, until, stop, ended } = watching(async () => passed(++runs));
    await until(1);
    await writeFile(join(dir, "tests/models/orders/one/expect.yaml"), "query: []\n");
    await writeFile(join(dir, "definitions/staging/orders.sqlx"), "select 1\n");
    await until(3);
    expect(said).toEqual([
      "result: 1 passed",
      "note: changed: definitions/staging/orders.sqlx, tests/models/orders/one/expect.yaml",
      "result: 2 passed",
    ]);
    stop.abort();
    await ended;
    expect(runs).toBe(2);
  });

  test("when the project does not compile at the moment, it says so and waits for the next change", async () => {
    let runs = 0;
    const { said, until, stop, ended } = watching(async () => {
      if (++runs === 2)
        throw new UserError("nope is not defined", { code: "dataform.compile", exit: "config", where: "a:1" });
      return passed(runs);
    });
    await until(1);
    await writeFile(join(dir, "definitions/a.sqlx"), "x");
    await until(3);
    await writeFile(join(dir, "definitions/a.sqlx"), "select 1");
    await until(5);
    expect(said.filter((line) => !line.startsWith("note"))).toEqual([
      "result: 1 passed",
      "warning: nope is not defined (a:1)",
      "result: 3 passed",
    ]);
    stop.abort();
    await ended;
  });
});
