import { totalmem } from "node:os";
import { typeName } from "../types.ts";
import { DuckDBInstance } from "./client.ts";
import { defaultLimits, RunBudget, type RunLimits, timeLimitError } from "./run-limits.ts";
import { GoogleSqlSession, type RunOptions } from "./session.ts";
import { spreadRows } from "./spread-rows.ts";
import type { Value } from "./values.ts";
import { raiseWall } from "./wall.ts";

export interface LocalWarehouseOptions {
  /** The DuckDB file, made when it is not there; default is a database in memory. */
  readonly path?: string | undefined;
  /** As DuckDB writes sizes (`1500MB`); default is a quarter of the machine's memory, at least 1 GB, at most 4 GB. */
  readonly memoryLimit?: string | undefined;
  /** What one run may use up before it is refused by name; default is 5 minutes, a million rounds of loops, ten million values. */
  readonly limits?: Partial<RunLimits> | undefined;
}

export interface LocalRunOptions extends RunOptions {
  /** Ends the run: it fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface LocalResult {
  /** `name` is "" for an anonymous column; `type` is GoogleSQL text such as `ARRAY<STRUCT<a INT64, STRING>>`. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Exact values, see `Value`; arrays, because names may repeat or be missing. */
  readonly rows: readonly (readonly Value[])[];
  /** The query was SELECT AS STRUCT or AS VALUE: each row is the one value in its first column. */
  readonly isValueTable: boolean;
  /** For DML: the rows that it changed. */
  readonly rowsAffected?: number | undefined;
}

export interface LocalRun extends LocalResult {
  /** What each statement gave, in the order in which they ran; the run itself is the last query's. */
  readonly statements: readonly LocalResult[];
}

/**
 * Opens a GoogleSQL engine on this machine: DuckDB underneath, BigQuery's language on top.
 *
 *   const warehouse = await openLocalWarehouse();
 *   const { columns, rows } = await warehouse.run("SELECT 1 AS a, @who AS b", { params: { who: "me" } });
 *
 * A statement gives GoogleSQL's answer or an error, never something else in silence. All errors extend GoogleSqlError:
 * GoogleSqlSyntaxError (`sql.syntax`), GoogleSqlAnalysisError (`sql.analysis`: an invalid statement), GoogleSqlEvaluationError
 * (`sql.evaluation`: a valid one that failed on its data), UnsupportedGoogleSql (`refused.<construct>`: perhaps valid, but not on the
 * verified list of this engine, or beyond the limits: `refused.time_limit`, `refused.loop_limit`, `refused.result_limit`).
 */
export async function openLocalWarehouse(options: LocalWarehouseOptions = {}): Promise<LocalWarehouse> {
  const gigabytes = Math.min(4, Math.max(1, Math.floor(totalmem() / 2 ** 32)));
  const instance = await DuckDBInstance.create(options.path ?? ":memory:", {
    memory_limit: options.memoryLimit ?? `${gigabytes}GB`,
    // A database in memory leaves nothing on disk either: a statement that outgrows the limit (an endless recursion) fails.
    // One thread keeps rows in the order in which they came, also below a UNION ALL.
    ...(options.path === undefined ? { temp_directory: "", threads: "1" } : {}),
  });
  const connection = await instance.connect();
  // No statement has business with a file, and none that finds a way past the translation gets at one.
  await raiseWall(connection);
  const session = await GoogleSqlSession.open(connection, true);
  return new LocalWarehouse(instance, session, { ...defaultLimits, ...options.limits });
}

const nothing: LocalResult = { columns: [], rows: [], isValueTable: false };

export class LocalWarehouse {
  private readonly instance: DuckDBInstance;
  private readonly session: GoogleSqlSession;
  private readonly limits: RunLimits;
  private last: Promise<unknown> = Promise.resolve();

  constructor(instance: DuckDBInstance, session: GoogleSqlSession, limits: RunLimits) {
    this.instance = instance;
    this.session = session;
    this.limits = limits;
  }

  /** Runs a GoogleSQL script of one statement or several. Runs that are asked for at the same time wait for each other. */
  run(sql: string, options: LocalRunOptions = {}): Promise<LocalRun> {
    const turn = this.last.then(() => this.runNow(sql, options));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async runNow(sql: string, options: LocalRunOptions): Promise<LocalRun> {
    options.signal?.throwIfAborted();
    const outcomes = await this.within(options.signal, (budget) => this.session.run(sql, options, budget));
    const statements = outcomes.map((outcome): LocalResult => {
      const { rowsAffected } = outcome;
      if (!outcome.result) return { ...nothing, rowsAffected };
      const result = spreadRows(outcome.result);
      return {
        columns: result.columns.map((column) => ({ name: column.name, type: typeName(column.type) })),
        rows: result.rows,
        isValueTable: result.isValueTable,
      };
    });
    const lastQuery = outcomes.findLastIndex((outcome) => outcome.result !== undefined);
    return { ...(statements[lastQuery] ?? statements.at(-1) ?? nothing), statements };
  }

  /** Works until the time is up or the caller's signal says so: what runs in DuckDB then is interrupted. */
  private async within<T>(signal: AbortSignal | undefined, work: (budget: RunBudget) => Promise<T>): Promise<T> {
    const end = new AbortController();
    const stop = () => end.abort(signal?.reason);
    const { runMs } = this.limits;
    const timer = Number.isFinite(runMs)
      ? setTimeout(() => end.abort(timeLimitError(this.limits)), runMs).unref()
      : undefined;
    // An interrupt between two statements is lost: it is repeated until the run has ended.
    let again: NodeJS.Timeout | undefined;
    const interrupt = () => {
      this.session.connection.interrupt();
      again = setInterval(() => this.session.connection.interrupt(), 100);
    };
    end.signal.addEventListener("abort", interrupt, { once: true });
    signal?.addEventListener("abort", stop, { once: true });
    try {
      return await work(new RunBudget(this.limits, end.signal));
    } catch (error) {
      end.signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
      clearInterval(again);
      end.signal.removeEventListener("abort", interrupt);
      signal?.removeEventListener("abort", stop);
    }
  }

  close(): void {
    this.session.connection.closeSync();
    this.instance.closeSync();
  }
}
