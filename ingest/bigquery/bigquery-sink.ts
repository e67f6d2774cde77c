import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeTree, syncDirectory, syncFile } from "../../platform/files.ts";
import { type HeldLock, type LockOptions, withLock } from "../../platform/journal/lock.ts";
import type { AppendStreams, StreamKind } from "../../warehouse/bigquery/streams.ts";
import { TableAppender } from "../../warehouse/bigquery/table-appender.ts";
import type { AppendResult, Warehouse } from "../../warehouse/warehouse.ts";
import { instantText } from "../door/instant.ts";
import { canonicalLine, type RawRow, rawColumns, receivedAt } from "../door/raw-row.ts";
import { rowKey } from "../door/row-identity.ts";
import {
  type BatchBody,
  type BatchEntry,
  bigQueryLedgerPath,
  contentDigest,
  type LandedTable,
  type LedgerLog,
  leftOutOf,
  openLedger,
} from "../ledger.ts";
import type { BatchEnd, CommitResult, Sink, SinkBatch, Source } from "../pipeline.ts";
import type { Retractions } from "../retractions/standing.ts";
import { ledgerRow } from "../segments/local-sink.ts";
import { RowDigest } from "../segments/segment-draft.ts";
import { AppendLog, landedBlocks, readAppendLog, type SentBlock } from "./append-log.ts";
import { appendable, prepareRawTables, rawRowOf } from "./raw-tables.ts";
import { retractionsInBigQuery } from "./read-rows.ts";

export interface BigQuerySinkOptions {
  /** A folder of this machine: the ledger's log, and what is on its way. */
  readonly state: string;
  readonly projectId: string;
  /** The dataset of the raw tables. */
  readonly dataset: string;
  readonly kind: StreamKind;
  readonly streams: AppendStreams;
  readonly warehouse: Pick<Warehouse, "query" | "execute" | "columns">;
  /** The name of the key under which ids are made. */
  readonly idKey: string;
  readonly lock: LockOptions;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly newId: () => string;
  /** Waits before attempt n of an append. */
  readonly pause: (attempt: number) => Promise<void>;
  /** Called at every boundary between two durable writes, by name; the kill tests die in it. */
  readonly fault?: ((point: string) => void) | undefined;
}

/** Rows and characters that go into one append: the API takes 10 MB. */
const blockRows = 2000;
const blockCharacters = 4_000_000;
/** A row larger than this is refused here, before it holds up all others there. */
const rowCharacters = 6_000_000;
/** How far back the door's window looks, in days: what a bus brings again is not older. */
const windowDays = 7;

/**
 * Raw tables in BigQuery, through the Storage Write API (docs/adr/0007-storage-write.md). Rows are appended as they come, so they
 * can be seen a moment before they are counted; the ledger line of their batch counts them; only then is the source acked.
 *
 * In committed streams nothing is appended twice, whatever dies when: a batch notes on this machine's disk where it sends its
 * rows before it sends them, and who opens the sink next counts what had landed without having been counted. In default streams
 * a row whose answer was lost may be there twice; the models' keys make it count once.
 */
export class BigQuerySink implements Sink {
  readonly #options: BigQuerySinkOptions;
  readonly #appenders = new Map<string, TableAppender>();
  readonly #streamNames = new Set<string>();
  readonly ledger: LedgerLog;
  /** Told before an append is sent; one append a table is under way. */
  readonly #sending = new Map<string, (stream: string, offset: number) => Promise<void>>();
  /** Keys of rows that a dead process had landed without counting them. */
  readonly #recovered = new Map<string, string[]>();
  readonly #logs = new Set<AppendLog>();
  #lock: Holding = { check() {}, async release() {} };

  private constructor(options: BigQuerySinkOptions) {
    this.#options = options;
    this.ledger = openLedger(bigQueryLedgerPath(options.state));
  }

  /** One sink a folder at a time: another process that holds it is waited for, then named. */
  static async open(options: BigQuerySinkOptions): Promise<BigQuerySink> {
    await mkdir(join(options.state, "open"), { recursive: true });
    const sink = new BigQuerySink(options);
    sink.#lock = await hold(join(options.state, "lock"), options.lock);
    try {
      await prepareRawTables(options.warehouse, options.dataset);
      await sink.#recover();
      return sink;
    } catch (error) {
      await sink.close();
      throw error;
    }
  }

