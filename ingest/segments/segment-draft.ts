import { createHash, webcrypto } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type HomeSeal, sealOf } from "../../platform/home-seal.ts";
import { writeChunk } from "../../platform/sealed-chunks.ts";
import { eventLine } from "../door/event-line.ts";
import { canonicalLine, type RawRow } from "../door/raw-row.ts";

const { subtle } = webcrypto;

/** Rows whose canonical lines are hashed and written together. Part of the digest's definition: never change it. */
export const digestRows = 2048;
/** Chunks that may wait for the disk before the writer is asked to wait too. */
const waitingChunks = 4;
/** Lines that become bytes together: few enough to die young, enough for one call to be worth it. */
const linesAText = 64;
/** Bytes of a chunk to begin with; it grows. */
const chunkBytes = 1 << 20;

/**
 * The rows of one table on their way into one segment: canonical lines in a temporary file, and their digest. Hashing
 * and writing happen on other threads while the next rows are made.
 *
 * The digest is SHA-256 over the SHA-256 of each run of `digestRows` rows (canonical lines, each with its line feed).
 */
export class SegmentDraft {
  readonly table: string;
  readonly path: string;
  rows = 0;
  readonly #lines: LineChunk;
  /** What the file is sealed with; undefined where the home is in clear. */
  readonly #seal: HomeSeal | undefined;
  #file: Promise<FileHandle>;
  #written: Promise<void>;
  readonly #digests: Promise<ArrayBuffer>[] = [];
  #waiting = 0;
  /** Memory of chunks that are written and hashed. */
  readonly #free: Buffer<ArrayBuffer>[] = [];

  constructor(table: string, path: string) {
    this.table = table;
    this.#lines = new LineChunk(table);
    this.path = path;
    this.#seal = sealOf(path);
    this.#file = open(path, "w");
    this.#written = this.#file.then(() => {});
    this.#written.catch(() => {}); // thrown by whoever waits next
  }

  /** Takes rows; resolves when there is room for more. */
  async add(rows: readonly RawRow[]): Promise<void> {
    for (const row of rows) {
      this.#lines.add(row);
      this.#counted();
    }
    if (this.#waiting > waitingChunks) await this.#written;
  }

  /** Takes a row by its canonical line, without its line feed. */
  async addLine(line: string): Promise<void> {
    this.#lines.addLine(line);
    this.#counted();
    if (this.#waiting > waitingChunks) await this.#written;
  }

  #counted(): void {
    this.rows += 1;
    if (this.#lines.rows === digestRows) this.#flush();
  }

  /** Ends the draft and gives the digest of its rows. */
  async close(): Promise<string> {
    this.#flush();
    await this.#written;
    await (await this.#file).close();
    const hash = createHash("sha256");
    for (const digest of await Promise.all(this.#digests)) hash.update(new Uint8Array(digest));
    return hash.digest("hex");
  }

  /** Ends it without a result; safe after `close`. */
  async discard(): Promise<void> {
    await this.#written.catch(() => {});
    await (await this.#file.catch(() => undefined))?.close().catch(() => {});
  }

  #flush(): void {
    if (this.#lines.rows === 0) return;
    const bytes = this.#lines.take(this.#free.pop());
    const digest = subtle.digest("SHA-256", bytes);
    this.#digests.push(digest);
    this.#waiting += 1;
    this.#written = this.#written.then(async () => {
      const file = await this.#file;
      if (this.#seal) await writeChunk(file, bytes, this.#seal);
      else await file.writeFile(bytes);
      await digest;
      this.#free.push(Buffer.from(bytes.buffer));
      this.#waiting -= 1;
    });
    this.#written.catch(() => {}); // thrown by whoever waits next
  }
}

/** Canonical lines as bytes, each with its line feed. */
class LineChunk {
  rows = 0;
  #text = "";
  #textRows = 0;
  #bytes: Buffer<ArrayBuffer> = Buffer.alloc(0);
  #used = 0;
  readonly #lineOf: (row: RawRow) => string;

  constructor(table: string) {
    this.#lineOf = table === "events" ? eventLine : canonicalLine;
  }

  add(row: RawRow): void {
    this.addLine(this.#lineOf(row));
  }

  addLine(line: string): void {
    this.#text += `${line}\n`;
    this.rows += 1;
    this.#textRows += 1;
    if (this.#textRows === linesAText) this.#encode();
  }

  /** The bytes so far; the chunk starts anew, in the memory given. */
  take(next: Buffer<ArrayBuffer> = Buffer.alloc(0)): Buffer<ArrayBuffer> {
    if (this.#textRows > 0) this.#encode();
    const taken = this.#bytes.subarray(0, this.#used);
    this.#bytes = next;
    this.#used = 0;
    this.rows = 0;
    return taken;
  }

  #encode(): void {
    const most = this.#used + this.#text.length * 3;
    if (most > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(chunkBytes, most, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
    this.#used += this.#bytes.write(this.#text, this.#used, "utf8");
    this.#text = "";
    this.#textRows = 0;
  }
}

/** The digest that `SegmentDraft` gives, over rows read back. */
export class RowDigest {
  readonly #hash = createHash("sha256");
  readonly #lines: LineChunk;

  constructor(table: string) {
    this.#lines = new LineChunk(table);
  }

  add(row: RawRow): void {
    this.#lines.add(row);
    if (this.#lines.rows === digestRows) this.#flush();
  }

  value(): string {
    if (this.#lines.rows > 0) this.#flush();
    return this.#hash.digest("hex");
  }

  #flush(): void {
    const bytes = this.#lines.take();
    this.#hash.update(createHash("sha256").update(bytes).digest());
  }
}
