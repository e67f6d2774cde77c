// Compiles the product into dist/. A clean build: what was deleted from the sources is gone from dist/ too.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

rmSync(join(root, "dist"), { recursive: true, force: true });
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
// includes/ is CommonJS (Dataform wants it so); its marker goes where its compiled copy is.
copyFileSync(join(root, "includes/package.json"), join(root, "dist/includes/package.json"));
// Ready mappings are YAML, which the compiler leaves behind.
cpSync(join(root, "ingest/mapping/presets"), join(root, "dist/ingest/mapping/presets"), { recursive: true });
chmodSync(join(root, "dist/cli/main.js"), 0o755);
