import { exitCodes } from "../../errors/user-error.ts";
import type { CheckedProject } from "../../warehouse/dataform/leakage/check-project.ts";
import type { RunTimeCount } from "../../warehouse/dataform/leakage/known-late.ts";
import type { RegisterCommand } from "../command.ts";
import { addProjectOptions, type ProjectOptions, projectDirOf, varsOf } from "../dataform-project.ts";
import type { Environment } from "../environment.ts";
import { renderTable } from "../table.ts";
import { addWaiver } from "../waivers.ts";

interface LeakageCommandOptions extends ProjectOptions {
  readonly waive?: Readonly<Record<string, string>>;
  readonly data: boolean;
}

/** What the rows say, where this machine has a warehouse that is built. */
async function countedIn(world: Environment): Promise<RunTimeCount | undefined> {
  const { existsSync } = await import("node:fs");
  if (world.target.rawInBigQuery !== undefined || !existsSync(world.home.warehouse)) return undefined;
  const { countKnownLate } = await import("../../warehouse/dataform/leakage/known-late.ts");
  const warehouse = await world.target.openWarehouse();
  try {
    return await countKnownLate(warehouse, world.signal);
  } finally {
    await warehouse.close();
  }
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
    .option("--no-data", "do not count in this machine's warehouse what was known late")
    .addHelpText(
      "after",
      "\nReads every model of the datasets features and training, each through the queries that it is made of, and asks of each column\nwhen all of it was known: before the send of the row's message, else by the as-of instant. Outcome columns of training are its targets:\nthose that includes/features.js names, did_*, outcome_*, label* and target*, and columns with the tag `outcome`.\nExit code 4 when something is found, with the file, the line and the way from the source to the feature.\nWhere this machine has a built warehouse it also counts the rows: moments that are not at their send (exit code 4), and signals that had\nhappened before a send but were received after it, which a decision could not have known (a count, no failure).\n\nExample:\n  inboxloop check leakage --project . --json\n",
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
      const counted = options.data ? await countedIn(world) : undefined;
      const all = counted ? { ...result, run_time: counted } : result;
      world.console.result(all, () => [renderChecked(result), ...(counted ? [renderCounted(counted)] : [])].join("\n"));
      if (result.verdict === "fail" || (counted?.moments_not_at_send ?? 0) > 0) process.exitCode = exitCodes.check;
    });
};

/** The count for a person. */
export function renderCounted(counted: RunTimeCount): string {
  const n = (count: number): string => count.toLocaleString("en-US");
  const share = counted.messages === 0 ? 0 : (100 * counted.late_messages) / counted.messages;
  return [
    `rows  ${n(counted.moments_not_at_send)} of ${n(counted.messages)} messages are counted up to another instant than their send`,
    `rows  ${n(counted.late_messages)} (${share.toFixed(2)} %) have one of ${n(counted.late_signals)} signals before them that was received only after the send`,
    ...(counted.imported_signals === 0
      ? []
      : [
          `rows  ${n(counted.imported_signals)} signals are imported history, of which nobody knows when it was first known`,
        ]),
  ].join("\n");
}

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
