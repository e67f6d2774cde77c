import type { Identifier, NodeBase } from "../ast.ts";
import {
  type ArrivalUnit,
  arrivalColumn,
  type CatalogColumn,
  type CatalogTable,
  type TableProperties,
} from "../catalog.ts";
import { letBind } from "../emit/let.ts";
import { quoteName } from "../emit/text.ts";
import { DATE, TIMESTAMP } from "../types.ts";
import type { Analysis } from "./context.ts";
import type { Column } from "./scope.ts";

/** The day of `_PARTITIONTIME`, in tables with a partition a day. */
export const arrivalDate = "_PARTITIONDATE";

/**
 * The pseudo columns of a table partitioned by the time of arrival, which `*` does not give; none of another table.
 * https://cloud.google.com/bigquery/docs/querying-partitioned-tables#query_an_ingestion-time_partitioned_table
 */
export function pseudoColumns({ properties }: CatalogTable, alias: string): readonly Column[] {
  const unit = properties?.arrivalUnit;
  if (unit === undefined) return [];
  const sql = `${alias}.${quoteName(arrivalColumn)}`;
  const time: Column = { name: arrivalColumn, sql, type: TIMESTAMP };
  const hasDate = unit === "DAY" || unit === "ANY";
  return hasDate ? [time, { name: arrivalDate, sql: `CAST(timezone('UTC', ${sql}) AS DATE)`, type: DATE }] : [time];
}

/** As a column that INSERT, UPDATE and MERGE may name. */
export const writtenArrival: CatalogColumn = { name: arrivalColumn, type: TIMESTAMP };

const truncated = (unit: ArrivalUnit, sql: string): string =>
  `timezone('UTC', date_trunc('${unit === "ANY" ? "hour" : unit.toLowerCase()}', timezone('UTC', ${sql})))`;

/** The partition of rows that arrive now. */
export const arrivingNow = (unit: ArrivalUnit, now = "gs_now()"): string =>
  truncated(unit === "ANY" ? "DAY" : unit, now);

/** How the column is stored: the first, so that it stays where it is when others come; filled also past the translation. */
export const storedArrival = (unit: ArrivalUnit): string =>
  `${quoteName(arrivalColumn)} TIMESTAMP WITH TIME ZONE${unit === "ANY" ? "" : ` DEFAULT (${arrivingNow(unit, "now()")})`}`;

/** The columns that are said of a table whose rows come from outside: with `_PARTITIONTIME` among them they say when they arrived. */
export function sourceTable<T extends { readonly name: string }>(
  said: readonly T[],
): { readonly columns: readonly T[]; readonly properties: TableProperties | undefined } {
  const isTimed = said.some(isArrival);
  return {
    columns: isTimed ? said.filter((column) => !isArrival(column)) : said,
    properties: isTimed ? { partitionColumn: arrivalColumn, arrivalUnit: "ANY" } : undefined,
  };
}

export const isArrival = ({ name }: { readonly name: string }): boolean => name.toUpperCase() === arrivalColumn;

/** A time that is written into the column: nothing but the beginning of a partition. */
export const heldToPartition = (a: Analysis, unit: ArrivalUnit, value: string): string =>
  letBind([{ sql: value }], a.fresh, ([x]) => {
    const wrong = `gs_raise('The value of ${arrivalColumn} must be the beginning of a partition (${unit}): ' || coalesce(CAST(timezone('UTC', ${x}) AS VARCHAR), 'NULL'))`;
    return `(CASE WHEN ${x} = ${truncated(unit, x!)} THEN ${x} ELSE CAST(${wrong} AS TIMESTAMP WITH TIME ZONE) END)`;
  });

/** Names that BigQuery keeps for columns of its own. */
const reserved = /^(_PARTITION|_TABLE_|_FILE_|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER)/i;

/** Fails for a column that BigQuery does not let anybody make. */
export function checkFieldName(a: Analysis, node: NodeBase | Identifier, name: string): void {
  if (reserved.test(name))
    a.fail(
      node,
      `Invalid field name "${name}". Field names are not allowed to start with the (case-insensitive) prefixes _PARTITION, _TABLE_, _FILE_, _ROW_TIMESTAMP, __ROOT__ and _COLIDENTIFIER`,
    );
}
