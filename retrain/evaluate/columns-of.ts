import { encodeColumns, type InputColumn } from "../../scoring/encode-inputs.ts";
import type { FeatureColumns } from "../../scoring/feature-columns.ts";
import type { Table } from "../../warehouse/duckdb/read-parquet.ts";

/** Chosen rows of the feature columns, encoded as serving encodes them. */
export function columnsOf(table: Table, features: readonly InputColumn[], rows: readonly number[]): FeatureColumns {
  const cells = new Map(
    features.map(({ name, type }) => [name, type === "number" ? table.numbers(name) : table.texts(name)]),
  );
  return encodeColumns(features, rows.length, (name, row) => cells.get(name)![rows[row]!]);
}
