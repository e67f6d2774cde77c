import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../errors/user-error.ts";
import { syncDirectory } from "../platform/journal/durable.ts";

/** The rows that a batch put into one table. */
export interface LandedTable {
  readonly rows: number;
  /** SHA-256 over the rows' canonical lines, in order. */
  readonly digest: string;
  /** Path below the raw folder, slashes forward. */
  readonly segment: string;
}

export interface BatchCounts {
  readonly received: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly dead_letter: number;
}

/** One batch as the ledger keeps it; `received = landed + duplicate + dead_letter`. */
export interface BatchEntry extends BatchCounts {
  readonly kind: "batch";
  readonly sequence: number;
  readonly batch_id: string;
  /** For people: `ndjson:events.ndjson`. */
  readonly source: string;
  /** For machines: the same for the same content read in the same way. */
  readonly source_id: string;
  /** Records of the source before this batch, and at its end. */
  readonly from: number;
  readonly to: number;
  /** The source ended with this batch. */
  readonly is_end: boolean;
  readonly tables: Readonly<Record<string, LandedTable>>;
  /** Over the tables' names, row counts and digests. */
  readonly content_digest: string;
  /** The name of the key under which ids were made. */
  readonly id_key: string;
  /** Dead letters that this batch settled (replay). */
  readonly replayed?: readonly string[] | undefined;
  readonly received_at: string;
  readonly previous_hash: string;
  readonly entry_hash: string;
}

/** Several segments became one; the rows did not change. */
export interface CompactionEntry {
  readonly kind: "compaction";
  readonly sequence: number;
  readonly compaction_id: string;
  readonly table: string;
  readonly segment: string;
  /** The segments that it stands for, in the order of their rows in it. */
  readonly parts: readonly { readonly segment: string; readonly rows: number }[];
  readonly received_at: string;
  readonly previous_hash: string;
  readonly entry_hash: string;
}

export type LedgerEntry = BatchEntry | CompactionEntry;

type Unsealed<E> = E extends LedgerEntry ? Omit<E, "sequence" | "previous_hash" | "entry_hash"> : never;
export type NewEntry = Unsealed<LedgerEntry>;

/** The hash before the first entry. */
export const firstHash = "0".repeat(64);

/** SHA-256 over the entry as JSON without its own hash; the previous entry's hash is part of it. */
export function entryHash(entry: LedgerEntry): string {
  const { entry_hash: _own, ...rest } = entry;
  return createHash("sha256").update(JSON.stringify(rest)).digest("hex");
}

/** The digest over what a batch put into its tables. */
export function contentDigest(tables: Readonly<Record<string, LandedTable>>): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(tables).sort())
    hash.update(`${name}\0${tables[name]!.rows}\0${tables[name]!.digest}\n`);
  return hash.digest("hex");
}

/**
 * The ledger's log: one JSON line per entry, chained by hash, appended and synced. Appending a line is the moment at
 * which a batch counts; everything before can be thrown away, everything after can be repeated.
 */
export class LedgerLog {
  readonly path: string;
  #entries: LedgerEntry[] = [];
  #bytes = 0;

  constructor(path: string) {
    this.path = path;
  }

  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  get headHash(): string {
    return this.#entries.at(-1)?.entry_hash ?? firstHash;
  }

  /**
   * Reads what was appended since the last time, by this process or another. A line without its end was being written
   * when a process died: it never counted and is cut off (only under the lock, `repair`).
   */
  async refresh(options: { readonly repair: boolean }): Promise<readonly LedgerEntry[]> {
    if (!existsSync(this.path)) return [];
    const handle = await open(this.path, "r");
    let text: Buffer;
    try {
      const { size } = await handle.stat();
      if (size < this.#bytes) throw this.#damaged(this.#entries.length + 1, "it is shorter than it was");
      text = Buffer.alloc(size - this.#bytes);
      await handle.read(text, 0, text.length, this.#bytes);
    } finally {
      await handle.close();
    }
    const end = text.lastIndexOf(10) + 1;
    if (end < text.length && options.repair) await truncate(this.path, this.#bytes + end);
    const fresh: LedgerEntry[] = [];
    for (const line of text.subarray(0, end).toString("utf8").split("\n")) {
      if (line !== "") fresh.push(this.#parse(line, this.#entries.length + fresh.length));
    }
    this.#entries.push(...fresh);
    this.#bytes += end;
    return fresh;
  }

  /** Seals the entry onto the chain and appends it, synced. Call under the lock, after `refresh`. */
  async append(entry: NewEntry, torn?: () => void): Promise<LedgerEntry> {
    const unsealed = { ...entry, sequence: this.#entries.length, previous_hash: this.headHash, entry_hash: "" };
    const sealed = { ...unsealed, entry_hash: entryHash(unsealed as LedgerEntry) } as LedgerEntry;
    const line = Buffer.from(`${JSON.stringify(sealed)}\n`);
    const isNew = !existsSync(this.path);
    await mkdir(dirname(this.path), { recursive: true });
    const handle = await open(this.path, "a");
    try {
      // Not `write`, which may write a part and be content, on a disk that is nearly full say.
      if (torn) {
        await handle.appendFile(line.subarray(0, line.length >> 1));
        torn();
        await handle.appendFile(line.subarray(line.length >> 1));
      } else await handle.appendFile(line);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (isNew) await syncDirectory(dirname(this.path));
    this.#entries.push(sealed);
    this.#bytes += line.length;
    return sealed;
  }

  #parse(line: string, index: number): LedgerEntry {
    try {
      return JSON.parse(line) as LedgerEntry;
    } catch {
      throw this.#damaged(index + 1, "the line is not JSON");
    }
  }

  #damaged(line: number, what: string): UserError {
    return new UserError(`the ingest ledger is damaged: ${what}`, {
      code: "ingest.ledger-damaged",
      exit: "check",
      where: `${this.path}:${line}`,
      next: "inboxloop ingest verify",
    });
  }
}

/** The whole log as lines with their text, for verification; a torn last line is left out. */
export async function readLedgerLines(path: string): Promise<readonly string[]> {
  if (!existsSync(path)) return [];
  const text = await readFile(path, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "");
}
