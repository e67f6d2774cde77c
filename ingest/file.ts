import { createHash } from "node:crypto";
import { basename } from "node:path";
import { decodeLine } from "./decode.ts";
import { fileChunks, fileDigest } from "./formats/bytes.ts";
import { linesOf } from "./formats/ndjson.ts";
import type { Message, Source } from "./pipeline.ts";
import type { Item } from "./signal.ts";

/** A file as something that the pipeline can pull from, with the decoder that reads its records. */
export interface FileInput {
  readonly path: string;
  /** `<decoder>:<file name>`. */
  readonly name: string;
  /** Of the content and of how it is read: the same file read in the same way is the same source. */
  readonly id: string;
  open(from: number): Source;
  readonly decode: (message: Message) => readonly Item[];
}

export async function ndjsonInput(path: string): Promise<FileInput> {
  const name = `ndjson:${basename(path)}`;
  const id = sourceId(await fileDigest(path), "ndjson");
  return {
    path,
    name,
    id,
    decode: (message) => [decodeLine(message.data, "file")],
    open: (from) => sourceOf(name, id, from, () => linesOf(fileChunks(path), from)),
  };
}

/** A source over a stream of blocks; files need no ack, the ledger remembers them. */
export function sourceOf(
  name: string,
  id: string,
  from: number,
  blocks: () => AsyncIterable<readonly Message[]>,
): Source {
  return {
    name,
    id,
    from,
    async *pull(signal) {
      for await (const block of blocks()) {
        if (signal.aborted) return;
        yield block;
      }
    },
    async ack() {},
  };
}

/** The id of a content read in a certain way. */
export const sourceId = (...parts: readonly string[]): string =>
  createHash("sha256").update(parts.join("\0")).digest("hex");
