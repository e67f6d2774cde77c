import zlib from "node:zlib";

const table = new Int32Array(256).map((_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The same in JavaScript. */
export function crc32ByTable(bytes: Uint8Array): number {
  let crc = -1;
  for (let at = 0; at < bytes.length; at++) crc = (crc >>> 8) ^ table[(crc ^ bytes[at]!) & 0xff]!;
  return (crc ^ -1) >>> 0;
}

/** CRC-32 (IEEE 802.3), unsigned. node:zlib has one from Node 20.15 on. */
export const crc32: (bytes: Uint8Array) => number = "crc32" in zlib ? (bytes) => zlib.crc32(bytes) : crc32ByTable;
