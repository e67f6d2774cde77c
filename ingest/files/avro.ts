import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import avro from "avsc";
import { UserError } from "../../errors/user-error.ts";
import type { Message } from "../pipeline.ts";
import { fileError } from "../unreadable.ts";
import { fileChunks } from "./bytes.ts";

/** The column in which a record of an Avro file says what it is: the full name of the file's schema, `dataexport.S3.inner.users.messages.email.Open`. */
export const recordColumn = "_record";

const syncBytes = 16;
/** No writer makes larger blocks; a damaged length must not ask for the whole memory. */
const maxBlockBytes = 256 << 20;

const unpackers: Readonly<Record<string, (block: Buffer) => Promise<Buffer>>> = {
  null: async (block) => block,
  deflate: promisify(inflateRaw),
};

/** 64-bit integers as numbers where a number holds them, and else as text; the reader's own way is to refuse the file. */
const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => {
    const value = bytes.readBigInt64LE();
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  },
  toBuffer: (value: number | string) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    return bytes;
  },
  fromJSON: (value: unknown) => value,
  toJSON: (value: unknown) => value,
  isValid: (value: unknown) => typeof value === "number" || typeof value === "string",
  compare: (left: number | string, right: number | string) => Number(BigInt(left) - BigInt(right)),
});

/** What is wrong with a file; becomes a UserError with its path. */
class Damaged extends Error {}

/**
 * Records of an Avro object container file as messages, numbered from 1, each with the name of its schema beside its fields. The container is read here, block by
 * block and to its last byte: a file that ends within one is damaged, never shorter.
 */
export async function* avroRecords(path: string, skip: number): AsyncIterable<readonly Message[]> {
  let position = 0;
  try {
    for await (const { type, count, unpacked } of avroBlocks(path)) {
      const name = (type as avro.types.RecordType).name ?? "";
      if (position + count <= skip) {
        position += count;
        continue;
      }
      const block = await unpacked();
      const messages: Message[] = [];
      let offset = 0;
      for (let n = 0; n < count; n++) {
        const decoded = type.decode(block, offset);
        if (decoded.offset < 0) throw new Damaged("a block has fewer records than it says");
        offset = decoded.offset;
        position += 1;
        if (position <= skip) continue;
        const value = { ...(plain(decoded.value) as object), [recordColumn]: name };
        messages.push({ position, value, data: Buffer.from(JSON.stringify(value), "utf8") });
      }
      yield messages;
    }
  } catch (cause) {
    throw damaged(path, cause);
  }
}

/** Follows the blocks of a file to its last byte and unpacks each, so that a damaged one is known before anything of it lands. */
export async function checkAvro(path: string): Promise<void> {
  try {
    for await (const { unpacked } of avroBlocks(path)) await unpacked();
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function damaged(path: string, cause: unknown): UserError {
  const known = fileError(path, cause);
  if (known) return known;
  const why = cause instanceof Damaged ? cause.message : "its bytes do not fit its schema";
  return new UserError(`the Avro file cannot be read: ${why}`, {
    code: "ingest.damaged-file",
    exit: "usage",
    where: path,
    next: "fetch or export the file again",
    cause,
  });
}

interface AvroBlock {
  readonly type: avro.Type;
  /** Records in it. */
  readonly count: number;
  unpacked(): Promise<Buffer>;
}

async function* avroBlocks(path: string): AsyncIterable<AvroBlock> {
  const bytes = new ByteReader(fileChunks(path));
  try {
    const { type, unpack, sync } = await readHeader(bytes);
    while (!(await bytes.isAtEnd())) {
      const count = await bytes.long();
      const packed = await bytes.take(await bytes.length(maxBlockBytes));
      if (!(await bytes.take(syncBytes)).equals(sync)) throw new Damaged("a block does not end where it says");
      yield { type, count, unpacked: () => unpack(packed) };
    }
  } finally {
    await bytes.close();
  }
}

async function readHeader(bytes: ByteReader) {
  if ((await bytes.take(4)).toString("latin1") !== "Obj\x01") throw new Damaged("it does not start as one");
  const meta = new Map<string, Buffer>();
  for (let count = await bytes.long(); count !== 0; count = await bytes.long()) {
    if (count < 0) await bytes.long(); // the size of what follows, for who wants to skip it
    for (let n = 0; n < Math.abs(count); n++) {
      const key = (await bytes.take(await bytes.length(1 << 16))).toString("utf8");
      meta.set(key, await bytes.take(await bytes.length(16 << 20)));
    }
  }
  const sync = await bytes.take(syncBytes);
  const codec = meta.get("avro.codec")?.toString("utf8") || "null";
  const unpack = Object.hasOwn(unpackers, codec) ? unpackers[codec] : undefined;
  if (!unpack) throw new Damaged(`it is packed with ${codec.slice(0, 40)}, and only deflate is known`);
  const schema = JSON.parse(meta.get("avro.schema")?.toString("utf8") ?? "null") as avro.Schema;
  return { type: avro.Type.forSchema(schema, { registry: { long } }), unpack, sync };
}

/** Bytes in the sizes that one asks for. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async isAtEnd(): Promise<boolean> {
    return !(await this.#has(1));
  }

  async take(length: number): Promise<Buffer> {
    if (!(await this.#has(length))) throw new Damaged("it ends too early");
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  /** A zigzag integer. */
  async long(): Promise<number> {
    let value = 0n;
    for (let shift = 0n; shift < 64n; shift += 7n) {
      const byte = (await this.take(1))[0]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number((value >> 1n) ^ -(value & 1n));
    }
    throw new Damaged("a number does not end");
  }

  async length(most: number): Promise<number> {
    const length = await this.long();
    if (length < 0 || length > most) throw new Damaged(`a part of ${length} bytes`);
    return length;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #has(length: number): Promise<boolean> {
    if (this.#rest.length >= length) return true;
    const parts = [this.#rest];
    for (let bytes = this.#rest.length; bytes < length; ) {
      const next = await this.#chunks.next();
      if (next.done) {
        this.#rest = Buffer.concat(parts);
        return false;
      }
      parts.push(next.value);
      bytes += next.value.length;
    }
    this.#rest = Buffer.concat(parts);
    return true;
  }
}

/** Values as JSON can say them: bytes as base64. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return value;
}
