import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { UserError } from "../../errors/user-error.ts";
import { readHomeFile } from "../../platform/home-files.ts";
import { sealOf } from "../../platform/home-seal.ts";
import { asUtf8, markedCharset } from "./charset.ts";

/** Small enough that what is made of a chunk dies young. */
const chunkBytes = 1 << 18;

/** SHA-256 of a file as it lies there: by this the ledger knows a file again, whatever it is called. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 16 * chunkBytes })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

export type Compression = "none" | "gzip" | "zip" | "zstd";

/** How a file is packed, by its first bytes. */
export async function compressionOf(path: string): Promise<Compression> {
  // Pages of decisions: ours, and as they are within.
  if (sealOf(path)) return "none";
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (bytesRead >= 2 && buffer[0] === 0x1f && buffer[1] === 0x8b) return "gzip";
    if (bytesRead === 4 && buffer.readUInt32LE(0) === 0xfd2fb528) return "zstd";
    if (bytesRead === 4 && buffer.readUInt32LE(0) === 0x04034b50) return "zip";
    return "none";
  } finally {
    await handle.close();
  }
}

/** The unpacked bytes of a file in chunks, as UTF-8 where a byte order mark says UTF-16. A damaged archive is a UserError, told where its damage is reached. */
export async function* fileChunks(path: string): AsyncIterable<Buffer> {
  const chunks = unpackedChunks(path)[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done) return;
  const whole = { [Symbol.asyncIterator]: () => withFirst(first.value, chunks) };
  const charset = markedCharset(first.value);
  yield* charset === undefined ? whole : asUtf8(whole, charset);
}

async function* withFirst(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* unpackedChunks(path: string): AsyncIterable<Buffer> {
  const compression = await compressionOf(path);
  if (compression === "zstd") {
    throw new UserError("Zstandard files are not read directly", {
      code: "ingest.zstd",
      exit: "usage",
      where: path,
      next: `zstd -dc ${path} | gzip > ${path.replace(/\.zst$/, "")}.gz`,
    });
  }
  if (compression === "zip") {
    throw new UserError("zip archives, workbooks among them, are not read directly", {
      code: "ingest.zip",
      exit: "usage",
      where: path,
      next: `unzip ${path}`,
    });
  }
  if (sealOf(path)) {
    yield await readHomeFile(path);
    return;
  }
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  if (compression === "none") {
    yield* file as AsyncIterable<Buffer>;
    return;
  }
  const unpacked = file.pipe(createGunzip({ chunkSize: chunkBytes }));
  file.on("error", (error) => unpacked.destroy(error));
  try {
    yield* unpacked as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new UserError("the archive is damaged", {
      code: "ingest.damaged-archive",
      exit: "remote",
      where: path,
      next: "nothing of it has landed; fetch the file again and repeat the command",
      cause,
    });
  } finally {
    file.destroy();
  }
}

/** Reads a packed file to its end, so that one that is damaged is known before anything of it lands. */
export async function checkWhole(path: string): Promise<void> {
  if ((await compressionOf(path)) !== "gzip") return;
  for await (const _ of unpackedChunks(path));
}

/** The first unpacked bytes of a file, at most 64 KiB. */
export async function fileHead(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of fileChunks(path)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= 1 << 16) break;
  }
  return Buffer.concat(chunks).subarray(0, 1 << 16);
}
