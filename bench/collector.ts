// npm run bench:collector [-- --seconds 10 --connections 32 --with-pipeline --rate 100]
//
// Signed webhook calls of ten events each against `inboxloop ingest serve` in a process of its own; this process makes and
// signs the calls (SendGrid's ECDSA over time and body, each call another body) before the clock starts, and sends them.

import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import autocannon from "autocannon";
import { cpuSeconds, onceSaid } from "./server-process.ts";

const root = resolve(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    connections: { type: "string", default: "32" },
    "with-pipeline": { type: "boolean", default: false },
    /** Calls a second; as many as go when left out. */
    rate: { type: "string" },
  },
});
const seconds = Number(values.seconds);
const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const home = mkdtempSync(join(tmpdir(), "inboxloop-collector-"));
const settings = {
  ...process.env,
  INBOXLOOP_HOOK_SENDGRID_PUBLIC_KEY: keys.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
};
const cli = (...more: string[]) => ["--import", "tsx", join(root, "cli/main.ts"), "--home", home, ...more];

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** p50 and p99 of the time to queryable, as the upper bounds of the histogram's buckets that hold them. */
function queryable(metrics: string): string {
  const buckets = [...metrics.matchAll(/^inboxloop_event_to_queryable_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm)];
  const total = Number(buckets.at(-1)?.[2] ?? 0);
  const at = (share: number) => buckets.find((bucket) => Number(bucket[2]) >= share * total)?.[1];
  return `p50 at most ${at(0.5)} s, p99 at most ${at(0.99)} s`;
}

function signedCalls(count: number) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  return Array.from({ length: count }, (_, call) => {
    const events = Array.from({ length: 10 }, (_, n) => ({
      email: `reader${(call * 10 + n) % 5000}@example.org`,
      event: n % 3 === 0 ? "open" : "delivered",
      timestamp: Number(timestamp),
      sg_event_id: `e${call}-${n}`,
      sg_message_id: `m${call}-${n}.filter0001.1.0`,
      useragent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15",
      response: "250 2.0.0 OK 1769853600 gsmtp",
    }));
    const body = JSON.stringify(events);
    const signature = sign("sha256", Buffer.from(timestamp + body), keys.privateKey).toString("base64");
    return {
      body,
      headers: {
        "content-type": "application/json",
        "x-twilio-email-event-webhook-timestamp": timestamp,
        "x-twilio-email-event-webhook-signature": signature,
      },
    };
  });
}

const server = spawn(
  process.execPath,
  cli(
    "--json",
    "ingest",
    "serve",
    "--port",
    "0",
    "--rate",
    "100000",
    ...(values["with-pipeline"] ? ["--with-pipeline"] : []),
  ),
  { cwd: root, env: settings, stdio: ["ignore", "pipe", "pipe"] },
);
let said = "";
server.stdout!.on("data", (chunk) => {
  said += String(chunk);
});
try {
  const [url, status] = await onceSaid(server, /listening on (\S+)/, /status on (\S+)/);
  const calls = signedCalls(Math.min(60_000, seconds * 6000));
  let next = 0;
  const warmUp = 200;
  const run = (amount: number, duration?: number) =>
    autocannon({
      url: `${url}/hooks/sendgrid`,
      method: "POST",
      connections: Number(values.connections),
      ...(duration === undefined ? { amount } : { duration }),
      ...(values.rate === undefined ? {} : { overallRate: Number(values.rate) }),
      requests: [{ setupRequest: (request) => ({ ...request, ...calls[next++ % calls.length]! }) }],
    });
  await run(warmUp);
  const before = cpuSeconds(server.pid!);
  const result = await run(0, seconds);
  const cpu = cpuSeconds(server.pid!) - before;
  const accepted = result["2xx"];
  say(
    `machine         ${cpus().length} cores, load generator beside it${values["with-pipeline"] ? ", pipeline in the process" : ""}`,
  );
  say(
    `accepted        ${accepted} calls of 10 events in ${result.duration} s: ${Math.round(accepted / result.duration)} calls/s`,
  );
  say(`processor       ${((cpu * 1000) / accepted).toFixed(3)} ms of the collector's a call`);
  say(`latency         p50 ${result.latency.p50} ms, p99 ${result.latency.p99} ms, max ${result.latency.max} ms`);
  say(
    `not accepted    ${result.non2xx} answered otherwise${next > calls.length ? " (signed calls ran out and came again)" : ""}, ${result.errors} errors`,
  );
  if (values["with-pipeline"]) {
    await new Promise((done) => setTimeout(done, 3000));
    say(`queryable       ${queryable(await (await fetch(`${status}/metrics`)).text())} after arrival`);
  }
  server.kill("SIGTERM");
  await new Promise((done) => server.once("exit", done));
  say(`stopped         exit ${server.exitCode}`);
  spawnSync(process.execPath, cli("ingest", "consume", "--once"), { cwd: root, env: settings });
  const verified = spawnSync(process.execPath, cli("--json", "ingest", "verify"), { cwd: root, env: settings });
  const totals = JSON.parse(String(verified.stdout)) as { received: number; landed: number; ok: boolean };
  // Calls that were under way when the clock stopped were accepted too.
  const { published } = JSON.parse(said) as { published: number };
  say(
    `landed          ${totals.landed} of ${published * 10} events accepted; ledger ${totals.ok ? "whole" : "BROKEN"}`,
  );
  if (!totals.ok || totals.landed !== published * 10 || published < accepted) process.exitCode = 4;
} finally {
  server.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
}
