import { UserError } from "../errors/user-error.ts";
import type { Journal } from "../platform/journal/journal.ts";
import type { SourceDeclarations } from "../platform/source-declarations.ts";
import { type ErasureEntry, Tombstones, tombstonesInFile, tombstonesInJournal } from "../platform/tombstones.ts";
import type { BigQuerySink } from "./bigquery/bigquery-sink.ts";
import type { BigQueryDestination } from "./bigquery/open-bigquery-sink.ts";
import { type DeadLetter, deadLetterRow } from "./door/dead-letter.ts";
import type { DeviceReportsAsked } from "./door/device-report.ts";
import { createDoor, type Door } from "./door/door.ts";
import { DoorWindows, defaultWindowRows, windowSeed } from "./door/door-window.ts";
import { erasedPeople } from "./door/erased.ts";
import type { IdHasher } from "./door/id-hasher.ts";
import type { IspOfDomain } from "./door/isp-lookup.ts";
import type { DeclaredAttributes } from "./door/json-columns.ts";
import { type IngestKeys, keyName } from "./door/keys.ts";
import type { RawRow } from "./door/raw-row.ts";
import type { FileInput } from "./files/file.ts";
import type { BatchEntry } from "./ledger.ts";
import type { OwnMail } from "./mail/own-mail.ts";
import {
  Commits,
  type IngestEnv,
  type IngestTotals,
  type Message,
  noTotals,
  readIngest,
  type Source,
} from "./pipeline.ts";
import { guardRetracted, retractionsMark } from "./retractions/standing.ts";
import { LocalSink } from "./segments/local-sink.ts";
import { keepAside } from "./set-aside.ts";
import { putAside, type SetAside } from "./unreadable.ts";

export interface IngestContext {
  /** The folder of raw segments. */
  readonly raw: string;
  readonly keys: IngestKeys;
  /** The journal of erasures, a file of this machine or wherever a target keeps it: of whom nothing is taken in any more. */
  readonly erasures?: string | Journal<ErasureEntry> | undefined;
  readonly now: () => Date;
  readonly randomBytes: (n: number) => Buffer;
  readonly sleep: (ms: number) => Promise<void>;
  readonly pid: number;
  readonly trustReceivedAt: boolean;
  /** What the sender's own mails look like. */
  readonly mail?: OwnMail | undefined;
  /** Which tags and arguments of a provider name the campaign, the variant and the sender. */
  readonly sources?: SourceDeclarations | undefined;
  readonly ispOfDomain?: IspOfDomain | undefined;
  /** What devices are asked to report, by campaign. */
  readonly deviceReports?: DeviceReportsAsked | undefined;
  /** What sources may say of a person beside what everybody may. */
  readonly attributes?: (() => Promise<DeclaredAttributes>) | undefined;
  /** Rows per table that the door remembers. */
  readonly windowRows?: number;
  /**
   * Rows are made here, under ids of their own: none can be like another, and what landed before is not read again to see. (A file that comes
   * twice is known to the ledger.) `isThere` knows those that landed without having been counted, as BigQuery may hold after a kill.
   */
  readonly ownMaking?: { isThere(table: string, row: RawRow): boolean } | undefined;
  readonly batchRecords?: number | undefined;
  readonly batchAgeMs?: number;
  readonly fault?: ((point: string) => void) | undefined;
  /** Rows go there instead of into this machine's segments. */
  readonly bigQuery?: BigQueryDestination | undefined;
}

export interface FileOutcome extends IngestTotals {
  readonly path: string;
  /** What an earlier run had landed of this very content, from the ledger. */
  readonly earlier: {
    readonly records: number;
    readonly received: number;
    readonly landed: number;
    readonly duplicate: number;
    readonly dead_letter: number;
  };
  readonly state: "ingested" | "resumed" | "already-ingested" | "interrupted";
}

export const defaultBatchRecords = 100_000;

