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
  /** GoogleSQL text of the default, for INSERT. */
  readonly defaultSql?: string | undefined;
}

export interface CatalogTable {
  readonly kind: "table" | "view";
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

/** What translation may ask about the world. Paths are as written, split at dots; all lookups ignore case. */
export interface Catalog {
  table(path: readonly string[]): CatalogTable | undefined;
  /** Tables and views of a dataset whose names begin as the last part of the path does, by name. */
  tablesWithPrefix?(path: readonly string[]): readonly { readonly name: string; readonly table: CatalogTable }[];
  function?(path: readonly string[]): UserFunction | undefined;
  tableFunction?(path: readonly string[]): UserTableFunction | undefined;
}

export const emptyCatalog: Catalog = { table: () => undefined };
