import type { Query, Script, Statement } from "../ast.ts";
import { literalText, quoteName } from "../emit/text.ts";
import { GoogleSqlEvaluationError, type Source } from "../errors.ts";
import { pathOf } from "../path-of.ts";
import { deepNesting, readScript } from "../read-script.ts";
import { type Binding, type TranslatedColumn, type TranslateOptions, translateQuery } from "../translate.ts";
import { type GoogleSqlType, STRING } from "../types.ts";
import { walk } from "../walk.ts";
import type { DuckDBConnection, DuckDBDataChunk } from "./client.ts";
import { asGoogleSqlError } from "./engine-errors.ts";
import { FunctionInstaller, forgetRefusals, throwHiddenRefusal } from "./function-installer.ts";
import { namedBindings, positionalBindings } from "./parameters.ts";
import type { RoutineChange } from "./routines.ts";
import { RunBudget, unlimited } from "./run-limits.ts";
import { ScriptRunner, type StatementOutcome } from "./script-runner.ts";
import { StoredCatalog } from "./stored-catalog.ts";
import { decodeValue, type Value } from "./values.ts";

/** Rows in the order of the query, each an array, since names may repeat or be missing. */
export interface SessionResult {
  readonly columns: readonly TranslatedColumn[];
  readonly rows: readonly (readonly Value[])[];
  /** For a query of values (SELECT AS STRUCT | VALUE). */
  readonly isValueTable: boolean;
}

export interface RunOptions {
  /** Where the text came from, for error messages. */
  readonly file?: string | undefined;
  /** Values of `@name`: JS values, or `{type, value}`. */
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Values of `?`, in order. */
  readonly positional?: readonly unknown[] | undefined;
}

export type { Binding, StatementOutcome };

/** A DuckDB connection that speaks GoogleSQL. One statement at a time. */
export class GoogleSqlSession {
  readonly connection: DuckDBConnection;
  readonly catalog: StoredCatalog;
  readonly installer: FunctionInstaller;
  /** What the run under way may still use up. */
  budget = new RunBudget(unlimited);
  /** What CREATE CONSTANT made, by name in lower case. */
  readonly constants = new Map<string, Binding>();
  /** What EXECUTE IMMEDIATE and CALL ran in the last run. */
  readonly madeAtRunTime: Statement[] = [];
  /** Calls of procedures within each other at this moment. */
  callDepth = 0;
  /** What the last run did to routines, in order. */
  readonly routineChanges: RoutineChange[] = [];
  private readonly isAlone: boolean;
  /** Between BEGIN and COMMIT or ROLLBACK of a script. */
  private isInTransaction = false;

  private constructor(connection: DuckDBConnection, isAlone: boolean) {
    this.isAlone = isAlone;
    this.connection = connection;
    this.catalog = new StoredCatalog(connection);
    this.installer = new FunctionInstaller(connection);
  }

  /**
   * Takes over the connection: its time zone becomes UTC and a scalar subquery with two rows an error. `isAlone`: nobody else
   * changes the database meanwhile, so its catalogue need not be read before each run.
   */
  static async open(connection: DuckDBConnection, isAlone = false): Promise<GoogleSqlSession> {
    await connection.run(
      "SET TimeZone = 'UTC'; SET scalar_subquery_error_on_multiple_rows = true; SET order_by_non_integer_literal = true",
    );
    return new GoogleSqlSession(connection, isAlone);
  }

  /** Translates and runs one query. Throws a subclass of GoogleSqlError. */
  async query(
    query: Query,
    source: Source,
    options: TranslateOptions = {},
    /** For a query of one column: the type it is coerced to. */
    as?: GoogleSqlType,
    declared?: string | undefined,
  ): Promise<SessionResult> {
    const translated = translateQuery(query, source, this.catalog, options, as, declared);
    const rows = await this.read(translated.sql, translated.columns);
    return { columns: translated.columns, rows, isValueTable: translated.isValueTable };
  }

  /**
   * Runs a script: any statements, DDL, DML, variables and control flow included. Gives what each statement gave, in the order
   * in which they ran. Throws a subclass of GoogleSqlError; statements before the one that failed stay done.
   */
  async run(
    sql: string,
    options: RunOptions = {},
    budget = new RunBudget(unlimited),
  ): Promise<readonly StatementOutcome[]> {
    return await this.runScript(readScript({ text: sql, file: options.file }), options, budget);
  }

  /** The same for a script that has been read. A transaction that it leaves open, failed or not, is rolled back, as BigQuery does. */
  async runScript(
    script: Script,
    options: RunOptions = {},
    budget = new RunBudget(unlimited),
  ): Promise<readonly StatementOutcome[]> {
    this.budget = budget;
    this.madeAtRunTime.length = 0;
    this.callDepth = 0;
    this.routineChanges.length = 0;
    try {
      return await this.runStatements(script, options);
    } catch (error) {
      throw deepNesting(error) ?? error;
    } finally {
      for (const change of this.routineChanges.toReversed()) if (change.how === "temporary") change.restore();
      if (this.isInTransaction) await this.transaction("rollback");
      await this.dropTemporary([...script.statements, ...this.madeAtRunTime]);
    }
  }

