import { type FileHandle, open } from "node:fs/promises";
import { type HomeSeal, openBytes, sealBytes } from "./home-seal.ts";

/**
 * A file that is written chunk by chunk in an encrypted home: for each chunk its length as it stands (32 bits, the lowest byte first), then the chunk, sealed.
 * For what one process writes and reads again: chunks are not tied to each other.
 */
export async function writeChunk(file: FileHandle, chunk: Uint8Array, seal: HomeSeal): Promise<void> {
  const sealed = sealBytes(chunk, seal);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(sealed.length);
  await file.writeFile(Buffer.concat([length, sealed]));
}

/** The chunks again, in their order. */
export async function* readChunks(path: string): AsyncIterable<Buffer> {
  const file = await open(path, "r");
  try {
    const length = Buffer.alloc(4);
    for (;;) {
      const { bytesRead } = await file.read(length, 0, 4);
      if (bytesRead === 0) return;
      const sealed = Buffer.alloc(bytesRead < 4 ? 0 : length.readUInt32LE());
      const read = await file.read(sealed, 0, sealed.length);
      yield openBytes(sealed.subarray(0, read.bytesRead), path);
    }
  } finally {
    await file.close();
  }
}