  /** How far a source has landed, by the ledger. */
  progressOf(sourceId: string): { readonly to: number; readonly isEnd: boolean } | undefined {
    const last = this.ledger.entries.findLast((entry) => entry.kind === "batch" && entry.source_id === sourceId);
    return last?.kind === "batch" ? { to: last.to, isEnd: last.is_end } : undefined;
  }

  /** What was taken back of what landed. */
  retractions(): Promise<Retractions> {
    return retractionsInBigQuery(this.#options.warehouse, this.#options.dataset);
  }

  /** Keys of the rows that landed last in a table and were not taken back, oldest first. */
  async *lastKeys(table: string, rows: number): AsyncIterable<readonly string[]> {
    for await (const block of this.lastRows(table, rows)) yield block.map((row) => rowKey(table, row));
    yield this.#recovered.get(table) ?? [];
  }

  /** The rows that landed last in a table and were not taken back, oldest first. */
  async *lastRows(table: string, rows: number): AsyncIterable<readonly RawRow[]> {
    const { dataset, warehouse, now } = this.#options;
    const since = new Date(now() - windowDays * 86_400_000);
    const found = await warehouse.query(
      `select ${rawColumns(table)
        .map(({ name }) => `\`${name}\``)
        .join(", ")} from \`${dataset}.${table}\`
where received_at >= @since order by received_at desc limit ${rows}`,
      { params: { since } },
    );
    const isGone = (await this.retractions()).filter(table);
    const landed = found.rows.toReversed().map((row) => rawRowOf(table, row));
    yield landed.filter((row) => !isGone?.(row));
  }

  async begin(source: Pick<Source, "name" | "id">, from: number): Promise<SinkBatch> {
    const id = this.#options.newId();
    const folder = join(this.#options.state, "open", id);
    await mkdir(folder);
    const log = this.#options.kind === "committed" ? await AppendLog.create(join(folder, "appends.ndjson")) : undefined;
    if (log) this.#logs.add(log);
    try {
      await syncDirectory(folder);
      this.#fault("batch-begun");
    } catch (error) {
      await this.#closeLog(log);
      throw error;
    }
    const batch: OpenBatch = { id, source, from, folder, log, tables: new Map(), landed: new WeakSet() };
    return {
      id,
      append: (table, rows) => this.#append(batch, table, rows),
      commit: (end) => this.#commit(batch, end),
      // What was sent is not taken back: its log stays for who opens the sink next.
      discard: () => this.#closeLog(log),
    };
  }

  async close(): Promise<void> {
    for (const log of this.#logs) await log.close();
    for (const appender of this.#appenders.values()) appender.close();
    for (const name of this.#streamNames) await this.#options.streams.finalize(name).catch(() => undefined);
    this.#options.streams.close();
    await this.#lock.release();
  }

  async #append(batch: OpenBatch, table: string, rows: readonly RawRow[]): Promise<AppendResult> {
    const storable = new Map<number, RawRow>();
    const sizes = new Map<number, number>();
    const tooLarge = new Map<number, string>();
    for (const [at, row] of rows.entries()) {
      // A block that landed before another was refused is not sent again with the rest.
      if (batch.landed.has(row)) continue;
      const made = await this.#storable(table, row);
      if (made.size > rowCharacters) tooLarge.set(at, `${made.size} characters, more than a row of BigQuery takes`);
      storable.set(at, made.row);
      sizes.set(at, made.size);
    }
    if (tooLarge.size > 0) return { kind: "rejected-rows", reasonByIndex: tooLarge };
    for (const block of blocksOf(sizes)) {
      const part = block.map((at) => storable.get(at)!);
      const number = await batch.log?.block(table, part);
      if (batch.log && number !== undefined) {
        this.#sending.set(table, async (stream, offset) => {
          this.#streamNames.add(stream);
          await batch.log?.sent(number, { stream, offset });
          this.#fault("append-noted");
        });
      }
      const result = await this.#appenderOf(table).append(part.map((row) => appendable(table, row)));
      this.#fault("append-answered");
      if (number !== undefined) await batch.log?.answered(number, result.kind === "written" ? "landed" : "refused");
      if (result.kind === "rejected-rows") {
        return {
          kind: "rejected-rows",
          reasonByIndex: new Map([...result.reasonByIndex].map(([at, why]) => [block[at]!, why])),
        };
      }
      if (result.kind === "schema-lagging") return result;
      this.#count(batch.tables, table, part);
      for (const at of block) batch.landed.add(rows[at]!);
    }
    return { kind: "written", rows: rows.length };
  }

  /** The row as any engine stores it, and how large it is. A letter's body that is too large for BigQuery stays here, sealed as it is. */
  async #storable(table: string, row: RawRow): Promise<{ readonly row: RawRow; readonly size: number }> {
    const line = JSON.stringify(row);
    if (table !== "dead_letters" || line.length <= rowCharacters) {
      return { row: line.includes("\\u") ? (JSON.parse(canonicalLine(row)) as RawRow) : row, size: line.length };
    }
    const name = `${String(row["dead_letter_id"]).replace(/[^\w-]/g, "-")}.sealed`;
    const folder = join(this.#options.state, "letters");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), Buffer.from(String(row["payload"]), "base64"));
    await syncFile(join(folder, name));
    await syncDirectory(folder);
    const kept = {
      ...row,
      payload: null,
      detail: `${String(row["detail"])} (the body is in letters/${name} where it was consumed)`,
    };
    return { row: kept, size: canonicalLine(kept).length };
  }

  async #closeLog(log: AppendLog | undefined): Promise<void> {
    await log?.close();
    if (log) this.#logs.delete(log);
  }

  #count(tables: Map<string, Counted>, table: string, rows: readonly RawRow[]): void {
    const counted = tables.get(table) ?? { rows: 0, digest: new RowDigest(table), from: Infinity, to: -Infinity };
    for (const row of rows) {
      counted.digest.add(row);
      counted.from = Math.min(counted.from, receivedAt(row));
      counted.to = Math.max(counted.to, receivedAt(row));
    }
    counted.rows += rows.length;
    tables.set(table, counted);
  }

  #appenderOf(table: string, kind = this.#options.kind): TableAppender {
    let appender = this.#appenders.get(table);
    if (!appender) {
      const { streams, projectId, dataset, pause } = this.#options;
      appender = new TableAppender({
        streams,
        table: `projects/${projectId}/datasets/${dataset}/tables/${table}`,
        kind,
        columns: rawColumns(table),
        pause,
        ...(kind === "committed" ? { beforeSend: (stream, offset) => this.#sending.get(table)!(stream, offset) } : {}),
      });
      this.#appenders.set(table, appender);
    }
    return appender;
  }

  async #commit(batch: OpenBatch, end: BatchEnd): Promise<CommitResult> {
    this.#fault("committing");
    const to = this.progressOf(batch.source.id)?.to ?? 0;
    if (to !== batch.from) return { kind: "superseded", to };
    const { received, landed, duplicate, dead_letter, isEnd, receivedAt, replayed, leftOut } = end;
    const counts = { received, landed, duplicate, dead_letter };
    const entry = await this.#enter(batch.tables, {
      batch_id: batch.id,
      source: batch.source.name,
      source_id: batch.source.id,
      from: batch.from,
      to: end.to,
      is_end: isEnd,
      ...counts,
      ...(replayed ? { replayed } : {}),
      ...leftOutOf(leftOut),
      received_at: instantText(receivedAt),
    });
    this.#fault("ledger-appended");
    await this.#mirror();
    await this.#closeLog(batch.log);
    await removeTree(batch.folder);
    this.#fault("batch-removed");
    return { kind: "committed", sequence: entry.sequence };
  }

  /** Appends a batch's line to the ledger: the moment from which it counts. */
  async #enter(
    counted: ReadonlyMap<string, Counted>,
    said: Omit<BatchBody, "kind" | "tables" | "content_digest" | "id_key">,
  ): Promise<BatchEntry> {
    const { projectId, dataset, idKey, fault } = this.#options;
    const tables: Record<string, LandedTable> = {};
    for (const [table, { rows, digest, from, to }] of counted) {
      if (rows === 0) continue;
      const segment = `bigquery:${projectId}.${dataset}.${table}`;
      const received = { received_from: instantText(from), received_to: instantText(to) };
      tables[table] = { rows, digest: digest.value(), segment, ...received };
    }
    const { replayed, received_at, ...rest } = said;
    this.#lock.check();
    const [entry] = await this.ledger.append(
      [
        {
          kind: "batch",
          ...rest,
          tables,
          content_digest: contentDigest(tables),
          id_key: idKey,
          ...(replayed ? { replayed } : {}),
          received_at,
        },
      ],
      fault ? () => fault("ledger-torn") : undefined,
    );
    return entry as BatchEntry;
  }

  /** The ledger's new lines as rows of raw.ingest_ledger: at least once each, their sequence and batch are their key. */
  async #mirror(): Promise<void> {
    const path = join(this.#options.state, "mirrored");
    const done = Number(await readFile(path, "utf8").catch(() => "0"));
    const entries = this.ledger.entries.slice(done).filter((entry) => entry.kind === "batch");
    const rows = entries.map(ledgerRow);
    for (let at = 0; at < rows.length; at += blockRows) {
      const result = await this.#appenderOf("ingest_ledger", "default").append(rows.slice(at, at + blockRows));
      if (result.kind !== "written") throw new Error(`raw.ingest_ledger takes no rows: ${result.kind}`);
    }
    this.#fault("ledger-mirrored");
    await writeFile(path, String(this.ledger.entries.length));
  }

  /** Counts what dead processes had landed without counting it, and ends their streams. */
  async #recover(): Promise<void> {
    await this.ledger.refresh({ repair: true });
    const counted = new Set(this.ledger.entries.map((entry) => (entry.kind === "batch" ? entry.batch_id : "")));
    const open = join(this.#options.state, "open");
    for (const id of (await readdir(open)).sort()) {
      if (!counted.has(id)) await this.#recoverBatch(id, await readAppendLog(join(open, id, "appends.ndjson")));
      await removeTree(join(open, id));
      this.#fault("recovered-one");
    }
    await this.#mirror();
  }

  async #recoverBatch(id: string, blocks: readonly SentBlock[]): Promise<void> {
    const landed = await landedBlocks(blocks, (stream) => this.#options.streams.finalize(stream));
    if (landed.length === 0) return;
    const tables = new Map<string, Counted>();
    for (const { table, rows } of landed) {
      this.#count(tables, table, rows);
      if (table === "dead_letters") continue;
      const keys = this.#recovered.get(table) ?? [];
      for (const row of rows) keys.push(rowKey(table, row));
      this.#recovered.set(table, keys);
    }
    const letters = tables.get("dead_letters")?.rows ?? 0;
    const received = landed.reduce((sum, { rows }) => sum + rows.length, 0);
    await this.#enter(tables, {
      batch_id: id,
      source: "recovered",
      source_id: `recovered-${id}`,
      from: 0,
      to: received,
      is_end: true,
      received,
      landed: received - letters,
      duplicate: 0,
      dead_letter: letters,
      received_at: instantText(this.#options.now() * 1000),
    });
  }

  #fault(point: string): void {
    this.#options.fault?.(point);
  }
}

