import type { RegisterCommand } from "./command.ts";
import { register as query } from "./commands/query.ts";

const commands: readonly RegisterCommand[] = [query];

/** Hangs every command on the program, in the order in which help shows them. */
export const registerCommands: RegisterCommand = (program, environment) => {
  for (const register of commands) register(program, environment);
};
