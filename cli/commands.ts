import type { RegisterCommand } from "./command.ts";

const commands: readonly RegisterCommand[] = [];

/** Hangs every command on the program, in the order in which help shows them. */
export const registerCommands: RegisterCommand = (program, environment) => {
  for (const register of commands) register(program, environment);
};
