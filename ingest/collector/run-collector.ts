import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { withLock } from "../../platform/journal/lock.ts";
import { createStatusServer } from "../../platform/status-server.ts";
import type { BusWriter } from "../bus/bus.ts";
import { consumeSpool, spoolReader } from "../bus/consume-spool.ts";
import type { Backlog } from "../bus/pubsub-backlog.ts";
import { sealedWriter } from "../bus/sealed-spool.ts";
import { landedByLedger, spoolSourceId } from "../bus/spool.ts";
import { SpoolWriter } from "../bus/spool-writer.ts";
import type { IngestContext } from "../ingest-files.ts";
import type { IngestTotals } from "../pipeline.ts";
import { trustedRoots } from "../sources/certificate-chain.ts";
import { apiRights, apiSources } from "./api-keys.ts";
import { configuredHooks } from "./hook-settings.ts";
import { createMetrics } from "./metrics.ts";
import { PipelineProgress } from "./pipeline-progress.ts";
import { type CollectorLimits, createCollector } from "./server.ts";
import { type FetchBytes, type FetchText, issuerTrust } from "./sns-fetch.ts";
import { collectorStatus } from "./status.ts";

export interface RunCollectorOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Where readiness, metrics and the interface are; port 0 takes any free one. */
  readonly status: { readonly host: string; readonly port: number };
  /** Proxies whose X-Forwarded-For is believed. */
  readonly trustProxy?: string | undefined;
  /** The folder of the spool. */
  readonly spool: string;
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly limits: CollectorLimits;
  /** Land what is accepted in this process too. */
  readonly withPipeline: boolean;
  /** How long a stop may wait for the pipeline, in milliseconds; what is left then lands after the next start. */
  readonly drainMs: number;
  readonly fetchText: FetchText;
  /** Fetches certificates of those who issue Amazon's. */
  readonly fetchBytes: FetchBytes;
  /** Put what is accepted here instead of on the spool; somebody else lands it. */
  readonly otherBus?: BusWriter | undefined;
  /** What waits there, as far as anybody knows. */
  readonly backlog?: (() => Backlog) | undefined;
  readonly log: (line: string) => void;
  readonly listening: (told: {
    readonly address: string;
    readonly status: string;
    readonly hooks: readonly string[];
    readonly sources: readonly string[];
  }) => void;
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
    const id = await spoolSourceId(options.spool, spoolReader, () => context.randomBytes(8).toString("hex"));
    const landed = Math.max(await landedPosition(options.spool), await landedByLedger(id, context));
    const writer = await SpoolWriter.open(options.spool, { above: landed });
    const first = await writer.publish([]);
    const { stallMs } = options.limits;
    const now = () => context.now().getTime();
    const progress = new PipelineProgress({ now, stallMs, published: first, landed });
    const behind = options.otherBus ? undefined : () => progress.behind();
    const { backlog } = options;
    const metrics = createMetrics({ behind, backlog, withProcess: true });
    const publishedTo = (last: number) => {
      progress.publishedTo(last);
      metrics.published(last);
    };
    const spooled = sealedWriter(writer, context.keys.deadLetters, context.randomBytes, publishedTo);
    const bus = options.otherBus
      ? counting(options.otherBus, (more) => publishedTo(progress.published + more))
      : spooled;
    const app = createCollector({
      now,
      bus,
      hooks,
      sourceOfKey: sources.sourceOf,
      mayCall: apiRights(options.settings),
      deviceReports: context.deviceReports,
      linkKeys: context.keys.ids.all,
      fetchText: options.fetchText,
      trust: issuerTrust(options.fetchBytes, await ownAuthorities(options.settings)),
      behind,
      metrics,
      limits: options.limits,
      trustProxy: options.trustProxy,
      log: options.log,
    });

    const isStalled = () => !options.otherBus && progress.isStalled();
    const status = createStatusServer(
      collectorStatus({ hooks, behind, backlog, isStalled, metrics, limits: options.limits }),
    );

    let isClosed = false;
    const stopPipeline = new AbortController();
    const pipeline = options.withPipeline
      ? consumeSpool(
          context,
          {
            spool: options.spool,
            isDraining: () => isClosed,
            committed: (to, receivedAt) => {
              progress.landedTo(to);
              const landedAt = now();
              metrics.landed(
                to,
                receivedAt.map((at) => (landedAt - at) / 1000),
              );
            },
            damaged: (why, name) => {
              metrics.damaged();
              options.log(
                `ERROR a frame of the spool is damaged (${why}); its bytes are set aside: quarantine/${name}`,
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
          progress.landedTo(await landedPosition(options.spool));
        }, 1000).unref();
    try {
      const statusAddress = await status.listen(options.status);
      const address = await app.listen({ host: options.host, port: options.port });
      options.listening({ address, status: statusAddress, hooks: [...hooks.keys()], sources: sources.names });
      await Promise.race([aborted(signal), failure(pipeline)]);
    } finally {
      await app.close();
      await status.close();
      await bus.close();
      if (bus !== spooled) await spooled.close();
      isClosed = true;
      clearInterval(watch);
    }
    const late = setTimeout(() => stopPipeline.abort(), options.drainMs);
    try {
      return { published: progress.published - first, landed: (await pipeline) ?? null };
    } finally {
      clearTimeout(late);
    }
  });
}

/** Authorities that an administrator trusts beside Node's; where issuers cannot be fetched, Amazon's intermediate ones. */
async function ownAuthorities(settings: RunCollectorOptions["settings"]): Promise<string | undefined> {
  const path = settings["INBOXLOOP_SNS_CA_FILE"];
  if (!path) return undefined;
  try {
    const pem = await readFile(path, "utf8");
    trustedRoots(pem);
    return pem;
  } catch (cause) {
    throw new UserError("the file of authorities cannot be read", {
      code: "collector.ca-file",
      exit: "config",
      where: `INBOXLOOP_SNS_CA_FILE (${path})`,
      next: "give a file of certificates in PEM, or unset it",
      cause,
    });
  }
}

const counting = (bus: BusWriter, onPublished: (more: number) => void): BusWriter => ({
  maxBodyBytes: bus.maxBodyBytes,
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
