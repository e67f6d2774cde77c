import { join } from "node:path";
import { UserError } from "../../../errors/user-error.ts";
import { dataPolicyFile } from "../../../governance/data-policy/data-policy.ts";
import { deletionsJournal, deletionsName } from "../../../governance/deletions.ts";
import type { Retained, RetentionPlan } from "../../../governance/retention/carry-out.ts";
import { retentionJournal } from "../../../governance/retention/retention-journal.ts";
import { dataPolicyOf } from "../../data-policy.ts";
import { projectDirOf } from "../../dataform-project.ts";
import type { Environment } from "../../environment.ts";
import { renderTable } from "../../table.ts";
import { ingestContext } from "../ingest/context.ts";
import { retainHome } from "./home-retention.ts";
import { type RetentionInBigQuery, retainInBigQuery } from "./retention-in-bigquery.ts";
import { refuseBucket } from "./run.ts";

export interface RetainOptions {
  readonly dryRun?: boolean;
  readonly project?: string;
}

/** `inboxloop privacy retain`. */
export async function retainCommand(environment: Environment, options: RetainOptions): Promise<void> {
  const projectDir = projectDirOf(options, environment.cwd);
  const stated = await dataPolicyOf(projectDir);
  if (!stated) {
    throw new UserError("the project says nowhere for how long anything is kept", {
      code: "data-policy.none",
      exit: "config",
      where: join(projectDir, dataPolicyFile),
      next: "docs/reference/data-policy.md has a policy to begin with",
    });
  }
  const { target, home, signal } = environment;
  const progress = environment.console.progress("retain");
  const world = {
    home,
    context: ingestContext(environment, { trustReceivedAt: false }),
    journal: target.journal("governance/retentions", retentionJournal),
    refreshViews: async () => (await target.openWarehouse()).close(),
    policy: stated.policy,
    file: stated.file,
    signal,
    onStep: (what: string, done: number, total: number) => progress.update(done, total, what),
  };
  const how = { dryRun: options.dryRun === true };
  if (target.kind === "bigquery") {
    refuseBucket(environment);
    const deletions = target.journal(deletionsName, deletionsJournal);
    const openWarehouse = () => target.openWarehouse();
    const done = await retainInBigQuery({ ...world, deletions, openWarehouse }, how);
    progress.done();
    environment.console.result(done, () => [...done.outcomes.map(renderRetained), renderExpiring(done)].join("\n\n"));
    return;
  }
  const outcomes = await retainHome(world, how);
  progress.done();
  environment.console.result(outcomes, () => outcomes.map(renderRetained).join("\n\n"));
}

const renderExpiring = ({ expiring }: RetentionInBigQuery): string =>
  expiring.length === 0
    ? "no partition expires by itself"
    : `partitions expire by themselves: ${expiring.map(({ table, days }) => `${table} after ${count(days)} days`).join(", ")}`;

const count = (n: number): string => n.toLocaleString("en-US");

function renderRetained(outcome: Retained): string {
  if (outcome.kind !== "done") return renderPlan(outcome.plan, outcome.kind === "planned");
  const { receipt, isResumed } = outcome;
  return [
    ...(isResumed ? ["one that was interrupted is finished:"] : []),
    renderTable(
      [{ title: "where" }, { title: "rows gone", align: "right" }],
      receipt.places.map(({ where, rows }) => [where, count(rows)]),
    ),
    "",
    `${count(receipt.rows)} ${receipt.rows === 1 ? "row" : "rows"} gone, receipt ${receipt.retention_id}`,
    ...receipt.snapshots.map(({ parent, successor }) =>
      successor ? `snapshot ${parent} is ${successor} now` : `snapshot ${parent} is gone: no row was left`,
    ),
    "next: inboxloop build",
  ].join("\n");
}

function renderPlan({ cutoffs, places, rows }: RetentionPlan, isDry: boolean): string {
  const days = renderTable(
    [{ title: "of" }, { title: "kept days", align: "right" }, { title: "goes before" }],
    cutoffs.map((one) => [one.of, count(one.kept_days), one.before.slice(0, 10)]),
  );
  if (rows === 0) return `${days}\n\nnothing is older than it may be kept`;
  return [
    days,
    "",
    renderTable(
      [{ title: "where" }, { title: "rows", align: "right" }],
      places.map((one) => [one.where, count(one.rows)]),
    ),
    "",
    `${count(rows)} ${rows === 1 ? "row is" : "rows are"} older than may be kept`,
    ...(isDry ? ["next: inboxloop privacy retain"] : []),
  ].join("\n");
}
