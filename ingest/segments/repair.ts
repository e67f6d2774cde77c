import { existsSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileSha256, moveDurably, removeTree, syncFile } from "../../platform/files.ts";
import { type LockOptions, withLock } from "../../platform/journal/lock.ts";
import { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import { rawColumns } from "../door/raw-row.ts";
import { type BatchEntry, openLedger } from "../ledger.ts";
import { damagedPath } from "./damaged-segment.ts";
import { encodeDraft } from "./encode-draft.ts";
import { ledgerPath, ledgerRow, lockPath } from "./local-sink.ts";
import { SegmentDraft } from "./segment-draft.ts";
import { locateSegments, notedBytes, partsBySegment, type SegmentPart } from "./segment-map.ts";
import { checkSegment, type LedgerProblem, parquetBelow } from "./verify.ts";

export interface RepairOptions {
  /** A copy of the raw folder; a segment of it is taken only when it is what the ledger says. */
  readonly from?: string | undefined;
  /** Move what has no good copy out of the readers' way, its rows with it. */
  readonly setAside: boolean;
  readonly dryRun: boolean;
}

export interface SegmentRepair {
  readonly segment: string;
  readonly rows: number;
  /** `mirror`: of raw.ingest_ledger, made again from the log. `no-copy`: still where it was. */
  readonly done: "from-copy" | "mirror" | "set-aside" | "no-copy";
}

export interface RepairOutcome {
  readonly segments: number;
  readonly repaired: readonly SegmentRepair[];
  readonly dry_run: boolean;
}

/**
 * Finds the segments that are not what the ledger says and brings them back: from a copy, whose digest must be the ledger's; those of
 * raw.ingest_ledger from the log itself. What was damaged is kept under `.damaged/`. Under the lock of the raw folder.
 */
export function repairSegments(raw: string, options: RepairOptions, lock: LockOptions): Promise<RepairOutcome> {
  return withLock(lockPath(raw), lock, async () => {
    const entries = await openLedger(ledgerPath(raw)).refresh({ repair: false });
    const bytes = notedBytes(entries);
    const store = await SegmentStore.open();
    const repaired: SegmentRepair[] = [];
    try {
      const segments = partsBySegment(locateSegments(entries));
      for (const [segment, parts] of segments) {
        const isGood = (folder: string) => isAsNoted(store, join(folder, segment), parts, bytes.get(segment));
        if (await isGood(raw)) continue;
        const rows = parts.reduce((sum, part) => sum + part.rows, 0);
        const hasCopy = options.from !== undefined && (await isGood(options.from));
        const done = hasCopy ? "from-copy" : options.setAside ? "set-aside" : "no-copy";
        repaired.push({ segment, rows, done });
        if (options.dryRun || done === "no-copy") continue;
        await moveAside(raw, segment);
        if (hasCopy) await copyIn(join(options.from!, segment), raw, segment);
      }
      const batches = entries.filter((entry): entry is BatchEntry => entry.kind === "batch");
      repaired.push(...(await repairMirror(raw, store, batches, options.dryRun)));
      return { segments: segments.size, repaired, dry_run: options.dryRun };
    } finally {
      store.close();
    }
  });
}

async function isAsNoted(
  store: SegmentStore,
  path: string,
  parts: readonly SegmentPart[],
  noted: string | undefined,
): Promise<boolean> {
  if (!existsSync(path)) return false;
  if (noted !== undefined) return (await fileSha256(path)) === noted;
  const problems: LedgerProblem[] = [];
  try {
    await checkSegment(store, path, parts, problems, () => {});
  } catch {
    return false;
  }
  return problems.length === 0;
}

async function moveAside(raw: string, segment: string): Promise<void> {
  if (existsSync(join(raw, segment))) await moveDurably(join(raw, segment), damagedPath(raw, segment));
}

async function copyIn(from: string, raw: string, segment: string): Promise<void> {
  const staged = join(raw, ".staging", `repair-${process.pid}.parquet`);
  await mkdir(dirname(staged), { recursive: true });
  await copyFile(from, staged);
  await syncFile(staged);
  await moveDurably(staged, join(raw, segment));
}

/** The ledger's mirror says nothing that the log does not: what cannot be read of it is written again. */
async function repairMirror(
  raw: string,
  store: SegmentStore,
  batches: readonly BatchEntry[],
  isDry: boolean,
): Promise<readonly SegmentRepair[]> {
  const mirrored = new Set<unknown>();
  const broken: string[] = [];
  for (const name of parquetBelow(join(raw, "ingest_ledger"))) {
    const segment = `ingest_ledger/${name}`;
    const sequences: unknown[] = [];
    try {
      for await (const block of store.read(join(raw, segment), rawColumns("ingest_ledger")))
        for (const row of block) sequences.push(row["sequence"]);
      for (const sequence of sequences) mirrored.add(sequence);
    } catch {
      broken.push(segment);
    }
  }
  const missing = batches.filter((entry) => !mirrored.has(entry.sequence));
  if (missing.length === 0) return [];
  const name = `${String(missing[0]!.sequence).padStart(9, "0")}-${missing[0]!.batch_id}.parquet`;
  const repair: SegmentRepair = { segment: `ingest_ledger/${name}`, rows: missing.length, done: "mirror" };
  if (isDry) return [repair];
  for (const segment of broken) await moveAside(raw, segment);
  const staging = join(raw, ".staging", `repair-${process.pid}`);
  await mkdir(staging, { recursive: true });
  const draft = new SegmentDraft("ingest_ledger", join(staging, "ingest_ledger.ndjson"));
  await draft.add(missing.map(ledgerRow));
  await draft.close();
  const staged = join(staging, "ingest_ledger.parquet");
  const refused = await encodeDraft(store, draft, staged);
  if (refused.length > 0) throw new Error(`raw.ingest_ledger takes no row: ${refused[0]!.reason}`);
  await moveDurably(staged, join(raw, "ingest_ledger", name));
  await removeTree(staging);
  return [repair];
}
