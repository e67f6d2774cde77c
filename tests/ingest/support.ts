import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createIdHasher } from "../../ingest/door/id-hasher.ts";
import type { IngestKeys, KeyRing } from "../../ingest/door/keys.ts";
import { type RawRow, rawColumns } from "../../ingest/door/raw-row.ts";
import { type FileOptions, fileInput } from "../../ingest/files/file.ts";
import { type FileOutcome, type IngestContext, ingestFiles } from "../../ingest/ingest-files.ts";
import { openLedger } from "../../ingest/ledger.ts";
import { ledgerPath } from "../../ingest/segments/local-sink.ts";
import { locateSegments } from "../../ingest/segments/segment-map.ts";
import { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";

const ring = (text: string): KeyRing => {
  const active = { version: "v1", secret: Buffer.from(text) };
  return { active, all: [active], isDemo: false };
};

export const testKeys: IngestKeys = {
  ids: ring("an id key for tests only"),
  deadLetters: ring("a letter key for tests"),
};

/** The moment at which every test ingests. */
export const testNow = new Date("2026-02-01T00:00:00.000Z");

/** A folder of its own, gone when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "inboxloop-ingest-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function testContext(raw: string, more: Partial<IngestContext> = {}): IngestContext {
  return {
    raw,
    keys: testKeys,
    now: () => testNow,
    randomBytes,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    pid: process.pid,
    trustReceivedAt: false,
    ...more,
  };
}

/** Ingests the files in order into a raw folder. */
export function ingest(
  raw: string,
  paths: readonly string[],
  options: { readonly context?: Partial<IngestContext>; readonly file?: Partial<FileOptions> } = {},
): Promise<readonly FileOutcome[]> {
  const hashId = createIdHasher(testKeys.ids.active);
  const inputs = async function* () {
    for (const path of paths) yield await fileInput(path, { hashId, ...options.file });
  };
  return ingestFiles(inputs(), testContext(raw, options.context), new AbortController().signal);
}

/** The rows of a raw table as readers see them, in the order in which they landed. */
export async function rowsOf(raw: string, table: string): Promise<RawRow[]> {
  const log = openLedger(ledgerPath(raw));
  await log.refresh({ repair: false });
  const store = await SegmentStore.open();
  const rows: RawRow[] = [];
  try {
    const parts = locateSegments(log.entries).filter((part) => part.table === table);
    for (const { segment, skip, rows: count } of parts) {
      for await (const block of store.read(join(raw, segment), rawColumns(table), { skip, rows: count }))
        rows.push(...block);
    }
  } finally {
    store.close();
  }
  return rows;
}

/** Files below a raw table's folder, as a view's glob finds them. */
export const segmentsOf = (raw: string, table: string): readonly string[] =>
  readdirSync(join(raw, table)).filter((name) => name.endsWith(".parquet"));

export const hashed = (name: string): string => `sha256:${createHash("sha256").update(name).digest("hex")}`;

/** An event in our own shape; fields given replace those here. */
export const eventRecord = (n: number, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  event_id: `e${n}`,
  event_type: "open",
  user_id_hash: hashed(`user${n % 7}`),
  message_id: `m${n}`,
  campaign_id: "promo-202601",
  timestamp_utc: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
  consent: true,
  provenance: "test",
  metadata: { isp: "gmail" },
  ...more,
});

export function writeLines(path: string, records: readonly unknown[]): string {
  writeFileSync(path, records.map((one) => `${typeof one === "string" ? one : JSON.stringify(one)}\n`).join(""));
  return path;
}