/** Opens the sink that the context asks for, with its recovery, and what the pipeline needs around it. */
export async function openIngest(context: IngestContext) {
  if (context.bigQuery === undefined) return openLocalIngest(context);
  const { openBigQuerySink } = await import("./bigquery/open-bigquery-sink.ts");
  return aroundSink(await openBigQuerySink(context, context.bigQuery), context);
}

/** The same over this machine's segments, whatever the context asks for. */
export async function openLocalIngest(context: IngestContext) {
  const sink = await LocalSink.open({
    raw: context.raw,
    idKey: keyName(context.keys.ids.active),
    lock: { pid: context.pid, sleep: context.sleep, patienceMs: 60_000, code: "ingest.locked" },
    now: () => context.now().getTime(),
    fault: context.fault,
  });
  return aroundSink(sink, context);
}

/** Who was erased, as this context's home knows. */
export const erasedAt = ({ erasures = "", keys, now }: Pick<IngestContext, "erasures" | "keys" | "now">) =>
  erasedPeople(
    new Tombstones(
      typeof erasures === "string" ? tombstonesInFile(erasures) : tombstonesInJournal(erasures, now),
      keys.ids.all.map((key) => ({ name: keyName(key), secret: key.secret })),
    ),
    keys.ids,
  );

/** The door of a context. */
export async function doorOf(context: IngestContext, hashId: IdHasher): Promise<Door> {
  const { trustReceivedAt, ispOfDomain, deviceReports } = context;
  return createDoor({ hashId, trustReceivedAt, ispOfDomain, deviceReports, attributes: await context.attributes?.() });
}

async function aroundSink<S extends LocalSink | BigQuerySink>(sink: S, context: IngestContext) {
  const erased = erasedAt(context);
  let plain: Door;
  try {
    refuseChangedKey(sink, keyName(context.keys.ids.active));
    plain = await doorOf(context, erased.hashId);
  } catch (error) {
    await sink.close();
    throw error;
  }
  const windowRows = context.windowRows ?? defaultWindowRows;
  const windows = context.ownMaking
    ? ownRows(context.ownMaking)
    : new DoorWindows(windowRows, windowSeed(context.randomBytes), sink, () =>
        sink instanceof LocalSink ? retractionsMark(context.raw) : "",
      );
  const door = context.trustReceivedAt
    ? guardRetracted(erased.guard(plain), await sink.retractions())
    : erased.guard(plain);
  const envFor = (input: Pick<IngestEnv, "source" | "decode">, progress?: IngestEnv["progress"]): IngestEnv => ({
    ...input,
    sink,
    door,
    windows,
    erased,
    sealLetter: (letter: DeadLetter, batchId, arrival) =>
      deadLetterRow(letter, {
        sourceId: input.source.id,
        batchId,
        arrival,
        keys: context.keys.deadLetters,
        randomBytes: context.randomBytes,
        setAside: (name, sealed) => keepAside(context.raw, name, sealed),
      }),
    now: () => context.now().getTime(),
    batchRecords: context.batchRecords ?? defaultBatchRecords,
    batchAgeMs: context.batchAgeMs ?? 30_000,
    pause: (attempt) => context.sleep(Math.min(30_000, 100 * 2 ** attempt)),
    progress,
  });
  return { sink, envFor };
}

/** Nothing is remembered of rows of our own making: only what is there already is turned down. */
const ownRows = ({ isThere }: NonNullable<IngestContext["ownMaking"]>): NonNullable<IngestEnv["windows"]> => ({
  renew: async () => {},
  admit: (table, row) => (isThere(table, row) ? "duplicate" : "new"),
  forget: () => {},
  clear: () => {},
});

/**
 * Ingests the files one after the other; each goes on where the ledger says an earlier run stopped. A file that cannot be read is told to `setAside`, and the
 * next one is read; where nobody listens its error ends the run.
 */
