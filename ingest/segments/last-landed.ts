import { existsSync } from "node:fs";
import { join } from "node:path";
import type { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import { type RawRow, rawColumns } from "../door/raw-row.ts";
import { eventKeySql, rowKey } from "../door/row-identity.ts";
import type { LedgerLog } from "../ledger.ts";
import type { Retractions } from "../retractions/standing.ts";
import { damagedPath, damagedSegment } from "./damaged-segment.ts";
import { locateSegments, type SegmentPart } from "./segment-map.ts";

/** Raw segments and what is known of them. */
interface Landing {
  readonly raw: string;
  readonly ledger: Pick<LedgerLog, "entries">;
  readonly store: SegmentStore;
  retractions(): Promise<Retractions>;
}

/** The keys of the rows that landed last in a table and were not taken back, at most so many segments as have `rows` of them, oldest first. */
export async function* lastKeys(landing: Landing, table: string, rows: number): AsyncIterable<readonly string[]> {
  if (table === "events" && (await landing.retractions()).filter(table) === undefined) {
    yield* fromSegments(landing, table, rows, (path, part) => landing.store.keys(path, eventKeySql, part));
    return;
  }
  for await (const block of lastRows(landing, table, rows)) yield block.map((row) => rowKey(table, row));
}

/** Those rows themselves. */
export async function* lastRows(landing: Landing, table: string, rows: number): AsyncIterable<readonly RawRow[]> {
  const isGone = (await landing.retractions()).filter(table);
  const read = (path: string, part: SegmentPart) => landing.store.read(path, rawColumns(table), part);
  for await (const block of fromSegments(landing, table, rows, read))
    yield isGone ? block.filter((row) => !isGone(row)) : block;
}

async function* fromSegments<T>(
  { raw, ledger }: Landing,
  table: string,
  rows: number,
  read: (path: string, part: SegmentPart) => AsyncIterable<T>,
): AsyncIterable<T> {
  const parts: SegmentPart[] = [];
  let found = 0;
  for (const part of locateSegments(ledger.entries).toReversed()) {
    if (part.table !== table) continue;
    if (found >= rows) break;
    parts.unshift(part);
    found += part.rows;
  }
  for (const part of parts) {
    const path = join(raw, part.segment);
    // Set aside by `ingest repair`: its rows are gone, and with them what they would have been a duplicate of.
    if (!existsSync(path) && existsSync(damagedPath(raw, part.segment))) continue;
    try {
      yield* read(path, part);
    } catch (cause) {
      throw damagedSegment(path, cause);
    }
  }
}
