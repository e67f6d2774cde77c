/**
 * A Message-ID (RFC 5322 3.6.4) that a machine made looks like an address and is none: what stands before its @ is digits, hex
 * and chunks of both, of 12 characters or more, and no word. Where there is doubt it is an address.
 */
export function isMessageId(id: string): boolean {
  const found = /^<?([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{12,200})@(?:[A-Za-z0-9-]{1,63}\.){0,8}[A-Za-z0-9-]{1,63}>?$/.exec(
    id,
  );
  if (!found) return false;
  const chunks = found[1]!.split(/[^A-Za-z0-9]+/).filter((chunk) => chunk !== "");
  return chunks.every(isMachineMade) && (found[1]!.match(/\d/g)?.length ?? 0) >= 5 && !/^\d{7,15}$/.test(found[1]!);
}

const isMachineMade = (chunk: string): boolean =>
  /^\d+$/.test(chunk) ||
  (/^(?:[0-9a-f]+|[0-9A-F]+)$/.test(chunk) && /\d/.test(chunk)) ||
  (chunk.length <= 3 && /\d/.test(chunk)) ||
  /^(?:JavaMail|Qdmail)$/.test(chunk) ||
  // Letters and digits that alternate: no word with a year behind it.
  (chunk.match(/[A-Za-z]\d/g)?.length ?? 0) + (chunk.match(/\d[A-Za-z]/g)?.length ?? 0) >= 2;
