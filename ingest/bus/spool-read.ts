import { open } from "node:fs/promises";
import { maxFrameBytes, type Scan, type SpoolMessage, scanFrames } from "./spool-frame.ts";
import { logsIn, type SpoolLog } from "./spool-logs.ts";

export interface SpoolReadOptions {
  readonly signal: AbortSignal;
  /** Waits between two looks for more; resolving early is fine. */
  readonly wait: () => Promise<void>;
  /** Ends at the end of the spool instead of waiting. */
  readonly once?: boolean | undefined;
}

/** Bytes of a spool that are no frame: a bit was flipped, or a part is gone. */
export interface Damage {
  readonly why: string;
  /** The log, and where in it the bytes stand. */
  readonly path: string;
  readonly offset: number;
  readonly bytes: Buffer;
}

export type SpoolRecord = { readonly position: number } & (
  | (SpoolMessage & { readonly damage?: undefined })
  | { readonly damage: Damage }
);

const readBytes = 1 << 20;

/**
 * What was put on the bus after number `from`, in blocks; an empty block whenever there was nothing new. Any number of readers. Bytes that
 * are no frame come as one record where they stand, and the reader goes on behind them.
 */
export async function* readSpool(
  dir: string,
  from: number,
  { signal, wait, once }: SpoolReadOptions,
): AsyncIterable<readonly SpoolRecord[]> {
  let number = 0;
  let current: SpoolLog | undefined;
  let offset = 0;
  /** Where damage was seen that the end of a growing log may yet make whole: it is believed at the second look. */
  let doubted = "";
  while (!signal.aborted) {
    const logs = await logsIn(dir);
    if (!current) {
      const wanted = Math.max(number, from) + 1;
      current = logs.findLast((log) => log.first <= wanted) ?? logs[0];
      if (current) number = current.first - 1;
    }
    const block: SpoolRecord[] = [];
    let isAtEnd = true;
    if (current) {
      const { path } = current;
      const next = logs[logs.findIndex((log) => log.path === path) + 1];
      const read = await readFrames(current, offset, number, next !== undefined);
      let { end } = read;
      for (const piece of read.pieces) {
        const at = offset + (piece.kind === "damaged" ? piece.end - piece.bytes.length : 0);
        if (piece.kind === "damaged" && !next && piece.end === read.end && read.isLast && doubted !== `${path}:${at}`) {
          doubted = `${path}:${at}`;
          end = piece.end - piece.bytes.length;
          await wait();
          isAtEnd = false;
          break;
        }
        // Where no head tells it: what stood at the end of a log has the number before the next log's.
        number = piece.number ?? Math.max(number, (next?.first ?? 0) - 1);
        isAtEnd = false;
        if (number <= from) continue;
        if (piece.kind === "message") block.push({ ...piece.message, position: number });
        else
          block.push({
            position: number,
            damage: { why: piece.why, path, offset: at, bytes: Buffer.from(piece.bytes) },
          });
      }
      offset += end;
      if (isAtEnd && next) {
        current = next;
        number = Math.max(number, next.first - 1);
        offset = 0;
        isAtEnd = false;
      }
    }
    // Empty only at the end: a log that is through, or messages before the place, are no end.
    if (block.length > 0 || isAtEnd) yield block;
    if (!isAtEnd) continue;
    if (once) return;
    await wait();
  }
}

/** What stands in a log from an offset on, about `readBytes` of it; `isLast` where that reaches to its end. */
async function readFrames(
  log: SpoolLog,
  offset: number,
  last: number,
  isClosed: boolean,
): Promise<Scan & { readonly isLast: boolean }> {
  const file = await open(log.path, "r");
  try {
    for (let size = readBytes; ; size *= 2) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, offset);
      const isLast = bytesRead < size;
      const scan = scanFrames(buffer.subarray(0, bytesRead), last, log.format, isLast && isClosed);
      // Nothing whole in a full buffer: a frame larger than it, or a long stretch of damage.
      if (scan.pieces.length > 0 || isLast || size > maxFrameBytes * 4) return { ...scan, isLast };
    }
  } finally {
    await file.close();
  }
}
