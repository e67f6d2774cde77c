// What waits in Pub/Sub, asked of a server that answers as Cloud Monitoring does.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { type Backlog, type BacklogEnv, readBacklog, watchBacklog } from "../../../ingest/bus/pubsub-backlog.ts";
import { createMetrics } from "../../../ingest/collector/metrics.ts";
import { collectorStatus } from "../../../ingest/collector/status.ts";

const subscription = "projects/shop/subscriptions/inboxloop";
const now = Date.parse("2026-01-31T12:00:00Z");
const live = new AbortController().signal;

/** What `projects.timeSeries.list` answers for one series, newest first. */
const series = (...points: readonly (readonly [string, string])[]) => ({
  timeSeries: [
    {
      metric: { type: "x" },
      resource: { type: "pubsub_subscription", labels: { subscription_id: "inboxloop" } },
      metricKind: "GAUGE",
      valueType: "INT64",
      points: points.map(([endTime, int64Value]) => ({
        interval: { startTime: endTime, endTime },
        value: { int64Value },
      })),
    },
  ],
});

/** A server whose answers a test sets, and what it was asked. */
async function monitoring(answers: Record<string, { readonly status?: number; readonly body: unknown }>) {
  const asked: { readonly path: string; readonly filter: string; readonly start: string; readonly key: string }[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const filter = url.searchParams.get("filter") ?? "";
    asked.push({
      path: url.pathname,
      filter,
      start: url.searchParams.get("interval.startTime") ?? "",
      key: request.headers.authorization ?? "",
    });
    const { status = 200, body } = Object.entries(answers).find(([name]) => filter.includes(name))?.[1] ?? { body: {} };
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => void server.close());
  const env: BacklogEnv = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: async () => "t0ken",
    now: () => now,
  };
  return { env, asked, answers };
}

test("when Cloud Monitoring has counted then the newest count and age are what waits", async () => {
  const { env, asked } = await monitoring({
    num_undelivered_messages: { body: series(["2026-01-31T11:58:00Z", "420"], ["2026-01-31T11:57:00Z", "7"]) },
    oldest_unacked_message_age: { body: series(["2026-01-31T11:58:00Z", "93"]) },
  });
  expect(await readBacklog(env, subscription, live)).toEqual({
    kind: "known",
    messages: 420,
    oldestSeconds: 93,
    at: Date.parse("2026-01-31T11:58:00Z"),
  });
  expect(asked[0]).toEqual({
    path: "/v3/projects/shop/timeSeries",
    filter:
      'metric.type = "pubsub.googleapis.com/subscription/num_undelivered_messages" AND resource.type = "pubsub_subscription" AND resource.labels.subscription_id = "inboxloop"',
    start: "2026-01-31T11:50:00.000Z",
    key: "Bearer t0ken",
  });
});

test("when it cannot be known then the reason is said, and never a number", async () => {
  const { env, answers } = await monitoring({});
  const ask = (more: Partial<BacklogEnv> = {}, name = subscription) => readBacklog({ ...env, ...more }, name, live);
  const unknown = (reason: string) => ({ kind: "unknown", reason });
  expect(await ask()).toEqual(unknown("no-sample"));
  answers["num_undelivered_messages"] = { status: 403, body: { error: { code: 403 } } };
  expect(await ask()).toEqual(unknown("not-allowed"));
  answers["num_undelivered_messages"] = { status: 503, body: {} };
  expect(await ask()).toEqual(unknown("unreachable"));
  answers["num_undelivered_messages"] = { body: { timeSeries: "what" } };
  expect(await ask()).toEqual(unknown("unreachable"));
  answers["num_undelivered_messages"] = { body: series(["2026-01-31T11:58:00Z", "not a number"]) };
  expect(await ask()).toEqual(unknown("no-sample"));
  expect(await ask({ token: async () => undefined })).toEqual(unknown("no-credentials"));
  expect(await ask({ token: () => Promise.reject(new Error("no")) })).toEqual(unknown("no-credentials"));
  expect(await ask({ endpoint: "http://127.0.0.1:1" })).toEqual(unknown("unreachable"));
  expect(await ask({}, 'projects/p/subscriptions/s" OR "')).toEqual(unknown("no-subscription"));
});

test("when the count is old then it is not told any more, and a new one is told when it comes", async () => {
  let at = now;
  const { env, answers } = await monitoring({
    num_undelivered_messages: { body: series(["2026-01-31T11:58:00Z", "3"]) },
  });
  const stop = new AbortController();
  const current = watchBacklog({ ...env, now: () => at }, subscription, stop.signal, 20);
  expect(current()).toEqual({ kind: "unknown", reason: "not-asked-yet" });
  const until = async (wanted: object) => {
    for (let n = 0; n < 200 && JSON.stringify(current()) !== JSON.stringify({ ...current(), ...wanted }); n++)
      await sleep(10);
    expect(current()).toMatchObject(wanted);
  };
  await until({ kind: "known", messages: 3, oldestSeconds: null });
  at = now + 11 * 60_000;
  expect(current()).toEqual({ kind: "unknown", reason: "no-sample" });
  answers["num_undelivered_messages"] = { body: series(["2026-01-31T12:10:00Z", "9"]) };
  await until({ kind: "known", messages: 9 });
  stop.abort();
});

test("when the backlog is known then the gauges have it, and when it is not they are absent and say why; readiness tells it and turns nobody away", async () => {
  let backlog: Backlog = { kind: "known", messages: 5_000_000, oldestSeconds: 61, at: now };
  const metrics = createMetrics({ backlog: () => backlog, withProcess: false });
  const status = collectorStatus({ hooks: new Map(), backlog: () => backlog, metrics, limits: { maxBehind: 1 } });
  const lines = async () =>
    (await metrics.registry.metrics())
      .split("\n")
      .filter((line) => /^inboxloop_bus_(?:behind|oldest|backlog).* [1-9]/.test(line));
  expect(await lines()).toEqual(["inboxloop_bus_behind_messages 5000000", "inboxloop_bus_oldest_waiting_seconds 61"]);
  expect(status.readiness()).toEqual({
    isReady: true,
    told: { status: "ready", behind: 5_000_000, oldest_seconds: 61 },
  });
  backlog = { kind: "unknown", reason: "not-allowed" };
  expect(await lines()).toEqual(['inboxloop_bus_backlog_unknown{reason="not-allowed"} 1']);
  expect(await metrics.registry.metrics()).not.toMatch(/^inboxloop_bus_(?:behind_messages|oldest_waiting_seconds) /m);
  expect(status.readiness()).toEqual({
    isReady: true,
    told: { status: "ready", behind: null, behind_unknown: "not-allowed" },
  });
  backlog = { kind: "known", messages: 0, oldestSeconds: 0, at: now };
  expect(await metrics.registry.metrics()).toMatch(/^inboxloop_bus_behind_messages 0$/m);
});
