import { type Command, Option } from "commander";
import suppressions from "../../includes/suppressions.js";
import { suppressionFormats } from "../../ingest/suppressions/formats.ts";
import type { RegisterCommand } from "../command.ts";
import { addDestinationOptions } from "./ingest/destination-options.ts";

export const register: RegisterCommand = (program, environment) => {
  const group = program
    .command("suppressions")
    .description("Who must not be reached: take in lists, give them out, look somebody up");

  withFormat(addDestinationOptions(group.command("import <files...>")))
    .description("Take in lists of addresses not to be written to; they are hashed at the door like everything else")
    .addOption(new Option("--reason <reason>", "why, whatever the list says").choices(suppressions.names))
    .addHelpText(
      "after",
      "\nThe formats are those of the providers' own lists and exports, JSON or CSV. `inboxloop build` brings\ngovernance.suppressions and governance.eligibility up to date afterwards.\n\nExample:\n  inboxloop suppressions import --format postmark dump.json\n",
    )
    .action(async (files: readonly string[], options) => {
      const { importCommand } = await import("./suppressions/run.ts");
      await importCommand(environment(), files, options);
    });

  withFormat(group.command("export"))
    .description(
      "Of a file of addresses, those that must not be reached, in the form in which a provider takes them in",
    )
    .requiredOption("--addresses <file>", "one address a line; the warehouse knows people by their hashes alone")
    .requiredOption("--out <file>", "where the list goes; it holds addresses")
    .addHelpText(
      "after",
      "\nExample:\n  inboxloop suppressions export --format ses --addresses all.txt --out list.csv\n",
    )
    .action(async (options) => {
      const { exportCommand } = await import("./suppressions/run.ts");
      await exportCommand(environment(), options);
    });

  group
    .command("check [ids...]")
    .description("Whether somebody may be reached, by kind of campaign and channel, and every rule that says no")
    .option("--file <path>", "addresses or ids, one a line; - is standard input")
    .addHelpText(
      "after",
      "\nTakes addresses and ids; prints hashes. As of the last build. Exit code 4 when nobody of them may be sent marketing by e-mail.\n\nExample:\n  inboxloop suppressions check --file - < addresses.txt\n",
    )
    .action(async (ids: readonly string[], options) => {
      const { checkCommand } = await import("./suppressions/run.ts");
      await checkCommand(environment(), ids, options);
    });
};

const withFormat = (command: Command): Command =>
  command.addOption(
    new Option("--format <format>", "whose list it is").choices(suppressionFormats).makeOptionMandatory(),
  );
