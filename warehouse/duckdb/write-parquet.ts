import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { UserError } from "../../errors/user-error.ts";
import { DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { sealOf } from "../../platform/home-seal.ts";
import type { Column, Row } from "../warehouse.ts";
import { tableOfLines } from "./line-table.ts";
import { parquetOptions } from "./sealed-engine.ts";
import { identifier, literal } from "./sql-text.ts";
import { storedAs } from "./stored-types.ts";

/**
 * Writes rows of the Warehouse port to a Parquet file, page by page: memory is that of a page. The file appears whole or not at all.
 * Columns are of scalar types; another is refused by name.
 */
export async function writeParquet(
  path: string,
  columns: readonly Column[],
  pages: AsyncIterable<readonly Row[]>,
): Promise<{ readonly rows: number }> {
  const selected = columns.map(({ name, type }) => {
    if (type === "BYTES") return `from_base64(${identifier(name)}) as ${identifier(name)}`;
    const stored = storedAs[type];
    if (stored === undefined) {
      throw new UserError(`column ${name} is ${type}, which is not written to Parquet from here`, {
        code: "parquet.type",
        exit: "check",
        where: path,
        next: "give the target a bucket (docs/reference/settings.md), or leave the column out",
      });
    }
    return `cast(${identifier(name)} as ${stored}) as ${identifier(name)}`;
  });
  await mkdir(dirname(path), { recursive: true });
  const lines = `${path}.ndjson.tmp`;
  const half = `${path}.tmp`;
  const shape = Object.fromEntries(columns.map(({ name }) => [name, "VARCHAR"]));
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", memory_limit: "1GB" });
  const connection = await instance.connect();
  try {
    await connection.run("set TimeZone = 'UTC'");
    const options = await parquetOptions(connection, half, "zstd");
    const from = sealOf(path)
      ? await tableOfLines(connection, bytesOf(linesOf(columns, pages)), shape)
      : await fileOfLines(lines, linesOf(columns, pages), shape);
    const result = await connection.run(
      `copy (select ${selected.join(", ")} from ${from}) to ${literal(half)} ${options}`,
    );
    await rename(half, path);
    return { rows: result.rowsChanged };
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(lines, { force: true });
    await rm(half, { force: true });
  }
}

async function fileOfLines(
  path: string,
  lines: AsyncIterable<string>,
  shape: Readonly<Record<string, string>>,
): Promise<string> {
  await pipeline(Readable.from(lines), createWriteStream(path, { mode: 0o600 }));
  const columns = Object.entries(shape).map(([name, type]) => `${literal(name)}: ${literal(type)}`);
  return `read_json(${literal(path)}, format = 'newline_delimited', columns = {${columns.join(", ")}})`;
}

async function* bytesOf(texts: AsyncIterable<string>): AsyncIterable<Buffer> {
  for await (const text of texts) yield Buffer.from(text);
}

async function* linesOf(columns: readonly Column[], pages: AsyncIterable<readonly Row[]>): AsyncIterable<string> {
  for await (const page of pages) {
    let text = "";
    for (const row of page) {
      const line = Object.fromEntries(columns.map(({ name }) => [name, textOf(row[name])]));
      text += `${JSON.stringify(line)}\n`;
    }
    yield text;
  }
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : String(value);
}
