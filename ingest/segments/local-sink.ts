import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileSha256, moveDurably, removeTree, syncDirectory } from "../../platform/files.ts";
import { type HeldLock, type LockOptions, livenessOf, ownerText, withLock } from "../../platform/journal/lock.ts";
import { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import type { AppendResult } from "../../warehouse/warehouse.ts";
import { instantText } from "../door/instant.ts";
import type { RawRow } from "../door/raw-row.ts";
import {
  type BatchEntry,
  type CompactionBody,
  contentDigest,
  type ErasureBody,
  type LandedTable,
  type LedgerEntry,
  type LedgerLog,
  leftOutOf,
  openLedger,
  type ReplacementEntry,
  stagedId,
} from "../ledger.ts";
import type { BatchEnd, CommitResult, Sink, SinkBatch, Source } from "../pipeline.ts";
import { type Retractions, readRetractions } from "../retractions/standing.ts";
import type { CompactionStep } from "./compact.ts";
import { damagedSegment } from "./damaged-segment.ts";
import { encodeDraft, type UnwritableRow, withoutRows } from "./encode-draft.ts";
import { lastKeys, lastRows } from "./last-landed.ts";
import { SegmentDraft } from "./segment-draft.ts";
import { notedBytes, type SegmentPart } from "./segment-map.ts";

export interface LocalSinkOptions {
  /** The folder of raw segments; the ledger's log lives in it too. */
  readonly raw: string;
  /** The name of the key under which ids are made. */
  readonly idKey: string;
  readonly lock: LockOptions;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Called at every boundary between two durable writes, by name; the kill tests die in it. */
  readonly fault?: ((point: string) => void) | undefined;
}

const letters = "dead_letters";

export const ledgerPath = (raw: string): string => join(raw, "ingest_ledger", "ledger.ndjson");
export const lockPath = (raw: string): string => join(raw, ".staging", "lock");

/**
 * Raw tables as immutable Parquet segments under one folder, exactly once (docs/adr/0003-ingest-ledger.md):
 * a batch is encoded under `.staging/`, where no reader looks; appending its ledger line is the commit; then its
 * segments are moved to where readers look. Opening the sink finishes what a killed process had committed and
 * removes what it had not.
 */
export class LocalSink implements Sink {
  readonly #options: LocalSinkOptions;
  readonly #store: SegmentStore;
  readonly ledger: LedgerLog;

  private constructor(options: LocalSinkOptions, store: SegmentStore) {
    this.#options = options;
    this.#store = store;
    this.ledger = openLedger(ledgerPath(options.raw));
  }

  static async open(options: LocalSinkOptions): Promise<LocalSink> {
    await mkdir(join(options.raw, ".staging"), { recursive: true });
    const sink = new LocalSink(options, await SegmentStore.open());
    await withLock(lockPath(options.raw), options.lock, () => sink.#recover());
    return sink;
  }

  get raw(): string {
    return this.#options.raw;
  }

  get store(): SegmentStore {
    return this.#store;
  }

  /** How far a source has landed, by the ledger. */
  progressOf(sourceId: string): { readonly to: number; readonly isEnd: boolean } | undefined {
    const entries = this.ledger.entries;
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = entries[index]!;
      if (entry.kind === "batch" && entry.source_id === sourceId) return { to: entry.to, isEnd: entry.is_end };
    }
    return undefined;
  }

  /** What was taken back of what landed. */
  retractions(): Promise<Retractions> {
    return readRetractions(this.#options.raw, this.#store);
  }

  /** The keys of the rows that landed last in a table and were not taken back, at most so many segments as have `rows` of them, oldest first. */
  lastKeys(table: string, rows: number): AsyncIterable<readonly string[]> {
    return lastKeys(this, table, rows);
  }

  /** Those rows themselves. */
  lastRows(table: string, rows: number): AsyncIterable<readonly RawRow[]> {
    return lastRows(this, table, rows);
  }

  async begin(source: Pick<Source, "name" | "id">, from: number): Promise<SinkBatch> {
    const staging = await this.#makeStaging();
    this.#fault("staging-made");
    const id = createHash("sha256").update(`${source.id}\0${from}`).digest("hex").slice(0, 16);
    const drafts = new Map<string, SegmentDraft>();
    const digests: ClosingBatch["digests"] = new Map();
    return {
      id,
      append: async (table, rows) => this.#append(drafts, staging, table, rows),
      commit: (end) => this.#commit({ id, source, from, staging, drafts, digests, end }),
      discard: async () => {
        for (const draft of drafts.values()) await draft.discard();
        await removeTree(staging);
      },
    };
  }

  /**
   * Puts one segment in the place of several that hold the same rows. False when they are no longer there to replace. A
   * reader that looks between the move and the removals sees rows twice, never too few; build when nothing compacts.
   */
  async replaceSegments(step: CompactionStep): Promise<boolean> {
    const { raw } = this.#options;
    const noted = notedBytes(this.ledger.entries);
    for (const { segment } of step.parts) {
      const path = join(raw, segment);
      if (!existsSync(path)) return false;
      if (noted.has(segment) && (await fileSha256(path)) !== noted.get(segment)) throw damagedSegment(path);
    }
    const staging = await this.#makeStaging();
    const merged = join(staging, "merged.parquet");
    const paths = step.parts.map((part) => join(raw, part.segment));
    const rows = await this.#store.merge(paths, merged).catch((cause: unknown) => {
      throw damagedSegment(`one of ${step.parts.length} segments in ${join(raw, step.table)}`, cause);
    });
    const expected = step.parts.reduce((sum, part) => sum + part.rows, 0);
    if (rows !== expected)
      throw new Error(`compaction of ${step.table}: ${expected} rows went in and ${rows} came out`);
    const sha256 = await fileSha256(merged);
    const { id, ...rest } = step;
    return this.#replace(staging, id, { kind: "compaction", compaction_id: id, ...rest, sha256 });
  }

  /**
   * Puts a segment in the place of one of which the rows at some places must go; `write` makes it at the path given, and gives the number of rows that
   * stay. False when the old one is no longer there.
   */
  async eraseFromSegment(
    step: {
      readonly erasureId: string;
      readonly segment: string;
      /** Whose rows it holds, in their order. */
      readonly parts: readonly SegmentPart[];
      /** Its SHA-256 as the ledger has it, where it does. */
      readonly noted: string | undefined;
      readonly places: readonly number[];
    },
    write: (path: string, target: string) => Promise<number>,
  ): Promise<boolean> {
    const { raw } = this.#options;
    const { erasureId, segment, parts: inside, noted, places } = step;
    const path = join(raw, segment);
    if (!existsSync(path)) return false;
    if (noted !== undefined && (await fileSha256(path)) !== noted) throw damagedSegment(path);
    const staging = await this.#makeStaging();
    const target = join(staging, "merged.parquet");
    const stays = await write(path, target);
    const rows = inside.reduce((sum, part) => sum + part.rows, 0);
    if (stays !== rows - places.length)
      throw new Error(`${segment}: ${rows} rows, ${places.length} go and ${stays} stay`);
    const stepId = createHash("sha256").update(`${erasureId}\0${segment}`).digest("hex").slice(0, 16);
    const { table } = inside[0]!;
    const gone = new Array<number>(inside.length).fill(0);
    let at = 0;
    for (const place of places) {
      while (place >= inside[at]!.skip + inside[at]!.rows) at += 1;
      gone[at]! += 1;
    }
    return this.#replace(staging, stepId, {
      kind: "erasure",
      erasure_id: erasureId,
      step_id: stepId,
      table,
      segment: `${table}/${/\/(\d+)/.exec(segment)?.[1] ?? "0"}-erased-${stepId}.parquet`,
      sha256: await fileSha256(target),
      parts: [{ segment, rows }],
      kept: inside.map((part, index) => part.rows - gone[index]!),
      erased: places.length,
    });
  }

  /** Commits a staged segment that stands for others. False when they are no longer there to replace. */
  #replace(
    staging: string,
    id: string,
    body: Omit<CompactionBody, "received_at"> | Omit<ErasureBody, "received_at">,
  ): Promise<boolean> {
    const { raw, lock } = this.#options;
    this.#fault(`${body.kind}-encoded`);
    return withLock(lockPath(raw), lock, async (held) => {
      await this.ledger.refresh({ repair: true });
      if (!body.parts.every((part) => existsSync(join(raw, part.segment)))) {
        await removeTree(staging);
        return false;
      }
      await this.#makeReady(staging, id);
      this.#fault(`${body.kind}-ready`);
      const said = { ...body, received_at: instantText(this.#options.now() * 1000) };
      held.check();
      const [entry] = await this.ledger.append([said], this.#torn());
      this.#fault(`${body.kind}-committed`);
      await this.#publishReplacement(entry as ReplacementEntry);
      return true;
    });
  }

  async #publishReplacement(entry: ReplacementEntry): Promise<void> {
    const { raw } = this.#options;
    const ready = join(raw, ".staging", `ready-${stagedId(entry)}`);
    const staged = join(ready, "merged.parquet");
    if (existsSync(staged)) await moveDurably(staged, join(raw, entry.segment));
    this.#fault(`${entry.kind}-moved`);
    for (const { segment } of entry.parts) {
      await rm(join(raw, segment), { force: true });
      this.#fault(`${entry.kind}-removed-one`);
    }
    await syncDirectory(join(raw, entry.table));
    await removeTree(ready);
  }

  close(): void {
    this.#store.close();
  }

  /** A folder where no reader looks, with its owner's name in it. */
  async #makeStaging(): Promise<string> {
    const { pid } = this.#options.lock;
    const staging = join(this.#options.raw, ".staging", `open-${randomUUID()}`);
    await removeTree(staging);
    await mkdir(staging, { recursive: true });
    await writeFile(join(staging, "owner"), ownerText(pid));
    return staging;
  }

  /** Gives a staged folder the name under which recovery finds it again. Under the lock. */
  async #makeReady(staging: string, id: string): Promise<void> {
    const ready = join(this.#options.raw, ".staging", `ready-${id}`);
    await removeTree(ready);
    await syncDirectory(staging);
    await rename(staging, ready);
    await syncDirectory(join(this.#options.raw, ".staging"));
  }

  async #append(
    drafts: Map<string, SegmentDraft>,
    staging: string,
    table: string,
    rows: readonly RawRow[],
  ): Promise<AppendResult> {
    let draft = drafts.get(table);
    if (!draft) {
      draft = new SegmentDraft(table, join(staging, `${table}.ndjson`));
      drafts.set(table, draft);
    }
    await draft.add(rows);
    return { kind: "written", rows: rows.length };
  }

  async #commit(batch: ClosingBatch): Promise<CommitResult> {
    const refused = await this.#encodeDrafts(batch);
    if (refused.length > 0) return { kind: "refused-rows", refused };
    return withLock(lockPath(this.#options.raw), this.#options.lock, async (held) => {
      await this.ledger.refresh({ repair: true });
      const landed = this.progressOf(batch.source.id)?.to ?? 0;
      if (landed !== batch.from) return { kind: "superseded", to: landed };
      return this.#commitLocked(batch, held);
    });
  }

  /**
   * Closes the drafts and writes their segments; those that an earlier call has written stay. Rows that no segment takes are taken out of
   * their drafts and given back: the batch then goes on without them, and waits for the letters that they become.
   */
  async #encodeDrafts({ staging, drafts, digests }: ClosingBatch): Promise<readonly UnwritableRow[]> {
    const open = [...drafts].filter(([table]) => !digests.has(table));
    const closed = new Map<string, string>();
    for (const [table, draft] of open) closed.set(table, await draft.close());
    this.#fault("lines-written");
    const refused: UnwritableRow[] = [];
    // Letters last: a row that is refused becomes one.
    for (const [table, draft] of open.sort(([a], [b]) => Number(a === letters) - Number(b === letters))) {
      if (draft.rows > 0 && !(table === letters && refused.length > 0)) {
        const found = await encodeDraft(this.#store, draft, join(staging, `${table}.parquet`));
        refused.push(...found);
        if (found.length === 0) {
          await unlink(draft.path);
          digests.set(table, { rows: closed.get(table)!, bytes: await fileSha256(join(staging, `${table}.parquet`)) });
          this.#fault(`encoded-${table}`);
          continue;
        }
      }
      const places = new Set(refused.filter((one) => one.table === table).map((one) => one.index));
      if (draft.rows > 0) drafts.set(table, await withoutRows(draft, places));
    }
    return refused;
  }

  async #commitLocked(batch: ClosingBatch, held: HeldLock): Promise<CommitResult> {
    await this.#makeReady(batch.staging, batch.id);
    this.#fault("ready");
    held.check();
    const [entry] = await this.ledger.append([this.#entryFor(batch)], this.#torn());
    this.#fault("ledger-appended");
    await this.#publish(entry as BatchEntry);
    return { kind: "committed", sequence: entry!.sequence };
  }

  #entryFor(batch: ClosingBatch) {
    const sequence = String(this.ledger.entries.length).padStart(9, "0");
    const tables: Record<string, LandedTable> = {};
    for (const [table, draft] of batch.drafts) {
      if (draft.rows === 0) continue;
      tables[table] = {
        rows: draft.rows,
        digest: batch.digests.get(table)!.rows,
        segment: `${table}/${sequence}-${batch.id}.parquet`,
        sha256: batch.digests.get(table)!.bytes,
      };
    }
    const { received, landed, duplicate, dead_letter, to, isEnd, receivedAt, replayed, leftOut } = batch.end;
    return {
      kind: "batch" as const,
      batch_id: batch.id,
      source: batch.source.name,
      source_id: batch.source.id,
      from: batch.from,
      to,
      is_end: isEnd,
      received,
      landed,
      duplicate,
      dead_letter,
      tables,
      content_digest: contentDigest(tables),
      id_key: this.#options.idKey,
      ...(replayed ? { replayed } : {}),
      ...leftOutOf(leftOut),
      received_at: instantText(receivedAt),
    };
  }

  /** Moves a committed batch to where readers look. May be repeated at any point. */
  async #publish(entry: BatchEntry): Promise<void> {
    const { raw } = this.#options;
    const ready = join(raw, ".staging", `ready-${entry.batch_id}`);
    for (const [table, { segment }] of Object.entries(entry.tables)) {
      const staged = join(ready, `${table}.parquet`);
      if (existsSync(staged)) await moveDurably(staged, join(raw, segment));
      this.#fault(`published-${table}`);
    }
    await this.#mirror(entry, ready);
    this.#fault("mirrored");
    await removeTree(ready);
    this.#fault("staging-removed");
  }

  /** The entry as a row of raw.ingest_ledger. */
  async #mirror(entry: BatchEntry, staging: string): Promise<void> {
    const name = `${String(entry.sequence).padStart(9, "0")}-${entry.batch_id}.parquet`;
    const draft = new SegmentDraft("ingest_ledger", join(staging, "ingest_ledger.ndjson"));
    await draft.add([ledgerRow(entry)]);
    await draft.close();
    const staged = join(staging, "ingest_ledger.parquet");
    const refused = await encodeDraft(this.#store, draft, staged);
    if (refused.length > 0) throw new Error(`raw.ingest_ledger takes no row: ${refused[0]!.reason}`);
    await unlink(draft.path);
    await moveDurably(staged, join(this.#options.raw, "ingest_ledger", name));
  }

  /** Finishes what was committed, removes what was not. Under the lock. */
  async #recover(): Promise<void> {
    await this.ledger.refresh({ repair: true });
    const staging = join(this.#options.raw, ".staging");
    const committed = new Map<string, LedgerEntry>();
    for (const entry of this.ledger.entries) committed.set(stagedId(entry), entry);
    for (const name of await readdir(staging)) {
      const path = join(staging, name);
      if (name.startsWith("ready-")) {
        const entry = committed.get(name.slice("ready-".length));
        if (entry?.kind === "batch") await this.#publish(entry);
        else if (entry) await this.#publishReplacement(entry);
        else await removeTree(path);
      } else if (name.startsWith("open-")) {
        const owner = await readFile(join(path, "owner"), "utf8").catch(() => "");
        if (livenessOf(owner) === "dead" || (await isAbandoned(path))) await removeTree(path);
      }
    }
  }

  #fault(point: string): void {
    this.#options.fault?.(point);
  }

  #torn(): (() => void) | undefined {
    const { fault } = this.#options;
    return fault ? () => fault("ledger-torn") : undefined;
  }
}

