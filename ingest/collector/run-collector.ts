import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { withLock } from "../../platform/journal/lock.ts";
import type { BusWriter } from "../bus/bus.ts";
import { consumeSpool, spoolReader } from "../bus/consume-spool.ts";
import { sealedWriter } from "../bus/sealed-spool.ts";
import { SpoolWriter } from "../bus/spool.ts";
import type { IngestContext } from "../ingest-files.ts";
import type { IngestTotals } from "../pipeline.ts";
import { apiSources } from "./api-keys.ts";
import { configuredHooks } from "./hook-settings.ts";
import { createMetrics } from "./metrics.ts";
import { type CollectorLimits, createCollector } from "./server.ts";
import type { FetchText } from "./sns-fetch.ts";

export interface RunCollectorOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** The folder of the spool. */
  readonly spool: string;
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly limits: CollectorLimits;
  /** Land what is accepted in this process too. */
  readonly withPipeline: boolean;
  /** How long a stop may wait for the pipeline, in milliseconds; what is left then lands after the next start. */
  readonly drainMs: number;
  readonly fetchText: FetchText;
  /** Put what is accepted here instead of on the spool; somebody else lands it. */
  readonly otherBus?: BusWriter | undefined;
  readonly log: (line: string) => void;
  readonly listening: (address: string, hooks: readonly string[], sources: readonly string[]) => void;
}

export interface CollectorOutcome {
  /** Messages put on the bus in this run. */
  readonly published: number;
  /** What the pipeline of this process landed; nothing without one. */
  readonly landed: IngestTotals | null;
}

/**
 * Serves until `signal` is aborted; then takes no new calls, answers those under way, and lands what was accepted (with a
 * pipeline in the process). One collector a spool.
 */
export async function runCollector(
  context: IngestContext,
  options: RunCollectorOptions,
  signal: AbortSignal,
): Promise<CollectorOutcome> {
  const hooks = configuredHooks(options.settings);
  const sources = apiSources(options.settings);
  if (hooks.size === 0 && sources.names.length === 0) {
    throw new UserError("nobody may call: no provider's secrets and no API key are set", {
      code: "collector.nobody-may-call",
      exit: "config",
      next: "INBOXLOOP_API_KEY_<SOURCE>=... or INBOXLOOP_HOOK_<PROVIDER>_...=...   (docs/reference/collector.md)",
    });
  }
  const lock = { pid: context.pid, sleep: context.sleep, patienceMs: 2000, what: "this spool", code: "ingest.locked" };
  return withLock(join(options.spool, "writer.lock"), lock, async () => {
    const writer = await SpoolWriter.open(options.spool);
    const first = await writer.publish([]);
    let published = first;
    let landed = await landedPosition(options.spool);
    // Pub/Sub holds what waits there, and has its own alarms for that.
    const behind = () => (options.otherBus ? 0 : Math.max(0, published - landed));
    const metrics = createMetrics({ behind, withProcess: true });
    const spooled = sealedWriter(writer, context.keys.deadLetters, context.randomBytes, (last) => {
      published = last;
      metrics.published(last);
    });
    const bus = options.otherBus
      ? counting(options.otherBus, (more) => {
          published += more;
          metrics.published(published);
        })
      : spooled;
    const app = createCollector({
      now: () => context.now().getTime(),
      bus,
      hooks,
      sourceOfKey: sources.sourceOf,
      linkKeys: context.keys.ids.all,
      fetchText: options.fetchText,
      behind,
      metrics,
      limits: options.limits,
      log: options.log,
    });

    let isClosed = false;
    const stopPipeline = new AbortController();
    const pipeline = options.withPipeline
      ? consumeSpool(
          context,
          {
            spool: options.spool,
            isDraining: () => isClosed,
            committed: (to, receivedAt) => {
              landed = to;
              const now = context.now().getTime();
              metrics.landed(
                to,
                receivedAt.map((at) => (now - at) / 1000),
              );
            },
          },
          stopPipeline.signal,
        )
      : undefined;
    // Without a pipeline here, another process's place in the spool says how far behind it is.
    const watch = pipeline
      ? undefined
      : setInterval(async () => {
          landed = await landedPosition(options.spool);
        }, 1000).unref();
    try {
      options.listening(await app.listen({ host: options.host, port: options.port }), [...hooks.keys()], sources.names);
      await Promise.race([aborted(signal), failure(pipeline)]);
    } finally {
      await app.close();
      await bus.close();
      if (bus !== spooled) await spooled.close();
      isClosed = true;
      clearInterval(watch);
    }
    const late = setTimeout(() => stopPipeline.abort(), options.drainMs);
    try {
      return { published: published - first, landed: (await pipeline) ?? null };
    } finally {
      clearTimeout(late);
    }
  });
}

const counting = (bus: BusWriter, onPublished: (more: number) => void): BusWriter => ({
  async publish(messages) {
    await bus.publish(messages);
    onPublished(messages.length);
  },
  close: () => bus.close(),
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** Rejects when the pipeline does: a collector whose pipeline has stopped must not look well. */
const failure = (pipeline: Promise<unknown> | undefined): Promise<never> =>
  new Promise((_resolve, reject) => {
    pipeline?.catch(reject);
  });

/** How far the pipeline has landed this spool, as it noted last. */
async function landedPosition(spool: string): Promise<number> {
  const path = join(spool, `reader-${spoolReader}.json`);
  if (!existsSync(path)) return 0;
  try {
    return (JSON.parse(await readFile(path, "utf8")) as { to: number }).to;
  } catch {
    return 0; // being written right now; the next look finds it
  }
}
