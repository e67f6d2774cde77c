/**
 * The bytes up to the end of line number `limit`. Parsing MIME costs by the line, whatever stands in it: half a megabyte of
 * line feeds is half a million lines, and no report has so many.
 */
export function firstLines(bytes: Uint8Array, limit: number): Uint8Array {
  let at = -1;
  for (let lines = 0; lines < limit; lines++) {
    at = bytes.indexOf(10, at + 1);
    if (at < 0) return bytes;
  }
  return bytes.subarray(0, at + 1);
}
