import { UserError } from "../../errors/user-error.ts";
import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
} from "../../packages/googlesql/duckdb/client.ts";
import type { Column } from "../warehouse.ts";
import { parquetFiles } from "./sealed-engine.ts";
import { identifier } from "./sql-text.ts";

/**
 * Reads a snapshot's Parquet files without a warehouse, so that the trainer runs where there is none (a container) and
 * `snapshot verify` does not ask the engine that wrote them.
 */
const source = parquetFiles;

async function withConnection<T>(
  work: (connection: Awaited<ReturnType<DuckDBInstance["connect"]>>) => Promise<T>,
): Promise<T> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "800MB" });
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const timeText = (micros: bigint): string => {
  const millis = micros / 1000n - (micros % 1000n < 0n ? 1n : 0n);
  const rest = Number(micros - millis * 1000n);
  return `${new Date(Number(millis)).toISOString().slice(0, -1)}${String(rest).padStart(3, "0")}Z`;
};

/** A DuckDB value as the Warehouse port would give it. */
function portValue(value: unknown): unknown {
  if (value === null) return null;
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return timeText(value.micros);
  if (value instanceof DuckDBDateValue) return new Date(value.days * 86_400_000).toISOString().slice(0, 10);
  if (value instanceof DuckDBDecimalValue) return value.toString();
  if (value instanceof DuckDBBlobValue) return value.bytes;
  return value;
}

/** Values of a batch of rows, column by column, as the Warehouse port would give them. */
export type VisitColumns = (valuesOf: (column: string) => readonly unknown[], rows: number) => void;

/** Streams Parquet files in batches. */
export async function readParquet(
  files: readonly string[],
  columns: readonly Column[],
  visit: VisitColumns,
  signal?: AbortSignal,
): Promise<void> {
  await withConnection(async (connection) => {
    const list = columns.map((c) => identifier(c.name)).join(", ");
    const from = await source(connection, files).catch(unreadable(files));
    const result = await connection.stream(`select ${list} from ${from}`).catch(unreadable(files));
    for (;;) {
      signal?.throwIfAborted();
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) return;
      const values = new Map<string, readonly unknown[]>();
      columns.forEach(({ name, type }, c) => {
        const raw = chunk.getColumnValues(c);
        values.set(name, isPlain(type) ? raw : raw.map((value) => portValue(value)));
      });
      visit((name) => values.get(name) as readonly unknown[], chunk.rowCount);
    }
  });
}

/** Types whose DuckDB values are already those of the port. (A file with 32-bit integers gives INT64 as numbers.) */
const isPlain = (type: string): boolean =>
  type === "STRING" || type === "FLOAT64" || type === "BOOL" || type === "INT64";

const unreadable =
  (files: readonly string[]) =>
  (cause: unknown): never => {
    throw new UserError(`cannot read Parquet: ${cause instanceof Error ? cause.message.split("\n")[0] : cause}`, {
      code: "parquet.unreadable",
      exit: "config",
      where: files[0],
      cause,
    });
  };

/**
 * What a column is read as: doubles (NULL is NaN, BOOL 0 or 1), UTC seconds since 1970, text (NULL is ""), or the last 32 bits of a text's MD5, by which
 * it is put into groups without being held.
 */
export type Reading = "number" | "seconds" | "text" | "group";

/** Whole columns in memory. */
export interface Table {
  readonly rows: number;
  numbers(name: string): Float64Array;
  texts(name: string): readonly string[];
}

/** Reads whole columns, in the order of `orderBy`, so that the same files give the same rows. `rows` is how many there are. */
export async function readParquetTable(
  files: readonly string[],
  wanted: Readonly<Record<string, Reading>>,
  orderBy: readonly string[],
  rows: number,
): Promise<Table> {
  const table = await readColumns(files, wanted, orderBy, rows, "");
  if (table.read !== rows) {
    throw new UserError(`the files hold ${table.read > rows ? "more" : table.read} rows, the lock says ${rows}`, {
      code: "parquet.rows",
      exit: "check",
      where: files[0],
      next: "inboxloop snapshot verify",
    });
  }
  return table;
}

/** The value of a column in the row at a place, counted from 1, of the rows in an order; undefined where there is no such row. */
export async function readParquetPlace(
  files: readonly string[],
  column: string,
  orderBy: readonly string[],
  place: number,
): Promise<string | undefined> {
  return withConnection(async (connection) => {
    const order = orderBy.map(identifier).join(", ");
    const from = await source(connection, files).catch(unreadable(files));
    const sql = `select ${identifier(column)} from ${from} order by ${order} limit 1 offset ${place - 1}`;
    const reader = await connection.runAndReadAll(sql).catch(unreadable(files));
    const [value] = reader.getRows()[0] ?? [];
    return value === undefined || value === null ? undefined : String(value);
  });
}

/** About `most` of the rows, chosen by the hash of `key`: the same files give the same ones. */
export async function readParquetSample(
  files: readonly string[],
  wanted: Readonly<Record<string, Reading>>,
  key: string,
  rows: number,
  most: number,
): Promise<Table> {
  const every = Math.max(1, Math.ceil(rows / most));
  const where = every === 1 ? "" : `where hash(t.${identifier(key)}) % ${every} = 0`;
  return readColumns(files, wanted, [key], rows, where);
}

async function readColumns(
  files: readonly string[],
  wanted: Readonly<Record<string, Reading>>,
  orderBy: readonly string[],
  rows: number,
  where: string,
): Promise<Table & { readonly read: number }> {
  const names = Object.keys(wanted);
  const list = names.map((name) => {
    const column = `t.${identifier(name)}`;
    if (wanted[name] === "text") return `coalesce(cast(${column} as varchar), '')`;
    if (wanted[name] === "group") return `cast(md5_number_lower(cast(${column} as varchar)) % 4294967296 as double)`;
    return wanted[name] === "seconds" ? `epoch_us(${column}) / 1e6` : `cast(${column} as double)`;
  });
  const numbers = new Map<string, Float64Array>();
  const texts = new Map<string, string[]>();
  for (const name of names) {
    if (wanted[name] === "text") texts.set(name, new Array<string>(rows).fill(""));
    else numbers.set(name, new Float64Array(rows).fill(Number.NaN));
  }
  const known = new Map<string, string>();
  let read = 0;
  await withConnection(async (connection) => {
    const order = orderBy.map((name) => `t.${identifier(name)}`).join(", ");
    const from = await source(connection, files).catch(unreadable(files));
    const result = await connection
      .stream(`select ${list.join(", ")} from ${from} as t ${where} order by ${order}`)
      .catch(unreadable(files));
    for (;;) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) return;
      if (read + chunk.rowCount > rows) break;
      names.forEach((name, c) => {
        const into = numbers.get(name);
        const text = texts.get(name);
        chunk.getColumnValues(c).forEach((value, i) => {
          if (into) into[read + i] = value === null ? Number.NaN : (value as number);
          if (text) text[read + i] = interned(known, value as string);
        });
      });
      read += chunk.rowCount;
    }
    read = rows + 1;
  });
  const missing = (name: string): never => {
    throw new Error(`column "${name}" was not read`);
  };
  return {
    read,
    rows: Math.min(read, rows),
    numbers: (name) => numbers.get(name) ?? missing(name),
    texts: (name) => texts.get(name) ?? missing(name),
  };
}

/** One string object per text: categories repeat in every row. */
function interned(known: Map<string, string>, text: string): string {
  const found = known.get(text);
  if (found !== undefined) return found;
  if (known.size < 100_000) known.set(text, text);
  return text;
}
