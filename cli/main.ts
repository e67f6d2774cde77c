#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { exitCodes, UserError } from "../errors/user-error.ts";
import { registerCommands } from "./commands.ts";
import { createEnvironment, type Environment } from "./environment.ts";

const interrupted = new AbortController();

/** The whole command line, ready to parse. */
export function createProgram(signal: AbortSignal = interrupted.signal): Command {
  const program = new Command("inboxloop")
    .description("Closes the loop between the inbox and the model that decides what goes into it.")
    .version("0.1.0")
    .option("--home <dir>", "where this machine's warehouse, segments and models live (default: .inboxloop)")
    .option("--json", "print the result as one JSON document on stdout")
    .option("--quiet", "no progress and no notes on stderr")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showSuggestionAfterError(true)
    .exitOverride();
  let environment: Environment | undefined;
  registerCommands(program, () => {
    environment ??= createEnvironment(program.opts(), signal);
    return environment;
  });
  // Sub-commands inherit exitOverride only when made with .command(); this makes sure of it.
  const visit = (command: Command) => {
    command.exitOverride();
    command.commands.forEach(visit);
  };
  visit(program);
  return program;
}

/** Renders an error for a person and returns the exit code that it earns. */
export function reportError(error: unknown, write: (text: string) => void): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof UserError) {
    const where = error.where ? `where: ${error.where}\n` : "";
    const next = error.next ? `next:  ${error.next}\n` : "";
    write(`error: ${error.message} [${error.code}]\n${where}${next}`);
    return error.exitCode;
  }
  if (interrupted.signal.aborted) return exitCodes.interrupted;
  write(`bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return exitCodes.bug;
}

async function main(): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.pipeClosed);
    throw error;
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      interrupted.abort(new UserError("interrupted", { code: "cli.interrupted", exit: "interrupted" }));
      process.exitCode = exitCodes.interrupted;
    });
  }
  try {
    await createProgram().parseAsync();
  } catch (error) {
    process.exitCode = reportError(error, (text) => process.stderr.write(text));
  }
}

if (import.meta.main ?? process.argv[1] === new URL(import.meta.url).pathname) await main();
