import type { Command } from "commander";
import type { Environment } from "./environment.ts";

/**
 * What a file in commands/ exports: it hangs its noun (and verbs) on the program. Options are declared eagerly; the work
 * is imported inside the action, so that `--help` costs nothing.
 *
 *   export const register: RegisterCommand = (program, environment) => {
 *     program.command("query <sql>").description("Run one GoogleSQL statement").action(async (sql) => {
 *       const { runQuery } = await import("...");
 *       const result = await runQuery(environment(), sql);
 *       environment().console.result(result, () => render(result));
 *     });
 *   };
 */
export type RegisterCommand = (program: Command, environment: () => Environment) => void;
