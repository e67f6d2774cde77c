import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { sealOf } from "../../platform/home-seal.ts";
import { readChunks, writeChunk } from "../../platform/sealed-chunks.ts";
import type { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import { rawColumns } from "../door/raw-row.ts";
import { SegmentDraft } from "./segment-draft.ts";

/** A row that no segment takes: its place in its draft, its canonical line, and what kind of error the engine gave. */
export interface UnwritableRow {
  readonly table: string;
  readonly index: number;
  readonly line: string;
  readonly reason: string;
}

/** What the engine says of data that it cannot take; anything else is a trouble of the machine, and the data may be fine. */
const ofData =
  /^(Invalid Input|Conversion|Out of Range|Serialization|Parser|Mismatch Type|Invalid type|Out of Memory) Error/;

/**
 * Writes a closed draft to a segment. Where the engine refuses its data, the draft is halved until the rows that it refuses stand alone; they
 * are given back, nothing is written, and the caller writes the rest (`withoutRows`). A refusal that no single row explains is thrown.
 */
export async function encodeDraft(
  store: SegmentStore,
  draft: SegmentDraft,
  target: string,
): Promise<readonly UnwritableRow[]> {
  const columns = rawColumns(draft.table);
  let written: number;
  try {
    written = await store.encode(encodable(draft.path), columns, target);
  } catch (error) {
    const refused = refusalOf(error) === undefined ? [] : await unwritableRows(store, draft);
    if (refused.length === 0) throw error;
    return refused;
  }
  if (written !== draft.rows) throw new Error(`segment ${target}: ${draft.rows} rows went in and ${written} came out`);
  return [];
}

/** The kind of the engine's refusal, without its words: they may quote the row. */
const refusalOf = (error: unknown): string | undefined =>
  error instanceof Error ? ofData.exec(error.message)?.[0] : undefined;

async function unwritableRows(store: SegmentStore, draft: SegmentDraft): Promise<readonly UnwritableRow[]> {
  const lines: Buffer[] = [];
  for await (const line of linesOf(draft.path)) lines.push(line);
  const part = `${draft.path}.part`;
  const segment = `${draft.path}.part.parquet`;
  const columns = rawColumns(draft.table);
  const refused: UnwritableRow[] = [];
  const search = async (from: number, to: number): Promise<void> => {
    await writeLines(part, Buffer.concat(lines.slice(from, to)));
    let reason: string | undefined;
    try {
      await store.encode(encodable(part), columns, segment);
      return;
    } catch (error) {
      reason = refusalOf(error);
      if (reason === undefined) throw error;
    }
    if (to - from === 1) {
      refused.push({ table: draft.table, index: from, line: lines[from]!.toString("utf8"), reason });
      return;
    }
    const middle = from + ((to - from) >> 1);
    await search(from, middle);
    await search(middle, to);
  };
  try {
    await search(0, lines.length);
  } finally {
    await rm(part, { force: true });
    await rm(segment, { force: true });
  }
  return refused;
}

/** A draft of the same rows but for those at some places, open for more. */
export async function withoutRows(draft: SegmentDraft, places: ReadonlySet<number>): Promise<SegmentDraft> {
  const rest = new SegmentDraft(draft.table, `${draft.path}.rest`);
  let index = 0;
  for await (const line of linesOf(draft.path)) {
    if (!places.has(index)) await rest.addLine(line.toString("utf8", 0, line.length - 1));
    index += 1;
  }
  await rm(draft.path);
  return rest;
}

/** A draft as the engine takes it: its file, or what is sealed in it. */
const encodable = (path: string) => (sealOf(path) ? readChunks(path) : path);

/** A draft of some lines of another. */
async function writeLines(path: string, lines: Buffer): Promise<void> {
  const seal = sealOf(path);
  const file = await open(path, "w");
  try {
    if (seal) await writeChunk(file, lines, seal);
    else await file.writeFile(lines);
  } finally {
    await file.close();
  }
}

/** The lines of a draft's file, each with its line feed. */
async function* linesOf(path: string): AsyncIterable<Buffer> {
  let held: Buffer[] = [];
  const chunks = sealOf(path) ? readChunks(path) : createReadStream(path, { highWaterMark: 1 << 20 });
  for await (const chunk of chunks) {
    let start = 0;
    const bytes = chunk as Buffer;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      const tail = bytes.subarray(start, end + 1);
      yield held.length > 0 ? Buffer.concat([...held, tail]) : tail;
      held = [];
      start = end + 1;
    }
    if (start < bytes.length) held.push(bytes.subarray(start));
  }
}
