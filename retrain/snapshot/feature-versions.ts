import type { Column, Warehouse } from "../../warehouse/warehouse.ts";
import type { FeatureVersions } from "./snapshot-lock.ts";

const registry = "features.feature_registry";

/**
 * The versions of the features among some columns, as the warehouse was built with them, not as the code at hand has them. Undefined where
 * the warehouse has no registry, or registers none of the columns.
 */
export async function featureVersions(
  warehouse: Pick<Warehouse, "query" | "columns">,
  columns: readonly Column[],
  signal?: AbortSignal,
): Promise<FeatureVersions | undefined> {
  if ((await warehouse.columns(registry)) === undefined) return undefined;
  const { rows } = await warehouse.query(
    `select feature, feature_version, features_version from ${registry} order by feature`,
    { signal, file: "feature versions" },
  );
  const present = new Set(columns.map(({ name }) => name));
  const list = rows
    .map((row) => ({ name: String(row["feature"]), version: String(row["feature_version"]) }))
    .filter(({ name }) => present.has(name));
  return list.length === 0 ? undefined : { version: String(rows[0]!["features_version"]), list };
}
