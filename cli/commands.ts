import type { RegisterCommand } from "./command.ts";
import { register as ingest } from "./commands/ingest.ts";
import { register as simulate } from "./commands/simulate.ts";

const commands: readonly RegisterCommand[] = [ingest, simulate];

/** Hangs every command on the program, in the order in which help shows them. */
export const registerCommands: RegisterCommand = (program, environment) => {
  for (const register of commands) register(program, environment);
};
