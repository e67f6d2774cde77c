import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exitCodes, UserError } from "../../../errors/user-error.ts";
import { repairSegments } from "../../../ingest/segments/repair.ts";
import type { Environment } from "../../environment.ts";
import { table } from "./render.ts";

export interface IngestRepairOptions {
  readonly from?: string;
  readonly setAside?: boolean;
  readonly dryRun?: boolean;
}

/** `inboxloop ingest repair`. Exit code 4 when something is still damaged. */
export async function ingestRepairCommand(environment: Environment, options: IngestRepairOptions): Promise<void> {
  const { console, home, cwd } = environment;
  const given = options.from === undefined ? undefined : resolve(cwd, options.from);
  // A copy of the whole home will do as well.
  const from = given !== undefined && existsSync(join(given, "raw")) ? join(given, "raw") : given;
  if (from !== undefined && !existsSync(from)) {
    throw new UserError(`no such folder: ${options.from}`, {
      code: "ingest.no-file",
      exit: "usage",
      where: from,
      next: "ls",
    });
  }
  const outcome = await repairSegments(
    home.raw,
    { from, setAside: options.setAside === true, dryRun: options.dryRun === true },
    { pid: process.pid, sleep: (ms) => sleep(ms), patienceMs: 60_000, code: "ingest.locked" },
  );
  const left = outcome.repaired.filter((one) => one.done === "no-copy").length;
  console.result(outcome, () => {
    if (outcome.repaired.length === 0) return `${outcome.segments} segments are what the ledger says`;
    const rows = outcome.repaired.map((one) => [one.segment, one.rows, one.done] as const);
    const next =
      left > 0
        ? `\n\n${left} have no good copy: inboxloop ingest repair --from <copy>, or --set-aside to go on without their rows`
        : "";
    return `${table(["segment", "rows", outcome.dry_run ? "would be" : "now"], rows)}${next}`;
  });
  if (left > 0) process.exitCode = exitCodes.check;
}
