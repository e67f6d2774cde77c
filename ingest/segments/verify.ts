import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileSha256 } from "../../platform/files.ts";
import { brokenLink, firstHash } from "../../platform/journal/chain.ts";
import { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import { canonicalLine, isRawTable, rawColumns } from "../door/raw-row.ts";
import { type BatchEntry, contentDigest, type LedgerEntry, readLedgerLines, stagedId } from "../ledger.ts";
import { ledgerPath, ledgerRow } from "./local-sink.ts";
import { RowDigest } from "./segment-draft.ts";
import { locateSegments, notedBytes, partsBySegment, type SegmentPart } from "./segment-map.ts";

/** Something in the raw folder that is not as the ledger says. */
export interface LedgerProblem {
  readonly kind:
    | "chain"
    | "sum"
    | "content"
    | "missing-segment"
    | "missing-rows"
    | "uncounted-segment"
    | "gap"
    | "mirror"
    | "unpublished";
  /** The ledger line (from 1) or the file. */
  readonly where: string;
  readonly detail: string;
}

export interface LedgerVerdict {
  readonly ok: boolean;
  readonly entries: number;
  readonly batches: number;
  readonly received: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly dead_letter: number;
  readonly rows_checked: number;
  /** Rows that landed and are gone since, their people erased or themselves too old, and the segments that were written again for it. */
  readonly erased: number;
  readonly segments_erased_from: number;
  readonly head_hash: string;
  readonly problems: readonly LedgerProblem[];
}

/**
 * Recomputes the ledger from the data: the chain of hashes, the sums, the digest of every batch's rows as they are
 * stored now, and that no segment lies there which the ledger does not count. Changes nothing.
 */
export async function verifyLedger(raw: string, progress?: (rows: number) => void): Promise<LedgerVerdict> {
  const problems: LedgerProblem[] = [];
  const { entries, batches } = await checkEntries(ledgerPath(raw), problems);
  const parts = locateSegments(entries);
  checkFiles(raw, entries, parts, problems);
  const store = await SegmentStore.open();
  let rows = 0;
  try {
    rows = await checkContent(raw, store, { parts, bytes: notedBytes(entries) }, problems, progress);
    await checkMirror(raw, store, batches, problems);
  } finally {
    store.close();
  }
  return verdictOf(entries, batches, rows, problems);
}

/** The entries of a log, checked by themselves: their chain, their sums, and that the batches of a source follow each other. */
export async function checkEntries(
  path: string,
  problems: LedgerProblem[],
): Promise<{ readonly entries: readonly LedgerEntry[]; readonly batches: readonly BatchEntry[] }> {
  const entries = readChain(await readLedgerLines(path), problems);
  const batches = entries.filter((entry): entry is BatchEntry => entry.kind === "batch");
  checkSums(batches, problems);
  checkContinuity(batches, problems);
  return { entries, batches };
}

export function verdictOf(
  entries: readonly LedgerEntry[],
  batches: readonly BatchEntry[],
  rows: number,
  problems: readonly LedgerProblem[],
): LedgerVerdict {
  const sum = (key: "received" | "landed" | "duplicate" | "dead_letter") =>
    batches.reduce((total, entry) => total + entry[key], 0);
  const erasures = entries.filter((entry) => entry.kind === "erasure");
  return {
    ok: problems.length === 0,
    entries: entries.length,
    batches: batches.length,
    received: sum("received"),
    landed: sum("landed"),
    duplicate: sum("duplicate"),
    dead_letter: sum("dead_letter"),
    rows_checked: rows,
    erased: erasures.reduce((total, entry) => total + entry.erased, 0),
    segments_erased_from: erasures.length,
    head_hash: entries.at(-1)?.entry_hash ?? firstHash,
    problems,
  };
}

function readChain(lines: readonly string[], problems: LedgerProblem[]): readonly LedgerEntry[] {
  const entries: LedgerEntry[] = [];
  let previous = firstHash;
  for (const [index, line] of lines.entries()) {
    const where = `ledger line ${index + 1}`;
    let entry: LedgerEntry;
    try {
      entry = JSON.parse(line) as LedgerEntry;
    } catch {
      problems.push({ kind: "chain", where, detail: "not JSON" });
      break;
    }
    const broken = brokenLink(entry, index, previous);
    if (broken !== undefined) problems.push({ kind: "chain", where, detail: broken });
    previous = entry.entry_hash;
    entries.push(entry);
  }
  return entries;
}

function checkSums(batches: readonly BatchEntry[], problems: LedgerProblem[]): void {
  for (const entry of batches) {
    const where = `ledger line ${entry.sequence + 1}`;
    const { received, landed, duplicate, dead_letter, tables } = entry;
    if (received !== landed + duplicate + dead_letter) {
      problems.push({ kind: "sum", where, detail: `${received} != ${landed} + ${duplicate} + ${dead_letter}` });
    }
    const letters = tables["dead_letters"]?.rows ?? 0;
    const rows = Object.values(tables).reduce((total, table) => total + table.rows, 0) - letters;
    if (rows !== landed)
      problems.push({ kind: "sum", where, detail: `${landed} landed, its tables have ${rows} rows` });
    if (letters !== dead_letter)
      problems.push({ kind: "sum", where, detail: `${dead_letter} dead letters, ${letters} kept` });
    if (contentDigest(tables) !== entry.content_digest) problems.push({ kind: "sum", where, detail: "content_digest" });
  }
}

/** Batches of a source follow each other without gap or overlap. */
function checkContinuity(batches: readonly BatchEntry[], problems: LedgerProblem[]): void {
  const reached = new Map<string, number>();
  for (const { source_id, source, from, to, sequence } of batches) {
    const before = reached.get(source_id) ?? 0;
    if (from !== before) {
      problems.push({
        kind: "gap",
        where: `ledger line ${sequence + 1}`,
        detail: `${source} goes on at ${from}, it was at ${before}`,
      });
    }
    reached.set(source_id, to);
  }
}

function checkFiles(
  raw: string,
  entries: readonly LedgerEntry[],
  parts: readonly SegmentPart[],
  problems: LedgerProblem[],
): void {
  const counted = new Set(parts.map((part) => part.segment));
  for (const path of parquetBelow(raw)) {
    const table = path.split("/")[0]!;
    if (table === "ingest_ledger" || !isRawTable(table) || counted.has(path)) continue;
    problems.push({ kind: "uncounted-segment", where: path, detail: "no ledger entry counts it" });
  }
  const staging = join(raw, ".staging");
  const committed = new Set(entries.map((entry) => `ready-${stagedId(entry)}`));
  for (const name of existsSync(staging) ? readdirSync(staging) : []) {
    if (committed.has(name)) {
      problems.push({
        kind: "unpublished",
        where: name,
        detail: "committed, not yet where readers look; the next ingest finishes it",
      });
    }
  }
}

async function checkContent(
  raw: string,
  store: SegmentStore,
  { parts, bytes }: { readonly parts: readonly SegmentPart[]; readonly bytes: ReadonlyMap<string, string> },
  problems: LedgerProblem[],
  progress: ((rows: number) => void) | undefined,
): Promise<number> {
  let checked = 0;
  for (const [segment, stored] of partsBySegment(parts)) {
    const path = join(raw, segment);
    if (!existsSync(path)) {
      problems.push({ kind: "missing-segment", where: segment, detail: `${stored.length} batches had rows in it` });
      continue;
    }
    const before = problems.length;
    try {
      checked += await checkSegment(store, path, stored, problems, (rows) => progress?.(checked + rows));
    } catch {
      problems.push({ kind: "content", where: segment, detail: "the segment cannot be read" });
    }
    const noted = bytes.get(segment);
    if (problems.length === before && noted !== undefined && (await fileSha256(path)) !== noted)
      problems.push({ kind: "content", where: segment, detail: "its rows are those that landed, its bytes are not" });
  }
  return checked;
}

/** Compares the rows of a segment with what the ledger says landed in it; throws where it cannot be read. Gives the rows read. */
export async function checkSegment(
  store: SegmentStore,
  path: string,
  stored: readonly SegmentPart[],
  problems: LedgerProblem[],
  progress: (rows: number) => void,
): Promise<number> {
  let at = 0;
  const table = stored[0]!.table;
  let digest = new RowDigest(table);
  let rows = 0;
  let total = 0;
  const finish = (part: SegmentPart) => {
    // Of what was erased from, the segment's bytes are the proof: no digest was made of the rows that stayed.
    if (rows === part.rows && (part.digest === undefined || digest.value() === part.digest)) return;
    const detail = rows === part.rows ? "its rows are not those that landed" : `${rows} rows, ${part.rows} expected`;
    problems.push({ kind: "content", where: `${part.segment} (ledger line ${part.sequence + 1})`, detail });
  };
  for await (const block of store.read(path, rawColumns(table))) {
    for (const row of block) {
      let part = stored[at];
      while (part && rows === part.rows) {
        finish(part);
        part = stored[++at];
        digest = new RowDigest(table);
        rows = 0;
      }
      digest.add(row);
      rows += 1;
    }
    total += block.length;
    progress(total);
  }
  const last = stored[Math.min(at, stored.length - 1)]!;
  finish(last);
  for (const part of stored.slice(at + 1)) {
    if (part.rows === 0) continue;
    problems.push({
      kind: "content",
      where: `${part.segment} (ledger line ${part.sequence + 1})`,
      detail: `0 rows, ${part.rows} landed`,
    });
  }
  return total;
}

/** raw.ingest_ledger says the same as the log. */
async function checkMirror(
  raw: string,
  store: SegmentStore,
  batches: readonly BatchEntry[],
  problems: LedgerProblem[],
): Promise<void> {
  const mirrored = new Map<unknown, string>();
  for (const path of parquetBelow(join(raw, "ingest_ledger"))) {
    try {
      for await (const block of store.read(join(raw, "ingest_ledger", path), rawColumns("ingest_ledger"))) {
        for (const row of block) mirrored.set(row["sequence"], canonicalLine(row));
      }
    } catch {
      problems.push({ kind: "mirror", where: `ingest_ledger/${path}`, detail: "the segment cannot be read" });
    }
  }
  for (const entry of batches) {
    if (mirrored.get(entry.sequence) === canonicalLine(ledgerRow(entry))) continue;
    problems.push({
      kind: "mirror",
      where: `raw.ingest_ledger, sequence ${entry.sequence}`,
      detail: "differs from the log",
    });
  }
}

export function parquetBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && file.name.endsWith(".parquet"))
    .map((file) => relative(folder, join(file.parentPath, file.name)).replaceAll("\\", "/"))
    .filter((path) => !path.startsWith("."))
    .sort();
}
