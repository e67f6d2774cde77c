import { type FileHandle, mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { syncDirectory } from "../../platform/files.ts";
import { frameOf, headBytes, leastFrameBytes, maxFrameBytes, type SpoolMessage, scanFrames } from "./spool-frame.ts";
import { logName, logsIn } from "./spool-logs.ts";

export interface SpoolWriterOptions {
  /** A log larger than this is followed by another. */
  readonly logBytes?: number;
  /** What a reader has landed by the ledger: numbers go on above it, even where the logs are gone. */
  readonly above?: number;
}

interface Waiting {
  readonly messages: readonly SpoolMessage[];
  readonly done: (last: number) => void;
  readonly failed: (error: unknown) => void;
}

/** Appends to a spool. One writer a spool; publishing from many places at once is gathered into one write and one sync. */
export class SpoolWriter {
  readonly #dir: string;
  readonly #logBytes: number;
  #file: FileHandle;
  #bytes: number;
  #next: number;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  private constructor(dir: string, logBytes: number, file: FileHandle, bytes: number, next: number) {
    this.#dir = dir;
    this.#logBytes = logBytes;
    this.#file = file;
    this.#bytes = bytes;
    this.#next = next;
  }

  /**
   * Opens a spool for writing, making it where there is none. A frame that its writer did not finish is cut off: nobody was told that it is
   * there. Bytes that are no frame are left for the reader to set aside, and a log of its own begins behind them.
   */
  static async open(dir: string, options: SpoolWriterOptions = {}): Promise<SpoolWriter> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const logBytes = options.logBytes ?? 64 << 20;
    const above = options.above ?? 0;
    const log = (await logsIn(dir)).at(-1);
    if (!log) return SpoolWriter.#begin(dir, logBytes, above + 1);
    const bytes = await readFile(log.path);
    const { pieces, end, isTailDamaged } = scanFrames(bytes, log.first - 1, log.format, false);
    let last = log.first - 1;
    for (const { number } of pieces) last = Math.max(last, number ?? 0);
    // However many frames the stretch held, their numbers are not given again.
    const lost = isTailDamaged ? Math.ceil((bytes.length - end) / leastFrameBytes) : 0;
    const next = Math.max(last + lost, above) + 1;
    if (isTailDamaged || log.format === "counted") return SpoolWriter.#begin(dir, logBytes, next);
    const file = await open(log.path, "a+", 0o600);
    if (end < bytes.length) await file.truncate(end);
    await file.sync();
    await syncDirectory(dir);
    return new SpoolWriter(dir, logBytes, file, end, next);
  }

  static async #begin(dir: string, logBytes: number, next: number): Promise<SpoolWriter> {
    const file = await open(join(dir, logName(next)), "a+", 0o600);
    const { size } = await file.stat();
    await syncDirectory(dir);
    return new SpoolWriter(dir, logBytes, file, size, next);
  }

  /** Resolves with the number of the last message once all of them would survive a power cut. */
  publish(messages: readonly SpoolMessage[]): Promise<number> {
    return new Promise((done, failed) => {
      const large = messages.find((one) => one.data.length > maxFrameBytes - headBytes - 512);
      if (large) {
        failed(
          new UserError(`a message of ${large.data.length} bytes is larger than the spool takes`, {
            code: "ingest.message-too-large",
            exit: "usage",
            next: `send records of at most ${maxFrameBytes >> 20} MiB`,
          }),
        );
        return;
      }
      this.#waiting.push({ messages, done, failed });
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
        let next = this.#next;
        const bytes = Buffer.concat(group.flatMap((one) => one.messages.map((message) => frameOf(message, next++))));
        await this.#file.appendFile(bytes);
        await this.#file.datasync();
        this.#bytes += bytes.length;
        for (const { messages, done } of group) {
          this.#next += messages.length;
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
    this.#file = await open(join(this.#dir, logName(this.#next)), "a+", 0o600);
    this.#bytes = 0;
    await syncDirectory(this.#dir);
  }
}
