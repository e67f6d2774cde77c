import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const argumentsOf = (home: string, words: readonly string[]): string[] => [
  "--import",
  import.meta.resolve("tsx"),
  join(root, "cli/main.ts"),
  "--home",
  home,
  "--json",
  ...words,
];

/** Runs the product as its user does and gives its JSON answer. */
export function inboxloop(home: string, ...words: string[]): unknown {
  return inboxloopTold(home, undefined, ...words);
}

/** The same with something on its standard input. */
export function inboxloopTold(home: string, input: string | undefined, ...words: string[]): unknown {
  const out = execFileSync(process.execPath, argumentsOf(home, ["--quiet", ...words]), {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    input: input ?? "",
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "inherit"],
  });
  return JSON.parse(out);
}

/** Starts the product and leaves it running; stdout and stderr are piped. */
export const startInboxloop = (home: string, ...words: string[]): ChildProcess =>
  spawn(process.execPath, argumentsOf(home, words), { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
