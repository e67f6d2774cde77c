import { createHash, webcrypto } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { eventKey } from "./door-window.ts";
import { syncFile } from "./durable.ts";
import { canonicalLine, type RawColumn, type RawRow, rawColumns } from "./raw-row.ts";

const { subtle } = webcrypto;

/** Rows whose canonical lines are hashed and written together. Part of the digest's definition: never change it. */
export const digestRows = 2048;
/** Chunks that may wait for the disk before the writer is asked to wait too. */
const waitingChunks = 4;

/**
 * The rows of one table on their way into one segment: canonical lines in a temporary file, and their digest. Hashing
 * and writing happen on other threads while the next rows are made.
 *
 * The digest is SHA-256 over the SHA-256 of each run of `digestRows` rows (canonical lines, each with its line feed).
 */
export class SegmentDraft {
  readonly table: string;
  readonly path: string;
  rows = 0;
  #lines: string[] = [];
  #file: Promise<FileHandle>;
  #written: Promise<void>;
  readonly #digests: Promise<ArrayBuffer>[] = [];
  #waiting = 0;

  constructor(table: string, path: string) {
    this.table = table;
    this.path = path;
    this.#file = open(path, "w");
    this.#written = this.#file.then(() => {});
    this.#written.catch(() => {}); // thrown by whoever waits next
  }

  /** Takes rows; resolves when there is room for more. */
  async add(rows: readonly RawRow[]): Promise<void> {
    for (const row of rows) {
      this.#lines.push(canonicalLine(row));
      this.rows += 1;
      if (this.#lines.length === digestRows) this.#flush();
    }
    if (this.#waiting > waitingChunks) await this.#written;
  }

  /** Ends the draft and gives the digest of its rows. */
  async close(): Promise<string> {
    this.#flush();
    await this.#written;
    await (await this.#file).close();
    const hash = createHash("sha256");
    for (const digest of await Promise.all(this.#digests)) hash.update(new Uint8Array(digest));
    return hash.digest("hex");
  }

  /** Ends it without a result; safe after `close`. */
  async discard(): Promise<void> {
    await this.#written.catch(() => {});
    await (await this.#file).close().catch(() => {});
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    const bytes = chunkBytes(this.#lines);
    this.#lines = [];
    this.#digests.push(subtle.digest("SHA-256", bytes));
    this.#waiting += 1;
    this.#written = this.#written.then(async () => {
      await (await this.#file).writeFile(bytes);
      this.#waiting -= 1;
    });
    this.#written.catch(() => {}); // thrown by whoever waits next
  }
}

function chunkBytes(lines: string[]): Buffer<ArrayBuffer> {
  lines.push("");
  return Buffer.from(lines.join("\n"), "utf8");
}

/** The digest that `SegmentDraft` gives, over rows read back. */
export class RowDigest {
  readonly #hash = createHash("sha256");
  #lines: string[] = [];

  add(row: RawRow): void {
    this.#lines.push(canonicalLine(row));
    if (this.#lines.length === digestRows) this.#flush();
  }

  value(): string {
    if (this.#lines.length > 0) this.#flush();
    return this.#hash.digest("hex");
  }

  #flush(): void {
    this.#hash.update(createHash("sha256").update(chunkBytes(this.#lines)).digest());
    this.#lines = [];
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

  async countRows(path: string): Promise<number> {
    const reader = await this.#connection.runAndReadAll(`select count(*) from read_parquet(${quoted(path)})`);
    return Number(reader.getRows()[0]?.[0] ?? 0);
  }

  /** Writes several segments of a table into one, in the order given, synced. Gives the number of rows. */
  async merge(paths: readonly string[], target: string): Promise<number> {
    const reader = await this.#connection.runAndReadAll(
      `copy (select * from read_parquet([${paths.map(quoted).join(", ")}], hive_partitioning = false))
       to ${quoted(target)} (format parquet, compression zstd)`,
    );
    await syncFile(target);
    return Number(reader.getRows()[0]?.[0] ?? -1);
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
