import { join } from "node:path";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { canonicalLine } from "../door/raw-row.ts";
import { type BatchEntry, bigQueryLedgerPath } from "../ledger.ts";
import { ledgerRow } from "../segments/local-sink.ts";
import { checkEntries, type LedgerProblem, type LedgerVerdict, verdictOf } from "../segments/verify.ts";
import type { BigQueryDestination } from "./open-bigquery-sink.ts";
import { rawRowOf } from "./raw-tables.ts";

/** `verifyLedger` for what went to BigQuery: opens Google's client for it. */
export async function verifyBigQuery(destination: BigQueryDestination): Promise<LedgerVerdict> {
  const warehouse = await connectBigQuery(destination);
  try {
    const state = join(destination.state, `${destination.projectId}.${destination.dataset}`);
    return await verifyBigQueryLedger(state, destination.dataset, warehouse);
  } finally {
    await warehouse.close();
  }
}

/**
 * Checks this machine's ledger of a project and dataset: its chain and sums, that raw.ingest_ledger says the same, and that no
 * table has fewer rows than were counted. More are no problem: other consumers write there too. Changes nothing.
 */
export async function verifyBigQueryLedger(
  state: string,
  dataset: string,
  warehouse: Pick<Warehouse, "query">,
): Promise<LedgerVerdict> {
  const problems: LedgerProblem[] = [];
  const { entries, batches } = await checkEntries(bigQueryLedgerPath(state), problems);
  const rows = await checkTables(dataset, warehouse, batches, problems);
  await checkMirror(dataset, warehouse, batches, problems);
  return verdictOf(entries, batches, rows, problems);
}

async function checkTables(
  dataset: string,
  warehouse: Pick<Warehouse, "query">,
  batches: readonly BatchEntry[],
  problems: LedgerProblem[],
): Promise<number> {
  const counted = new Map<string, number>();
  for (const { tables } of batches) {
    for (const [table, { rows }] of Object.entries(tables)) counted.set(table, (counted.get(table) ?? 0) + rows);
  }
  let checked = 0;
  for (const [table, expected] of counted) {
    const { rows } = await warehouse.query(`select count(*) as n from \`${dataset}.${table}\``);
    const there = Number(rows[0]?.["n"] ?? 0);
    checked += there;
    if (there < expected) {
      problems.push({
        kind: "missing-rows",
        where: `${dataset}.${table}`,
        detail: `${there} rows, ${expected} landed`,
      });
    }
  }
  return checked;
}

async function checkMirror(
  dataset: string,
  warehouse: Pick<Warehouse, "query">,
  batches: readonly BatchEntry[],
  problems: LedgerProblem[],
): Promise<void> {
  if (batches.length === 0) return;
  const { rows } = await warehouse.query(`select * from \`${dataset}.ingest_ledger\` where received_at >= @since`, {
    params: { since: new Date(batches[0]!.received_at) },
  });
  const mirrored = new Set(rows.map((row) => canonicalLine(rawRowOf("ingest_ledger", row))));
  for (const entry of batches) {
    if (mirrored.has(canonicalLine(ledgerRow(entry)))) continue;
    problems.push({
      kind: "mirror",
      where: `${dataset}.ingest_ledger, sequence ${entry.sequence}`,
      detail: "differs from the log",
    });
  }
}
