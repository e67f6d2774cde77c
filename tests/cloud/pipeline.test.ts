import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type PubSub as Client, PubSub } from "@google-cloud/pubsub";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { pubsubWriter } from "../../ingest/bus/pubsub-bus.ts";
import { loadIngestKeys } from "../../ingest/door/keys.ts";
import type { LedgerVerdict } from "../../ingest/segments/verify.ts";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import { buildProject } from "../../warehouse/dataform/build.ts";
import { engineOver } from "../../warehouse/dataform/engine.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { startConsumer } from "./support/consumer.ts";
import { copyProject } from "./support/copy-project.ts";
import { environmentOf, ownBigQuery } from "./support/own-bigquery.ts";
import { inboxloop } from "./support/run-node.ts";

/**
 * Pub/Sub -> pipeline -> BigQuery, with Google's clients against Google's in-memory Pub/Sub and the BigQuery emulator, its Storage
 * Write API included. The consumer is a process of its own and is killed (-9) at each boundary between two durable writes.
 */
const keys = {
  INBOXLOOP_ID_KEY: "v1:an id key of the cloud tests",
  INBOXLOOP_DEAD_LETTER_KEY: "v1:a letter key of them",
};
const project = "pipeline";

const bigquery = await ownBigQuery();
let folder: string;
let client: Client;
let warehouse: Warehouse;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-cloud-"));
  // The client of the tests' own process; the consumer's finds PUBSUB_EMULATOR_HOST in its environment.
  process.env["PUBSUB_EMULATOR_HOST"] = inject("pubsub");
  client = new PubSub({ projectId: project });
  warehouse = await connectBigQuery({ projectId: project, ...bigquery });
});
afterAll(async () => {
  await client?.close();
  await warehouse?.close();
  await rm(folder, { recursive: true, force: true });
});

const environment = () => ({
  ...keys,
  PUBSUB_EMULATOR_HOST: inject("pubsub"),
  ...environmentOf(bigquery),
  GOOGLE_CLOUD_PROJECT: project,
});

/** A seeded source of numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
}

interface Sent {
  /** Ids of the distinct events. */
  readonly events: Set<string>;
  messages: number;
  letters: number;
}

/** A bus of its own, and a sender who repeats 5 % of what it says, tells 2 % days late and garbles 1 %. */
async function openBus(name: string, seed: number) {
  const topicName = `projects/${project}/topics/${name}`;
  const [topic] = await client.createTopic(topicName);
  await topic.createSubscription(`projects/${project}/subscriptions/${name}`, { ackDeadlineSeconds: 10 });
  const writer = pubsubWriter(topic, loadIngestKeys(keys, folder, randomBytes).deadLetters, randomBytes);
  const next = random(seed);
  const sent: Sent = { events: new Set(), messages: 0, letters: 0 };
  const publish = async (count: number) => {
    const messages = Array.from({ length: count }, () => {
      const isRepeat = sent.events.size > 0 && next() < 0.05;
      const number = isRepeat ? Math.floor(next() * sent.events.size) : sent.events.size;
      const isGarbled = !isRepeat && next() < 0.01;
      if (isGarbled) sent.letters += 1;
      else sent.events.add(`${name}-${number}`);
      sent.messages += 1;
      const late = number % 50 === 0 ? 5 : 0;
      const text = JSON.stringify({
        event_id: `${name}-${number}`,
        event_type: number % 3 === 0 ? "click" : "open",
        user_id_hash: `sha256:${(number % 40).toString(16).padStart(64, "0")}`,
        message_id: `m-${number % 200}`,
        campaign_id: "promo-202601",
        timestamp_utc: new Date(Date.UTC(2026, 0, 20 - late) + number * 60_000).toISOString(),
        consent: true,
        provenance: "cloud-test",
        metadata: { isp: "gmail", link_id: `l${number % 7}` },
      });
      return { kind: "api-app", receivedAt: Date.now(), data: Buffer.from(isGarbled ? text.slice(0, 80) : text) };
    });
    await writer.publish(messages);
  };
  return { sent, publish, subscription: `projects/${project}/subscriptions/${name}`, close: () => writer.close() };
}

async function numbers(dataset: string): Promise<{ rows: number; events: number; letters: number }> {
  const { rows } = await warehouse.query(`
    select count(*) as n, count(distinct event_id) as events, (select count(distinct position || batch_id) from ${dataset}.dead_letters) as letters
    from ${dataset}.events`);
  const row = rows[0] ?? {};
  return { rows: Number(row["n"]), events: Number(row["events"]), letters: Number(row["letters"]) };
}

/** Consumes until BigQuery has every event, then asks the consumer to stop, which it does well. */
async function consumeToTheEnd(args: readonly string[], dataset: string, sent: Sent): Promise<void> {
  const consumer = startConsumer(args, environment());
  let isOver = false;
  void consumer.ended.then(() => {
    isOver = true;
  });
  for (const until = Date.now() + 300_000; Date.now() < until && !isOver; await sleep(1000)) {
    const now = await numbers(dataset).catch(() => undefined);
    if (now && now.events >= sent.events.size && now.letters >= sent.letters) break;
  }
  // What landed before a kill and was not acked comes again and is counted as a duplicate; the bus may take its time for that.
  await sleep(15_000);
  consumer.stop();
  const { code, said } = await consumer.ended;
  expect({ code, said: code === 0 ? "" : said }).toEqual({ code: 0, said: "" });
}

