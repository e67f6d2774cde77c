import { setTimeout as sleep } from "node:timers/promises";
import { parentPort } from "node:worker_threads";
import { type CarriedError, carriedError } from "../../../errors/carried-error.ts";
import { openLmdbStore } from "../../../serve/online/lmdb-store.ts";
import { type Streamed, streamForever } from "../../../serve/online/stream.ts";
import { createEnvironment } from "../../environment.ts";
import { ingestContext } from "../ingest/context.ts";
import { landQueue } from "./land-queue.ts";
import { onlineOf } from "./online-of.ts";

/** What the thread is told. */
export type ToThread =
  | {
      readonly kind: "start";
      readonly home: string;
      readonly target: string;
      /** Milliseconds that the service's clock is ahead of this machine's. */
      readonly clockAhead: number;
    }
  | { readonly kind: "drain" }
  | { readonly kind: "stop" };

/** What the thread says. */
export type FromThread =
  | { readonly kind: "streamed"; readonly streamed: Streamed }
  | { readonly kind: "trouble"; readonly code: string }
  | { readonly kind: "ended" }
  | { readonly kind: "failed"; readonly error: CarriedError };

const say = (message: FromThread): void => parentPort?.postMessage(message);
const draining = new AbortController();
const stopped = new AbortController();

async function work({ home, target, clockAhead }: ToThread & { readonly kind: "start" }): Promise<void> {
  const world = {
    ...(await createEnvironment({ home, target, quiet: true }, stopped.signal)),
    now: () => new Date(Date.now() + clockAhead),
  };
  const store = openLmdbStore(onlineOf(world));
  try {
    const streaming = streamForever(world.home.raw, store, {
      signal: draining.signal,
      sleep: (ms) => sleep(ms, undefined, { signal: draining.signal }).catch(() => {}),
      onStreamed: (streamed) => say({ kind: "streamed", streamed }),
      onTrouble: (error) =>
        say({ kind: "trouble", code: (error as { code?: string }).code ?? (error as Error).message }),
    });
    const ingest = ingestContext(world, { trustReceivedAt: false });
    // Here a batch is in segments with its line of the ledger or not at all: no decision comes twice, and what landed before is not read to see.
    const context = ingest.bigQuery === undefined ? { ...ingest, ownMaking: { isThere: () => false } } : ingest;
    try {
      await landQueue(context, { ...store, name: "decision-queue" }, () => draining.signal.aborted, stopped.signal);
    } finally {
      draining.abort();
      await streaming;
    }
  } finally {
    await store.close();
    await world.target.close();
  }
}

parentPort?.on("message", (message: ToThread) => {
  if (message.kind === "drain") draining.abort();
  else if (message.kind === "stop") {
    draining.abort();
    stopped.abort();
  } else
    work(message)
      .then(
        () => say({ kind: "ended" }),
        (error) => say({ kind: "failed", error: carriedError(error) }),
      )
      .finally(() => parentPort?.close());
});
