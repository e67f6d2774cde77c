import { UserError } from "../errors/user-error.ts";
import type { AppendResult } from "../warehouse/warehouse.ts";
import type { DeadLetter } from "./door/dead-letter.ts";
import type { Door } from "./door/door.ts";
import type { DoorWindows } from "./door/door-window.ts";
import type { ErasedPeople } from "./door/erased.ts";
import type { Micros } from "./door/instant.ts";
import type { RawRow } from "./door/raw-row.ts";
import type { Item } from "./door/signal.ts";
import type { BatchCounts } from "./ledger.ts";
import { recordOf, rowOf } from "./row-record.ts";
import {
  addTotals,
  countLeftOut,
  countLetters,
  type IngestTotals,
  type MutableTotals,
  noTotals,
  sumOfTotals,
} from "./totals.ts";

export { type IngestTotals, noTotals } from "./totals.ts";

/** One record of a source: a line, a row, a webhook call, a bus message. */
export interface Message {
  readonly data: Uint8Array;
  /** Its number in the source, from 1; what was read up to it is what `from` and `to` of a batch say. */
  readonly position: number;
  readonly ackId?: string | undefined;
  /** `<decoder>:<name>` where it is not the source's: a bus carries what several senders said. */
  readonly source?: string | undefined;
  /** When we accepted it, where that was before now: on the bus. */
  readonly arrival?: Micros | undefined;
  /** `data` as text, where its format's reader has made it; it is well-formed UTF-8 then. */
  readonly text?: string | undefined;
  /** The record as its format's reader parsed it, where there is one; `data` stays what came. */
  readonly value?: unknown;
}

export interface Source {
  /** `<decoder>:<name>`, for people and for replay. */
  readonly name: string;
  /** The same for the same content read in the same way. */
  readonly id: string;
  /** Records that an earlier run has already landed; `pull` starts behind them. */
  readonly from: number;
  /** The ack ids are dead letters that this settles; the ledger entry lists them. */
  readonly isReplay?: boolean | undefined;
  /** Blocks of records in order. A source that waits yields an empty block every second or so, so batches close by age. */
  pull(signal: AbortSignal): AsyncIterable<readonly Message[]>;
  /** Called once the records are safe. */
  ack(ackIds: readonly string[], to: number): Promise<void>;
}

export type CommitResult =
  | { readonly kind: "committed"; readonly sequence: number }
  /** Another process landed these records first; nothing of this batch counts. */
  | { readonly kind: "superseded"; readonly to: number }
  /**
   * Rows that the writer cannot take, by the canonical line of each. They are out of the batch, which waits: append what they become, and
   * commit again.
   */
  | {
      readonly kind: "refused-rows";
      readonly refused: readonly {
        readonly table: string;
        readonly index: number;
        readonly line: string;
        readonly reason: string;
      }[];
    };

/** A batch on its way into a warehouse. Nothing of it is visible before `commit`, all of it is afterwards. */
export interface SinkBatch {
  readonly id: string;
  append(table: string, rows: readonly RawRow[]): Promise<AppendResult>;
  commit(end: BatchEnd): Promise<CommitResult>;
  discard(): Promise<void>;
}

export interface BatchEnd extends BatchCounts {
  readonly to: number;
  readonly isEnd: boolean;
  readonly receivedAt: Micros;
  readonly replayed?: readonly string[] | undefined;
  /** Rows of which something was left out at the door, by `table.column.key`. */
  readonly leftOut: Readonly<Record<string, number>>;
}

export interface Sink {
  begin(source: Pick<Source, "name" | "id">, from: number): Promise<SinkBatch>;
}

/** What the pipeline touches outside itself. */
export interface IngestEnv {
  readonly source: Source;
  readonly sink: Sink;
  /** What a record says; nothing where a mapping asks nothing of it. Mails and archives take a moment to open. */
  readonly decode: (message: Message) => readonly Item[] | Promise<readonly Item[]>;
  readonly door: Door;
  /** None for rows that are made here under ids of their own: none of them can be like another. */
  readonly windows?: Pick<DoorWindows, "renew" | "admit" | "forget" | "clear"> | undefined;
  /** Of whom nothing is kept any more. */
  readonly erased?: Pick<ErasedPeople, "refresh" | "isNamedIn"> | undefined;
  readonly sealLetter: (letter: DeadLetter, batchId: string, arrival: Micros) => RawRow;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly batchRecords: number;
  readonly batchAgeMs: number;
  /** Waits before attempt n; tests pass a no-op. */
  readonly pause: (attempt: number) => Promise<void>;
  readonly progress?: ((totals: IngestTotals) => void) | undefined;
}

