import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What the service counts, for Prometheus. Labels are names from our own lists, never from a call. */
export interface ServiceMetrics {
  readonly registry: Registry;
  answered(route: string, caller: string, status: number, seconds: number): void;
  hop(name: string, seconds: number): void;
  decided(rung: string, reason: string, policy: string, isFallback: boolean): void;
  /** A failure of the table in docs/reference/decisions.md. */
  failed(failure: string): void;
  streamed(rows: number, secondsBehind: number | undefined): void;
}

export interface ServiceGauges {
  readonly queueLength: () => number;
  /** Seconds since the as-of instant of the features; undefined before the first push. */
  readonly featuresAge: () => number | undefined;
}

export function createServiceMetrics(gauges: ServiceGauges, withProcess: boolean): ServiceMetrics {
  const registry = new Registry();
  if (withProcess) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
  const requests = new Counter({
    name: "inboxloop_serve_requests_total",
    help: "Calls answered",
    labelNames: ["route", "caller", "status"],
    registers,
  });
  const seconds = new Histogram({
    name: "inboxloop_serve_request_seconds",
    help: "From a call to its answer",
    labelNames: ["route"],
    buckets,
    registers,
  });
  const hops = new Histogram({
    name: "inboxloop_decision_hop_seconds",
    help: "Time of one hop of a decision",
    labelNames: ["hop"],
    buckets,
    registers,
  });
  const decisions = new Counter({
    name: "inboxloop_decisions_total",
    help: "Decisions, by what decided",
    labelNames: ["policy", "rung", "reason"],
    registers,
  });
  const fallbacks = new Counter({
    name: "inboxloop_decision_fallbacks_total",
    help: "Decisions that the first rung of the policy did not make, of people who came to the ladder",
    labelNames: ["policy"],
    registers,
  });
  const failures = new Counter({
    name: "inboxloop_decision_failures_total",
    help: "Failures met while deciding, by kind",
    labelNames: ["failure"],
    registers,
  });
  const rows = new Counter({
    name: "inboxloop_stream_rows_total",
    help: "Raw rows counted into the online store",
    registers,
  });
  const behind = new Gauge({
    name: "inboxloop_stream_behind_seconds",
    help: "From a signal's arrival to its being counted, of the last one",
    registers,
  });
  new Gauge({
    name: "inboxloop_decision_queue_rows",
    help: "Decisions that wait for the door",
    registers,
    collect() {
      this.set(gauges.queueLength());
    },
  });
  new Gauge({
    name: "inboxloop_features_age_seconds",
    help: "Age of the features in the online store",
    registers,
    collect() {
      const age = gauges.featuresAge();
      if (age !== undefined) this.set(age);
    },
  });
  return {
    registry,
    answered(route, caller, status, took) {
      requests.inc({ route, caller, status: String(status) });
      seconds.observe({ route }, took);
    },
    hop: (hop, took) => hops.observe({ hop }, took),
    decided(rung, reason, policy, isFallback) {
      decisions.inc({ policy, rung, reason });
      if (isFallback) fallbacks.inc({ policy });
    },
    failed: (failure) => failures.inc({ failure }),
    streamed(count, secondsBehind) {
      rows.inc(count);
      if (secondsBehind !== undefined) behind.set(secondsBehind);
    },
  };
}
