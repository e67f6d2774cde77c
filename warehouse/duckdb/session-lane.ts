import type { DuckDBConnection, DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { asStatementError } from "../statement-error.ts";
import type { ExecuteResult, QueryOptions, QueryResult } from "../warehouse.ts";
import { damagedData } from "./damaged-data.ts";
import type { LaneSpeaker } from "./lane-speaker.ts";
import { LaneCatalog, type RelationCatalog } from "./relation-catalog.ts";

/** One connection. Work that arrives while it is busy waits its turn. GoogleSQL is loaded when it is first spoken. */
export class SessionLane {
  readonly connection: DuckDBConnection;
  readonly catalog: LaneCatalog;
  /** Set between BEGIN and COMMIT. */
  isInTransaction = false;
  private tail: Promise<unknown> = Promise.resolve();
  private speaker: Promise<LaneSpeaker> | undefined;

  private constructor(connection: DuckDBConnection, shared: RelationCatalog) {
    this.connection = connection;
    this.catalog = new LaneCatalog(shared);
  }

  static async open(instance: DuckDBInstance, shared: RelationCatalog): Promise<SessionLane> {
    const connection = await instance.connect();
    await connection.run("set TimeZone = 'UTC'");
    return new SessionLane(connection, shared);
  }

  /** The lane's GoogleSQL. First asked for outside a transaction, or a rollback would take its helpers away. */
  speak(): Promise<LaneSpeaker> {
    this.speaker ??= import("./lane-speaker.ts").then(({ openSpeaker }) => openSpeaker(this));
    return this.speaker;
  }

  /** Runs a GoogleSQL script; the result is that of its last query. */
  async run(
    sql: string,
    options: QueryOptions = {},
  ): Promise<{ readonly query?: QueryResult; readonly effect: ExecuteResult }> {
    // An interrupt in the middle of it would leave the helpers half installed.
    const speaker = await this.inTurn(undefined, () => this.speak());
    return await this.inTurn(options.signal, () => speaker.run(sql, options));
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

  /** Something with the connection, in turn. The engine's errors end here: out of it come the product's. */
  async inTurn<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.tail;
    let release = () => {};
    this.tail = new Promise<void>((resolve) => (release = resolve));
    await before;
    // An interrupt between two statements, or before the first, is lost: it is repeated until the work has ended.
    let again: NodeJS.Timeout | undefined;
    const interrupt = () => {
      this.connection.interrupt();
      again = setInterval(() => this.connection.interrupt(), 100);
    };
    let hasBegun = false;
    try {
      signal?.throwIfAborted();
      signal?.addEventListener("abort", interrupt, { once: true });
      hasBegun = true;
      return await work();
    } catch (error) {
      clearInterval(again);
      if (!hasBegun || !signal?.aborted) throw damagedData(error) ?? asStatementError(error);
      // An interrupt that came between two statements would hit the next one: let it hit this.
      await this.connection.run("select 1").catch(() => undefined);
      throw signal.reason;
    } finally {
      clearInterval(again);
      signal?.removeEventListener("abort", interrupt);
      release();
    }
  }

  close(): void {
    this.connection.closeSync();
  }
}