/**
 * Commits one after the other, in the order in which the batches were closed. Sources that are read one after the other into one
 * sink share it, so that the next one is read while the last batch of the one before is committed.
 */
export class Commits {
  #last: Promise<void> = Promise.resolve();

  /** Waits for the commit before, and throws what that threw; then starts this one. */
  async start(commit: () => Promise<void>): Promise<void> {
    await this.#last;
    this.#last = commit();
    this.#last.catch(() => {}); // thrown by whoever waits next
  }

  /** When everything that was started is committed. */
  done(): Promise<void> {
    return this.#last;
  }
}

/**
 * Pull, decode, admit at the door, append, commit, ack. A record is acked only once its rows or its dead letter are
 * committed with the ledger entry that counts them. While one batch is committed the next one is read, never more.
 *
 * Returns what this run committed. When `signal` is aborted, what was read is still committed and acked.
 */
export async function runIngest(env: IngestEnv, signal: AbortSignal): Promise<IngestTotals> {
  const commits = new Commits();
  const totals = await readIngest(env, signal, commits);
  await commits.done();
  return totals;
}

/** `runIngest` up to the moment when the last batch is about to be committed; the totals are whole once `commits` is done. */
export async function readIngest(env: IngestEnv, signal: AbortSignal, commits: Commits): Promise<IngestTotals> {
  const totals = noTotals();
  let open: OpenBatch | undefined;
  let position = env.source.from;
  const close = async (batch: OpenBatch, isEnd: boolean) => {
    await commits.start(() => finish(env, batch, isEnd, totals));
    open = undefined;
  };
  try {
    for await (const block of env.source.pull(signal)) {
      const now = env.now();
      for (let at = 0; at < block.length; ) {
        if (open === undefined) {
          await env.windows?.renew(() => commits.done());
          open = await beginBatch(env, position, now);
        }
        const part = block.slice(at, at + Math.max(1, env.batchRecords - open.counts.records));
        await take(env, open, part, now);
        at += part.length;
        position = open.to;
        if (isFull(env, open, now)) await close(open, false);
      }
      if (open && isFull(env, open, now)) await close(open, false);
      env.progress?.(sumOfTotals(totals, open?.counts));
    }
    const ended = !signal.aborted;
    if (open || ended) await close(open ?? (await beginBatch(env, position, env.now())), ended);
    return totals;
  } catch (error) {
    await open?.sink.discard();
    await commits.done().catch(() => {}); // nobody may close the sink under a commit
    env.windows?.clear(); // what was given up has not landed: where it comes again it is no duplicate
    throw error;
  }
}

interface OpenBatch {
  readonly sink: SinkBatch;
  readonly beganAt: number;
  readonly ackIds: string[];
  readonly counts: MutableTotals;
  to: number;
}

async function beginBatch(env: IngestEnv, from: number, now: number): Promise<OpenBatch> {
  return { sink: await env.sink.begin(env.source, from), beganAt: now, ackIds: [], counts: noTotals(), to: from };
}

/** Enough records, old enough, or begun in the future: a clock that was put back must not keep a batch open until it is there again. */
const isFull = (env: IngestEnv, batch: OpenBatch, now: number): boolean =>
  batch.counts.records >= env.batchRecords || now - batch.beganAt >= env.batchAgeMs || now < batch.beganAt;

/** Rows of a block for one table, and what each came from. */
interface TableBlock {
  readonly rows: RawRow[];
  readonly messages: Message[];
  readonly items: number[];
}

