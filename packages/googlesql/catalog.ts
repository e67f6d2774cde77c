import type { CreateFunction, CreateProcedure, CreateTableFunction } from "./ast.ts";
import type { Source } from "./errors.ts";
import type { GoogleSqlType } from "./types.ts";

export interface CatalogColumn {
  readonly name: string;
  readonly type: GoogleSqlType;
  /** The DuckDB identifier, when it is not the name itself. */
  readonly physical?: string | undefined;
  /** Turns the stored value into the one that `type` is carried by, where they differ. */
  readonly convert?: ((sql: string) => string) | undefined;
  readonly notNull?: boolean | undefined;
  /** Its type with the limits that it was declared with (`STRING(10)`), where there are any: what is written is held to them. */
  readonly declared?: string | undefined;
  /** DuckDB SQL of the default, where the catalogue knows it. */
  readonly defaultSql?: string | undefined;
}

/** `ANY`: a source, whose rows say themselves when they arrived. */
export type ArrivalUnit = "HOUR" | "DAY" | "MONTH" | "YEAR" | "ANY";

/** The pseudo column of a table partitioned by the time of arrival. It is stored under this name, and `*` does not give it. */
export const arrivalColumn = "_PARTITIONTIME";

/** What BigQuery keeps of a table beside its columns and rows. */
export interface TableProperties {
  /** Of a table partitioned by the time of arrival: what its rows' times are truncated to. Its column `_PARTITIONTIME` is not among its columns. */
  readonly arrivalUnit?: ArrivalUnit | undefined;
  /** The column that PARTITION BY goes by; `_PARTITIONTIME` of a table partitioned by the time of arrival. */
  readonly partitionColumn?: string | undefined;
  readonly requiresPartitionFilter?: boolean | undefined;
  /** CREATE SNAPSHOT TABLE, whose rows stay as they are, or CREATE TABLE ... CLONE made it. */
  readonly madeAs?: "snapshot" | "clone" | undefined;
  /** Of a view: the partitioned tables that it reads without a filter on their partitions. */
  readonly unfiltered?: readonly UnfilteredTable[] | undefined;
}

/** A partitioned table that a view reads, and the columns of the view that are its partition column. */
export interface UnfilteredTable {
  readonly path: readonly string[];
  readonly partitionColumn: string;
  readonly through: readonly string[];
}

export interface CatalogTable {
  readonly kind: "table" | "view";
  readonly properties?: TableProperties | undefined;
  /** DuckDB SQL that names it in a FROM clause: `"ds"."t"`. */
  readonly sql: string;
  readonly columns: readonly CatalogColumn[];
  /** Rows are values (SELECT AS VALUE): the one column is the row. */
  readonly isValueTable?: boolean | undefined;
}

/** A user's function with a SQL body, resolved anew at each call with the types of its arguments. */
export interface SqlFunction {
  readonly kind: "sql";
  readonly definition: CreateFunction;
  readonly source: Source;
}

/** A user's function that the session has registered under `duckdbName`. */
export interface ForeignFunction {
  readonly kind: "foreign";
  readonly duckdbName: string;
  readonly parameters: readonly { readonly name: string; readonly type: GoogleSqlType }[];
  readonly result: GoogleSqlType;
  readonly isVolatile: boolean;
}

export type UserFunction = SqlFunction | ForeignFunction;

/** A user's table function with a SQL body. */
export interface UserTableFunction {
  readonly definition: CreateTableFunction;
  readonly source: Source;
}

/** A user's procedure; its body is run with nothing of the caller's in sight but its arguments. */
export interface UserProcedure {
  readonly definition: CreateProcedure;
  readonly source: Source;
}

/** What marks a comment in the database as ours: of a column its GoogleSQL type, of a table its properties. */
export const commentMark = "googlesql:";

export const propertiesText = (properties: TableProperties): string => `${commentMark}${JSON.stringify(properties)}`;

/** The properties that a table's comment in the database keeps. */
export const readProperties = (comment: string | null): TableProperties | undefined =>
  comment?.startsWith(commentMark) ? (JSON.parse(comment.slice(commentMark.length)) as TableProperties) : undefined;

/** What translation may ask about the world. Paths are as written, split at dots; all lookups ignore case. */
export interface Catalog {
  table(path: readonly string[]): CatalogTable | undefined;
  /** Tables and views of a dataset whose names begin as the last part of the path does, by name. */
  tablesWithPrefix?(path: readonly string[]): readonly { readonly name: string; readonly table: CatalogTable }[];
  function?(path: readonly string[]): UserFunction | undefined;
  tableFunction?(path: readonly string[]): UserTableFunction | undefined;
}

/** The stored columns of a table without the time of arrival, which is none of its own. */
export const ownColumns = <T extends { readonly name: string }>(
  columns: readonly T[],
  properties: TableProperties | undefined,
): readonly T[] =>
  properties?.arrivalUnit === undefined ? columns : columns.filter(({ name }) => name !== arrivalColumn);

export const emptyCatalog: Catalog = { table: () => undefined };
