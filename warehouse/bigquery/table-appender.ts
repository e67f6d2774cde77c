import { UserError } from "../../errors/user-error.ts";
import type { AppendResult, Column, Row } from "../warehouse.ts";
import { type AppendAttempt, type AppendOutcome, outcomeOf } from "./append-outcome.ts";
import type { AppendResponse, AppendStreams, OpenStream, StreamKind } from "./streams.ts";
import { microsecondsOfIso } from "./values.ts";

export interface TableAppenderOptions {
  readonly streams: AppendStreams;
  /** `projects/p/datasets/d/tables/t`. */
  readonly table: string;
  readonly kind: StreamKind;
  /** The columns that are written and their types; a table that has another type for one of them is refused. */
  readonly columns?: readonly Column[] | undefined;
  /** Waits before attempt n, counted from 1. */
  readonly pause: (attempt: number) => Promise<void>;
  /** Called before rows are sent to a stream for the first time: whoever must know afterwards where they went notes it now. */
  readonly beforeSend?: ((stream: string, offset: number) => Promise<void>) | undefined;
  /** Milliseconds that an answer may take. */
  readonly timeoutMs?: number | undefined;
}

/** After this many attempts without an answer, or lags of the schema in a row, a person is told. */
const patience = 10;

/**
 * Appends to one table, one append at a time, and carries out what `outcomeOf` decides: sends again at the same offset, goes on in
 * another stream, reads the schema anew. Expected trouble comes back as a value; what a person must act on is a UserError, and
 * then none of the rows has been acknowledged.
 */
export class TableAppender {
  readonly #options: TableAppenderOptions;
  #stream: OpenStream | undefined;
  /** The name of the committed stream that goes on, also while its connection is down. */
  #name: string | undefined;
  /** Rows of the committed stream that were acknowledged. */
  #offset = 0;
  /** Columns that the table had when it was last looked at. */
  #known: ReadonlySet<string> = new Set();
  #lags = 0;

  constructor(options: TableAppenderOptions) {
    this.#options = options;
  }