/** Decodes a block, counts what it repeats, and appends the rest to the batch. */
async function take(env: IngestEnv, batch: OpenBatch, block: readonly Message[], now: number): Promise<void> {
  const arrival = now * 1000;
  const tables = new Map<string, TableBlock>();
  const letters: DeadLetter[] = [];
  const notKept = new Set<DeadLetter["payload"]>();
  await env.erased?.refresh();
  for (const message of block) {
    batch.counts.records += 1;
    batch.to = message.position;
    if (message.ackId !== undefined) batch.ackIds.push(message.ackId);
    const decoded = itemsOf(env, message);
    const items = decoded instanceof Promise ? await decoded : decoded;
    if (items.length === 0) batch.counts.filtered += 1;
    for (let item = 0; item < items.length; item++) {
      batch.counts.received += 1;
      const said = items[item]!;
      const admitted = admit(env, said, message.arrival ?? arrival);
      if (admitted.kind === "dead-letter") {
        const stage = said.kind === "dead-letter" ? "decode" : "validate";
        const one = letter(env, message, item, items.length, stage, admitted.reason, admitted.detail);
        if (admitted.isNotKept) notKept.add(message.data);
        letters.push(one);
        continue;
      }
      const known = env.windows?.admit(admitted.table, admitted.row) ?? "new";
      const admission = known instanceof Promise ? await known : known;
      if (admission === "conflict") batch.counts.conflict += 1;
      if (admission !== "duplicate") {
        let made = tables.get(admitted.table);
        if (!made) {
          made = { rows: [], messages: [], items: [] };
          tables.set(admitted.table, made);
        }
        made.rows.push(admitted.row);
        made.messages.push(message);
        made.items.push(item);
        if (admitted.leftOut.length > 0) countLeftOut(batch.counts, admitted.table, admitted.leftOut);
      } else batch.counts.duplicate += 1;
    }
  }
  for (const [table, made] of tables) {
    const landed = await append(env, batch.sink, table, made.rows, (index, reason) => {
      env.windows?.forget(table, made.rows[index]!);
      letters.push(letter(env, made.messages[index]!, made.items[index]!, 2, "write", "row-refused", reason));
    });
    batch.counts.landed += landed;
    batch.counts.rows_by_table[table] = (batch.counts.rows_by_table[table] ?? 0) + landed;
  }
  if (letters.length === 0) return;
  const sealed = eachBodyOnce(withoutErased(env, withoutBytes(letters, notKept))).map((one) =>
    env.sealLetter(one, batch.sink.id, arrival),
  );
  await append(env, batch.sink, "dead_letters", sealed, (_index, reason) => {
    throw new Error(`the dead-letter table refused a row: ${reason}`);
  });
  for (const { reason } of letters) countLetters(batch.counts, reason, 1);
}

/** What a record says. One that its decoder falls over is a dead letter like any other: it must not stand in the way of the rest. */
function itemsOf(env: IngestEnv, message: Message): readonly Item[] | Promise<readonly Item[]> {
  try {
    const decoded = env.decode(message);
    return decoded instanceof Promise ? decoded.catch(fallen) : decoded;
  } catch (error) {
    return fallen(error);
  }
}

function admit(env: IngestEnv, said: Item, arrival: Micros): ReturnType<Door> {
  try {
    return env.door(said, arrival);
  } catch (error) {
    return fallen(error)[0];
  }
}

/** What a person can mend (a mapping, a file) is thrown on; a bug is told by its kind alone, for its words may quote the record. */
function fallen(error: unknown): readonly [Extract<Item, { kind: "dead-letter" }>] {
  if (error instanceof UserError || (error instanceof Error && "syscall" in error)) throw error;
  const kind = error instanceof Error ? error.name : typeof error;
  return [{ kind: "dead-letter", reason: "decoder-failed", detail: `a bug of ours: ${kind}` }];
}

function letter(
  env: IngestEnv,
  message: Message,
  item: number,
  items: number,
  stage: DeadLetter["stage"],
  reason: DeadLetter["reason"],
  detail: string,
): DeadLetter {
  const position = items > 1 ? `${message.position}#${item}` : String(message.position);
  return { reason, stage, detail, source: message.source ?? env.source.name, position, payload: message.data };
}

/** Letters without those bytes that must not be kept, not even for another letter of the same record. */
const withoutBytes = (
  letters: readonly DeadLetter[],
  notKept: ReadonlySet<DeadLetter["payload"]>,
): readonly DeadLetter[] =>
  notKept.size === 0 ? letters : letters.map((one) => (notKept.has(one.payload) ? { ...one, payload: null } : one));

/** Letters whose bytes name somebody who was erased, without their bytes. */
function withoutErased(env: IngestEnv, letters: readonly DeadLetter[]): readonly DeadLetter[] {
  const isNamed = new Map<DeadLetter["payload"], boolean>();
  return letters.map((one) => {
    const { payload } = one;
    if (one.reason === "erased") return { ...one, payload: null };
    if (env.erased === undefined || !(payload instanceof Uint8Array)) return one;
    const known = isNamed.get(payload) ?? env.erased.isNamedIn(payload);
    isNamed.set(payload, known);
    return known ? { ...one, payload: null } : one;
  });
}

