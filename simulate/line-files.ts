import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface WrittenFile {
  readonly file: string;
  readonly lines: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface LineFilesOptions {
  /** A new numbered file every so many lines; without it there is one file, `<stem><extension>`. */
  readonly linesPerFile?: number;
  readonly extension: string;
  readonly header?: string;
  /** Told of each file when it is whole. */
  readonly onFile?: ((file: WrittenFile) => void) | undefined;
}

const BUFFER_BYTES = 1 << 20;
const LINE_FEED = 10;

/** Writes ASCII lines to `<dir>/<stem>-000<extension>` and on. Synchronous; holds a megabyte. */
export class LineFiles {
  private readonly dir: string;
  private readonly stem: string;
  private readonly options: LineFilesOptions;
  private readonly written: WrittenFile[] = [];
  private readonly buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  private used = 0;
  private fd = -1;
  private lines = 0;
  private bytes = 0;
  private hash = createHash("sha256");

  constructor(dir: string, stem: string, options: LineFilesOptions) {
    this.dir = dir;
    this.stem = stem;
    this.options = options;
    mkdirSync(dir, { recursive: true });
  }

  line(text: string): void {
    this.ready(text.length + 1);
    this.used += this.buffer.write(text, this.used, "latin1");
    this.end();
  }

  lineBytes(line: Uint8Array): void {
    this.ready(line.length + 1);
    this.buffer.set(line, this.used);
    this.used += line.length;
    this.end();
  }

  /** Ends the file under way: what was written so far is whole. */
  cut(): void {
    if (this.fd >= 0) this.finish();
  }

  /** Ends the last file and tells of all. */
  close(): readonly WrittenFile[] {
    this.cut();
    return this.written;
  }

  private ready(length: number): void {
    if (length > BUFFER_BYTES) throw new Error(`a line of ${length} bytes is longer than any that this writer is for`);
    if (this.fd < 0) {
      this.fd = openSync(join(this.dir, this.name()), "w");
      if (this.options.header !== undefined) {
        this.used += this.buffer.write(`${this.options.header}\n`, this.used, "latin1");
      }
    }
    if (this.used + length > BUFFER_BYTES) this.flush();
  }

  private end(): void {
    this.buffer[this.used++] = LINE_FEED;
    this.lines++;
    if (this.lines === this.options.linesPerFile) this.finish();
  }

  private name(): string {
    const { linesPerFile, extension } = this.options;
    if (linesPerFile === undefined) return `${this.stem}${extension}`;
    return `${this.stem}-${String(this.written.length).padStart(3, "0")}${extension}`;
  }

  private flush(): void {
    const bytes = this.buffer.subarray(0, this.used);
    this.hash.update(bytes);
    this.bytes += bytes.length;
    for (let done = 0; done < bytes.length; ) done += writeSync(this.fd, bytes, done);
    this.used = 0;
  }

  private finish(): void {
    this.flush();
    closeSync(this.fd);
    const whole = { file: this.name(), lines: this.lines, bytes: this.bytes, sha256: this.hash.digest("hex") };
    this.written.push(whole);
    this.options.onFile?.(whole);
    this.fd = -1;
    this.lines = 0;
    this.bytes = 0;
    this.hash = createHash("sha256");
  }
}
