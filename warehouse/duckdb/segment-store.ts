import { open } from "node:fs/promises";
import { type DuckDBConnection, DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import type { Column } from "../warehouse.ts";
import { dropLines, tableOfLines } from "./line-table.ts";
import { parquetFile, parquetFiles, parquetOptions } from "./sealed-engine.ts";
import { identifier, literal } from "./sql-text.ts";
import { storedAs } from "./stored-types.ts";

/** A part of a segment: so many rows, behind the first `skip`. */
export interface RowWindow {
  readonly skip: number;
  readonly rows: number;
}

/** A value as JSON says it: INT64 a number, TIMESTAMP microseconds since the epoch, BYTES base64 text, JSON a JSON value. */
export type PlainRow = Readonly<Record<string, string | number | boolean | object | null>>;

/** Rows whose keys come as one text from the engine. */
const keysAText = 8192;

/** A segment with every column of a table: NULL where it was written before a column came. */
const wholeSegment = (segment: string, columns: readonly Column[]): string =>
  `(select ${columns.map((column) => `null::${storedAs[column.type]} as ${identifier(column.name)}`).join(", ")} where false
    union all by name select * from ${segment})`;

/** How the engine reads a column of a line, and what it makes of it. */
function readAs({ name, type }: Column): { readonly json: string; readonly select: string } {
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

/** A column to be read; of a JSON object only the values of `keys`, where they are named: null where it has none. */
export type WantedColumn = Column & { readonly keys?: readonly string[] };

/** The inverse of `readAs`: a stored column as JSON says it. */
function asJson({ name, type, keys }: WantedColumn): string {
  if (keys) return `{${keys.map((key) => `${literal(key)}: ${name}->${literal(key)}`).join(", ")}}`;
  if (type === "TIMESTAMP") return `epoch_us(${name})`;
  return type === "BYTES" ? `to_base64(${name})` : name;
}

/**
 * Raw segments: Parquet files that are written once, from lines of JSON, and read back as such. An in-memory engine of its
 * own, so that streaming never waits for the warehouse file's lock; it works on a thread of its own while JavaScript does
 * something else. Rows are read while others are written.
 */
export class SegmentStore {
  readonly #instance: DuckDBInstance;
  /** Writes; each reading has its own, for a connection that runs a statement ends the result that it streams. */
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(): Promise<SegmentStore> {
    // A second thread costs more than it brings where JavaScript keeps the other processor busy.
    const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "768MB" });
    const connection = await instance.connect();
    await connection.run("set TimeZone = 'UTC'");
    return new SegmentStore(instance, connection);
  }

  /**
   * Writes the rows of a file of lines (JSON objects with every column) to a segment, in order, synced. Gives their number. Instead of a file the lines may come
   * as bytes, some whole lines at a time, where no file holds them in clear.
   */
  async encode(lines: string | AsyncIterable<Uint8Array>, columns: readonly Column[], target: string): Promise<number> {
    const selected = columns.map((column) => readAs(column).select).join(", ");
    const options = await parquetOptions(this.#connection, target, "zstd");
    const write = async (from: string) => {
      const written = await this.#count(`copy (select ${selected} from ${from}) to ${literal(target)} ${options}`);
      await syncFile(target);
      return written;
    };
    if (typeof lines === "string") {
      const shape = columns.map((column) => `${column.name}: '${readAs(column).json}'`).join(", ");
      return write(`read_json(${literal(lines)}, format = 'newline_delimited', columns = {${shape}})`);
    }
    const shape = Object.fromEntries(columns.map((column) => [column.name, readAs(column).json]));
    try {
      return await write(await tableOfLines(this.#connection, lines, shape));
    } finally {
      await dropLines(this.#connection);
    }
  }

  /** The rows of a segment in order, in blocks. */
  async *read(path: string, columns: readonly WantedColumn[], window?: RowWindow): AsyncIterable<PlainRow[]> {
    const fields = columns.map((column) => `${literal(column.name)}: ${asJson(column)}`).join(", ");
    const segment = await parquetFile(this.#connection, path);
    const texts = `select to_json({${fields}})::varchar from ${wholeSegment(segment, columns)}${limited(window)}`;
    for await (const block of this.#texts(texts)) yield block.map((text) => JSON.parse(text) as PlainRow);
  }

  /** What an expression gives for each row of a segment, in order, in blocks. */
  async *keys(path: string, key: string, { skip, rows }: RowWindow): AsyncIterable<string[]> {
    // No stored text holds a NUL.
    const joined = `
      select string_agg(${key}, chr(0) order by file_row_number)
      from ${await parquetFile(this.#connection, path, true)}
      where file_row_number >= ${skip} and file_row_number < ${skip + rows}
      group by file_row_number // ${keysAText}
      order by min(file_row_number)`;
    for await (const block of this.#texts(joined)) for (const text of block) yield text.split("\0");
  }

  async countRows(path: string): Promise<number> {
    return this.#count(`select count(*) from ${await parquetFile(this.#connection, path)}`);
  }

  /** Writes several segments of a table into one, in the order given, synced. Gives the number of rows. */
  async merge(paths: readonly string[], target: string): Promise<number> {
    const written = await this.#count(
      `copy (select * from ${await parquetFiles(this.#connection, paths)})
       to ${literal(target)} ${await parquetOptions(this.#connection, target, "zstd")}`,
    );
    await syncFile(target);
    return written;
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  async #count(sql: string): Promise<number> {
    const reader = await this.#connection.runAndReadAll(sql);
    return Number(reader.getRows()[0]?.[0] ?? -1);
  }

  /** The only column of a query, in blocks. */
  async *#texts(sql: string): AsyncIterable<string[]> {
    const connection = await this.#instance.connect();
    try {
      const result = await connection.stream(sql);
      for (;;) {
        const chunk = await result.fetchChunk();
        if (!chunk || chunk.rowCount === 0) return;
        yield chunk.getColumnValues(0) as string[];
      }
    } finally {
      connection.closeSync();
    }
  }
}

const limited = (window: RowWindow | undefined): string =>
  window ? ` limit ${window.rows} offset ${window.skip}` : "";

/** Makes a file's bytes survive a power cut. */
async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
