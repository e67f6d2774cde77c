import { existsSync } from "node:fs";
import { type FileHandle, link, mkdir, open, readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory, syncFile } from "../../platform/files.ts";
import type { Message, Source } from "../pipeline.ts";
import { crc32 } from "./crc32.ts";

/** One thing put on the bus: bytes, and the decoder that reads them. */
export interface SpoolMessage {
  /** As before the colon of a source's name: `sendgrid`, `ndjson` ... */
  readonly kind: string;
  /** When we accepted it, milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly data: Uint8Array;
}

/*
 * A spool is a folder of logs, each named by the number of its first message. A message is a frame:
 *
 *   length u32 | crc32 of the rest u32 | receivedAt f64 | kind length u8 | kind | data      (little-endian)
 *
 * Messages are numbered from 1 and never change. A frame that is not whole is the end of the log: its writer died in it.
 */
const headBytes = 8;
const maxFrameBytes = 64 << 20;

const logName = (first: number): string => `${String(first).padStart(15, "0")}.log`;

async function logsIn(dir: string): Promise<readonly { readonly first: number; readonly path: string }[]> {
  const names = existsSync(dir) ? await readdir(dir) : [];
  return names
    .filter((name) => /^\d{15}\.log$/.test(name))
    .sort()
    .map((name) => ({ first: Number(name.slice(0, 15)), path: join(dir, name) }));
}

function frameOf({ kind, receivedAt, data }: SpoolMessage): Buffer {
  const name = Buffer.from(kind, "utf8");
  const frame = Buffer.alloc(headBytes + 9 + name.length + data.length);
  frame.writeUInt32LE(frame.length - headBytes, 0);
  frame.writeDoubleLE(receivedAt, 8);
  frame.writeUInt8(name.length, 16);
  frame.set(name, 17);
  frame.set(data, 17 + name.length);
  frame.writeUInt32LE(crc32(frame.subarray(headBytes)), 4);
  return frame;
}

interface Parsed {
  readonly message: SpoolMessage;
  readonly end: number;
}

/** The whole frame at an offset, or undefined where there is none. */
function frameAt(bytes: Buffer, at: number): Parsed | undefined {
  if (at + headBytes > bytes.length) return undefined;
  const length = bytes.readUInt32LE(at);
  const end = at + headBytes + length;
  if (length < 9 || length > maxFrameBytes || end > bytes.length) return undefined;
  const body = bytes.subarray(at + headBytes, end);
  if (crc32(body) !== bytes.readUInt32LE(at + 4)) return undefined;
  const kindEnd = 9 + body.readUInt8(8);
  if (kindEnd > body.length) return undefined;
  const kind = body.subarray(9, kindEnd).toString("utf8");
  return { message: { kind, receivedAt: body.readDoubleLE(0), data: body.subarray(kindEnd) }, end };
}

/** Appends to a spool. One writer a spool; publishing from many places at once is gathered into one write and one sync. */
export class SpoolWriter {
  readonly #dir: string;
  readonly #logBytes: number;
  #file: FileHandle;
  #bytes: number;
  #next: number;
  #waiting: {
    readonly frames: Buffer[];
    readonly done: (last: number) => void;
    readonly failed: (error: unknown) => void;
  }[] = [];
  #writing: Promise<void> | undefined;

  private constructor(dir: string, logBytes: number, file: FileHandle, bytes: number, next: number) {
    this.#dir = dir;
    this.#logBytes = logBytes;
    this.#file = file;
    this.#bytes = bytes;
    this.#next = next;
  }

  /** Opens a spool for writing, making it where there is none; a torn last frame is cut off. */
  static async open(dir: string, options: { readonly logBytes?: number } = {}): Promise<SpoolWriter> {
    await mkdir(dir, { recursive: true });
    const last = (await logsIn(dir)).at(-1);
    const first = last?.first ?? 1;
    const path = last?.path ?? join(dir, logName(1));
    const file = await open(path, "a+");
    const bytes = await readFile(path);
    let end = 0;
    let count = 0;
    for (let frame = frameAt(bytes, 0); frame; frame = frameAt(bytes, end)) {
      end = frame.end;
      count += 1;
    }
    if (end < bytes.length) await file.truncate(end);
    await file.sync();
    await syncDirectory(dir);
    return new SpoolWriter(dir, options.logBytes ?? 64 << 20, file, end, first + count);
  }

