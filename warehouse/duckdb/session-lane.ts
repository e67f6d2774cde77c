import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { pathOf } from "../googlesql/analyzer/ddl.ts";
import type { ObjectName, Script } from "../googlesql/ast.ts";
import type { Source } from "../googlesql/errors.ts";
import { parseScript } from "../googlesql/parser/parse.ts";
import { typeName } from "../googlesql/types.ts";
import type { Column, ExecuteResult, QueryOptions, QueryResult } from "../warehouse.ts";
import { helperNames } from "./helper-names.ts";
import { isPlain, type PlainOutcome, runPlain } from "./plain-statements.ts";
import { portValue } from "./port-values.ts";
import { LaneCatalog, type RelationCatalog } from "./relation-catalog.ts";
import { parameterBinding } from "./render-value.ts";
import { GoogleSqlSession, type SessionResult } from "./session.ts";

/** One connection with its GoogleSQL session. Work that arrives while it is busy waits its turn. */
export class SessionLane {
  readonly connection: DuckDBConnection;
  readonly session: GoogleSqlSession;
  readonly catalog: LaneCatalog;
  private tail: Promise<unknown> = Promise.resolve();
  private isPrepared = false;
  /** Set between BEGIN and COMMIT. */
  isInTransaction = false;

  private constructor(connection: DuckDBConnection, session: GoogleSqlSession, shared: RelationCatalog) {
    this.connection = connection;
    this.session = session;
    this.catalog = new LaneCatalog(shared, session.catalog);
  }

  static async open(instance: DuckDBInstance, shared: RelationCatalog): Promise<SessionLane> {
    const connection = await instance.connect();
    return new SessionLane(connection, await GoogleSqlSession.open(connection), shared);
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
      const isPlainScript = script.statements.every(isPlain);
      const outcomes = isPlainScript
        ? await this.runPlainScript(script.statements.filter(isPlain), { text: sql, file: options.file }, options)
        : await this.runOtherScript(script, options);
      const query = outcomes.findLast((outcome) => outcome.result !== undefined)?.result;
      const affected = outcomes.flatMap((outcome) => outcome.rowsAffected ?? []);
      return {
        ...(query === undefined ? {} : { query: portResult(query) }),
        effect: { rowsAffected: affected.length === 0 ? undefined : affected.reduce((sum, n) => sum + n, 0) },
      };
    });
  }

  private async runPlainScript(
    statements: readonly Parameters<typeof runPlain>[2][],
    source: Source,
    options: QueryOptions,
  ): Promise<readonly PlainOutcome[]> {
    const parameters = new Map(
      Object.entries(options.params ?? {}).map(([name, value]) => [name.toLowerCase(), parameterBinding(value)]),
    );
    const outcomes: PlainOutcome[] = [];
    for (const statement of statements) {
      try {
        outcomes.push(
          await runPlain(this.session, this.catalog, statement, source, { file: options.file, parameters }),
        );
        if (!this.isInTransaction) this.catalog.commit();
      } catch (error) {
        if (!this.isInTransaction) this.catalog.rollback();
        throw error;
      }
    }
    return outcomes;
  }

  /** Scripts with anything more: whatever they name is looked at again after them. */
  private async runOtherScript(script: Script, options: QueryOptions): Promise<readonly PlainOutcome[]> {
    try {
      return await this.session.run(script.text, { file: options.file, params: options.params });
    } finally {
      for (const path of objectNames(script)) await this.catalog.lookAgain(this.connection, path);
      if (!this.isInTransaction) this.catalog.commit();
    }
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

/** The names of all tables, views and schemas that a script mentions, each once. */
function objectNames(script: Script): readonly (readonly string[])[] {
  const found = new Map<string, readonly string[]>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const item of node) visit(item);
    else if (typeof node === "object" && node !== null) {
      if ((node as { kind?: unknown }).kind === "object-name") {
        const path = pathOf(node as ObjectName);
        found.set(path.join("."), path);
      } else for (const value of Object.values(node)) visit(value);
    }
  };
  visit(script.statements);
  return [...found.values()];
}
