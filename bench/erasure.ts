/**
 * Erasures in one pass: processor time of erasing many people from raw segments beside one plain rewrite of the same segments.
 *
 *   npm run bench:erasure [-- --events 1000000 --people 1000 --batch 100000]
 */
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createIdHasher } from "../ingest/door/id-hasher.ts";
import { loadIngestKeys } from "../ingest/door/keys.ts";
import { fileInput } from "../ingest/files/file.ts";
import { type IngestContext, ingestFiles, openLocalIngest } from "../ingest/ingest-files.ts";
import { eraseFromSegments, messagesOf } from "../ingest/segments/erase.ts";
import { locateSegments } from "../ingest/segments/segment-map.ts";
import { SegmentStore } from "../warehouse/duckdb/segment-store.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    people: { type: "string", default: "1000" },
    batch: { type: "string", default: "100000" },
  },
});
const events = Number(values.events);
const folder = mkdtempSync(join(tmpdir(), "inboxloop-bench-erasure-"));
const id = (n: number) => `sha256:${createHash("sha256").update(`person ${n}`).digest("hex")}`;
const population = Math.max(1, Math.floor(events / 20));
const seconds = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};

try {
  const path = join(folder, "events.ndjson");
  const file = createWriteStream(path);
  const types = ["sent", "delivered", "open", "click"];
  for (let n = 0; n < events; n++) {
    const user = (n * 7919) % population;
    const line = JSON.stringify({
      event_id: `e${n}`,
      event_type: types[n % 4],
      user_id_hash: id(user),
      message_id: `m${Math.floor(n / 4)}-${user}`,
      campaign_id: `c${n % 97}`,
      timestamp_utc: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
      consent: true,
      provenance: "bench",
      metadata: { isp: ["gmail", "outlook", "yahoo"][n % 3], link_id: `https://shop.example/p/${n % 1013}` },
    });
    if (!file.write(`${line}\n`)) await new Promise<void>((resolve) => file.once("drain", () => resolve()));
  }
  await new Promise<void>((resolve) => file.end(() => resolve()));

  const context: IngestContext = {
    raw: join(folder, "raw"),
    keys: loadIngestKeys({}, join(folder, "state"), randomBytes),
    now: () => new Date(),
    randomBytes,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    pid: process.pid,
    trustReceivedAt: false,
    batchRecords: Number(values.batch),
  };
  const { signal } = new AbortController();
  const hashId = createIdHasher(context.keys.ids.active);
  const inputs = async function* () {
    yield await fileInput(path, { hashId });
  };
  await ingestFiles(inputs(), context, signal);
  rmSync(path);

  const { sink } = await openLocalIngest(context);
  const ids = Array.from({ length: Number(values.people) }, (_, n) => id(n * 13));
  const segments = locateSegments(sink.ledger.entries).map(({ segment }) => segment);

  const store = await SegmentStore.open();
  const plainSince = process.cpuUsage();
  for (const [n, segment] of segments.entries()) {
    await store.merge([join(context.raw, segment)], join(folder, `plain-${n}.parquet`));
  }
  const plain = seconds(plainSince);
  store.close();

  const since = process.cpuUsage();
  const subject = { ids, messages: await messagesOf(sink, ids) };
  const letters = { placesBySegment: new Map(), aside: [], unopened: 0 };
  await eraseFromSegments(sink, "bench", subject, letters, signal);
  const erasure = seconds(since);
  const erased = sink.ledger.entries.reduce((sum, entry) => sum + (entry.kind === "erasure" ? entry.erased : 0), 0);
  sink.close();
  const result = {
    events,
    people: ids.length,
    messages: subject.messages.length,
    segments: segments.length,
    erased,
    plain_rewrite_cpu_s: Number(plain.toFixed(2)),
    erasure_cpu_s: Number(erasure.toFixed(2)),
    ratio: Number((erasure / plain).toFixed(2)),
  };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
