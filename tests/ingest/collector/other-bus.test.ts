// A collector that hands over to Pub/Sub: what waits there is not its to count.

import { join } from "node:path";
import { expect, test } from "vitest";
import { runCollector } from "../../../ingest/collector/run-collector.ts";
import { defaultLimits } from "../../../ingest/collector/server.ts";
import { temporaryFolder, testContext } from "../support.ts";

async function told(isOther: boolean) {
  const home = temporaryFolder();
  const stop = new AbortController();
  const published: unknown[] = [];
  const found: { ready?: unknown; metrics?: string } = {};
  const asked = new Promise<void>((done, failed) => {
    const listening = async ({ address, status }: { address: string; status: string }) => {
      for (const id of ["a", "b", "c"])
        await fetch(`${address}/v1/events`, {
          method: "POST",
          headers: { authorization: "Bearer a-key-that-is-long-enough" },
          body: JSON.stringify({
            event_id: id,
            event_type: "open",
            user_id: "u",
            message_id: id,
            timestamp_utc: "2026-01-31T09:00:00Z",
          }),
        });
      found.ready = await (await fetch(`${status}/readyz`)).json();
      found.metrics = await (await fetch(`${status}/metrics`)).text();
    };
    const options = {
      host: "127.0.0.1",
      port: 0,
      status: { host: "127.0.0.1", port: 0 },
      spool: join(home, "spool"),
      settings: { INBOXLOOP_API_KEY_APP: "a-key-that-is-long-enough" },
      limits: { ...defaultLimits, maxBehind: 1 },
      withPipeline: false,
      drainMs: 1000,
      fetchText: async () => "",
      fetchBytes: async () => new Uint8Array(),
      otherBus: isOther
        ? { publish: async (more: readonly unknown[]) => void published.push(...more), close: async () => {} }
        : undefined,
      log: () => {},
      listening: (at: { address: string; status: string }) =>
        void listening(at)
          .then(done, failed)
          .finally(() => stop.abort()),
    };
    runCollector(testContext(join(home, "raw")), options, stop.signal).catch(failed);
  });
  await asked;
  return { ...found, published: published.length };
}

test("when messages go to Pub/Sub then nothing says how many wait there, least of all 0, and nobody is turned away for them", async () => {
  const { ready, metrics, published } = await told(true);
  expect(published).toBe(3);
  expect(ready).toEqual({ status: "ready", behind: null });
  expect(metrics).toContain("inboxloop_bus_published_position 3");
  expect(metrics).not.toMatch(/inboxloop_bus_(?:behind|landed)/);
});

test("when messages go to the spool then what waits is counted, and beyond the limit callers wait", async () => {
  const { ready, metrics } = await told(false);
  expect(ready).toEqual({ status: "behind", behind: 2 });
  expect(metrics).toContain("inboxloop_bus_behind_messages 2");
});
