import type { Message } from "../pipeline.ts";

/** Of a longer line only so much is kept, enough to see what it was; it is refused as too large. */
export const keptLineBytes = 2 << 20;

/**
 * Lines of a byte stream as messages, numbered from 1; lines of blanks are numbered and left out. One block per chunk.
 * Lines up to `skip` are passed over.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, skip: number): AsyncIterable<readonly Message[]> {
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  let line = 0;
  const add = (block: Message[], bytes: Buffer): void => {
    line += 1;
    if (line <= skip) return;
    const end = bytes.length > 0 && bytes[bytes.length - 1] === 13 ? bytes.length - 1 : bytes.length;
    const data = line === 1 && hasMark(bytes) ? bytes.subarray(3, end) : bytes.subarray(0, end);
    if (!isBlank(data)) block.push({ data, position: line });
  };
  for await (const chunk of chunks) {
    const block: Message[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      let bytes = chunk.subarray(start, end);
      if (carried.length > 0) {
        bytes = Buffer.concat([...carried, bytes]);
        carried = [];
        carriedBytes = 0;
      }
      add(block, bytes);
      start = end + 1;
    }
    if (start < chunk.length && carriedBytes < keptLineBytes) {
      carried.push(chunk.subarray(start));
      carriedBytes += chunk.length - start;
    }
    yield block;
  }
  if (carried.length > 0) {
    const block: Message[] = [];
    add(block, Buffer.concat(carried));
    yield block;
  }
}

const hasMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 32 && byte !== 9) return false;
  return true;
}
