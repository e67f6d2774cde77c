/**
 * The one seam between Inboxloop and an engine. Everything speaks GoogleSQL through it; an adapter whose engine speaks
 * something else translates as it executes. Kept as narrow as its callers need.
 */
export interface Warehouse {
  readonly name: "duckdb" | "bigquery";

  /** Runs one GoogleSQL query and reads it whole. For results that fit in memory; `exportParquet` is for the rest. */
  query(sql: string, options?: QueryOptions): Promise<QueryResult>;

  /** Runs a GoogleSQL script (DDL, DML, one statement or several) for its effect. */
  execute(sql: string, options?: QueryOptions): Promise<ExecuteResult>;

  /** Appends rows to a table. Expected trouble comes back as a value; only the unexpected throws. */
  append(table: string, rows: readonly Row[], options?: { readonly signal?: AbortSignal }): Promise<AppendResult>;

  /** Loads Parquet files into a table, which is created with `columns` when it is not there. */
  loadParquet(table: string, files: readonly string[], columns: readonly Column[]): Promise<{ readonly rows: number }>;

  /** Writes a query's rows as Parquet: a local path, or gs:// for an engine in the cloud. */
  exportParquet(sql: string, path: string, options?: QueryOptions): Promise<{ readonly rows: number }>;

  /** The columns of a table or view, undefined when there is none of that name. */
  columns(table: string): Promise<readonly Column[] | undefined>;

  close(): Promise<void>;
}

export interface QueryOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * Named query parameters (`@name`). A boolean is BOOL, a bigint or a whole number INT64, another number FLOAT64, a
   * Date TIMESTAMP, a Uint8Array BYTES, text STRING, an array of these ARRAY. null is an untyped NULL.
   */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Where the text came from, for error messages. */
  readonly file?: string | undefined;
}

/**
 * Rows keyed by column name. INT64 is a bigint, FLOAT64 a number, NUMERIC and BIGNUMERIC a decimal string, BYTES a
 * Uint8Array, JSON its canonical text, ARRAY an array, STRUCT a record. Times are ISO text, their fraction of 0, 3 or 6
 * digits: DATE `2024-01-31`, TIME `09:30:00.123`, DATETIME `2024-01-31T09:30:00`, TIMESTAMP `2024-01-31T09:30:00.123456Z`.
 */
export type Row = Readonly<Record<string, unknown>>;

export interface Column {
  readonly name: string;
  /** A GoogleSQL type: `INT64`, `ARRAY<STRUCT<a INT64, b STRING>>`. */
  readonly type: string;
}

export interface QueryResult {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

export interface ExecuteResult {
  /** Rows changed by DML, where the engine tells. */
  readonly rowsAffected?: number | undefined;
}

export type AppendResult =
  | { readonly kind: "written"; readonly rows: number }
  /** The client refused some rows. None of the others were written yet either. */
  | { readonly kind: "rejected-rows"; readonly reasonByIndex: ReadonlyMap<number, string> }
  /** The table has not caught up with a column just added; trying again will do. */
  | { readonly kind: "schema-lagging"; readonly cause: unknown };
