import type { LedgerEntry } from "../ledger.ts";

/** Where the rows that one batch put into one table are now. */
export interface SegmentPart {
  readonly table: string;
  readonly batch_id: string;
  readonly sequence: number;
  /** Path below the raw folder. */
  readonly segment: string;
  /** Rows of other batches before them in the segment. */
  readonly skip: number;
  /** Rows of the batch that are there: those that landed, without those erased since. */
  readonly rows: number;
  readonly landed: number;
  /** Of the rows that landed; undefined once some of them were erased, and the segment's own digest is what proves it. */
  readonly digest: string | undefined;
}

/** Every batch's rows of every table in the order in which they landed; compactions and erasures followed. */
export function locateSegments(entries: readonly LedgerEntry[]): readonly SegmentPart[] {
  const parts: { -readonly [key in keyof SegmentPart]: SegmentPart[key] }[] = [];
  /** The parts of each segment that is there, in the order of their rows. */
  const held = new Map<string, typeof parts>();
  for (const entry of entries) {
    if (entry.kind === "batch") {
      for (const [table, { rows, digest, segment }] of Object.entries(entry.tables)) {
        const { batch_id, sequence } = entry;
        const part = { table, batch_id, sequence, segment, skip: 0, rows, landed: rows, digest };
        parts.push(part);
        held.set(segment, [part]);
      }
      continue;
    }
    const moved = entry.parts.flatMap(({ segment }) => held.get(segment) ?? []);
    for (const { segment } of entry.parts) held.delete(segment);
    held.set(entry.segment, moved);
    if (entry.kind === "compaction") continue;
    for (const [index, rows] of entry.kept.entries()) {
      const part = moved[index];
      if (part === undefined || part.rows === rows) continue;
      part.rows = rows;
      part.digest = undefined;
    }
  }
  for (const [segment, inside] of held) {
    let skip = 0;
    for (const part of inside) {
      part.segment = segment;
      part.skip = skip;
      skip += part.rows;
    }
  }
  return parts;
}

/** The parts of each segment, in the order of their rows in it. */
export function partsBySegment(parts: readonly SegmentPart[]): ReadonlyMap<string, readonly SegmentPart[]> {
  const bySegment = new Map<string, SegmentPart[]>();
  for (const part of parts) {
    const inside = bySegment.get(part.segment);
    if (inside) inside.push(part);
    else bySegment.set(part.segment, [part]);
  }
  for (const inside of bySegment.values()) inside.sort((a, b) => a.skip - b.skip || a.sequence - b.sequence);
  return bySegment;
}

/** SHA-256 of the bytes of each segment, by its path below the raw folder, where its ledger entry noted it. */
export function notedBytes(entries: readonly LedgerEntry[]): ReadonlyMap<string, string> {
  const noted = new Map<string, string>();
  for (const entry of entries) {
    const segments = entry.kind === "batch" ? Object.values(entry.tables) : [entry];
    for (const { segment, sha256 } of segments) if (sha256 !== undefined) noted.set(segment, sha256);
  }
  return noted;
}
