import { exitCodes } from "../../errors/user-error.ts";
import type { CheckedProject } from "../../warehouse/dataform/leakage/check-project.ts";
import type { RegisterCommand } from "../command.ts";
import { addProjectOptions, type ProjectOptions, projectDirOf, varsOf } from "../dataform-project.ts";
import { renderTable } from "../table.ts";
import { addWaiver } from "../waivers.ts";

interface LeakageCommandOptions extends ProjectOptions {
  readonly waive?: Readonly<Record<string, string>>;
}

export const register: RegisterCommand = (program, environment) => {
  const noun = program.command("check").description("Prove claims about the models of a Dataform project");
  const command = noun
    .command("leakage")
    .description("Prove that everything features are made of was known when they were wanted");
  addProjectOptions(command)
    .option(
      "--waive <column=why>",
      "pass over what is found about a column, or about the rows of a table (schema.table.*); once for each",
      addWaiver(/^\w+\.\w+\.(\w+|\*)$/, "features.my_model.my_column='the reason'"),
    )
    .addHelpText(
      "after",
      "\nReads every model of the datasets features and training, each through the queries that it is made of, and asks of each column\nwhen all of it was known: before the send of the row's message, else by the as-of instant. Outcome columns of training are its targets:\nthose that includes/features.js names, did_*, outcome_*, label* and target*, and columns with the tag `outcome`.\nExit code 4 when something is found, with the file, the line and the way from the source to the feature.\n\nExample:\n  inboxloop check leakage --project . --json\n",
    )
    .action(async (options: LeakageCommandOptions) => {
      const { checkProject } = await import("../../warehouse/dataform/leakage/check-project.ts");
      const world = environment();
      const result = await checkProject({
        projectDir: projectDirOf(options, world.cwd),
        vars: varsOf(options),
        cacheDir: `${world.home.state}/compiled`,
        signal: world.signal,
        waive: options.waive,
      });
      world.console.result(result, () => renderChecked(result));
      if (result.verdict === "fail") process.exitCode = exitCodes.check;
    });
};

/** The models as a table, then what was found. */
export function renderChecked(result: CheckedProject): string {
  const table = renderTable(
    [
      { title: "model" },
      { title: "wanted by" },
      { title: "columns", align: "right" },
      { title: "found", align: "right" },
    ],
    result.models.map((one) => [one.model, one.decision, String(one.columns), String(one.findings)]),
  );
  const findings = result.findings.flatMap((one) => [
    "",
    `LEAK  ${one.model}.${one.column}  (${one.kind})`,
    `      ${one.message}`,
    `      at ${one.where}`,
    ...(one.path.length === 0
      ? []
      : [`      ${one.path[0]}`, ...one.path.slice(1).map((step) => `        -> ${step}`)]),
    `      next: ${one.next}`,
  ]);
  const passed = result.waived.map((one) => `waived  ${one.model}.${one.column}  (${one.kind}): ${one.why}`);
  const count = result.findings.length;
  const end =
    count === 0
      ? `ok    ${result.models.length} models: all that features are made of was known in time`
      : `${count} found`;
  return [table, ...findings, "", ...passed, end].join("\n");
}