/**
 * A webhook call may carry a thousand events: its body is kept with its first letter, and the others, which follow that one at
 * once, say where it is.
 */
function eachBodyOnce(letters: readonly DeadLetter[]): readonly DeadLetter[] {
  const ofBody = new Map<DeadLetter["payload"], DeadLetter[]>();
  for (const one of letters) {
    if (one.payload === null) {
      ofBody.set({ sameAs: one.position }, [one]);
      continue;
    }
    const first = ofBody.get(one.payload);
    if (first) first.push({ ...one, payload: { sameAs: first[0]!.position } });
    else ofBody.set(one.payload, [one]);
  }
  return [...ofBody.values()].flat();
}

/** Appends rows until each is written or refused; returns how many were written. */
async function append(
  env: IngestEnv,
  batch: SinkBatch,
  table: string,
  rows: readonly RawRow[],
  refused: (index: number, reason: string) => void,
): Promise<number> {
  let left = rows;
  /** Places of `left` in `rows`; undefined while they are the same. */
  let places: readonly number[] | undefined;
  for (let attempt = 1; left.length > 0; attempt++) {
    const result = await batch.append(table, left);
    if (result.kind === "written") break;
    if (result.kind === "schema-lagging") {
      await env.pause(attempt);
      continue;
    }
    const { reasonByIndex } = result;
    for (const [at, reason] of reasonByIndex) refused(places?.[at] ?? at, reason);
    const kept = left.flatMap((_row, at) => (reasonByIndex.has(at) ? [] : [at]));
    left = kept.map((at) => left[at]!);
    places = kept.map((at) => places?.[at] ?? at);
  }
  return left.length;
}

/** Commits the batch with its ledger entry, then acks: last, so that a crash before it only means a redelivery. */
async function finish(env: IngestEnv, batch: OpenBatch, isEnd: boolean, totals: MutableTotals): Promise<void> {
  const result = await commitBatch(env, batch, isEnd).catch(async (error: unknown) => {
    await batch.sink.discard().catch(() => {}); // what could not be committed only takes room
    throw error;
  });
  if (result.kind === "superseded") {
    await batch.sink.discard();
    throw new UserError("another process is ingesting the same source", {
      code: "ingest.superseded",
      exit: "remote",
      where: `${env.source.name}, record ${batch.to}`,
      next: "nothing is lost or doubled; run it again when the other one has finished",
    });
  }
  await env.source.ack(batch.ackIds, batch.to);
  addTotals(totals, batch.counts);
  totals.batches += 1;
}

/** Commits; rows that the writer turns out not to take become dead letters of the batch, each with its own line, and the rest is committed. */
async function commitBatch(
  env: IngestEnv,
  batch: OpenBatch,
  isEnd: boolean,
): Promise<Exclude<CommitResult, { kind: "refused-rows" }>> {
  for (;;) {
    const { counts } = batch;
    const { received, landed, duplicate, dead_letter } = counts;
    const replayed = env.source.isReplay ? batch.ackIds : undefined;
    const receivedAt = env.now() * 1000;
    const sums = { received, landed, duplicate, dead_letter };
    const end = { ...sums, to: batch.to, isEnd, receivedAt, replayed, leftOut: counts.left_out };
    const result = await batch.sink.commit(end);
    if (result.kind !== "refused-rows") return result;
    const made = result.refused.map(({ table, index, line, reason }) => {
      const row = rowOf(line);
      if (row) env.windows?.forget(table, row);
      counts.landed -= 1;
      counts.rows_by_table[table] = (counts.rows_by_table[table] ?? 0) - 1;
      return env.sealLetter(
        {
          reason: "row-refused",
          stage: "write",
          detail: `the segment's writer: ${reason}`,
          source: `ndjson:${env.source.name}`,
          position: `${batch.to}-${table}-${index}`,
          payload: Buffer.from(row ? recordOf(table, row) : line),
        },
        batch.sink.id,
        receivedAt,
      );
    });
    await append(env, batch.sink, "dead_letters", made, (_index, reason) => {
      throw new Error(`the dead-letter table refused a row: ${reason}`);
    });
    countLetters(counts, "row-refused", made.length);
  }
}
