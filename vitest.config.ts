import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts", "packages/*/tests/**/*.test.ts"],
    exclude: ["tests/referee/**", "tests/cloud/**", "tests/faults/**", "node_modules/**"],
    setupFiles: ["tests/support/setup.ts"],
    // One worker a core: by default a core is kept free, which of two is half.
    maxWorkers: "100%",
    // An end for what hangs, nothing that a busy machine should meet.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
