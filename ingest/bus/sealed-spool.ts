import { damagedKind } from "../decoders.ts";
import { seal, unseal } from "../door/dead-letter.ts";
import type { KeyRing } from "../door/keys.ts";
import type { Message, Source } from "../pipeline.ts";
import { type BusWriter, besideBodyBytes } from "./bus.ts";
import { pruneSpool } from "./spool.ts";
import { maxFrameBytes, type SpoolMessage } from "./spool-frame.ts";
import type { SpoolWriter } from "./spool-writer.ts";

/**
 * The spool as the collector writes it: what providers send holds addresses, so it is sealed under the dead-letter key
 * before it touches the disk.
 */
export function sealedWriter(
  writer: SpoolWriter,
  keys: KeyRing,
  randomBytes: (n: number) => Buffer,
  onPublished: (last: number) => void = () => {},
): BusWriter {
  return {
    maxBodyBytes: maxFrameBytes - besideBodyBytes,
    async publish(messages) {
      const last = await writer.publish(
        messages.map((one): SpoolMessage => ({ ...one, data: seal(one.data, keys, randomBytes) })),
      );
      onPublished(last);
    },
    close: () => writer.close(),
  };
}

export interface UnsealedOptions {
  readonly dir: string;
  readonly keys: KeyRing;
  /** True once nothing more will come: the source then ends at the end of the spool. */
  readonly isDraining: () => boolean;
  /** Called when it has ended that way. */
  readonly drained: () => void;
  /** Called after a commit: position reached, and how long ago the messages of the batch came in (milliseconds, by `now`). */
  readonly committed?: ((to: number, receivedAt: readonly number[]) => void) | undefined;
}

/** Messages handed to the pipeline at once; between two of these other work of the process gets its turn. */
const blockMessages = 64;

/** What `sealedWriter` wrote, opened again. A message that no key opens keeps its sealed bytes and becomes a dead letter. */
export function unsealedSource(source: Source, { dir, keys, isDraining, drained, committed }: UnsealedOptions): Source {
  let waiting: { readonly position: number; readonly receivedAt: number | undefined }[] = [];
  let acks = 0;
  return {
    ...source,
    async *pull(signal) {
      for await (const block of source.pull(signal)) {
        for (let at = 0; at < block.length; at += blockMessages) {
          yield block.slice(at, at + blockMessages).map((one): Message => {
            waiting.push({
              position: one.position,
              receivedAt: one.arrival === undefined ? undefined : one.arrival / 1000,
            });
            if (one.source?.startsWith(`${damagedKind}:`)) return one;
            const data = unseal(one.data, keys);
            return data ? { ...one, data } : { ...one, source: "sealed:spool" };
          });
          await new Promise(setImmediate);
        }
        if (block.length > 0) continue;
        yield block;
        if (isDraining()) {
          drained();
          return;
        }
      }
    },
    async ack(ids, to) {
      await source.ack(ids, to);
      if (committed) {
        committed(
          to,
          waiting.flatMap((one) => (one.position <= to && one.receivedAt !== undefined ? [one.receivedAt] : [])),
        );
      }
      waiting = waiting.filter((one) => one.position > to);
      acks += 1;
      if (acks % 30 === 0) await pruneSpool(dir);
    },
  };
}
