import type { BatchResult } from "../../serve/batch/decide-audience.ts";
import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";
import type { DecideRequest } from "./decide/run.ts";
import { numberOption } from "./retrain/options.ts";

export const register: RegisterCommand = (program, environment) => {
  program
    .command("decide")
    .description(
      "Decide for everybody in an audience who gets what and when, or nothing; each decision goes to raw.decisions once",
    )
    .requiredOption(
      "--campaign <campaign...>",
      "campaigns to decide for; spring=newsletter is the campaign spring under the policy newsletter",
    )
    .option("--policies <folder>", "where the policies are", "policies")
    .option("--occasion <name>", "names the mailing; nobody is decided twice for one (default: today, UTC)")
    .option(
      "--page-rows <n>",
      "people decided together",
      numberOption("--page-rows", { whole: true, least: 1 }),
      20_000,
    )
    .option("--dry-run", "decide and count, and write nothing")
    .addHelpText(
      "after",
      "\nA run that was stopped goes on where it was, with the policies and models that it was begun with.\n\nExample:\n  inboxloop decide --campaign spring-sale=newsletter --dry-run\n",
    )
    .action(async (options: DecideRequest) => {
      const { decideCommand } = await import("./decide/run.ts");
      const result = await decideCommand(environment(), options);
      environment().console.result(result, () => renderBatch(result));
    });
};

function renderBatch({ run, state, summary }: BatchResult): string {
  const { decisions, sends, hold_out, explored, fallback_share } = summary;
  const share = (n: number): string => (decisions === 0 ? "" : `${((100 * n) / decisions).toFixed(1)} %`);
  const rows = Object.entries(summary.by_reason).map(([reason, n]) => [reason, String(n), share(n)]);
  return [
    `${run}: ${state}`,
    `${decisions} decisions, ${sends} to send, ${hold_out} held out, ${explored} to try something out`,
    `fallback ${fallback_share === null ? "none: nobody came to the ladder" : `${(100 * fallback_share).toFixed(1)} % of those who came to the ladder`}`,
    "",
    renderTable(
      [{ title: "reason" }, { title: "decisions", align: "right" }, { title: "share", align: "right" }],
      rows,
    ),
  ].join("\n");
}