async function verify(home: string, dataset: string): Promise<LedgerVerdict> {
  const { stdout, stderr } = await inboxloop(
    ["ingest", "verify", "--to", "bigquery", "--dataset", dataset, "--home", home, "--json"],
    { env: environment() },
  );
  expect(stderr).not.toMatch(/error/i);
  return JSON.parse(stdout) as LedgerVerdict;
}

/** Where the consumer dies, a run each: at every boundary, some of them in the middle of a run. */
const deaths = [
  "batch-begun:1", "append-noted:1", "append-answered:1", "recovered-one:1", "committing:1", "ledger-torn:1", "ledger-appended:1",
  "ledger-mirrored:2", "batch-removed:1", "append-noted:3", "append-answered:2",
]; // biome-ignore format: a list

test("when the consumer is killed at every boundary then each event is in BigQuery once, counted once, and the ledger is whole", async () => {
  const home = join(folder, "committed");
  const bus = await openBus("committed", 7);
  const args = ["--pubsub-subscription", bus.subscription, "--to", "bigquery", "--dataset", "raw", "--home", home];
  let kills = 0;
  for (const death of deaths) {
    await bus.publish(150);
    const consumer = startConsumer(args, { ...environment(), INBOXLOOP_FAULT_AT: death });
    const late = setTimeout(() => consumer.stop(), 120_000);
    const { signal, said } = await consumer.ended;
    clearTimeout(late);
    expect({ death, signal, said: signal === "SIGKILL" ? "" : said }).toEqual({ death, signal: "SIGKILL", said: "" });
    kills += 1;
  }
  await bus.publish(350);
  await consumeToTheEnd(args, "raw", bus.sent);
  await bus.close();

  const found = await numbers("raw");
  expect(found.events).toBe(bus.sent.events.size); // nothing lost
  expect(found.rows).toBe(bus.sent.events.size); // nothing doubled, not even before the models
  const verdict = await verify(home, "raw");
  expect(verdict.problems).toEqual([]);
  expect(verdict.received).toBe(verdict.landed + verdict.duplicate + verdict.dead_letter);
  expect(verdict.landed).toBe(found.rows);
  expect(verdict.dead_letter).toBeGreaterThanOrEqual(bus.sent.letters);
  expect(await distinctEvents()).toEqual({ rows: found.rows, events: found.events });
  process.stderr.write(
    `pipeline, committed streams: ${bus.sent.messages} messages, ${found.events} events, ${bus.sent.letters} garbled, ${kills} kills; ` +
      `received ${verdict.received} = landed ${verdict.landed} + duplicate ${verdict.duplicate} + dead letter ${verdict.dead_letter}\n`,
  );
});

/** The models' own deduplication, over what is in `raw`, by our runner. */
async function distinctEvents(): Promise<{ rows: number; events: number }> {
  const { result } = await buildProject({
    projectDir: await copyProject(join(folder, "project"), project),
    engine: engineOver(warehouse, 2),
    vars: { as_of: new Date().toISOString() },
    now: () => new Date(),
    newId: randomUUID,
    select: ["events.distinct_events"],
    includeDeps: true,
  });
  expect(result.results.filter(({ outcome }) => outcome !== "done")).toEqual([]);
  const { rows } = await warehouse.query(
    "select count(*) as n, count(distinct event_id) as events from events.distinct_events where event_id like 'committed-%'",
  );
  return { rows: Number(rows[0]?.["n"]), events: Number(rows[0]?.["events"]) };
}

test("when the default stream is used and the consumer is killed then nothing is lost, and keys make what is doubled count once", async () => {
  const home = join(folder, "default");
  const bus = await openBus("default", 11);
  const dataset = "raw_default";
  const args = [
    "--pubsub-subscription",
    bus.subscription,
    "--to",
    "bigquery",
    "--dataset",
    dataset,
    "--stream",
    "default",
    "--home",
    home,
  ];
  await bus.publish(200);
  const { signal, said } = await startConsumer(args, { ...environment(), INBOXLOOP_FAULT_AT: "append-answered:1" })
    .ended;
  expect({ signal, said: signal === "SIGKILL" ? "" : said }).toEqual({ signal: "SIGKILL", said: "" });
  await bus.publish(100);
  await consumeToTheEnd(args, dataset, bus.sent);
  await bus.close();
  const found = await numbers(dataset);
  expect(found.events).toBe(bus.sent.events.size);
  const verdict = await verify(home, dataset);
  expect(verdict.problems).toEqual([]);
  expect(verdict.landed).toBeLessThanOrEqual(found.rows);
  process.stderr.write(
    `pipeline, default stream: ${bus.sent.messages} messages, ${found.events} events, ${found.rows} rows, 1 kill\n`,
  );
});
