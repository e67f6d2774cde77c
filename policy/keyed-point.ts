import { createHash, createHmac } from "node:crypto";

/** Where a person stands in one draw, in [0, 1): uniform, independent between draws, and known to nobody without the key. */
export function keyedPoint(key: Uint8Array, draw: string, person: string): number {
  const digest = createHmac("sha256", key).update(`${draw}\0${person}`).digest();
  return (digest.readUInt32BE(0) * 2 ** 21 + (digest.readUInt32BE(4) >>> 11)) / 2 ** 53;
}

/** An id that follows from what it names: the same question has the same decision. */
export const derivedId = (prefix: string, ...parts: readonly string[]): string =>
  `${prefix}${createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 32)}`;