/** Staged by a process of another container or host, which cannot be seen from here, and older than any batch gets. */
async function isAbandoned(path: string): Promise<boolean> {
  const { mtimeMs } = await stat(path);
  return Date.now() - mtimeMs > 86_400_000;
}

interface ClosingBatch {
  readonly id: string;
  readonly source: Pick<Source, "name" | "id">;
  readonly from: number;
  readonly staging: string;
  readonly drafts: Map<string, SegmentDraft>;
  /** Of the drafts that are segments already: the digest of their rows, and of the file's bytes. */
  readonly digests: Map<string, { readonly rows: string; readonly bytes: string }>;
  readonly end: BatchEnd;
}

export function ledgerRow(entry: BatchEntry): RawRow {
  return {
    batch_id: entry.batch_id,
    sequence: entry.sequence,
    source: entry.source,
    received: entry.received,
    landed: entry.landed,
    duplicate: entry.duplicate,
    dead_letter: entry.dead_letter,
    content_digest: entry.content_digest,
    previous_hash: entry.previous_hash,
    entry_hash: entry.entry_hash,
    left_out: entry.left_out ? Object.entries(entry.left_out).map(([name, rows]) => ({ name, rows })) : null,
    received_at: Date.parse(entry.received_at) * 1000,
  };
}
