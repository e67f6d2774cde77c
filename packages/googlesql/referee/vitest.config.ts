import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: resolve(import.meta.dirname, "../../.."),
  test: {
    include: ["packages/googlesql/referee/*.test.ts", "tests/referee/*.test.ts"],
    // One service and one engine per file; two files at a time fill two cores.
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 60_000,
  },
});
