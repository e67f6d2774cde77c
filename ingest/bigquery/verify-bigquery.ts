import { join } from "node:path";
import policies from "../../includes/policies.js";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { canonicalLine } from "../door/raw-row.ts";
import { type BatchEntry, bigQueryLedgerPath } from "../ledger.ts";
import { ledgerRow } from "../segments/local-sink.ts";
import { checkEntries, type LedgerProblem, type LedgerVerdict, verdictOf } from "../segments/verify.ts";
import type { BigQueryDestination } from "./open-bigquery-sink.ts";
import { rawRowOf } from "./raw-tables.ts";

/** What is known of rows that are no longer there. */
export interface RowsGone {
  /** Rows that were deleted, by `dataset.table`: of whoever was erased. */
  readonly deleted: ReadonlyMap<string, number>;
  /** Of tables whose partitions expire, batches are counted that are younger than that. */
  readonly now: Date;
}

/** `verifyLedger` for what went to BigQuery: opens Google's client for it. */
export async function verifyBigQuery(destination: BigQueryDestination, gone: RowsGone): Promise<LedgerVerdict> {
  const warehouse = await connectBigQuery(destination);
  try {
    const state = join(destination.state, `${destination.projectId}.${destination.dataset}`);
    return await verifyBigQueryLedger(state, destination.dataset, warehouse, gone);
  } finally {
    await warehouse.close();
  }
}

/**
 * Checks this machine's ledger of a project and dataset: its chain and sums, that raw.ingest_ledger says the same, and that no
 * table has fewer rows than were counted and have not gone since. More are no problem: other consumers write there too. Changes nothing.
 */
export async function verifyBigQueryLedger(
  state: string,
  dataset: string,
  warehouse: Pick<Warehouse, "query">,
  gone: RowsGone,
): Promise<LedgerVerdict> {
  const problems: LedgerProblem[] = [];
  const { entries, batches } = await checkEntries(bigQueryLedgerPath(state), problems);
  const rows = await checkTables(dataset, warehouse, batches, gone, problems);
  await checkMirror(dataset, warehouse, batches, problems);
  const erased = [...gone.deleted.values()].reduce((sum, one) => sum + one, 0);
  return { ...verdictOf(entries, batches, rows, problems), erased };
}

const dayMs = 86_400_000;

async function checkTables(
  dataset: string,
  warehouse: Pick<Warehouse, "query">,
  batches: readonly BatchEntry[],
  { deleted, now }: RowsGone,
  problems: LedgerProblem[],
): Promise<number> {
  const counted = new Map<string, number>();
  for (const { tables, received_at } of batches) {
    for (const [table, { rows }] of Object.entries(tables)) {
      const days = policies.partitionDays(table);
      const isExpired = days !== null && Date.parse(received_at) < now.getTime() - (days - 1) * dayMs;
      counted.set(table, (counted.get(table) ?? 0) + (isExpired ? 0 : rows));
    }
  }
  let checked = 0;
  for (const [table, landed] of counted) {
    const expected = landed - (deleted.get(`${dataset}.${table}`) ?? 0);
    const { rows } = await warehouse.query(`select count(*) as n from \`${dataset}.${table}\``);
    const there = Number(rows[0]?.["n"] ?? 0);
    checked += there;
    if (there < expected) {
      problems.push({
        kind: "missing-rows",
        where: `${dataset}.${table}`,
        detail: `${there} rows, ${landed} landed${landed > expected ? `, ${landed - expected} were deleted` : ""}`,
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
  // (A clock may have been set back since the first.)
  const since = new Date(Math.min(...batches.map(({ received_at }) => Date.parse(received_at))));
  const { rows } = await warehouse.query(`select * from \`${dataset}.ingest_ledger\` where received_at >= @since`, {
    params: { since },
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