  /** Drops what is left of the temporary tables and views that statements have made, which last as long as their script. Gives their names. */
  async dropTemporary(statements: readonly Statement[]): Promise<readonly string[]> {
    const names = temporaryNames(statements);
    if (names.length === 0) return [];
    this.catalog.isStale = true;
    const list = names.map((name) => literalText(name.toLowerCase(), STRING)).join(", ");
    try {
      const left = await this.connection.runAndReadAll(
        `SELECT 'TABLE', table_name FROM duckdb_tables() WHERE temporary AND lower(table_name) IN (${list})
         UNION ALL SELECT 'VIEW', view_name FROM duckdb_views() WHERE temporary AND NOT internal AND lower(view_name) IN (${list})`,
      );
      for (const [kind, name] of left.getRows())
        await this.connection.run(`DROP ${kind} temp.${quoteName(String(name))}`);
    } catch {
      // In a transaction that has failed nothing runs any more; what it made goes with it.
    }
    return names;
  }

  /** Begins, commits or rolls back a transaction of the script's own. */
  async transaction(action: "begin" | "commit" | "rollback"): Promise<void> {
    this.catalog.isStale = true;
    if (action === "begin") {
      await this.execute("BEGIN TRANSACTION");
      this.isInTransaction = true;
      this.installer.mark();
      return;
    }
    if (!this.isInTransaction) throw new GoogleSqlEvaluationError(`There is no open transaction to ${action}`);
    this.isInTransaction = false;
    if (action === "commit") {
      await this.execute("COMMIT");
      return;
    }
    try {
      await this.connection.run("ROLLBACK");
    } catch (error) {
      throw asGoogleSqlError(error);
    }
    this.installer.backToMark();
    await this.catalog.refresh();
  }

  private async runStatements(script: Script, options: RunOptions): Promise<readonly StatementOutcome[]> {
    if (!this.isAlone || this.catalog.isStale) await this.refresh();
    const parameters = namedBindings(options.params);
    const positional = positionalBindings(options.positional ?? []);
    const runner = new ScriptRunner(this, script, { file: options.file, parameters, positional });
    await runner.run(script.statements);
    return runner.outcomes;
  }

  /** Reads the database's catalogue, and installs the helpers that its views need. */
  async refresh(): Promise<void> {
    await this.catalog.refresh();
    await this.installer.installFor(this.catalog.viewText);
  }

  /** Runs DuckDB SQL of ours for its effect; gives the number of rows it changed. */
  async execute(sql: string): Promise<number> {
    try {
      await this.installer.installFor(sql);
      forgetRefusals();
      const result = await this.connection.run(sql);
      throwHiddenRefusal();
      return result.rowsChanged;
    } catch (error) {
      throw asGoogleSqlError(error);
    } finally {
      this.installer.release();
    }
  }

  async read(sql: string, columns: readonly TranslatedColumn[]): Promise<readonly (readonly Value[])[]> {
    try {
      await this.installer.installFor(sql);
      forgetRefusals();
      const result = await this.connection.run(sql);
      const rows: (readonly Value[])[] = [];
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
        this.budget.check();
        this.budget.take(chunk);
        rows.push(...decodedRows(chunk, columns));
      }
      throwHiddenRefusal();
      return rows;
    } catch (error) {
      throw asGoogleSqlError(error);
    } finally {
      this.installer.release();
    }
  }
}

/** The rows of a chunk, read column by column: to ask each vector for one value of a row at a time takes twice as long. */
function decodedRows(chunk: DuckDBDataChunk, columns: readonly TranslatedColumn[]): readonly (readonly Value[])[] {
  const rows = Array.from({ length: chunk.rowCount }, () => new Array<Value>(columns.length));
  for (const [i, { type }] of columns.entries()) {
    const values = chunk.getColumnValues(i);
    for (let row = 0; row < rows.length; row++) rows[row]![i] = decodeValue(values[row] ?? null, type);
  }
  return rows;
}

/** The names of the temporary tables and views that statements make, those within loops and blocks too. */
function temporaryNames(statements: readonly Statement[]): readonly string[] {
  const names = new Set<string>();
  for (const statement of statements) {
    walk(statement, (node) => {
      const isMade = node.kind === "create-table" || node.kind === "create-view";
      if (isMade && node.temporary) names.add(pathOf(node.name).at(-1)!);
      return node.kind === "query" ? "skip" : undefined;
    });
  }
  return [...names];
}
