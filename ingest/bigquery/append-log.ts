import { type FileHandle, open, readFile } from "node:fs/promises";
import { lineFor, lineFrom } from "../../platform/home-files.ts";
import { damagedFile, type HomeSeal, sealOf } from "../../platform/home-seal.ts";
import type { RawRow } from "../door/raw-row.ts";

/** Where a block of rows was sent: a committed stream, and the offset of its first row there. */
export interface Place {
  readonly stream: string;
  readonly offset: number;
}

/** A block of rows that a batch sent to one table, as its log tells it. */
export interface SentBlock {
  readonly table: string;
  readonly rows: readonly RawRow[];
  /** In the order of sending; more than one where a stream ended in between. */
  readonly places: readonly Place[];
  /** What BigQuery said, where its answer came. */
  readonly answer: "landed" | "refused" | undefined;
}

type Line =
  | { readonly block: number; readonly table: string; readonly rows: readonly RawRow[] }
  | { readonly block: number; readonly place: Place }
  | { readonly block: number; readonly answer: "landed" | "refused" };

/**
 * What one batch sent, and where to, on this machine's disk before it leaves it: after a crash this says which rows may be in BigQuery
 * that no ledger entry counts. Sealed line by line where its home is encrypted: it holds rows.
 */
export class AppendLog {
  readonly #file: FileHandle;
  readonly #seal: HomeSeal | undefined;
  #blocks = 0;

  private constructor(file: FileHandle, seal: HomeSeal | undefined) {
    this.#file = file;
    this.#seal = seal;
  }

  static async create(path: string): Promise<AppendLog> {
    return new AppendLog(await open(path, "wx", 0o600), sealOf(path));
  }

  /** Begins a block; its rows are on the disk once `sent` resolves. */
  async block(table: string, rows: readonly RawRow[]): Promise<number> {
    const block = this.#blocks++;
    await this.#write({ block, table, rows });
    return block;
  }

  /** Call before the rows are sent to this place. Synced. */
  async sent(block: number, place: Place): Promise<void> {
    await this.#write({ block, place });
    await this.#file.sync();
  }

  async answered(block: number, answer: "landed" | "refused"): Promise<void> {
    await this.#write({ block, answer });
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #write(line: Line): Promise<void> {
    await this.#file.writeFile(`${lineFor(JSON.stringify(line), this.#seal)}\n`);
  }
}

/** The blocks of a log; a line that was being written when the process died tells nothing. */
export async function readAppendLog(path: string): Promise<readonly SentBlock[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  const seal = sealOf(path);
  const blocks: { table: string; rows: readonly RawRow[]; places: Place[]; answer: SentBlock["answer"] }[] = [];
  for (const written of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
    if (written === "") continue;
    const said = lineFrom(written, seal);
    if (said === undefined) throw damagedFile(path);
    const line = JSON.parse(said) as Line;
    if ("rows" in line) blocks[line.block] = { table: line.table, rows: line.rows, places: [], answer: undefined };
    else if ("place" in line) blocks[line.block]?.places.push(line.place);
    else if (blocks[line.block]) blocks[line.block]!.answer = line.answer;
  }
  return blocks.filter((block) => block !== undefined);
}

/**
 * The blocks that are in BigQuery. Where no answer came, the stream's own count of rows decides: it is ended first, so the
 * count is final. Of blocks at the same place only the last can have landed, the others were refused. A stream that nobody
 * knows any more tells nothing; its rows come again from the bus, and the models' keys make that harmless.
 */
export async function landedBlocks(
  blocks: readonly SentBlock[],
  rowsOf: (stream: string) => Promise<number | undefined>,
): Promise<readonly SentBlock[]> {
  const counts = new Map<string, number | undefined>();
  for (const { places } of blocks) {
    for (const { stream } of places) if (!counts.has(stream)) counts.set(stream, await rowsOf(stream));
  }
  return blocks.filter(
    ({ answer, places, rows }) =>
      answer === "landed" ||
      (answer === undefined &&
        places.some(({ stream, offset }) => offset + rows.length <= (counts.get(stream) ?? Number.NEGATIVE_INFINITY))),
  );
}
