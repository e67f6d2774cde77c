import { isAscii, isUtf8 } from "node:buffer";
import type { Message } from "../pipeline.ts";

/** Of a longer line only so much is kept, enough to see what it was; it is refused as too large. */
export const keptLineBytes = 2 << 20;

/** A line as text; its bytes are made for those who ask, which are few. */
class TextLine implements Message {
  readonly text: string;
  readonly position: number;
  #bytes: Buffer | undefined = undefined;

  constructor(text: string, position: number) {
    this.text = text;
    this.position = position;
  }

  get data(): Buffer {
    this.#bytes ??= Buffer.from(this.text, "utf8");
    return this.#bytes;
  }
}

/**
 * Lines of a byte stream as messages, numbered from 1; lines of blanks are numbered and left out. One block per chunk.
 * Lines up to `skip` are passed over. A chunk that is UTF-8 is made text at once, not line by line.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, skip: number): AsyncIterable<readonly Message[]> {
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  let line = 0;
  const addBytes = (block: Message[], bytes: Buffer): void => {
    line += 1;
    if (line <= skip) return;
    const end = bytes.length > 0 && bytes[bytes.length - 1] === 13 ? bytes.length - 1 : bytes.length;
    const data = line === 1 && hasMark(bytes) ? bytes.subarray(3, end) : bytes.subarray(0, end);
    if (!data.every(isBlank)) block.push({ data, position: line });
  };
  /** Whole lines, each with its line feed. */
  const addText = (block: Message[], text: string): void => {
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      line += 1;
      if (line > skip) {
        const from = line === 1 && text.charCodeAt(0) === 0xfeff ? 1 : start;
        const to = end > from && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
        let at = from;
        while (at < to && isBlank(text.charCodeAt(at))) at += 1;
        if (at < to) block.push(new TextLine(text.slice(from, to), line));
      }
      start = end + 1;
    }
  };
  for await (const chunk of chunks) {
    const block: Message[] = [];
    let start = 0;
    if (carried.length > 0) {
      const end = chunk.indexOf(10);
      if (end >= 0) {
        addBytes(block, Buffer.concat([...carried, chunk.subarray(0, end)]));
        carried = [];
        carriedBytes = 0;
        start = end + 1;
      }
    }
    const end = carried.length > 0 ? 0 : chunk.lastIndexOf(10) + 1;
    if (end > start) {
      const lines = chunk.subarray(start, end);
      if (isAscii(lines)) addText(block, lines.toString("latin1"));
      else if (isUtf8(lines)) addText(block, lines.toString("utf8"));
      else for (const one of bytesOf(lines)) addBytes(block, one);
      start = end;
    }
    if (start < chunk.length && carriedBytes < keptLineBytes) {
      carried.push(chunk.subarray(start));
      carriedBytes += chunk.length - start;
    }
    yield block;
  }
  if (carried.length > 0) {
    const block: Message[] = [];
    addBytes(block, Buffer.concat(carried));
    yield block;
  }
}

/** Lines without their line feeds; each has one. */
function* bytesOf(lines: Buffer): Iterable<Buffer> {
  let start = 0;
  for (let end = lines.indexOf(10); end >= 0; end = lines.indexOf(10, start)) {
    yield lines.subarray(start, end);
    start = end + 1;
  }
}

const hasMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

const isBlank = (byte: number): boolean => byte === 32 || byte === 9;
