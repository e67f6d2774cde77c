import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { parseScript } from "../googlesql/parser/parse.ts";
import type { Binding } from "../googlesql/translate.ts";
import {
  BOOL,
  BYTES as BYTES_TYPE,
  FLOAT64,
  type GoogleSqlType,
  INT64,
  STRING,
  TIMESTAMP,
  typeName,
} from "../googlesql/types.ts";
import type { Column, ExecuteResult, QueryOptions, QueryResult } from "../warehouse.ts";
import { runStatement } from "./adapter-statements.ts";
import { helperNames } from "./helper-names.ts";
import { portValue } from "./port-values.ts";
import { GoogleSqlSession, type SessionResult } from "./session.ts";

/** One connection with its GoogleSQL session. Work that arrives while it is busy waits its turn. */
export class SessionLane {
  readonly connection: DuckDBConnection;
  readonly session: GoogleSqlSession;
  private tail: Promise<unknown> = Promise.resolve();
  private isStale = true;
  private isPrepared = false;
  /** Set between BEGIN and COMMIT. */
  isInTransaction = false;

  private constructor(connection: DuckDBConnection, session: GoogleSqlSession) {
    this.connection = connection;
    this.session = session;
  }

  static async open(instance: DuckDBInstance): Promise<SessionLane> {
    const connection = await instance.connect();
    return new SessionLane(connection, await GoogleSqlSession.open(connection));
  }

  /** Installs all helpers that translated texts and views name. Outside a transaction, or a rollback would take them away. */
  async prepare(): Promise<void> {
    if (this.isPrepared) return;
    this.isPrepared = true;
    await this.session.installer.installFor(helperNames.join(" "));
  }

  /** Runs a script; the result is that of its last query. */
  async run(
    sql: string,
    options: QueryOptions = {},
  ): Promise<{ readonly query?: QueryResult; readonly effect: ExecuteResult }> {
    return await this.inTurn(options.signal, async () => {
      await this.prepare();
      const script = parseScript(sql, options.file === undefined ? {} : { file: options.file });
      const source = { text: sql, file: options.file };
      const parameters = bindings(options.params);
      let query: SessionResult | undefined;
      let rowsAffected: number | undefined;
      for (const statement of script.statements) {
        if (this.isStale) await this.refresh();
        if (statement.kind !== "query-statement") this.isStale = true;
        const done = await runStatement(this.session, statement, source, { file: options.file, parameters });
        if (done.result !== undefined) query = done.result;
        if (done.rowsAffected !== undefined) rowsAffected = (rowsAffected ?? 0) + done.rowsAffected;
      }
      return { ...(query === undefined ? {} : { query: portResult(query) }), effect: { rowsAffected } };
    });
  }

  /** DuckDB's own SQL, in turn. */
  async native(
    sql: string,
    values?: Parameters<DuckDBConnection["runAndReadAll"]>[1],
  ): Promise<readonly (readonly unknown[])[]> {
    return await this.inTurn(undefined, async () => {
      const reader = await this.connection.runAndReadAll(sql, values);
      return reader.getRows();
    });
  }

  /** Something with the connection, in turn. */
  async inTurn<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.tail;
    let release = () => {};
    this.tail = new Promise<void>((resolve) => (release = resolve));
    await before;
    signal?.throwIfAborted();
    const interrupt = () => this.connection.interrupt();
    signal?.addEventListener("abort", interrupt, { once: true });
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw error;
    } finally {
      signal?.removeEventListener("abort", interrupt);
      release();
    }
  }

  /** Makes the next statement look at DuckDB's catalogue again. */
  markStale(): void {
    this.isStale = true;
  }

  async refresh(): Promise<void> {
    await this.session.catalog.refresh();
    this.isStale = false;
  }

  close(): void {
    this.connection.closeSync();
  }
}

function portResult(result: SessionResult): QueryResult {
  const columns: Column[] = result.columns.map((column, i) => ({
    name: column.name === "" ? `f${i}_` : column.name,
    type: typeName(column.type),
  }));
  const rows = result.rows.map((row) =>
    Object.fromEntries(columns.map((column, i) => [column.name, portValue(row[i] ?? null, result.columns[i]!.type)])),
  );
  return { columns, rows };
}

function bindings(params: QueryOptions["params"]): ReadonlyMap<string, Binding> {
  return new Map(Object.entries(params ?? {}).map(([name, value]) => [name.toLowerCase(), binding(value)]));
}

/** The type of a parameter follows from its JavaScript value, as the port says. */
function binding(value: unknown): Binding {
  if (value === null || value === undefined) return { type: STRING, sql: "NULL", literal: null };
  if (Array.isArray(value)) {
    const items = value.map(binding);
    const element: GoogleSqlType = items[0]?.type ?? STRING;
    return { type: { kind: "ARRAY", element }, sql: `[${items.map((item) => item.sql).join(", ")}]` };
  }
  if (typeof value === "boolean") return { type: BOOL, sql: String(value), literal: value };
  if (typeof value === "bigint") return { type: INT64, sql: `'${value}'::BIGINT`, literal: value };
  if (typeof value === "number") {
    return Number.isInteger(value)
      ? { type: INT64, sql: `'${value}'::BIGINT`, literal: BigInt(value) }
      : { type: FLOAT64, sql: `'${value}'::DOUBLE`, literal: value };
  }
  if (value instanceof Date) {
    const text = value.toISOString().replace("T", " ").replace("Z", "+00");
    return { type: TIMESTAMP, sql: `'${text}'::TIMESTAMPTZ`, literal: text };
  }
  if (value instanceof Uint8Array) return { type: BYTES_TYPE, sql: "''::BLOB", literal: value };
  const text = String(value);
  return { type: STRING, sql: `'${text.replaceAll("'", "''")}'`, literal: text };
}
