import { join } from "node:path";
import { UserError } from "../../../errors/user-error.ts";
import type { BigQueryDestination } from "../../../ingest/bigquery/open-bigquery-sink.ts";
import { bigQueryEmulator } from "../../../warehouse/bigquery/connect.ts";
import type { Environment } from "../../environment.ts";

/** Options that say where rows go. */
export interface DestinationOptions {
  readonly to?: "local" | "bigquery";
  readonly project?: string;
  readonly dataset?: string;
  readonly location?: string;
  readonly stream?: "committed" | "default";
}

/** BigQuery, when it was asked for; undefined for this machine's segments. */
export function destinationOf(
  { settings, home, target }: Pick<Environment, "settings" | "home" | "target">,
  options: DestinationOptions,
): BigQueryDestination | undefined {
  const { to = target.kind } = options;
  if (to !== "bigquery") return undefined;
  const ofTarget = target.kind === "bigquery" && options.project === undefined ? target.rawInBigQuery : undefined;
  const projectId = options.project ?? ofTarget?.project ?? settings["GOOGLE_CLOUD_PROJECT"];
  if (!projectId) {
    throw new UserError("which project's BigQuery?", {
      code: "bigquery.no-project",
      exit: "config",
      where: "--project or GOOGLE_CLOUD_PROJECT",
      next: "export GOOGLE_CLOUD_PROJECT=<id>",
    });
  }
  return {
    projectId,
    dataset: options.dataset ?? "raw",
    location: options.location ?? ofTarget?.location,
    kind: options.stream ?? "committed",
    state: join(home.root, "bigquery"),
    ...bigQueryEmulator(settings),
  };
}
