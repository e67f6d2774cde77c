import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { runTests } from "../warehouse/dataform/testing/run-tests.ts";
import { openBench } from "../warehouse/duckdb/bench-warehouse.ts";

// `inboxloop test` on the project itself: Dataform unit tests, row files, and the properties of its incrementals.
test("when the project's own model tests run then all of them pass", async () => {
  const cacheDir = mkdtempSync(join(tmpdir(), "inboxloop-models-"));
  try {
    const result = await runTests({
      projectDir: resolve(import.meta.dirname, ".."),
      cacheDir,
      openBench,
      clock: () => performance.now(),
      seed: 20260310,
      signal: new AbortController().signal,
    });
    const failed = result.outcomes.filter(({ passed }) => !passed);
    expect(failed).toEqual([]);
    expect(result.passed).toBeGreaterThan(50);
  } finally {
    rmSync(cacheDir, { recursive: true, force: true });
  }
});
