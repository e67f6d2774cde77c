import { existsSync } from "node:fs";
import { mkdir, open, stat, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory } from "../files.ts";
import { lineFor, lineFrom } from "../home-files.ts";
import { sealOf } from "../home-seal.ts";
import { brokenLink, firstHash, type Sealed, seal } from "./chain.ts";
import { type AppendOutcome, type Journal, type JournalKind, noJournal } from "./journal.ts";
import { type LockOptions, withLock } from "./lock.ts";

/**
 * A journal's lines in a file: one JSON entry a line, appended and synced. Appending a line is the moment at which it counts. A line
 * without its end was being written when a process died: it never counted, and the next writer cuts it off.
 */
export class JournalLines<Body extends object> {
  readonly path: string;
  readonly #kind: JournalKind<Body>;
  #entries: Sealed<Body>[] = [];
  #bytes = 0;

  constructor(path: string, kind: JournalKind<Body>) {
    this.path = path;
    this.#kind = kind;
  }

  get entries(): readonly Sealed<Body>[] {
    return this.#entries;
  }

  get head(): string {
    return this.#entries.at(-1)?.entry_hash ?? firstHash;
  }

  /**
   * Reads and checks what was appended since the last time, by this process or another. `repair` cuts off a torn last line; only
   * under the lock.
   */
  async refresh(options: { readonly repair: boolean }): Promise<readonly Sealed<Body>[]> {
    if (!existsSync(this.path)) {
      if (this.#bytes > 0) throw this.#kind.damaged(this.path, "it is gone");
      return [];
    }
    const handle = await open(this.path, "r");
    let text: Buffer;
    try {
      const { size } = await handle.stat();
      if (size < this.#bytes) throw this.#damaged(this.#entries.length, "it is shorter than it was");
      text = Buffer.alloc(size - this.#bytes);
      await handle.read(text, 0, text.length, this.#bytes);
    } finally {
      await handle.close();
    }
    const end = text.lastIndexOf(10) + 1;
    const fresh: Sealed<Body>[] = [];
    let head = this.head;
    const home = sealOf(this.path);
    for (const line of text.toString("utf8", 0, end).split("\n")) {
      if (line === "") continue;
      const index = this.#entries.length + fresh.length;
      const said = lineFrom(line, home);
      if (said === undefined) throw this.#damaged(index, "the line is not what was encrypted");
      const entry = this.#parse(said, index, head);
      fresh.push(entry);
      head = entry.entry_hash;
    }
    if (end < text.length && options.repair) await truncate(this.path, this.#bytes + end);
    this.#entries.push(...fresh);
    this.#bytes += end;
    return fresh;
  }

  /** Appends, synced. Call under the lock, after `refresh`. `torn` is called when half of the bytes are written; tests die in it. */
  async append(bodies: readonly Body[], torn?: () => void): Promise<readonly Sealed<Body>[]> {
    const sealed: Sealed<Body>[] = [];
    for (const body of bodies) {
      sealed.push(seal(body, this.#entries.length + sealed.length, sealed.at(-1)?.entry_hash ?? this.head));
    }
    const home = sealOf(this.path);
    const lines = Buffer.from(sealed.map((entry) => `${lineFor(JSON.stringify(entry), home)}\n`).join(""));
    const isNew = !existsSync(this.path);
    await mkdir(dirname(this.path), { recursive: true });
    const handle = await open(this.path, "a", 0o600);
    try {
      // Not `write`, which may write a part and be content, on a disk that is nearly full say.
      if (torn) {
        await handle.appendFile(lines.subarray(0, lines.length >> 1));
        torn();
        await handle.appendFile(lines.subarray(lines.length >> 1));
      } else await handle.appendFile(lines);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (isNew) await syncDirectory(dirname(this.path));
    this.#entries.push(...sealed);
    this.#bytes += lines.length;
    return sealed;
  }

  #parse(line: string, index: number, head: string): Sealed<Body> {
    let entry: Sealed<Body>;
    try {
      entry = JSON.parse(line) as Sealed<Body>;
    } catch {
      throw this.#damaged(index, "the line is not JSON");
    }
    const broken = brokenLink(entry, index, head);
    if (broken !== undefined) throw this.#damaged(index, broken);
    const { sequence, previous_hash, entry_hash, ...body } = entry;
    try {
      return { ...this.#kind.parse(body), sequence, previous_hash, entry_hash };
    } catch (error) {
      throw this.#damaged(index, error instanceof Error ? error.message : String(error));
    }
  }

  #damaged(index: number, what: string) {
    return this.#kind.damaged(`${this.path}:${index + 1}`, what);
  }
}

/**
 * A journal in a file of this machine (or a volume that several containers share), one writer at a time by `<path>.lock`. Every read is of the
 * whole file, so that an entry which was changed meanwhile is found.
 */
export function journalFile<Body extends object>(
  path: string,
  kind: JournalKind<Body>,
  lock: Omit<LockOptions, "what" | "code">,
): Journal<Body> {
  return {
    where: path,
    lookEveryMs: 250,
    async read() {
      const lines = new JournalLines(path, kind);
      await lines.refresh({ repair: false });
      return { entries: lines.entries, head: lines.head };
    },
    async stamp() {
      try {
        const { size, mtimeMs, ino } = await stat(path);
        return `${size} ${mtimeMs} ${ino}`;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return noJournal;
        throw error;
      }
    },
    append: (bodies, seen) =>
      withLock(
        `${path}.lock`,
        { ...lock, what: kind.name, code: "journal.locked" },
        async (held): Promise<AppendOutcome<Body>> => {
          const lines = new JournalLines(path, kind);
          await lines.refresh({ repair: true });
          if (lines.head !== seen) return { kind: "moved-on", last: lines.entries.at(-1), head: lines.head };
          held.check();
          return { kind: "appended", entries: await lines.append(bodies) };
        },
      ),
  };
}
