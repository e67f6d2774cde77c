import { Command, CommanderError } from "commander";
import { exitCodes, UserError } from "../errors/user-error.ts";
import { registerCommands } from "./commands.ts";
import { createEnvironment, type Environment } from "./environment.ts";

/** The whole command line, ready to parse. */
export function createProgram(signal: AbortSignal): Command {
  const program = new Command("inboxloop")
    .description("Closes the loop between the inbox and the model that decides what goes into it.")
    .version("0.1.0")
    .option("--home <dir>", "where this machine's warehouse, segments and models live (default: .inboxloop)")
    .option("--json", "print the result as one JSON document on stdout")
    .option("--quiet", "no progress and no notes on stderr")
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true);
  let environment: Environment | undefined;
  registerCommands(program, () => {
    environment ??= createEnvironment(program.opts(), signal);
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
