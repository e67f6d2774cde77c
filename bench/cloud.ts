// npm run bench:cloud [-- --events 20000]
//
// Pub/Sub to BigQuery against the emulators of test:cloud: our consumer (open the seal, decode, pseudonymise, dedup, append by
// offset, ledger, ack) beside a bare loop of Google's clients that receives, parses, appends to the default stream and acks. Both in this
// run and process, over as many messages of the same content. The clock is mostly the emulator's; processor time is this process's.

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { adapt, managedwriter } from "@google-cloud/bigquery-storage";
import { type Message, PubSub } from "@google-cloud/pubsub";
import { credentials } from "@grpc/grpc-js";
import rawTables from "../includes/raw_tables.js";
import { prepareRawTables } from "../ingest/bigquery/raw-tables.ts";
import { consumePubSub } from "../ingest/bus/consume-pubsub.ts";
import { openSubscription } from "../ingest/bus/open-pubsub.ts";
import { pubsubWriter } from "../ingest/bus/pubsub-bus.ts";
import { loadIngestKeys } from "../ingest/door/keys.ts";
import { startBigQuery, startPubSub } from "../tests/cloud/emulators.ts";
import { installEmulators } from "../tests/cloud/install.ts";
import { connectBigQuery } from "../warehouse/bigquery/connect.ts";

const { values } = parseArgs({ options: { events: { type: "string", default: "20000" } } });
const events = Number(values.events);
const projectId = "bench";
const installed = await installEmulators((line) => process.stderr.write(`${line}\n`));
const [pubsubEmulator, bigquery] = [await startPubSub(installed), await startBigQuery(installed)];
process.env["PUBSUB_EMULATOR_HOST"] = pubsubEmulator.host;
process.env["METADATA_SERVER_DETECTION"] = "none";
const folder = mkdtempSync(join(tmpdir(), "inboxloop-bench-"));
const target = { projectId, ...bigquery };
const warehouse = await connectBigQuery(target);
const keys = loadIngestKeys({}, folder, randomBytes);
const pubsub = new PubSub({ projectId });

const event = (n: number): Buffer =>
  Buffer.from(
    JSON.stringify({
      event_id: `e${n}`,
      event_type: n % 3 === 0 ? "click" : "open",
      user_id_hash: `sha256:${(n % 2000).toString(16).padStart(64, "0")}`,
      message_id: `m${n >> 1}`,
      campaign_id: `promo-${n % 30}`,
      timestamp_utc: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
      consent: true,
      provenance: "bench",
      metadata: { isp: "gmail", region: "US-CA", link_id: `l${n % 9}` },
    }),
  );

async function fill(name: string, isSealed: boolean, count = events, first = 0): Promise<string> {
  const [topic] = await pubsub.createTopic(name);
  await topic.createSubscription(name, { ackDeadlineSeconds: 600 });
  const sealed = pubsubWriter(topic, keys.deadLetters, randomBytes);
  for (let from = 0; from < count; from += 1000) {
    const part = Array.from({ length: Math.min(1000, count - from) }, (_, n) => event(first + from + n));
    if (isSealed) await sealed.publish(part.map((data) => ({ kind: "api-app", receivedAt: Date.now(), data })));
    else await Promise.all(part.map((data) => topic.publishMessage({ data })));
  }
  await topic.flush();
  return `projects/${projectId}/subscriptions/${name}`;
}

interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function measured(work: () => Promise<void>): Promise<Measured> {
  const began = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
}

/** Google's clients and nothing of ours. */
async function bare(subscriptionName: string, count = events): Promise<void> {
  const fields = rawTables.columns("events").map(({ name, type }) => ({ name, type, mode: "NULLABLE" }));
  const writers = new managedwriter.WriterClient({
    projectId,
    apiEndpoint: "127.0.0.1",
    port: Number(bigquery.storageEmulatorHost.split(":")[1]),
    sslCreds: credentials.createInsecure(),
  });
  const connection = await writers.createStreamConnection({
    streamId: `projects/${projectId}/datasets/bare/tables/events/streams/_default`,
  });
  const writer = new managedwriter.JSONWriter({
    connection,
    protoDescriptor: adapt.convertStorageSchemaToProto2Descriptor({ fields: fields as never }, "row"),
  });
  const subscription = pubsub.subscription(subscriptionName, { flowControl: { maxMessages: 10_000 } });
  const waiting: Message[] = [];
  subscription.on("message", (message) => void waiting.push(message));
  for (let done = 0; done < count; ) {
    const block = waiting.splice(0, 500);
    if (block.length === 0) {
      await sleep(50);
      continue;
    }
    const rows = block.map(({ data, publishTime }) => {
      const said = JSON.parse(data.toString());
      return {
        ...said,
        timestamp_utc: Date.parse(said.timestamp_utc) * 1000,
        received_at: publishTime.getTime() * 1000,
        metadata: JSON.stringify(said.metadata),
        schema_version: 1,
      };
    });
    await writer.appendRows(rows).getResult();
    for (const message of block) message.ack();
    done += block.length;
  }
  await subscription.close();
  writer.close();
  writers.close();
}

async function ours(name: string, count = events): Promise<void> {
  const { subscription, close } = await openSubscription(name);
  const stop = new AbortController();
  await consumePubSub(
    {
      raw: join(folder, "raw"),
      keys,
      now: () => new Date(),
      randomBytes,
      sleep: (ms) => sleep(ms),
      pid: process.pid,
      trustReceivedAt: false,
      bigQuery: { ...target, dataset: "ours", kind: "committed", state: join(folder, "bigquery") },
    },
    {
      subscription,
      name,
      progress: ({ landed }) => {
        if (landed >= count) stop.abort();
      },
    },
    stop.signal,
  );
  await close();
}

try {
  for (const dataset of ["bare", "ours"]) await prepareRawTables(warehouse, dataset);
  const [plain, sealed] = [await fill("plain", false), await fill("sealed", true)];
  // Neither is charged for what only its first messages cost: loading, compiling, the first connection.
  await bare(await fill("warm-plain", false, 500, events), 500);
  await ours(await fill("warm-sealed", true, 500, events), 500);
  const theirs = await measured(() => bare(plain));
  const our = await measured(() => ours(sealed));
  for (const dataset of ["bare", "ours"]) {
    const { rows } = await warehouse.query(`select count(distinct event_id) as n from ${dataset}.events`);
    const there = Number(rows[0]?.["n"]);
    if (there !== events + 500) throw new Error(`${dataset} has ${there} of ${events + 500} events`);
  }
  const line = (name: string, { seconds, cpuSeconds }: Measured) =>
    console.log(
      `${name.padEnd(22)} ${(events / seconds).toFixed(0).padStart(7)} events/s, ${(events / cpuSeconds).toFixed(0).padStart(7)} events a second of processor`,
    );
  console.log(`${events} events; ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`);
  line("bare clients", theirs);
  line("ingest consume", our);
  console.log(
    `ours/bare: ${(theirs.seconds / our.seconds).toFixed(2)} by the clock, ${(theirs.cpuSeconds / our.cpuSeconds).toFixed(2)} by processor time`,
  );
} finally {
  await pubsub.close();
  await warehouse.close();
  await Promise.all([pubsubEmulator.stop(), bigquery.stop()]);
  rmSync(folder, { recursive: true, force: true });
}
