import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** Runs the product as its user does and gives its JSON answer. */
export function inboxloop(home: string, ...words: string[]): unknown {
  const entry = ["--import", import.meta.resolve("tsx"), join(root, "cli/main.ts")];
  const args = [...entry, "--home", home, "--json", "--quiet", ...words];
  const out = execFileSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(out);
}
