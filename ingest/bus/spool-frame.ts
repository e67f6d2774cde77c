import { crc32 } from "./crc32.ts";

/** One thing put on the bus: bytes, and the decoder that reads them. */
export interface SpoolMessage {
  /** As before the colon of a source's name: `sendgrid`, `ndjson` ... */
  readonly kind: string;
  /** When we accepted it, milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly data: Uint8Array;
}

/*
 * A message is a frame (little-endian):
 *
 *   head  magic "ILF2" | number u64 | length of the body u32 | crc32 of the body u32 | crc32 of the 20 bytes before u32
 *   body  receivedAt f64 | kind length u8 | kind | data
 *
 * The head has a checksum of its own, so that a damaged body costs its frame alone: where the next one begins is still known. Behind a damaged
 * head the next frame is looked for by its magic. Numbers stand in the frames, so that what follows a damaged one keeps its own.
 *
 * Logs of earlier versions (`.log`) have frames `length u32 | crc32 of the rest u32 | body`, numbered by their place. They are still read.
 */
export type FrameFormat = "numbered" | "counted";

const magic = Buffer.from("ILF2", "latin1");
export const headBytes = 24;
const countedHeadBytes = 8;
const leastBodyBytes = 9;
/** A message larger than this is not taken. */
export const maxFrameBytes = 64 << 20;
/** The smallest frame there is. */
export const leastFrameBytes = headBytes + leastBodyBytes;

/** A message as a frame of the current format. */
export function frameOf({ kind, receivedAt, data }: SpoolMessage, number: number): Buffer {
  const name = Buffer.from(kind, "utf8");
  const frame = Buffer.alloc(headBytes + leastBodyBytes + name.length + data.length);
  frame.writeDoubleLE(receivedAt, headBytes);
  frame.writeUInt8(name.length, headBytes + 8);
  frame.set(name, headBytes + leastBodyBytes);
  frame.set(data, headBytes + leastBodyBytes + name.length);
  frame.set(magic, 0);
  frame.writeBigUInt64LE(BigInt(number), 4);
  frame.writeUInt32LE(frame.length - headBytes, 12);
  frame.writeUInt32LE(crc32(frame.subarray(headBytes)), 16);
  frame.writeUInt32LE(crc32(frame.subarray(0, 20)), 20);
  return frame;
}

/** What stands in a log, in order: messages, and stretches of bytes that are none. */
export type Piece =
  | { readonly kind: "message"; readonly number: number; readonly message: SpoolMessage; readonly end: number }
  | {
      readonly kind: "damaged";
      /** The number of the frame by its head; where that is damaged, the number before the next frame's. */
      readonly number: number | undefined;
      readonly why: string;
      readonly bytes: Buffer;
      readonly end: number;
    };

export interface Scan {
  readonly pieces: readonly Piece[];
  /** Bytes that the pieces take. */
  readonly end: number;
  /** What is left will never become a frame, or (in the earlier format) nobody can tell. */
  readonly isTailDamaged: boolean;
}

/**
 * Reads bytes of a log from a frame's beginning. `last` is the number before it. With `isWhole` nothing will ever follow these bytes, so
 * that a frame that is not whole is a damaged one; without it, it may still be on its way.
 */
export function scanFrames(bytes: Buffer, last: number, format: FrameFormat, isWhole: boolean): Scan {
  return format === "numbered" ? scanNumbered(bytes, last, isWhole) : scanCounted(bytes, last, isWhole);
}

interface Head {
  readonly number: number;
  readonly end: number;
  readonly checksum: number;
}

/** The head at an offset; undefined where none stands there whole, or its number is not behind the last one. */
function headAt(bytes: Buffer, at: number, last: number): Head | undefined {
  if (at + headBytes > bytes.length || bytes.compare(magic, 0, 4, at, at + 4) !== 0) return undefined;
  if (crc32(bytes.subarray(at, at + 20)) !== bytes.readUInt32LE(at + 20)) return undefined;
  const number = Number(bytes.readBigUInt64LE(at + 4));
  const length = bytes.readUInt32LE(at + 12);
  if (number <= last || length < leastBodyBytes || length > maxFrameBytes) return undefined;
  return { number, end: at + headBytes + length, checksum: bytes.readUInt32LE(at + 16) };
}

function scanNumbered(bytes: Buffer, before: number, isWhole: boolean): Scan {
  const pieces: Piece[] = [];
  let last = before;
  let at = 0;
  const damaged = (end: number, why: string, number?: number) => {
    pieces.push({ kind: "damaged", number, why, bytes: bytes.subarray(at, end), end });
    at = end;
  };
  while (at < bytes.length) {
    const head = headAt(bytes, at, last);
    if (head && head.end <= bytes.length) {
      const body = bytes.subarray(at + headBytes, head.end);
      const message = crc32(body) === head.checksum ? messageOf(body) : undefined;
      last = head.number;
      if (message) {
        pieces.push({ kind: "message", number: last, message, end: head.end });
        at = head.end;
      } else damaged(head.end, "the checksum of its body differs", last);
      continue;
    }
    const next = head ? undefined : nextHead(bytes, at + 1, last);
    if (next) {
      damaged(next.at, "its head cannot be read", next.number - 1 > last ? next.number - 1 : undefined);
      continue;
    }
    if (!isWhole) break;
    damaged(bytes.length, head ? "it was cut off" : "its head cannot be read", head?.number);
  }
  const isTailDamaged = bytes.length - at >= headBytes && headAt(bytes, at, last) === undefined;
  return { pieces, end: at, isTailDamaged };
}

function nextHead(
  bytes: Buffer,
  from: number,
  last: number,
): { readonly at: number; readonly number: number } | undefined {
  for (let at = bytes.indexOf(magic, from); at >= 0; at = bytes.indexOf(magic, at + 1)) {
    const head = headAt(bytes, at, last);
    if (head) return { at, number: head.number };
  }
  return undefined;
}

/** The earlier format: what follows a damaged frame cannot be told apart any more and is one stretch. */
function scanCounted(bytes: Buffer, before: number, isWhole: boolean): Scan {
  const pieces: Piece[] = [];
  let last = before;
  let at = 0;
  while (at + countedHeadBytes <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + countedHeadBytes + length;
    if (length < leastBodyBytes || length > maxFrameBytes || end > bytes.length) break;
    const body = bytes.subarray(at + countedHeadBytes, end);
    const message = crc32(body) === bytes.readUInt32LE(at + 4) ? messageOf(body) : undefined;
    if (!message) break;
    last += 1;
    pieces.push({ kind: "message", number: last, message, end });
    at = end;
  }
  if (isWhole && at < bytes.length) {
    const why = "a frame of the earlier format cannot be read, and nothing says where the next one begins";
    pieces.push({ kind: "damaged", number: undefined, why, bytes: bytes.subarray(at), end: bytes.length });
    at = bytes.length;
  }
  return { pieces, end: at, isTailDamaged: at < bytes.length };
}

function messageOf(body: Buffer): SpoolMessage | undefined {
  const kindEnd = leastBodyBytes + body.readUInt8(8);
  if (kindEnd > body.length) return undefined;
  const kind = body.subarray(leastBodyBytes, kindEnd).toString("utf8");
  return { kind, receivedAt: body.readDoubleLE(0), data: body.subarray(kindEnd) };
}

/** A frame of the same number and length that says nothing: what stood in it is to go. */
export function blankFrame(message: SpoolMessage, number: number, format: FrameFormat): Buffer {
  const frame = frameOf({ ...message, data: new Uint8Array(message.data.length) }, number);
  if (format === "numbered") return frame;
  const body = frame.subarray(headBytes);
  const head = Buffer.alloc(countedHeadBytes);
  head.writeUInt32LE(body.length, 0);
  head.writeUInt32LE(crc32(body), 4);
  return Buffer.concat([head, body]);
}
