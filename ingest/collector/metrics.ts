import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Backlog, unknownBacklogs } from "../bus/pubsub-backlog.ts";

/** What the collector counts, for Prometheus. Labels are names from our own lists, never from a call. */
export interface CollectorMetrics {
  readonly registry: Registry;
  answered(route: string, source: string, status: number, seconds: number): void;
  refused(source: string, why: string): void;
  accepted(source: string, messages: number, bytes: number): void;
  published(last: number): void;
  /** A stretch of the spool was no frame any more. */
  damaged(): void;
  landed(to: number, secondsToQueryable: readonly number[]): void;
}

export interface MetricsOptions {
  /** Messages published and not yet landed. Left out where this process cannot know: then no gauge says so, for 0 would be a lie. */
  readonly behind?: (() => number) | undefined;
  /** What waits on a bus that is not ours, where somebody counts it; why not, where nobody does. */
  readonly backlog?: (() => Backlog) | undefined;
  /** Memory and event loop of the process too; off in tests. */
  readonly withProcess: boolean;
}

export function createMetrics({ behind, backlog, withProcess }: MetricsOptions): CollectorMetrics {
  const registry = new Registry();
  if (withProcess) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Counter({
    name: "inboxloop_collector_requests_total",
    help: "Calls answered",
    labelNames: ["route", "source", "status"],
    registers,
  });
  const seconds = new Histogram({
    name: "inboxloop_collector_request_seconds",
    help: "From the first byte of a call to its answer",
    labelNames: ["route"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  });
  const refusals = new Counter({
    name: "inboxloop_collector_refused_total",
    help: "Calls refused, by reason",
    labelNames: ["source", "reason"],
    registers,
  });
  const messages = new Counter({
    name: "inboxloop_collector_messages_total",
    help: "Messages accepted: durable before the answer",
    labelNames: ["source"],
    registers,
  });
  const bytes = new Counter({
    name: "inboxloop_collector_bytes_total",
    help: "Bytes accepted",
    labelNames: ["source"],
    registers,
  });
  const publishedTo = new Gauge({
    name: "inboxloop_bus_published_position",
    help: "Last message on the bus",
    registers,
  });
  const landedTo =
    behind && new Gauge({ name: "inboxloop_bus_landed_position", help: "Last message landed", registers });
  if (behind)
    new Gauge({
      name: "inboxloop_bus_behind_messages",
      help: "Messages published and not yet landed",
      registers,
      collect() {
        this.set(behind());
      },
    });
  if (backlog) backlogGauges(backlog, registers);
  const damagedFrames = new Counter({
    name: "inboxloop_spool_damaged_frames_total",
    help: "Stretches of the spool that were no frame any more; they lie in its quarantine, and are dead letters",
    registers,
  });
  const queryable = new Histogram({
    name: "inboxloop_event_to_queryable_seconds",
    help: "From a message's arrival to its rows being queryable",
    buckets: [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300],
    registers,
  });
  return {
    registry,
    answered(route, source, status, took) {
      requests.inc({ route, source, status });
      seconds.observe({ route }, took);
    },
    refused: (source, reason) => refusals.inc({ source, reason }),
    accepted(source, count, size) {
      messages.inc({ source }, count);
      bytes.inc({ source }, size);
    },
    published: (last) => publishedTo.set(last),
    damaged: () => damagedFrames.inc(),
    landed(to, each) {
      landedTo?.set(to);
      for (const one of each) queryable.observe(one);
    },
  };
}

/** Gauges that have a value only while it is known, and one that says why it is not. */
function backlogGauges(backlog: () => Backlog, registers: Registry[]): void {
  const behindMessages = "inboxloop_bus_behind_messages";
  new Gauge({
    name: behindMessages,
    help: "Messages that wait in the Pub/Sub subscription, as Cloud Monitoring counted them last; absent while nobody knows",
    registers,
    collect() {
      const now = backlog();
      if (now.kind === "known") this.set(now.messages);
      else this.remove();
    },
  });
  new Gauge({
    name: "inboxloop_bus_oldest_waiting_seconds",
    help: "How long the oldest message waits in the Pub/Sub subscription; absent while nobody knows",
    registers,
    collect() {
      const now = backlog();
      if (now.kind === "known" && now.oldestSeconds !== null) this.set(now.oldestSeconds);
      else this.remove();
    },
  });
  new Gauge({
    name: "inboxloop_bus_backlog_unknown",
    help: `1 for the reason why ${behindMessages} is absent`,
    labelNames: ["reason"],
    registers,
    collect() {
      const now = backlog();
      for (const reason of unknownBacklogs)
        this.set({ reason }, now.kind === "unknown" && now.reason === reason ? 1 : 0);
    },
  });
}
