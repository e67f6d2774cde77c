import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { LocalSink } from "./local-sink.ts";
import { locateSegments } from "./segment-map.ts";

export interface CompactOptions {
  /** A segment of at least so many rows stays as it is, and no merged one gets more. */
  readonly maxRows: number;
  /** Fewer small segments than this side by side are left alone. */
  readonly minSegments: number;
}

export const defaultCompaction: CompactOptions = { maxRows: 1_000_000, minSegments: 4 };

/** Segments of one table that become one, in the order of their rows. */
export interface CompactionStep {
  readonly table: string;
  readonly parts: readonly { readonly segment: string; readonly rows: number }[];
  /** Path of the new segment below the raw folder. */
  readonly segment: string;
  readonly id: string;
}

/** What a compaction would do: neighbouring small segments of each table, the ledger's mirror included. */
export async function planCompaction(
  sink: LocalSink,
  { maxRows, minSegments }: CompactOptions,
): Promise<readonly CompactionStep[]> {
  const steps: CompactionStep[] = [];
  const byTable = new Map<string, Map<string, number>>();
  for (const { table, segment, rows } of locateSegments(sink.ledger.entries)) {
    const segments = byTable.get(table) ?? new Map<string, number>();
    segments.set(segment, (segments.get(segment) ?? 0) + rows);
    byTable.set(table, segments);
  }
  byTable.set("ingest_ledger", await mirrorSegments(sink));
  for (const [table, segments] of byTable) {
    let run: { segment: string; rows: number }[] = [];
    let sum = 0;
    const end = () => {
      if (run.length >= minSegments) steps.push(stepOf(table, run));
      run = [];
      sum = 0;
    };
    for (const [segment, rows] of segments) {
      if (rows >= maxRows || sum + rows > maxRows) end();
      if (rows >= maxRows) continue;
      run.push({ segment, rows });
      sum += rows;
    }
    end();
  }
  return steps;
}

/** Carries the plan out, a step at a time; each is committed by a line of the ledger, as a batch is. */
export async function compact(sink: LocalSink, steps: readonly CompactionStep[], signal: AbortSignal): Promise<number> {
  let done = 0;
  for (const step of steps) {
    if (signal.aborted) break;
    if (await sink.replaceSegments(step)) done += 1;
  }
  return done;
}

function stepOf(table: string, parts: CompactionStep["parts"]): CompactionStep {
  const id = createHash("sha256")
    .update(parts.map((part) => part.segment).join("\n"))
    .digest("hex")
    .slice(0, 16);
  const sequence = (path: string): string => /\/(\d+)/.exec(path)?.[1] ?? "0";
  const first = sequence(parts[0]!.segment);
  return { table, parts, id, segment: `${table}/${first}-compacted-${id}.parquet` };
}

async function mirrorSegments(sink: LocalSink): Promise<Map<string, number>> {
  const folder = join(sink.raw, "ingest_ledger");
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(".parquet"))
        .sort()
    : [];
  const segments = new Map<string, number>();
  for (const name of names) segments.set(`ingest_ledger/${name}`, await sink.store.countRows(join(folder, name)));
  return segments;
}
