import type { Warehouse } from "../../warehouse/warehouse.ts";
import { type RawRow, rawColumns } from "../door/raw-row.ts";
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