  async append(rows: readonly Row[], signal?: AbortSignal): Promise<AppendResult> {
    if (rows.length === 0) return { kind: "written", rows: 0 };
    let isResent = false;
    let noted: string | undefined;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      let outcome: AppendOutcome;
      try {
        const stream = await this.#open();
        const unknown = Object.keys(rows[0] ?? {}).find((name) => !stream.types.has(name));
        if (unknown !== undefined)
          return this.#lagging(new Error(`${this.#options.table} has no column ${unknown} yet`), unknown);
        const place = `${stream.name}@${this.#offset}`;
        if (noted !== place) await this.#options.beforeSend?.(stream.name, this.#offset);
        noted = place;
        outcome = await this.#send(stream, rows, isResent);
      } catch (error) {
        if (error instanceof UserError || (error instanceof Error && !("code" in error))) throw error;
        // The stream could not be opened: nothing was sent this time.
        outcome = outcomeOf(error as Error, { table: this.#options.table, offset: undefined, isResent: false });
        if (outcome.kind !== "failed") outcome = { kind: "try-again", cause: error };
      }
      switch (outcome.kind) {
        case "written":
        case "landed-before":
          this.#lags = 0;
          if (this.#options.kind === "committed") this.#offset += rows.length;
          if (outcome.kind === "written" && outcome.isSchemaNew) this.#disconnect();
          return { kind: "written", rows: rows.length };
        case "rejected-rows":
          return outcome;
        case "schema-lagging":
          return this.#lagging(outcome.cause);
        case "gap":
          this.#disconnect();
          if (outcome.expected === undefined) this.#forgetStream();
          else if (outcome.expected < this.#offset) throw this.#lost(outcome.expected);
          else this.#offset = outcome.expected;
          isResent = false;
          break;
        case "stream-ended": {
          this.#disconnect();
          const hasLanded = isResent && (await this.#reaches(this.#offset + rows.length));
          this.#forgetStream();
          if (hasLanded) return { kind: "written", rows: rows.length };
          isResent = false;
          break;
        }
        case "try-again":
          this.#disconnect();
          isResent = noted !== undefined;
          break;
        case "failed":
          this.#disconnect();
          throw outcome.error;
      }
      if (attempt >= patience) throw this.#unavailable(outcome);
      await this.#options.pause(attempt);
    }
  }

  close(): void {
    this.#disconnect();
  }

  async #open(): Promise<OpenStream> {
    if (this.#stream) return this.#stream;
    const { streams, table, kind, columns } = this.#options;
    const stream = await streams.open(table, kind, this.#name);
    const gone = [...this.#known].find((name) => !stream.types.has(name));
    const other = columns?.find(({ name, type }) => stream.types.has(name) && stream.types.get(name) !== type);
    if (gone !== undefined || other !== undefined) {
      stream.writer.close();
      throw new UserError(
        other
          ? `column ${other.name} is ${stream.types.get(other.name)} there, and ${other.type} here`
          : `column ${gone} is gone`,
        {
          code: "bigquery.schema-changed",
          exit: "config",
          where: table,
          next: "only new columns can be taken in while rows are written; nothing is lost, what was not written comes again",
        },
      );
    }
    this.#known = new Set(columns?.map(({ name }) => name).filter((name) => stream.types.has(name)));
    if (kind === "committed") this.#name = stream.name;
    this.#stream = stream;
    return stream;
  }

  async #send(stream: OpenStream, rows: readonly Row[], isResent: boolean): Promise<AppendOutcome> {
    const offset = this.#options.kind === "committed" ? this.#offset : undefined;
    const attempt: AppendAttempt = { table: this.#options.table, offset, isResent };
    let answer: AppendResponse | Error;
    try {
      const encoded = rows.map((row) => encodeRow(row, stream.types));
      answer = await withinTime(
        stream.writer.appendRows(encoded, offset).getResult(),
        this.#options.timeoutMs ?? 60_000,
      );
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      answer = error;
    }
    return outcomeOf(answer, attempt);
  }

  #lagging(cause: Error | unknown, column?: string): AppendResult {
    // The next attempt reads the table's schema anew.
    this.#disconnect();
    this.#lags += 1;
    if (this.#lags < patience) return { kind: "schema-lagging", cause };
    const { table } = this.#options;
    throw new UserError(`the table does not take our columns${column ? `: it has no ${column}` : ""}`, {
      code: "bigquery.schema-changed",
      exit: "config",
      where: table,
      next: "add the column (start the consumer again, which does), or take the newer version of Inboxloop back",
      cause,
    });
  }

  /** Whether the stream, which takes no more, has that many rows: the last word on an append whose answer was lost. */
  async #reaches(rows: number): Promise<boolean> {
    if (this.#name === undefined) return false;
    const end = await this.#options.streams.finalize(this.#name).catch(() => undefined);
    return end !== undefined && end >= rows;
  }

  #disconnect(): void {
    this.#stream?.writer.close();
    this.#stream = undefined;
  }

  #forgetStream(): void {
    this.#name = undefined;
    this.#offset = 0;
  }

  #lost(expected: number): UserError {
    return new UserError(`the stream ends at row ${expected}, and ${this.#offset} were acknowledged`, {
      code: "bigquery.rows-lost",
      exit: "check",
      where: this.#name ?? this.#options.table,
      next: "BigQuery has lost acknowledged rows; nothing more is written until somebody has looked",
    });
  }

  #unavailable(outcome: AppendOutcome): UserError {
    const cause = "cause" in outcome ? outcome.cause : undefined;
    return new UserError(
      `no append went through in ${patience} attempts${cause instanceof Error ? `: ${cause.message}` : ""}`,
      {
        code: "bigquery.unavailable",
        exit: "remote",
        where: this.#options.table,
        next: "nothing is lost: what was not written comes again",
        cause,
      },
    );
  }
}

/** An answer that never comes is one that was lost. */
async function withinTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error(`no answer in ${ms} ms`), { code: 4 })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function encodeRow(row: Row, types: ReadonlyMap<string, string>): Record<string, unknown> {
  const encoded: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    if (value === null || value === undefined) continue;
    encoded[name] = encodeValue(value, types.get(name) ?? "STRING");
  }
  return encoded;
}

/** The wire's forms: TIMESTAMP microseconds, DATE days since the epoch, the rest as they are. A number of TIMESTAMP is microseconds. */
function encodeValue(value: unknown, type: string): unknown {
  switch (type) {
    case "TIMESTAMP":
      if (typeof value === "number") return value;
      return wholeNumber(value instanceof Date ? BigInt(value.getTime()) * 1000n : microsecondsOfIso(String(value)));
    case "DATE":
      return Date.parse(`${String(value)}T00:00:00Z`) / 86_400_000;
    case "INT64":
      return typeof value === "bigint" ? wholeNumber(value) : Number(value);
    case "JSON":
      return typeof value === "string" ? value : JSON.stringify(value);
    default:
      return value;
  }
}

const wholeNumber = (value: bigint): number | string =>
  Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
