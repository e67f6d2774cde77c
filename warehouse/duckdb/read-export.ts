import { DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { literal } from "./sql-text.ts";

/**
 * Rows of anybody's Parquet file, behind the first `skip`, in blocks. Values are what JSON can say: decimals, 64-bit integers
 * beyond 2^53 and dates as text, instants as ISO text in UTC, bytes as base64. Throws `UnreadableParquet` where the file is none.
 */
export async function* readExport(
  path: string,
  skip: number,
): AsyncIterable<readonly Readonly<Record<string, unknown>>[]> {
  const { connection, file, close } = await openExport(path);
  const unreadable = (cause: unknown) => {
    throw new UnreadableParquet(path, { cause });
  };
  try {
    const described = await connection.runAndReadAll(`describe select * from ${file}`).catch(unreadable);
    const columns = described.getRowObjects().map((row) => {
      const name = String(row["column_name"]);
      return `${readable(name, String(row["column_type"]))} as ${ident(name)}`;
    });
    const read = `select ${columns.join(", ")} from ${file} offset ${skip}`;
    const blocks = (await connection.stream(read).catch(unreadable)).yieldRowObjectJs()[Symbol.asyncIterator]();
    for (;;) {
      const block = await blocks.next().catch(unreadable);
      if (block.done) return;
      yield block.value.map((row) => plain(row) as Record<string, unknown>);
    }
  } finally {
    close();
  }
}

/** Reads every value of the file and keeps none. Throws `UnreadableParquet` where one cannot be read. */
export async function checkExport(path: string): Promise<void> {
  const { connection, file, close } = await openExport(path);
  try {
    await connection.runAndReadAll(`select count(hash(one)) from ${file} as one`);
  } catch (cause) {
    throw new UnreadableParquet(path, { cause });
  } finally {
    close();
  }
}

async function openExport(path: string) {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "768MB" });
  const connection = await instance.connect();
  await connection.run("set TimeZone = 'UTC'");
  const close = () => {
    connection.closeSync();
    instance.closeSync();
  };
  return { connection, file: `read_parquet(${literal(path)})`, close };
}

/** A file that is no Parquet file, or a damaged one. */
export class UnreadableParquet extends Error {}

const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function readable(name: string, type: string): string {
  const column = ident(name);
  if (type.startsWith("DECIMAL") || type === "DATE" || type === "TIME" || type === "UUID" || type === "HUGEINT") {
    return `${column}::varchar`;
  }
  if (type.startsWith("TIMESTAMP"))
    return `strftime(${column}::timestamptz at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')`;
  return type === "BLOB" ? `to_base64(${column})` : column;
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value;
}
