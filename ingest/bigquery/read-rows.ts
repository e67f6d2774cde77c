import { UserError } from "../../errors/user-error.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { type RawRow, rawColumns } from "../door/raw-row.ts";
import type { BatchEntry } from "../ledger.ts";
import { type Selection, selectionSql } from "../retractions/selection.ts";
import { Retractions } from "../retractions/standing.ts";
import { rawRowOf } from "./raw-tables.ts";

type Reader = Pick<Warehouse, "query">;

/** Rows of a raw table in BigQuery, at least those that a selection asks for. */
export async function rowsInBigQuery(
  warehouse: Reader,
  dataset: string,
  table: string,
  selection: Selection | undefined,
): Promise<readonly RawRow[]> {
  const names = rawColumns(table).map(({ name }) => `\`${name}\``);
  const { where, params } = selection === undefined ? { where: "true", params: {} } : selectionSql(selection);
  const { rows } = await warehouse.query(`select ${names.join(", ")} from \`${dataset}.${table}\` where ${where}`, {
    params,
  });
  return rows.map((row) => rawRowOf(table, row));
}

/** The retractions that have landed in BigQuery. */
export async function retractionsInBigQuery(warehouse: Reader, dataset: string): Promise<Retractions> {
  const found = new Retractions();
  for (const row of await rowsInBigQuery(warehouse, dataset, "retractions", undefined)) found.add(row);
  return found;
}

/**
 * The rows that a batch of this machine's ledger put into a table: those that were received between its first and its last, which must be exactly as many.
 * Throws where they are not: another batch's are among them then, or some are gone.
 */
export async function rowsOfBatch(
  warehouse: Reader,
  dataset: string,
  table: string,
  batch: BatchEntry,
): Promise<readonly RawRow[]> {
  const { rows: landed, received_from, received_to } = batch.tables[table]!;
  const names = rawColumns(table).map(({ name }) => `\`${name}\``);
  const { rows } = await warehouse.query(
    `select ${names.join(", ")} from \`${dataset}.${table}\` where received_at >= timestamp(@from) and received_at <= timestamp(@to)`,
    { params: { from: received_from, to: received_to }, file: `rows of batch ${batch.batch_id}` },
  );
  if (rows.length === landed) return rows.map((row) => rawRowOf(table, row));
  throw new UserError(
    `batch ${batch.batch_id} put ${landed} rows into ${table}, and ${rows.length} were received in that time: they cannot be told apart`,
    {
      code: "ingest.batch-mixed",
      exit: "usage",
      where: `${dataset}.${table}, ${received_from} to ${received_to}`,
      next: `inboxloop ingest retract --where 'table = ${table} and received >= ${received_from} and source = ...' --reason ... --dry-run`,
    },
  );
}
