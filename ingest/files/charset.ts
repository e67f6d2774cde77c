/** Whether a charset is one that this runtime decodes (WHATWG Encoding). */
export function isCharset(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
}

/** The charset that a byte order mark declares, where it is not UTF-8. */
export const markedCharset = (head: Uint8Array): string | undefined =>
  head[0] === 0xff && head[1] === 0xfe ? "utf-16le" : head[0] === 0xfe && head[1] === 0xff ? "utf-16be" : undefined;

/** A byte stream in another charset as UTF-8. Bytes that are none of its letters are an error: nobody guesses before a hash. */
export async function* asUtf8(chunks: AsyncIterable<Buffer>, charset: string): AsyncIterable<Buffer> {
  const decoder = new TextDecoder(charset, { fatal: true });
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }), "utf8");
  yield Buffer.from(decoder.decode(), "utf8");
}
