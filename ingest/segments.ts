import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { eventKey } from "./door-window.ts";
import { syncFile } from "./durable.ts";
import { canonicalLine, type RawColumn, type RawRow, rawColumns } from "./raw-row.ts";

/** Canonical lines wait in memory up to this size before they go to the temporary file. */
const flushBytes = 1 << 20;

/** The rows of one table on their way into one segment: canonical lines in a temporary file, and their digest. */
export class SegmentDraft {
  readonly table: string;
  readonly path: string;
  rows = 0;
  #hash: Hash = createHash("sha256");
  #waiting: string[] = [];
  #waitingBytes = 0;
  #descriptor: number | undefined;

  constructor(table: string, path: string) {
    this.table = table;
    this.path = path;
    this.#descriptor = openSync(path, "w");
  }

  add(row: RawRow): void {
    const line = canonicalLine(row);
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.rows += 1;
    if (this.#waitingBytes >= flushBytes) this.#flush();
  }

  /** Ends the draft and gives the digest of its rows: SHA-256 over the canonical lines in order. */
  close(): string {
    this.#flush();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    return this.#hash.digest("hex");
  }

  /** Ends it without a result; safe after `close`. */
  discard(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #flush(): void {
    if (this.#waiting.length === 0 || this.#descriptor === undefined) return;
    this.#waiting.push("");
    const bytes = Buffer.from(this.#waiting.join("\n"), "utf8");
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#hash.update(bytes);
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(this.#descriptor, bytes, written, bytes.length - written);
    }
  }
}

/** The digest that `SegmentDraft` gives, over rows read back. */
export class RowDigest {
  #hash = createHash("sha256");
  add(row: RawRow): void {
    this.#hash.update(`${canonicalLine(row)}\n`);
  }
  value(): string {
    return this.#hash.digest("hex");
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** How the engine reads a column of a canonical line, and what it makes of it. */
function readAs({ name, type }: RawColumn): { readonly json: string; readonly select: string } {
  switch (type) {
    case "STRING":
      return { json: "VARCHAR", select: name };
    case "BOOL":
      return { json: "BOOLEAN", select: name };
    case "INT64":
      return { json: "BIGINT", select: name };
    case "TIMESTAMP":
      return { json: "BIGINT", select: `make_timestamptz(${name}) as ${name}` };
    case "JSON":
      return { json: "JSON", select: name };
    case "BYTES":
      return { json: "VARCHAR", select: `from_base64(${name}) as ${name}` };
    default:
      throw new Error(`raw column ${name}: type ${type} has no place in a segment`);
  }
}

/** The inverse of `readAs`: a stored column as a value that JavaScript can make a canonical one of. */
function selectBack({ name, type }: RawColumn): string {
  if (type === "TIMESTAMP") return `epoch_us(${name})::double as ${name}`;
  if (type === "INT64") return `${name}::double as ${name}`;
  if (type === "BYTES") return `to_base64(${name}) as ${name}`;
  return type === "JSON" ? `${name}::varchar as ${name}` : name;
}

/**
 * Encodes and reads segments in an in-memory DuckDB of its own, so that streaming never waits for the warehouse file's
 * lock. Encoding runs on the engine's threads while JavaScript decodes the next batch.
 */
export class SegmentEngine {
  readonly #connection: DuckDBConnection;
  readonly #instance: DuckDBInstance;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(): Promise<SegmentEngine> {
    const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "768MB" });
    const connection = await instance.connect();
    await connection.run("set TimeZone = 'UTC'");
    return new SegmentEngine(instance, connection);
  }

  /** Writes the closed draft's rows to a Parquet file, in order, synced; the draft's own file goes. */
  async encode(draft: SegmentDraft, target: string): Promise<void> {
    const columns = rawColumns(draft.table);
    const shape = columns.map((column) => `${column.name}: '${readAs(column).json}'`).join(", ");
    const reader = await this.#connection.runAndReadAll(
      `copy (select ${columns.map((column) => readAs(column).select).join(", ")}
             from read_json(${quoted(draft.path)}, format = 'newline_delimited', columns = {${shape}}))
       to ${quoted(target)} (format parquet, compression zstd)`,
    );
    const written = Number(reader.getRows()[0]?.[0] ?? -1);
    if (written !== draft.rows) {
      throw new Error(`segment ${target}: ${draft.rows} rows went in and ${written} came out`);
    }
    await syncFile(target);
    await unlink(draft.path);
  }

  /** The rows of a segment in canonical form and in order, in blocks. */
  async *read(
    table: string,
    path: string,
    window?: { readonly skip: number; readonly rows: number },
  ): AsyncIterable<RawRow[]> {
    const columns = rawColumns(table);
    const limit = window ? ` limit ${window.rows} offset ${window.skip}` : "";
    const result = await this.#connection.stream(
      `select ${columns.map(selectBack).join(", ")} from read_parquet(${quoted(path)}, hive_partitioning = false)${limit}`,
    );
    for await (const block of result.yieldRowObjectJs()) {
      yield block.map((stored) => canonicalRow(columns, stored));
    }
  }

  /** The door's keys of a segment of events, in order, in blocks. */
  async *eventKeys(path: string, window: { readonly skip: number; readonly rows: number }): AsyncIterable<string[]> {
    const result = await this.#connection.stream(
      `select event_id, event_type, message_id from read_parquet(${quoted(path)}, hive_partitioning = false)
       limit ${window.rows} offset ${window.skip}`,
    );
    for await (const block of result.yieldRows()) yield block.map(([id, type, message]) => eventKey(id, type, message));
  }

  /** Writes several segments of a table into one, in the order given, synced. Gives the rows of each part. */
  async merge(paths: readonly string[], target: string): Promise<number[]> {
    const rows: number[] = [];
    for (const path of paths) {
      const reader = await this.#connection.runAndReadAll(`select count(*) from read_parquet(${quoted(path)})`);
      rows.push(Number(reader.getRows()[0]?.[0] ?? 0));
    }
    const list = paths.map(quoted).join(", ");
    await this.#connection.run(
      `copy (select * from read_parquet([${list}], hive_partitioning = false))
       to ${quoted(target)} (format parquet, compression zstd)`,
    );
    await syncFile(target);
    return rows;
  }

  /** Runs a statement on the engine and reads its rows as objects; for sources that are files of a format it reads. */
  async *rows(sql: string): AsyncIterable<readonly Record<string, unknown>[]> {
    const result = await this.#connection.stream(sql);
    for await (const block of result.yieldRowObjectJs()) yield block as Record<string, unknown>[];
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

function canonicalRow(columns: readonly RawColumn[], stored: Readonly<Record<string, unknown>>): RawRow {
  const row: Record<string, string | number | boolean | object | null> = {};
  for (const { name, type } of columns) {
    const value = stored[name] ?? null;
    row[name] = type === "JSON" && typeof value === "string" ? JSON.parse(value) : (value as RawRow[string] & {});
  }
  return row;
}
