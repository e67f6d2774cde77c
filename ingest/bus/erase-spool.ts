import { existsSync } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { unseal } from "../door/dead-letter.ts";
import { createIdHasher } from "../door/id-hasher.ts";
import type { IngestKeys } from "../door/keys.ts";
import { namesSomebody } from "../door/names-somebody.ts";
import { quarantined } from "./quarantine.ts";
import { blankFrame, scanFrames } from "./spool-frame.ts";
import { logsIn } from "./spool-logs.ts";

/** Frames of a spool that name somebody. */
export interface FoundInSpool {
  /** They have landed: what is left of them can go. */
  readonly landed: number;
  /** They have not: the door refuses what they say of people who were erased, and then they can go. */
  readonly waiting: number;
  /** Frames that no key opens, and damaged bytes in the quarantine: neither can be searched. */
  readonly unopened: number;
  readonly quarantined: number;
}

interface Options {
  readonly dir: string;
  readonly keys: IngestKeys;
  readonly isWanted: (id: string) => boolean;
  /** How far the reader has landed, by the ledger. */
  readonly landedTo: number;
}

/** Looks through the spool, every frame opened with the home's keys. */
export async function findInSpool(options: Options): Promise<FoundInSpool> {
  const counts = { landed: 0, waiting: 0, unopened: 0, quarantined: (await quarantined(options.dir)).length };
  for await (const frame of framesOf(options)) {
    if (frame.kind === "unopened") counts.unopened += 1;
    else if (frame.kind === "named") counts[frame.isLanded ? "landed" : "waiting"] += 1;
  }
  return counts;
}

/**
 * Writes over the frames that name somebody and have landed, in place and of the same length: a collector that appends is not disturbed, and what
 * follows keeps its number. May be repeated at any point; bytes that a kill left half written are written over as well.
 */
export async function eraseFromSpool(options: Options & { readonly fault?: (point: string) => void }): Promise<void> {
  for await (const frame of framesOf(options)) {
    if (!frame.isLanded || frame.kind === "unopened") continue;
    const file = await open(frame.path, "r+");
    try {
      await file.write(frame.blank, 0, frame.blank.length, frame.offset);
      await file.sync();
    } finally {
      await file.close();
    }
    options.fault?.("spool-frame");
  }
}

/** Removes what no reader could make sense of, where it cannot be searched either. */
export async function removeQuarantine(dir: string): Promise<number> {
  const names = await quarantined(dir);
  for (const name of names) await rm(join(dir, "quarantine", name), { force: true });
  return names.length;
}

interface NamedFrame {
  readonly kind: "named" | "damaged" | "unopened";
  readonly isLanded: boolean;
  readonly path: string;
  readonly offset: number;
  readonly blank: Buffer;
}

async function* framesOf({ dir, keys, isWanted, landedTo }: Options): AsyncIterable<NamedFrame> {
  if (!existsSync(dir)) return;
  const hashers = keys.ids.all.map((key) => createIdHasher(key));
  for (const log of await logsIn(dir)) {
    const bytes = await readFile(log.path);
    let at = 0;
    for (const piece of scanFrames(bytes, log.first - 1, log.format, false).pieces) {
      const offset = at;
      at = piece.end;
      const { path } = log;
      if (piece.kind === "damaged") {
        const isLanded = piece.number !== undefined && piece.number <= landedTo;
        if (piece.bytes.some((byte) => byte !== 0))
          yield { kind: "damaged", isLanded, path, offset, blank: Buffer.alloc(piece.bytes.length) };
        continue;
      }
      const isLanded = piece.number <= landedTo;
      const { data } = piece.message;
      if (data.every((byte) => byte === 0)) continue;
      const payload = unseal(data, keys.deadLetters);
      if (payload !== undefined && !namesSomebody(payload, hashers, isWanted)) continue;
      const kind = payload === undefined ? "unopened" : "named";
      yield { kind, isLanded, path, offset, blank: blankFrame(piece.message, piece.number, log.format) };
    }
  }
}
