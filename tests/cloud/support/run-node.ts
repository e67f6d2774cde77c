import { execFile } from "node:child_process";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "..", "..", "..");

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunNodeOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a Node program to its end, whatever that is. Only PATH and `env` are in its environment. */
export function runNode(args: readonly string[], { env = {}, cwd = root }: RunNodeOptions = {}): Promise<Ended> {
  return new Promise((done) => {
    const options = { cwd, env: { PATH: process.env["PATH"] ?? "", ...env }, maxBuffer: 256 << 20, timeout: 1_000_000 };
    execFile(process.execPath, [...args], options, (error, stdout, stderr) => {
      const { code = 0, signal = null } = (error ?? {}) as { code?: number | null; signal?: string | null };
      done({ code, signal, stdout, stderr });
    });
  });
}

/** The command line from its source, as `inboxloop` runs it. */
export const inboxloop = (args: readonly string[], options?: RunNodeOptions): Promise<Ended> =>
  runNode(["--import", import.meta.resolve("tsx"), join(root, "cli/main.ts"), ...args, "--quiet"], options);

/** The same, and it must end well. */
export async function inboxloopOrThrow(args: readonly string[], options?: RunNodeOptions): Promise<string> {
  const ended = await inboxloop(args, options);
  if (ended.code !== 0)
    throw new Error(`inboxloop ${args.join(" ")}: exit ${ended.code ?? ended.signal}\n${ended.stderr}`);
  return ended.stdout;
}
