import { spawn } from "node:child_process";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../errors/user-error.ts";
import { lastWordsOf } from "../../../platform/processes.ts";

export interface CommandLimits {
  readonly seconds: number;
  readonly bytes: number;
}

/** Of the environment, what a program needs to be found and to speak; no setting, no secret. */
const passed = ["PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT"] as const;
const lookEveryMs = 500;

/** The environment that a command gets: a few of the caller's, and where things are. Its home is the folder that it writes to. */
export function bareEnvironment(
  settings: Readonly<Record<string, string | undefined>>,
  own: Readonly<Record<string, string>>,
  home: string,
): Record<string, string> {
  const kept = passed.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]] as const]));
  return { ...Object.fromEntries(kept), HOME: home, TMPDIR: home, ...own };
}

/**
 * Runs somebody else's trainer in a shell, in a group of processes of its own that ends with it, when its time is over, when it has written too much, or when
 * the run is aborted. What it says on stdout and stderr is only read where it fails.
 */
export async function runCommand(
  command: string,
  options: { readonly cwd: string; readonly env: Record<string, string>; readonly writes: readonly string[] },
  limits: CommandLimits,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn(command, {
    shell: true,
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lastWords = lastWordsOf(child);
  child.stdout?.resume();
  let stopped: string | undefined;
  const stop = (why: string): void => {
    stopped ??= why;
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  const abort = (): void => stop("aborted");
  signal?.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(() => stop(`it had not ended after ${limits.seconds} s`), 1000 * limits.seconds);
  const watch = setInterval(async () => {
    const sizes = await Promise.all(options.writes.map(sizeOf));
    if (sizes.reduce((sum, one) => sum + one, 0) > limits.bytes) stop(`it wrote more than ${limits.bytes} bytes`);
  }, lookEveryMs);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    signal?.throwIfAborted();
    if (code === 0 && stopped === undefined) return;
    const said = lastWords().split("\n").slice(-5).join("\n");
    throw new UserError(
      `the trainer ${stopped === undefined ? `ended with ${code === null ? "a signal" : `exit code ${code}`}` : `was stopped: ${stopped}`}${said === "" ? "" : `\n${said}`}`,
      {
        code: "train.command",
        exit: "check",
        where: command,
        next: "run the command by hand on a folder of inboxloop train --trainer <command> --keep",
      },
    );
  } finally {
    clearTimeout(timer);
    clearInterval(watch);
    signal?.removeEventListener("abort", abort);
    // What it left running ends with it.
    stop("over");
  }
}

/** Bytes of a folder's files; links count for what they are, not for what they point to. */
export async function sizeOf(folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) sum += await sizeOf(path);
    else
      sum += await lstat(path).then(
        ({ size }) => size,
        () => 0,
      );
  }
  return sum;
}
