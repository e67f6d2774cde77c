import type { RegisterCommand } from "../command.ts";
import { numberOption } from "./retrain/options.ts";

export const register: RegisterCommand = (program, environment) => {
  program
    .command("serve")
    .description(
      "Decide over HTTP for one person at a time, by the policies, with the models that the release log puts in charge",
    )
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option(
      "--port <port>",
      "port; 0 takes any free one",
      numberOption("--port", { whole: true, least: 0, most: 65_535 }),
      8090,
    )
    .option("--status-host <address>", "where readiness, metrics and the interface are", "127.0.0.1")
    .option(
      "--status-port <n>",
      "port of that; by default the one after --port",
      numberOption("--status-port", { whole: true, least: 0, most: 65_535 }),
    )
    .option("--policies <folder>", "where the policies are", "policies")
    .option("--rate <n>", "calls a second that each caller may make", numberOption("--rate", { least: 1 }))
    .addHelpText(
      "after",
      "\nCallers and their keys are settings: INBOXLOOP_SERVE_KEY_<CALLER>=decide+read:<key>.\n\nExample:\n  inboxloop features push && inboxloop serve\n",
    )
    .action(async (options) => {
      const { serveCommand } = await import("./serve/run.ts");
      await serveCommand(await environment(), options);
    });
};
