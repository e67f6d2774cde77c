import { type Command, Option } from "commander";

/** Options of verbs that land rows: in this machine's segments, or in BigQuery. */
export function addDestinationOptions(command: Command): Command {
  return addPlaceOptions(command, "land rows in this machine's segments, or in BigQuery (Storage Write API)").addOption(
    new Option(
      "--stream <kind>",
      "committed: each row once, by offset; default: BigQuery's default stream, at least once (default: committed)",
    ).choices(["committed", "default"]),
  );
}

/** Options that say where raw rows are, where it is not where the target is; `to` says it of `--to`. */
export function addPlaceOptions(command: Command, to: string): Command {
  return command
    .addOption(new Option("--to <where>", to).choices(["local", "bigquery"]))
    .option("--project <id>", "BigQuery's project (default: the target's, else GOOGLE_CLOUD_PROJECT)")
    .option("--dataset <name>", "dataset of the raw tables (default: raw)")
    .option("--location <region>", "BigQuery's region of the dataset (default: US)");
}
