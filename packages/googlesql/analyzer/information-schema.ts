import type { TableReference } from "../ast.ts";
import type { CatalogTable } from "../catalog.ts";
import { literalText, quoteName } from "../emit/text.ts";
import type { LiteralValue } from "../functions/contract.ts";
import { isRecords } from "../path-of.ts";
import { arrayOf, duckdbType, type GoogleSqlType, INT64, STRING, TIMESTAMP, typeName } from "../types.ts";
import type { Analysis } from "./context.ts";
import { type From, tableOf } from "./relation.ts";
import type { Column } from "./scope.ts";

/** One table or view of the dataset that is asked about. */
interface Listed {
  readonly dataset: string;
  readonly name: string;
  readonly table: CatalogTable;
}

interface RecordColumn {
  readonly name: string;
  readonly type: GoogleSqlType;
  /** Undefined where this engine does not know what BigQuery would say: reading it is refused. */
  readonly say: ((table: Listed, column: number) => LiteralValue) | undefined;
}

const told = (name: string, type: GoogleSqlType, say: RecordColumn["say"]): RecordColumn => ({
  name,
  type,
  say,
});
const untold = (type: GoogleSqlType, names: string): readonly RecordColumn[] =>
  names.split(" ").map((name) => ({ name, type, say: undefined }));

/** Collations are in a column of their own. */
const typeText = ({ declared, type }: CatalogTable["columns"][number]): string =>
  declared?.replace(/ COLLATE '[^']*'/g, "") ?? typeName(type);

const identity = [
  ...untold(STRING, "table_catalog"),
  told("table_schema", STRING, ({ dataset }) => dataset),
  told("table_name", STRING, ({ name }) => name),
];

/** The columns of the views, in BigQuery's order: https://cloud.google.com/bigquery/docs/information-schema-tables and -columns. */
const views: Readonly<Record<string, { readonly perColumn: boolean; readonly columns: readonly RecordColumn[] }>> = {
  TABLES: {
    perColumn: false,
    columns: [
      ...identity,
      told("table_type", STRING, ({ table }) =>
        table.kind === "view" ? "VIEW" : (table.properties?.madeAs?.toUpperCase() ?? "BASE TABLE"),
      ),
      ...untold(STRING, "managed_table_type"),
      told("is_insertable_into", STRING, ({ table }) =>
        table.kind === "view" || table.properties?.madeAs === "snapshot" ? "NO" : "YES",
      ),
      ...untold(STRING, "is_fine_grained_mutations_enabled"),
      told("is_typed", STRING, () => "NO"),
      ...untold(STRING, "is_change_history_enabled"),
      ...untold(TIMESTAMP, "creation_time"),
      ...untold(STRING, "base_table_catalog base_table_schema base_table_name"),
      ...untold(TIMESTAMP, "snapshot_time_ms"),
      ...untold(STRING, "replica_source_catalog replica_source_schema replica_source_name"),
      ...untold(STRING, "replication_status replication_error ddl default_collation_name"),
      ...untold(TIMESTAMP, "upsert_stream_apply_watermark"),
    ],
  },
  COLUMNS: {
    perColumn: true,
    columns: [
      ...identity,
      told("column_name", STRING, ({ table }, i) => table.columns[i]!.name),
      told("ordinal_position", INT64, (_, i) => BigInt(i + 1)),
      ...untold(STRING, "is_nullable"),
      told("data_type", STRING, ({ table }, i) => typeText(table.columns[i]!)),
      told("is_generated", STRING, () => "NEVER"),
      told("generation_expression", STRING, () => null),
      told("is_stored", STRING, () => null),
      told("is_hidden", STRING, () => "NO"),
      told("is_updatable", STRING, () => null),
      told("is_system_defined", STRING, () => "NO"),
      ...untold(STRING, "is_partitioning_column"),
      ...untold(INT64, "clustering_ordinal_position"),
      ...untold(STRING, "collation_name column_default rounding_mode"),
      ...untold(arrayOf(STRING), "policy_tags"),
    ],
  },
};

/**
 * `dataset.INFORMATION_SCHEMA.TABLES` and `.COLUMNS`: what the catalogue says at the time of the translation. A column whose value
 * is not known here may be named, and is refused as soon as a row of it is read. Undefined when the path names none of BigQuery's
 * records; the others (jobs, partitions, options ...) are refused, and so is a view over these, which would keep what they say now.
 */
export function informationSchema(a: Analysis, node: TableReference, path: readonly string[]): From | undefined {
  const at = path.findIndex(isRecords);
  if (at < 0) return undefined;
  const dataset = path[at - 1];
  const view = at === path.length - 2 ? views[path.at(-1)!.toUpperCase()] : undefined;
  if (
    view === undefined ||
    dataset === undefined ||
    /^region-/i.test(dataset) ||
    a.catalog.tablesWithPrefix === undefined
  )
    return a.refuse(
      node.name,
      "INFORMATION_SCHEMA",
      "of BigQuery's own records there are TABLES and COLUMNS of a dataset here",
    );
  if (a.isStored) a.refuse(node.name, "INFORMATION_SCHEMA", "a view would keep what the records say now");
  const tables = a.catalog.tablesWithPrefix([dataset, ""]).map((found): Listed => ({ dataset, ...found }));
  const timed = view.perColumn && tables.find(({ table }) => table.properties?.arrivalUnit !== undefined);
  if (timed)
    a.refuse(node.name, "INFORMATION_SCHEMA", `COLUMNS with ${timed.name}, whose pseudo columns it would show`);
  const rows = tables.flatMap((table) =>
    (view.perColumn ? table.table.columns : [undefined]).map((_, i) =>
      view.columns.map(({ type, say }) => literalText(say?.(table, i) ?? null, type)),
    ),
  );
  const t = a.fresh("t");
  const names = view.columns.map(({ name }) => quoteName(name));
  const nothing = view.columns.map(({ type }, i) => `CAST(NULL AS ${duckdbType(type)}) AS ${names[i]}`).join(", ");
  const sql =
    rows.length === 0
      ? `(SELECT ${nothing} WHERE false) AS ${t}`
      : `(VALUES ${rows.map((row) => `(${row.join(", ")})`).join(", ")}) AS ${t}(${names.join(", ")})`;
  const columns = view.columns.map(({ name, type, say }, i): Column => {
    const refusal = `'refused.INFORMATION_SCHEMA: ${name} of ' || ${t}."table_name" || ' is not known here'`;
    const read = say ? `${t}.${names[i]}` : `CAST(gs_raise(${refusal}) AS ${duckdbType(type)})`;
    return { name, sql: read, type };
  });
  return tableOf(sql, t, node.alias?.name ?? path.at(-1)!, columns, false);
}