interface Counted {
  rows: number;
  readonly digest: RowDigest;
  /** When the first and the last of them were received. */
  from: number;
  to: number;
}

interface OpenBatch {
  readonly id: string;
  readonly source: Pick<Source, "name" | "id">;
  readonly from: number;
  readonly folder: string;
  readonly log: AppendLog | undefined;
  readonly tables: Map<string, Counted>;
  /** The rows of this batch that are in BigQuery. */
  readonly landed: WeakSet<RawRow>;
}

/** Places of rows, as many together as one append takes, from their sizes. */
function* blocksOf(sizes: ReadonlyMap<number, number>): Iterable<readonly number[]> {
  let block: number[] = [];
  let characters = 0;
  for (const [at, size] of sizes) {
    if (block.length > 0 && (block.length >= blockRows || characters + size > blockCharacters)) {
      yield block;
      block = [];
      characters = 0;
    }
    block.push(at);
    characters += size;
  }
  if (block.length > 0) yield block;
}

/** A lock that is held until it is released. */
interface Holding extends HeldLock {
  release(): Promise<void>;
}

async function hold(path: string, options: LockOptions): Promise<Holding> {
  let release = () => {};
  let taken: (held: HeldLock) => void = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  const took = new Promise<HeldLock>((resolve) => {
    taken = resolve;
  });
  const holding = withLock(path, options, async (held) => {
    taken(held);
    await until;
  });
  // Either it is taken, or `holding` says why it cannot be.
  const held = (await Promise.race([took, holding])) as HeldLock;
  return {
    check: () => held.check(),
    async release() {
      release();
      await holding;
    },
  };
}
