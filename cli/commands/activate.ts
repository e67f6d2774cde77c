import type { HandOverResult } from "../../activation/hand-over.ts";
import type { Rehearsal } from "../../activation/rehearse.ts";
import { exitCodes } from "../../errors/user-error.ts";
import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";
import type { ActivateRequest } from "./activate/run.ts";
import { numberOption } from "./retrain/options.ts";

export const register: RegisterCommand = (program, environment) => {
  program
    .command("activate")
    .description(
      "Hand decided mails whose time has come over to your mail service, each once; what was heard since the decision may withhold them",
    )
    .requiredOption("--campaign <campaign...>", "campaigns whose decisions are handed over")
    .requiredOption("--to <receiver>", "a receiver of the settings")
    .option("--settings <file>", "receivers, and where addresses are looked up", "activation.yaml")
    .option("--policies <folder>", "where the policies are", "policies")
    .option("--limit <n>", "hand over so many mails at most", numberOption("--limit", { whole: true, least: 1 }))
    .option("--again", "try refused, dead and doubtful mails of this receiver once more")
    .option(
      "--dry-run",
      "count by reason and show one request without its addressee; nothing is looked up, written or sent",
    )
    .addHelpText(
      "after",
      "\nA run that was stopped goes on where it was. docs/reference/activation.md says what happens on each failure.\n\nExample:\n  inboxloop activate --campaign spring-sale --to ses --dry-run\n",
    )
    .action(async (options: ActivateRequest) => {
      const { activateCommand } = await import("./activate/run.ts");
      const world = await environment();
      const result = await activateCommand(world, options);
      world.console.result(result, () => render(result));
      if (result.state === "stopped")
        process.exitCode = result.stopped_by?.kind === "set-up" ? exitCodes.config : exitCodes.remote;
      if (result.state === "interrupted") process.exitCode = exitCodes.interrupted;
    });
};

function render(result: HandOverResult | Rehearsal): string {
  const total = Object.entries(result.counts).map(([state, n]) => `${n} ${state.replace("_", " ")}`);
  const lines = [
    `${result.to}: ${result.state}`,
    [...total, ...(result.earlier > 0 ? [`${result.earlier} of earlier runs`] : [])].join(", ") || "no mail is due",
  ];
  const reasons = Object.entries(result.by_reason).map(([reason, n]) => [reason, String(n)]);
  if (reasons.length > 0)
    lines.push("", renderTable([{ title: "reason" }, { title: "mails", align: "right" }], reasons));
  if (result.state === "dry-run") {
    if (result.request !== null) lines.push("", "first request:", JSON.stringify(result.request, null, 2));
  } else {
    const [example] = result.examples;
    if (example) lines.push("", `one to look at: inboxloop why ${example.decision_id}`);
    if (result.stopped_by)
      lines.push(
        "",
        result.stopped_by.kind === "set-up"
          ? `stopped: ${result.to} answered ${result.stopped_by.reason}, which is about its set-up; mend it and run the command again`
          : `stopped: ${result.to} does not take mails now (${result.stopped_by.reason}); run the command again later`,
      );
    if (result.next_at) lines.push("", `mails wait for another attempt from ${result.next_at}: run the command again`);
  }
  return lines.join("\n");
}
