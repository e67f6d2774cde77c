import { defineConfig } from "vitest/config";

export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["*.test.ts"],
    globalSetup: ["./global-setup.ts"],
    // Nobody looks for a machine of Google's.
    env: { METADATA_SERVER_DETECTION: "none" },
    // The emulator alone keeps one of two cores busy: one file at a time.
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 1_200_000,
    hookTimeout: 600_000,
  },
});
