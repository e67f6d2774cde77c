import { setTimeout as sleep } from "node:timers/promises";
import { Command, CommanderError } from "commander";
import { exitCodes, UserError } from "../errors/user-error.ts";
import { refuseClearHome } from "../platform/home-seal.ts";
import { settleSealing } from "../platform/home-sealing.ts";
import { registerCommands } from "./commands.ts";
import { createEnvironment, type Environment, type GlobalOptions } from "./environment.ts";

/** Commands that write nothing into a home that is in clear, or make it one that is encrypted. */
const leavesHomes: ReadonlySet<string> = new Set([
  "audit pii",
  "ingest verify",
  "keys home make",
  "keys home seal",
  "keys home show",
  "simulate",
  "test",
]);

const pathOf = (command: Command): string =>
  command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

/** The whole command line, ready to parse. */
export function createProgram(signal: AbortSignal): Command {
  const program = new Command("inboxloop")
    .description("Closes the loop between the inbox and the model that decides what goes into it.")
    .version("0.1.0")
    .option("--home <dir>", "where this machine's warehouse, segments and models live (default: .inboxloop)")
    .option("--target <name>", "where to run: local, bigquery, or a target of inboxloop.yaml (default: local)")
    .option("--json", "print the result as one JSON document on stdout")
    .option("--quiet", "no progress and no notes on stderr")
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true);
  let environment: Environment | undefined;
  program.hook("preAction", async (_program, action) => {
    const { target } = program.opts<GlobalOptions>();
    if (target === "vertex" && action.name() !== "train" && action.parent?.name() !== "train") {
      throw new UserError("Vertex AI trains models, and nothing else runs there", {
        code: "settings.no-target",
        exit: "usage",
        where: "--target vertex",
        next: "inboxloop train --target vertex",
      });
    }
    environment = await createEnvironment(program.opts(), signal);
    const path = pathOf(action);
    if (path !== "keys home seal")
      await settleSealing(
        environment.home.root,
        { pid: process.pid, sleep: (ms) => sleep(ms), patienceMs: 1_000 },
        { isErasing: path === "privacy erase" || path === "privacy retain" },
      );
    // What is downloaded for a BigQuery target is not encrypted yet: docs/reference/encryption.md.
    if (environment.target.kind === "local" && !leavesHomes.has(path))
      refuseClearHome(environment.home.root, environment.settings);
  });
  program.hook("postAction", () => environment?.target.close());
  registerCommands(program, () => {
    if (environment === undefined) throw new Error("a command asked for its environment before its action");
    return environment;
  });
  const throwInsteadOfExit = (command: Command): void => {
    command.exitOverride();
    command.commands.forEach(throwInsteadOfExit);
  };
  throwInsteadOfExit(program);
  return program;
}

/** Renders an error for a person and returns the exit code that it earns. */
export function reportError(error: unknown, signal: AbortSignal, write: (text: string) => void): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof UserError) {
    const where = error.where ? `where: ${error.where}\n` : "";
    const next = error.next ? `next:  ${error.next}\n` : "";
    write(`error: ${error.message} [${error.code}]\n${where}${next}`);
    return error.exitCode;
  }
  if (signal.aborted) return exitCodes.interrupted;
  write(`bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return exitCodes.bug;
}
