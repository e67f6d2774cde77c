import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import type { DuckDBConnection } from "../../packages/googlesql/duckdb/client.ts";
import { fileSha256 } from "../../platform/files.ts";
import { lineFrom } from "../../platform/home-files.ts";
import { sealOf } from "../../platform/home-seal.ts";
import { metaSchema } from "./build-records.ts";
import type { SegmentFile } from "./raw-views.ts";

/** What is read of a line of `raw/ingest_ledger/ledger.ndjson`: the digest of each segment's bytes, where it was noted. */
const noted = z.object({ segment: z.string(), sha256: z.string() });
const ledgerLine = z.object({
  tables: z.record(z.string(), z.unknown()).optional(),
  segment: z.unknown().optional(),
  sha256: z.unknown().optional(),
});

/** Digests of segments by their path below the raw folder, as the ingester noted them when it wrote the files. */
export async function notedDigests(rawDir: string): Promise<ReadonlyMap<string, string>> {
  const path = join(rawDir, "ingest_ledger", "ledger.ndjson");
  const text = await readFile(path, "utf8").catch(() => "");
  const seal = sealOf(path);
  const digests = new Map<string, string>();
  for (const written of text.split("\n")) {
    const line = lineFrom(written, seal) ?? "";
    if (!line.includes('"sha256"')) continue;
    const read = ledgerLine.safeParse(parsed(line));
    if (!read.success) continue;
    for (const one of [read.data, ...Object.values(read.data.tables ?? {})]) {
      const found = noted.safeParse(one);
      if (found.success) digests.set(found.data.segment, found.data.sha256);
    }
  }
  return digests;
}

/** Whether a ledger's line can be read is what `ingest verify` says; here a broken one notes nothing. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export async function ensureSeenSegments(connection: DuckDBConnection): Promise<void> {
  await connection.run(
    `create table if not exists ${metaSchema}.segments (path varchar primary key, stamp varchar not null)`,
  );
}

const stampOf = (file: SegmentFile): string => `${file.bytes} ${file.modifiedMs}`;

/**
 * Compares the bytes of segments that no build has seen yet with the digest that was noted when they were written: a flipped bit may still be a
 * Parquet file, with other values in it. Throws for one that differs; gives those that were compared, to be kept as seen.
 */
export async function checkNewSegments(
  connection: DuckDBConnection,
  rawDir: string,
  files: readonly SegmentFile[],
  digests: ReadonlyMap<string, string>,
): Promise<readonly SegmentFile[]> {
  const reader = await connection.runAndReadAll(`select path, stamp from ${metaSchema}.segments`);
  const seen = new Map(reader.getRows().map(([path, stamp]) => [String(path), String(stamp)]));
  const checked: SegmentFile[] = [];
  for (const file of files) {
    const digest = digests.get(relative(rawDir, file.path).replaceAll("\\", "/"));
    if (digest === undefined || seen.get(file.path) === stampOf(file)) continue;
    if ((await fileSha256(file.path)) !== digest) throw damagedSegment(file.path);
    checked.push(file);
  }
  return checked;
}

export async function keepSeen(connection: DuckDBConnection, files: readonly SegmentFile[]): Promise<void> {
  for (const file of files)
    await connection.run(`insert or replace into ${metaSchema}.segments values ($1, $2)`, [file.path, stampOf(file)]);
}

/** What to do about a segment whose bytes are not those that were written. */
export const damagedSegment = (path: string, cause?: unknown): UserError =>
  new UserError("a raw segment is damaged: its bytes are not those that were written", {
    code: "warehouse.damaged-segment",
    exit: "check",
    where: path,
    next: "inboxloop ingest verify, then: inboxloop ingest repair --from <copy of the raw folder>",
    cause,
  });
