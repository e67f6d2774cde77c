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
  readonly rows: number;
  readonly digest: string;
}

/** Every batch's rows of every table in the order in which they landed, compactions followed. */
export function locateSegments(entries: readonly LedgerEntry[]): readonly SegmentPart[] {
  const parts: SegmentPart[] = [];
  const moved = new Map<string, { segment: string; skip: number }>();
  for (const entry of entries) {
    if (entry.kind === "batch") {
      for (const [table, { rows, digest, segment }] of Object.entries(entry.tables)) {
        parts.push({ table, batch_id: entry.batch_id, sequence: entry.sequence, segment, skip: 0, rows, digest });
      }
      continue;
    }
    let skip = 0;
    for (const part of entry.parts) {
      moved.set(part.segment, { segment: entry.segment, skip });
      skip += part.rows;
    }
  }
  return parts.map((part) => {
    let { segment, skip } = part;
    for (let next = moved.get(segment); next; next = moved.get(segment)) {
      skip += next.skip;
      segment = next.segment;
    }
    return { ...part, segment, skip };
  });
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
