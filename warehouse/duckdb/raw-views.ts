import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Column } from "../warehouse.ts";

/** A file that a view reads, as it stood when it was looked at. */
export interface SegmentFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** The finished segments of a raw table: every `*.parquet` below its folder, in name order. Half-written files have another name. */
export async function segmentsOf(rawDir: string, table: string): Promise<readonly SegmentFile[]> {
  const folder = join(rawDir, table);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    },
  );
  const found: SegmentFile[] = [];
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith(".parquet") || entry.name.startsWith(".")) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const { size, mtimeMs } = await stat(path);
    found.push({ path, bytes: size, modifiedMs: mtimeMs });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Changes whenever a file was added, replaced or taken away, or the columns changed. */
export function stampOf(files: readonly SegmentFile[], columns: readonly Column[]): string {
  const hash = createHash("sha256");
  for (const column of columns) hash.update(`${column.name} ${column.type}\n`);
  for (const file of files) hash.update(`${file.path}\n${file.bytes}\n${file.modifiedMs}\n`);
  return hash.digest("hex");
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/**
 * The DuckDB query behind a raw table: its segments by name, each column cast to its type, absent ones NULL; without a segment,
 * no rows of the same types. `scan` reads files by the names of their columns. The files are named one by one, so that all models of a build see the same ones.
 */
export async function rawViewQuery(
  files: readonly SegmentFile[],
  columns: readonly Column[],
  duckdbTypeOf: (googleSqlType: string) => string,
  scan: (paths: readonly string[]) => Promise<string>,
): Promise<string> {
  const empty = `select ${columns.map((column) => `null::${duckdbTypeOf(column.type)} as ${quoted(column.name)}`).join(", ")} where false`;
  if (files.length === 0) return empty;
  const casts = columns.map(
    (column) => `${quoted(column.name)}::${duckdbTypeOf(column.type)} as ${quoted(column.name)}`,
  );
  return `select ${casts.join(", ")} from (${empty} union all by name select * from ${await scan(files.map(({ path }) => path))})`;
}