  /** Resolves with the number of the last message once all of them would survive a power cut. */
  publish(messages: readonly SpoolMessage[]): Promise<number> {
    return new Promise((done, failed) => {
      this.#waiting.push({ frames: messages.map(frameOf), done, failed });
      this.#writing ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#bytes >= this.#logBytes) await this.#roll();
        const bytes = Buffer.concat(group.flatMap((one) => one.frames));
        await this.#file.appendFile(bytes);
        await this.#file.datasync();
        this.#bytes += bytes.length;
        for (const { frames, done } of group) {
          this.#next += frames.length;
          done(this.#next - 1);
        }
      } catch (error) {
        // Disk full, say: what was half written must not stand between these messages and the next ones.
        await this.#file.truncate(this.#bytes).catch(() => {});
        for (const { failed } of group) failed(error);
      }
    }
    this.#writing = undefined;
  }

  async #roll(): Promise<void> {
    await this.#file.close();
    this.#file = await open(join(this.#dir, logName(this.#next)), "a+");
    this.#bytes = 0;
    await syncDirectory(this.#dir);
  }
}

export interface SpoolReadOptions {
  readonly signal: AbortSignal;
  /** Waits between two looks for more; resolving early is fine. */
  readonly wait: () => Promise<void>;
  /** Ends at the end of the spool instead of waiting. */
  readonly once?: boolean | undefined;
}

const readBytes = 1 << 20;

/** The messages after number `from`, in blocks; an empty block whenever there was nothing new. Any number of readers. */
export async function* readSpool(
  dir: string,
  from: number,
  { signal, wait, once }: SpoolReadOptions,
): AsyncIterable<readonly (SpoolMessage & { readonly position: number })[]> {
  let number = 0;
  let current: { readonly first: number; readonly path: string } | undefined;
  let offset = 0;
  while (!signal.aborted) {
    const logs = await logsIn(dir);
    const wanted = Math.max(number, from) + 1;
    if (!current) {
      current = logs.findLast((log) => log.first <= wanted) ?? logs[0];
      if (current) number = current.first - 1;
    }
    const block: (SpoolMessage & { readonly position: number })[] = [];
    let isAtEnd = true;
    if (current) {
      const read = await readFrames(current.path, offset);
      for (const message of read.messages) {
        number += 1;
        if (number > from) block.push({ ...message, position: number });
      }
      offset = read.end;
      isAtEnd = read.messages.length === 0;
      const next = logs.find((log) => log.first === number + 1 && log.path !== current?.path);
      if (isAtEnd && next) {
        current = next;
        offset = 0;
        isAtEnd = false;
      }
    }
    // Empty only at the end: a log that is through, or messages before the place, are no end.
    if (block.length > 0 || isAtEnd) yield block;
    if (!isAtEnd) continue;
    if (once) return;
    await wait();
  }
}

/** Whole frames from an offset on, about `readBytes` of them. */
async function readFrames(
  path: string,
  offset: number,
): Promise<{ readonly messages: readonly SpoolMessage[]; readonly end: number }> {
  const file = await open(path, "r");
  try {
    for (let size = readBytes; ; size *= 2) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, offset);
      const bytes = buffer.subarray(0, bytesRead);
      const messages: SpoolMessage[] = [];
      let end = 0;
      for (let frame = frameAt(bytes, 0); frame; frame = frameAt(bytes, end)) {
        messages.push(frame.message);
        end = frame.end;
      }
      // Nothing whole in a full buffer: a frame larger than it.
      if (messages.length > 0 || bytesRead < size || size > maxFrameBytes * 2) return { messages, end: offset + end };
    }
  } finally {
    await file.close();
  }
}

export interface SpoolSourceOptions extends SpoolReadOptions {
  readonly dir: string;
  /** Names this reader's place in the spool. */
  readonly reader: string;
  /** What the ledger says that this reader has landed. */
  readonly from: number;
}

/** The id under which the ledger knows a reader of this spool. The spool's own id is made with it. */
export async function spoolSourceId(dir: string, reader: string, newId: () => string): Promise<string> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, "spool.json");
  if (!existsSync(path)) {
    const id = newId();
    const own = `${path}.${id}`;
    await writeFile(own, `${JSON.stringify({ id })}\n`);
    await syncFile(own);
    // A link, not a rename: of two readers that start together, the second must not give the spool another name.
    await link(own, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await unlink(own);
    await syncDirectory(dir);
  }
  const { id } = JSON.parse(await readFile(path, "utf8")) as { id: string };
  return `spool-${id}/${reader}`;
}

/** A spool as a source of the pipeline: its positions are the ledger's, so that each message lands exactly once. */
export function spoolSource(id: string, { dir, reader, from, ...read }: SpoolSourceOptions): Source {
  return {
    name: `spool:${reader}`,
    id,
    from,
    async *pull(signal) {
      for await (const block of readSpool(dir, from, { ...read, signal })) {
        yield block.map(
          (one): Message => ({
            data: one.data,
            position: one.position,
            source: `${one.kind}:${reader}`,
            arrival: one.receivedAt * 1000,
          }),
        );
      }
    },
    /** Only a hint for `pruneSpool`; the truth is the ledger. */
    async ack(_ids, to) {
      await writeFile(join(dir, `reader-${reader}.json`), `${JSON.stringify({ to })}\n`);
    },
  };
}

/** Removes logs that every known reader has behind it. Gives the number of logs removed. */
export async function pruneSpool(dir: string): Promise<number> {
  const readers = (await readdir(dir)).filter((name) => /^reader-.*\.json$/.test(name));
  if (readers.length === 0) return 0;
  let least = Number.POSITIVE_INFINITY;
  for (const name of readers) {
    const { to } = JSON.parse(await readFile(join(dir, name), "utf8")) as { to: number };
    least = Math.min(least, to);
  }
  const logs = await logsIn(dir);
  let removed = 0;
  for (const [index, log] of logs.entries()) {
    const next = logs[index + 1];
    if (!next || next.first > least + 1) break;
    await unlink(log.path);
    removed += 1;
  }
  return removed;
}
