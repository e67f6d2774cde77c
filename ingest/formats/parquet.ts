import { UserError } from "../../errors/user-error.ts";
import type { Message } from "../pipeline.ts";
import { SegmentEngine } from "../segments.ts";

/**
 * Rows of a Parquet file as messages, numbered from 1. Values are what JSON can say: decimals, 64-bit integers beyond
 * 2^53 and dates as text, instants as ISO text in UTC, bytes as base64.
 */
export async function* parquetRows(path: string, skip: number): AsyncIterable<readonly Message[]> {
  const engine = await SegmentEngine.open();
  try {
    const file = `read_parquet('${path.replaceAll("'", "''")}')`;
    const columns: { name: string; type: string }[] = [];
    try {
      for await (const block of engine.rows(`describe select * from ${file}`)) {
        for (const row of block) columns.push({ name: String(row["column_name"]), type: String(row["column_type"]) });
      }
    } catch (cause) {
      throw new UserError("the Parquet file cannot be read", {
        code: "ingest.damaged-file",
        exit: "usage",
        where: path,
        next: "fetch or export the file again",
        cause,
      });
    }
    const select = columns.map(({ name, type }) => `${readable(name, type)} as ${ident(name)}`).join(", ");
    let position = skip;
    for await (const block of engine.rows(`select ${select} from ${file} offset ${skip}`)) {
      yield block.map((row) => {
        position += 1;
        const value = plain(row);
        return { position, value, data: Buffer.from(JSON.stringify(value), "utf8") };
      });
    }
  } finally {
    engine.close();
  }
}

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
