import { resolve } from "node:path";
import type { Home } from "../platform/home.ts";
import type { ReleaseLog } from "../release/log.ts";
import type { Target } from "../targets/target.ts";
import { type Console, createConsole } from "./console.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly home?: string;
  readonly target?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The world as a command sees it: built once, here, and handed down. Nothing below reads the clock or the process. */
export interface Environment {
  /** Where the system runs: this machine or Google Cloud. */
  readonly target: Target;
  /** `--target vertex`: the models are trained as jobs of Vertex AI; everything else is where the default target is. */
  readonly trainsOnVertex: boolean;
  /** What was released, changed and paused, by whom: where the target keeps it. */
  readonly releaseLog: ReleaseLog;
  /** What of it is on this machine: the target's. */
  readonly home: Home;
  readonly cwd: string;
  readonly console: Console;
  /** The process's settings; secrets come from here and nowhere else. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  /** Aborted on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Loads what reads settings and opens targets only now, so that `--help` costs nothing. */
export async function createEnvironment(options: GlobalOptions, signal: AbortSignal): Promise<Environment> {
  const { openTarget } = await import("../targets/open-target.ts");
  const { releaseLogIn } = await import("./release-log.ts");
  const { giveHomeKeys } = await import("../platform/home-seal.ts");
  const settings = process.env;
  giveHomeKeys(settings);
  const cwd = resolve(".");
  const trainsOnVertex = options.target === "vertex";
  const target = openTarget({ cwd, settings, signal }, trainsOnVertex ? undefined : options.target, options.home);
  return {
    target,
    trainsOnVertex,
    releaseLog: releaseLogIn(target),
    home: target.home,
    cwd,
    console: createConsole(
      { stdout: process.stdout, stderr: process.stderr },
      { json: options.json === true, quiet: options.quiet === true, env: settings, now: () => performance.now() },
    ),
    settings,
    now: () => new Date(),
    signal,
  };
}
