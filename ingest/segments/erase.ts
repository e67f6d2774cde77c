import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DoomedRows } from "../../warehouse/duckdb/doomed-rows.ts";
import { PersonRows, type Subject } from "../../warehouse/duckdb/person-rows.ts";
import { rawColumns } from "../door/raw-row.ts";
import type { FoundLetters } from "../find-letters.ts";
import type { LocalSink } from "./local-sink.ts";
import { locateSegments, notedBytes, partsBySegment, type SegmentPart } from "./segment-map.ts";

/** A segment that holds rows of people who are to be erased. */
export interface FoundInSegment {
  readonly table: string;
  /** Path below the raw folder. */
  readonly segment: string;
  readonly rows: number;
  readonly found: number;
}

export const segmentsOf = (sink: LocalSink): readonly (readonly [string, readonly SegmentPart[]])[] =>
  [...partsBySegment(locateSegments(sink.ledger.entries))].filter(([segment]) => existsSync(join(sink.raw, segment)));

/** Looks through every segment; rows of dead letters count where their sealed bytes name somebody (`letters`) too. */
export async function findInSegments(
  sink: LocalSink,
  subject: Subject,
  letters: FoundLetters,
  signal?: AbortSignal,
): Promise<readonly FoundInSegment[]> {
  const found: FoundInSegment[] = [];
  const rows = await PersonRows.open(subject);
  try {
    for (const [segment, parts] of segmentsOf(sink)) {
      signal?.throwIfAborted();
      const { table } = parts[0]!;
      const count = await rows.count(join(sink.raw, segment));
      const more = letters.placesBySegment.get(segment)?.length ?? 0;
      if (count.found + more > 0) found.push({ table, segment, rows: count.rows, found: Math.max(count.found, more) });
    }
  } finally {
    rows.close();
  }
  return found;
}

/** The subject's rows of every raw table, each as the JSON text of its columns. */
export async function* rowsInSegments(
  sink: LocalSink,
  subject: Subject,
): AsyncIterable<{ readonly table: string; readonly row: string }> {
  const rows = await PersonRows.open(subject);
  try {
    for (const [segment, parts] of segmentsOf(sink)) {
      for (const row of await rows.rows(join(sink.raw, segment))) yield { table: parts[0]!.table, row };
    }
  } finally {
    rows.close();
  }
}

/**
 * Writes every segment in which the subject has rows again without them, each committed by a line of the ledger. One pass over a segment however
 * many people the subject is. May be killed anywhere and repeated: what is done is not found again.
 */
export async function eraseFromSegments(
  sink: LocalSink,
  erasureId: string,
  subject: Subject,
  letters: FoundLetters,
  signal?: AbortSignal,
): Promise<void> {
  const rows = await PersonRows.open(subject);
  try {
    await takeOut(sink, erasureId, rows, (segment) => letters.placesBySegment.get(segment) ?? [], signal);
  } finally {
    rows.close();
  }
}

/**
 * Writes every segment again that holds rows that are to go, without them and without those at `more` places of it. May be killed anywhere and repeated with
 * the same id.
 */
export async function takeOut(
  sink: LocalSink,
  id: string,
  rows: DoomedRows,
  more: (segment: string) => readonly number[],
  signal?: AbortSignal,
  isMeant: (table: string) => boolean = () => true,
): Promise<void> {
  // A segment's rows and bytes stay what they are while it stands: only its own replacement changes them.
  const noted = notedBytes(sink.ledger.entries);
  for (const [segment, parts] of segmentsOf(sink)) {
    if (!isMeant(parts[0]!.table)) continue;
    signal?.throwIfAborted();
    const own = await rows.places(join(sink.raw, segment));
    const places = [...new Set([...own, ...more(segment)])].sort((a, b) => a - b);
    if (places.length === 0) continue;
    const step = { erasureId: id, segment, parts, noted: noted.get(segment), places };
    await sink.eraseFromSegment(step, (path, target) => rows.copyWithout(path, target, places));
  }
}

/** Rows that an erasure took out of raw tables, by the ledger: however often it was interrupted, each counts once. */
export function erasedByLedger(
  sink: LocalSink,
  erasureId: string,
): ReadonlyMap<string, { rows: number; segments: number }> {
  const byTable = new Map<string, { rows: number; segments: number }>();
  for (const entry of sink.ledger.entries) {
    if (entry.kind !== "erasure" || entry.erasure_id !== erasureId) continue;
    const known = byTable.get(entry.table) ?? { rows: 0, segments: 0 };
    byTable.set(entry.table, { rows: known.rows + entry.erased, segments: known.segments + 1 });
  }
  return byTable;
}

/**
 * Ids of messages that were sent to the subject alone: rows may name a message and no person. One that somebody else's row names as well is theirs
 * too and is left out.
 */
export async function messagesOf(sink: LocalSink, ids: readonly string[]): Promise<readonly string[]> {
  const paths = segmentsOf(sink)
    .filter(([, parts]) => parts[0]!.table === "events" || parts[0]!.table === "decisions")
    .map(([segment]) => join(sink.raw, segment));
  const rows = await PersonRows.open({ ids, messages: [] });
  try {
    return await rows.messages(paths);
  } finally {
    rows.close();
  }
}

/** Links between ids, and the ids with a profile, as landed and not taken back: what identity is made of. */
export async function linksIn(sink: LocalSink): Promise<{
  readonly links: readonly Readonly<Record<string, unknown>>[];
  readonly accounts: ReadonlySet<string>;
}> {
  const links: Readonly<Record<string, unknown>>[] = [];
  const accounts = new Set<string>();
  const retractions = await sink.retractions();
  for (const [segment, parts] of segmentsOf(sink)) {
    const { table } = parts[0]!;
    if (table !== "identity_links" && table !== "profiles") continue;
    const isGone = retractions.filter(table);
    for await (const block of sink.store.read(join(sink.raw, segment), rawColumns(table)))
      for (const row of block) {
        if (isGone?.(row)) continue;
        if (table === "profiles") accounts.add(String(row["user_id_hash"]));
        else links.push(row);
      }
  }
  return { links, accounts };
}

/** Requests to be forgotten that the door has taken in and nobody has carried out: those carried out are no longer there, and those taken back ask for nothing. */
export async function pendingRequests(
  sink: LocalSink,
): Promise<readonly { readonly ids: readonly string[]; readonly requested_at: string }[]> {
  const first = new Map<string, number>();
  const isGone = (await sink.retractions()).filter("erasure_requests");
  for (const [segment, parts] of segmentsOf(sink)) {
    if (parts[0]!.table !== "erasure_requests") continue;
    for await (const block of sink.store.read(join(sink.raw, segment), rawColumns("erasure_requests")))
      for (const row of block) {
        if (isGone?.(row)) continue;
        const id = row["user_id_hash"];
        const at = Number(row["requested_at"] ?? row["received_at"]);
        if (typeof id === "string") first.set(id, Math.min(first.get(id) ?? at, at));
      }
  }
  return [...first]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, at]) => ({ ids: [id], requested_at: new Date(at / 1000).toISOString() }));
}