export async function ingestFiles(
  inputs: AsyncIterable<FileInput>,
  context: IngestContext,
  signal: AbortSignal,
  progress?: (input: FileInput, totals: IngestTotals) => void,
  setAside?: SetAside,
): Promise<readonly FileOutcome[]> {
  const { sink, envFor } = await openIngest(context);
  const commits = new Commits();
  const outcomes: (Pick<FileOutcome, "path" | "earlier" | "state"> & { readonly totals: IngestTotals })[] = [];
  const underWay = new Set<string>();
  try {
    for await (const input of inputs) {
      if (signal.aborted) break;
      if (underWay.has(input.id)) await commits.done();
      underWay.add(input.id);
      const done = sink.progressOf(input.id);
      const earlier = earlierOf(
        sink.ledger.entries.filter((e): e is BatchEntry => e.kind === "batch" && e.source_id === input.id),
      );
      const reading = new Reading(input, done?.to ?? 0);
      let totals: IngestTotals = noTotals();
      if (!done?.isEnd)
        try {
          await reading.prepare();
          const env = envFor({ source: reading.source, decode: input.decode }, (t) => progress?.(input, t));
          totals = await readIngest(env, signal, commits);
        } catch (error) {
          if (reading.failure?.error !== error) throw error; // not the file's fault
          const { to = 0 } = sink.progressOf(input.id) ?? {};
          const landed = to > 0 ? `; its first ${to.toLocaleString("en-US")} records have landed` : "";
          putAside(input.path, error, setAside && ((one) => setAside({ ...one, why: `${one.why}${landed}` })));
          continue;
        }
      const state = done?.isEnd ? "already-ingested" : signal.aborted ? "interrupted" : done ? "resumed" : "ingested";
      outcomes.push({ path: input.path, totals, earlier, state });
    }
    await commits.done();
    return outcomes.map(({ totals, ...rest }) => ({ ...rest, ...totals }));
  } finally {
    await commits.done().catch(() => {}); // nobody may close the sink under a commit
    await sink.close();
  }
}

/** A file while it is read: what goes wrong with the reading itself is told apart from what becomes of its records. */
class Reading {
  failure: { readonly error: unknown } | undefined;
  readonly #input: FileInput;
  readonly source: Source;

  constructor(input: FileInput, from: number) {
    this.#input = input;
    const source = input.open(from);
    const pull = (signal: AbortSignal) => this.#watched(source.pull(signal));
    this.source = { ...source, pull };
  }

  async prepare(): Promise<void> {
    await this.#input.prepare?.().catch((error: unknown) => this.#failed(error));
  }

  async *#watched(blocks: AsyncIterable<readonly Message[]>): AsyncIterable<readonly Message[]> {
    const reader = blocks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const block = await reader.next().catch((error: unknown) => this.#failed(error));
        if (block.done) return;
        yield block.value;
      }
    } finally {
      await reader.return?.();
    }
  }

  #failed(error: unknown): never {
    this.failure = { error };
    throw error;
  }
}

function earlierOf(entries: readonly BatchEntry[]): FileOutcome["earlier"] {
  const sums = { records: 0, received: 0, landed: 0, duplicate: 0, dead_letter: 0 };
  for (const entry of entries) {
    sums.records += entry.to - entry.from;
    sums.received += entry.received;
    sums.landed += entry.landed;
    sums.duplicate += entry.duplicate;
    sums.dead_letter += entry.dead_letter;
  }
  return sums;
}

/** Another secret under the same version would give every person a second id without anybody noticing. */
function refuseChangedKey(sink: Pick<LocalSink | BigQuerySink, "ledger">, current: string): void {
  const last = sink.ledger.entries.findLast((entry) => entry.kind === "batch");
  if (last?.kind !== "batch" || last.id_key === current) return;
  const version = current.split(":")[0]!;
  if (last.id_key.split(":")[0] !== version) return;
  throw new UserError(`the id key is not the one with which this home was filled, and both are called ${version}`, {
    code: "ingest.key-changed",
    exit: "config",
    where: `INBOXLOOP_ID_KEY (the ledger has ${last.id_key}, this is ${current})`,
    next: "set the former key again; or give the new one a new version, v2:<secret>, and keep the old one after a comma",
  });
}
