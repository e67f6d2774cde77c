import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { root } from "./run-node.ts";

export interface Consumer {
  /** How it ended: `SIGKILL` when it died at its fault hook. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly said: string }>;
  /** Asks it to drain and stop. */
  stop(): void;
}

/** `inboxloop ingest consume` as a process of its own. What is started here is ended by its own process id. */
export function startConsumer(args: readonly string[], env: Readonly<Record<string, string>>): Consumer {
  const child: ChildProcess = spawn(
    process.execPath,
    ["--import", "tsx", "cli/main.ts", "ingest", "consume", ...args, "--json", "--quiet"],
    { cwd: root, env: { PATH: process.env["PATH"] ?? "", ...env }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-20_000);
    });
  }
  const ended = once(child, "close").then(([code, signal]) => {
    process.off("exit", kill);
    return { code: code as number | null, signal: signal as string | null, said };
  });
  return { ended, stop: () => void child.kill("SIGTERM") };
}
