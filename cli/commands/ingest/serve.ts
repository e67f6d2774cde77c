import { randomBytes } from "node:crypto";
import { UserError } from "../../../errors/user-error.ts";
import { consumePubSub } from "../../../ingest/bus/consume-pubsub.ts";
import { consumeSpool } from "../../../ingest/bus/consume-spool.ts";
import { openSubscription, openTopic } from "../../../ingest/bus/open-pubsub.ts";
import { type Backlog, monitoringEndpoint, monitoringScope, watchBacklog } from "../../../ingest/bus/pubsub-backlog.ts";
import { pubsubWriter } from "../../../ingest/bus/pubsub-bus.ts";
import { runCollector } from "../../../ingest/collector/run-collector.ts";
import { defaultLimits } from "../../../ingest/collector/server.ts";
import { fetchBytes, fetchText } from "../../../ingest/collector/sns-fetch.ts";
import { homeTrouble } from "../../../ingest/home-trouble.ts";
import type { IngestContext } from "../../../ingest/ingest-files.ts";
import type { IngestTotals } from "../../../ingest/pipeline.ts";
import type { Environment } from "../../environment.ts";
import { googleToken } from "../../google-token.ts";
import { type StatusOptions, statusListener } from "../../status-listener.ts";
import { ingestContext } from "./context.ts";
import type { DestinationOptions } from "./destination.ts";
import { googleEndpoint } from "./google-endpoint.ts";
import { sumOf } from "./render.ts";

export interface IngestServeOptions extends DestinationOptions, StatusOptions {
  readonly host: string;
  readonly trustProxy?: string;
  readonly withPipeline?: boolean;
  readonly maxBody?: number;
  readonly maxBehind?: number;
  readonly maxStall?: number;
  readonly rate?: number;
  readonly replayWindow?: number;
  readonly pubsubTopic?: string;
  readonly pubsubSubscription?: string;
}

/** `inboxloop ingest serve`. Ends with 0 when it is told to stop. */
export async function ingestServeCommand(environment: Environment, options: IngestServeOptions): Promise<void> {
  const { console, home, settings, signal } = environment;
  const limits = {
    ...defaultLimits,
    bodyBytes: options.maxBody ?? defaultLimits.bodyBytes,
    maxBehind: options.maxBehind ?? defaultLimits.maxBehind,
    stallMs: options.maxStall === undefined ? defaultLimits.stallMs : options.maxStall * 1000,
    perSecond: options.rate ?? defaultLimits.perSecond,
    burst: options.rate === undefined ? defaultLimits.burst : options.rate * 2,
    replayWindowSeconds: options.replayWindow ?? defaultLimits.replayWindowSeconds,
  };
  const topicName = options.pubsubTopic ?? environment.target.bus.topic;
  if (topicName !== undefined && options.withPipeline) {
    throw new UserError(`a pipeline in the process reads the spool, and nothing is put there but on ${topicName}`, {
      code: "collector.two-buses",
      exit: "usage",
      next: "inboxloop ingest consume --pubsub-subscription <projects/p/subscriptions/s>",
    });
  }
  try {
    const context = ingestContext(environment, { ...options, trustReceivedAt: false });
    const topic = topicName === undefined ? undefined : await openTopic(topicName);
    const outcome = await runCollector(
      context,
      {
        host: options.host,
        port: options.port,
        status: statusListener(options),
        trustProxy: options.trustProxy,
        spool: home.spool,
        settings,
        limits,
        withPipeline: options.withPipeline === true,
        drainMs: 20_000,
        fetchText,
        fetchBytes,
        otherBus: topic && pubsubWriter(topic.topic, context.keys.deadLetters, randomBytes, topic.close),
        backlog: topic && backlogOf(environment, options),
        log: console.note,
        listening: ({ address, status, hooks, sources }) => {
          console.note(`status on ${status}`);
          console.note(`listening on ${address}`);
          console.note(`hooks: ${hooks.join(", ") || "none"}; sources: ${sources.join(", ") || "none"}`);
        },
      },
      signal,
    );
    console.result(outcome, () => {
      const { published, landed } = outcome;
      const sum = landed
        ? sumOf(landed)
        : `they wait ${topic ? "in Pub/Sub" : "in the spool"}: inboxloop ingest consume`;
      return `${published} messages accepted; ${sum}`;
    });
  } catch (error) {
    throw homeTrouble(error, home.spool);
  }
}

/** What waits for the consumer of the topic: Cloud Monitoring counts it, for the subscription that the consumer reads. */
function backlogOf(environment: Environment, options: IngestServeOptions): () => Backlog {
  const { settings, signal, target } = environment;
  const unknown = (reason: Extract<Backlog, { kind: "unknown" }>["reason"]) => () =>
    ({ kind: "unknown", reason }) as const;
  const subscription = options.pubsubSubscription ?? target.bus.subscription;
  if (subscription === undefined) return unknown("no-subscription");
  if (!settings["INBOXLOOP_MONITORING_ENDPOINT"] && settings["PUBSUB_EMULATOR_HOST"]) return unknown("emulator");
  const endpoint = googleEndpoint(settings, "INBOXLOOP_MONITORING_ENDPOINT", {
    service: "Cloud Monitoring",
    standard: monitoringEndpoint,
  });
  const token = settings["INBOXLOOP_MONITORING_TOKEN"];
  return watchBacklog(
    {
      endpoint,
      token: token ? async () => token : googleToken(monitoringScope),
      now: () => environment.now().getTime(),
    },
    subscription,
    signal,
  );
}

/** `inboxloop ingest consume`. Ends with 0 when it is told to stop, or with `--once` at the end of the spool. */
export async function ingestConsumeCommand(
  environment: Environment,
  options: { readonly once?: boolean; readonly pubsubSubscription?: string } & DestinationOptions,
): Promise<void> {
  const { console, home, signal } = environment;
  const progress = console.progress("consume");
  try {
    const context = ingestContext(environment, { ...options, trustReceivedAt: false });
    const update = (so: IngestTotals) => progress.update(so.received, undefined, "signals");
    const name = options.pubsubSubscription ?? environment.target.bus.subscription;
    const totals =
      name === undefined
        ? await consumeSpool(
            context,
            {
              spool: home.spool,
              isDraining: () => options.once === true,
              damaged: (why, file) =>
                console.warn(
                  `a frame of the spool is damaged (${why}); its bytes are set aside: spool/quarantine/${file}`,
                ),
              progress: update,
            },
            signal,
          )
        : await fromPubSub(context, name, update, signal);
    progress.done(`${totals.received.toLocaleString("en-US")} signals`);
    console.result(totals, () => sumOf(totals));
  } catch (error) {
    throw homeTrouble(error, home.raw);
  }
}

async function fromPubSub(
  context: IngestContext,
  name: string,
  progress: (totals: IngestTotals) => void,
  signal: AbortSignal,
): Promise<IngestTotals> {
  const { subscription, close } = await openSubscription(name);
  try {
    return await consumePubSub(context, { subscription, name, progress }, signal);
  } finally {
    await close();
  }
}
