import { type DuckDBConnection, DuckDBDataChunk, VARCHAR } from "../../packages/googlesql/duckdb/client.ts";
import { literal } from "./sql-text.ts";

const table = "draft_lines";

/**
 * Lines of JSON as a table that nothing but the engine's memory holds, for where no file may hold them in clear: a source for `from`, with the columns of
 * `shape` (their types as DuckDB reads JSON), in order. The lines come as bytes, some whole ones at a time. One such table at a time, until `dropLines`.
 */
export async function tableOfLines(
  connection: DuckDBConnection,
  chunks: AsyncIterable<Uint8Array>,
  shape: Readonly<Record<string, string>>,
): Promise<string> {
  await connection.run(`create or replace temp table ${table} (line varchar)`);
  const appender = await connection.createAppender(table, "main", "temp");
  for await (const bytes of chunks) {
    const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8").split("\n");
    // Behind the last line feed there is nothing.
    lines.pop();
    for (let at = 0; at < lines.length; at += 2048) {
      const part = lines.slice(at, at + 2048);
      const chunk = DuckDBDataChunk.create([VARCHAR], part.length);
      chunk.setColumnValues(0, part);
      appender.appendDataChunk(chunk);
    }
  }
  appender.closeSync();
  return `(select unnest(read) from (select from_json_strict(line, ${literal(JSON.stringify(shape))}) as read from ${table}))`;
}

export const dropLines = async (connection: DuckDBConnection): Promise<void> => {
  await connection.run(`drop table if exists ${table}`);
};
