import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../../../errors/user-error.ts";
import type { BigQuerySink } from "../../../ingest/bigquery/bigquery-sink.ts";
import type { BigQueryDestination } from "../../../ingest/bigquery/open-bigquery-sink.ts";
import { retractionsInBigQuery, rowsInBigQuery, rowsOfBatch } from "../../../ingest/bigquery/read-rows.ts";
import { openIngest } from "../../../ingest/ingest-files.ts";
import type { BatchEntry } from "../../../ingest/ledger.ts";
import { type LandedRows, type RetractWhat, retract, undoRetraction } from "../../../ingest/retractions/retract.ts";
import { parseSelection } from "../../../ingest/retractions/selection.ts";
import { LocalSink } from "../../../ingest/segments/local-sink.ts";
import { landedInSegments } from "../../../ingest/segments/read-landed.ts";
import { connectBigQuery } from "../../../warehouse/bigquery/connect.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";
import type { Environment } from "../../environment.ts";
import { ingestContext } from "./context.ts";
import type { DestinationOptions } from "./destination.ts";
import { table } from "./render.ts";

export interface IngestRetractOptions extends DestinationOptions {
  readonly batch?: string;
  readonly where?: string;
  readonly undo?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** `inboxloop ingest retract`. */
export async function ingestRetractCommand(environment: Environment, options: IngestRetractOptions): Promise<void> {
  const { batch, where, undo, reason } = options;
  if ([batch, where, undo].filter((one) => one !== undefined).length !== 1)
    throw usage("give one of --batch, --where and --undo");
  if (reason === undefined || reason.trim() === "") throw usage("it needs a --reason");
  const how = { reason, dryRun: options.dryRun === true };
  const what = where === undefined ? undefined : parseSelection(where, (path) => idsIn(environment.cwd, path));
  const context = ingestContext(environment, { ...options, trustReceivedAt: false });
  const { sink, envFor } = await openIngest(context);
  let warehouse: Warehouse | undefined;
  try {
    if (context.bigQuery) warehouse = await connectBigQuery(context.bigQuery);
    const landed =
      sink instanceof LocalSink
        ? landedInSegments(sink)
        : landedInBigQuery(warehouse!, context.bigQuery!.dataset, sink);
    const env = { landed, envFor, now: environment.now, newId: randomUUID, signal: environment.signal };
    if (undo !== undefined) {
      const undone = await undoRetraction(env, undo, how);
      environment.console.result(
        undone,
        () => `${undone.rows.toLocaleString("en-US")} rows ${how.dryRun ? "would count" : "count"} again\n\n${next}`,
      );
      return;
    }
    const asked: RetractWhat = what ? { kind: "where", selection: what } : { kind: "batch", batchId: batch! };
    const outcome = await retract(env, asked, how);
    environment.console.result(outcome, () => {
      const rows = Object.entries(outcome.rows).map(([name, count]) => [`raw.${name}`, count] as const);
      const already = outcome.already > 0 ? `${outcome.already} rows were taken back before\n` : "";
      if (rows.length === 0) return `${already}nothing to take back`;
      const head = `${already}${table(["table", how.dryRun ? "rows to take back" : "rows taken back"], rows)}`;
      return how.dryRun ? head : `${head}\n\nretraction ${outcome.retraction_id}\n${next}`;
    });
  } finally {
    await sink.close();
    await warehouse?.close();
  }
}

const next = "inboxloop build brings the models up to date";

function landedInBigQuery(
  warehouse: Warehouse,
  dataset: BigQueryDestination["dataset"],
  { ledger }: Pick<BigQuerySink, "ledger">,
): LandedRows {
  const batchOf = (batchId: string) =>
    ledger.entries.find((entry): entry is BatchEntry => entry.kind === "batch" && entry.batch_id === batchId);
  return {
    async *rows(name, selection, batchId) {
      const batch = batchId === undefined ? undefined : batchOf(batchId);
      yield await (batch
        ? rowsOfBatch(warehouse, dataset, name, batch)
        : rowsInBigQuery(warehouse, dataset, name, selection));
    },
    tablesOf(batchId) {
      const tables = batchOf(batchId)?.tables ?? {};
      // What an earlier version landed does not say when: its rows cannot be told from others'.
      const isTold = Object.values(tables).every(({ received_from }) => received_from !== undefined);
      return batchOf(batchId) && isTold ? Object.keys(tables) : undefined;
    },
    retractions: () => retractionsInBigQuery(warehouse, dataset),
  };
}

function idsIn(cwd: string, path: string): readonly string[] {
  try {
    const lines = readFileSync(resolve(cwd, path), "utf8").split(/\r?\n/);
    return lines.map((line) => line.trim()).filter((line) => line !== "");
  } catch (cause) {
    throw new UserError("the file of ids cannot be read", {
      code: "ingest.no-file",
      exit: "usage",
      where: path,
      next: "--where 'id in ids.txt', an id a line",
      cause,
    });
  }
}

const usage = (what: string): UserError =>
  new UserError(what, {
    code: "ingest.retract-usage",
    exit: "usage",
    next: "inboxloop ingest retract --batch <id> --reason 'wrong file' --dry-run",
  });
