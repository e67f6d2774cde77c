import type { DuckDBConnection } from "@duckdb/node-api";
import type { Query } from "../googlesql/ast.ts";
import type { Source } from "../googlesql/errors.ts";
import { type Binding, type TranslatedColumn, type TranslateOptions, translateQuery } from "../googlesql/translate.ts";
import { asGoogleSqlError } from "./engine-errors.ts";
import { FunctionInstaller } from "./function-installer.ts";
import { StoredCatalog } from "./stored-catalog.ts";
import { decodeValue, type Value } from "./values.ts";

/** Rows in the order of the query, each an array, since names may repeat or be missing. */
export interface SessionResult {
  readonly columns: readonly TranslatedColumn[];
  readonly rows: readonly (readonly Value[])[];
  /** For a query of values (SELECT AS STRUCT | VALUE). */
  readonly isValueTable: boolean;
}

export type { Binding };

/** A DuckDB connection that speaks GoogleSQL. One statement at a time. */
export class GoogleSqlSession {
  readonly connection: DuckDBConnection;
  readonly catalog: StoredCatalog;
  readonly installer: FunctionInstaller;

  private constructor(connection: DuckDBConnection) {
    this.connection = connection;
    this.catalog = new StoredCatalog(connection);
    this.installer = new FunctionInstaller(connection);
  }

  /** Takes over the connection: its time zone becomes UTC and a scalar subquery with two rows an error. */
  static async open(connection: DuckDBConnection): Promise<GoogleSqlSession> {
    await connection.run("SET TimeZone = 'UTC'; SET scalar_subquery_error_on_multiple_rows = true");
    return new GoogleSqlSession(connection);
  }

  /** Translates and runs one query. Throws a subclass of GoogleSqlError. */
  async query(query: Query, source: Source, options: TranslateOptions = {}): Promise<SessionResult> {
    const translated = translateQuery(query, source, this.catalog, options);
    const rows = await this.read(translated.sql, translated.columns);
    return { columns: translated.columns, rows, isValueTable: translated.isValueTable };
  }

  /** Runs DuckDB SQL of ours for its effect; gives the number of rows it changed. */
  async execute(sql: string): Promise<number> {
    try {
      await this.installer.installFor(sql);
      const result = await this.connection.run(sql);
      return result.rowsChanged;
    } catch (error) {
      throw asGoogleSqlError(error);
    }
  }

  async read(sql: string, columns: readonly TranslatedColumn[]): Promise<readonly (readonly Value[])[]> {
    try {
      await this.installer.installFor(sql);
      const reader = await this.connection.runAndReadAll(sql);
      return reader.getRows().map((row) => columns.map((column, i) => decodeValue(row[i] ?? null, column.type)));
    } catch (error) {
      throw asGoogleSqlError(error);
    }
  }
}
