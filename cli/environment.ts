import { resolve } from "node:path";
import { type Console, createConsole } from "./console.ts";
import { type Home, homeAt } from "./home.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly home?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The world as a command sees it: built once, here, and handed down. Nothing below reads the clock or the process. */
export interface Environment {
  readonly home: Home;
  readonly cwd: string;
  readonly console: Console;
  /** The process's settings; secrets come from here and nowhere else. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  /** Aborted on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export function createEnvironment(options: GlobalOptions, signal: AbortSignal): Environment {
  const settings = process.env;
  return {
    home: homeAt(options.home ?? settings["INBOXLOOP_HOME"] ?? ".inboxloop"),
    cwd: resolve("."),
    console: createConsole(
      { stdout: process.stdout, stderr: process.stderr },
      { json: options.json === true, quiet: options.quiet === true, env: settings, now: () => performance.now() },
    ),
    settings,
    now: () => new Date(),
    signal,
  };
}
