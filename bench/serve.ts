// npm run bench:serve -- --home <home of a finished demo> [--seconds 10 --connections 16]
//
// The decision service in a process of its own, on the demo's people, models and policies, in the demo's time; this process asks it. Beside it a
// bare fastify that validates the same body by the same schema and sends it back, and one that syncs it to a file before, all that waits together: less
// than that no answer that survives a power cut can cost; ratios are of one run. Then the batch: everybody decided once.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import autocannon from "autocannon";
import { openDuckDbWarehouse } from "../warehouse/duckdb/adapter.ts";
import { cpuSeconds, onceSaid } from "./server-process.ts";

const root = resolve(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    home: { type: "string" },
    seconds: { type: "string", default: "10" },
    connections: { type: "string", default: "16" },
    /** Decisions a second of the first, paced run. */
    rate: { type: "string", default: "1000" },
    policy: { type: "string", default: "newsletter" },
  },
});
if (values.home === undefined) throw new Error("--home: a home in which `inboxloop demo` has ended");
const home = resolve(values.home);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const secret = "0123456789abcdef0123456789abcdef";
const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
const say = (name: string, line: string): void => void process.stdout.write(`${name.padEnd(26)} ${line}\n`);

const people = await (async () => {
  const warehouse = await openDuckDbWarehouse({ path: join(home, "warehouse.duckdb") });
  try {
    const { rows } = await warehouse.query(
      "select user_id_hash, string(as_of_at) as as_of from features.decision_inputs order by user_id_hash",
    );
    return rows.map((row) => ({ id: String(row["user_id_hash"]), asOf: String(row["as_of"]) }));
  } finally {
    await warehouse.close();
  }
})();
if (people.length === 0) throw new Error("features.decision_inputs is empty");
/** Six hours after the last build. */
const instant = new Date(
  Date.parse(people[0]!.asOf.replace(" ", "T").replace(/\+00$/, "Z")) + 6 * 3_600_000,
).toISOString();

const node = (script: string, ...more: string[]): ChildProcess =>
  spawn(process.execPath, ["--import", "tsx", join(root, "bench", script), ...more], {
    cwd: root,
    env: { ...process.env, INBOXLOOP_SERVE_KEY_BENCH: `decide+read:${secret}` },
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Runs a command to its end and gives what it measured. */
async function measured(...args: string[]) {
  const child = node("in-its-time.ts", ...args);
  const [out, err] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  const last = out.trim().split("\n").at(-1);
  if (!last) throw new Error(`${args[0]} ended without a word: ${err.slice(-2000)}`);
  return JSON.parse(last) as {
    readonly done: unknown;
    readonly seconds: number;
    readonly cpu_seconds: number;
    readonly rss_mb: number;
  };
}

const listening = async (server: ChildProcess, where = /listening on (\S+)/): Promise<string> =>
  (await onceSaid(server, where))[0]!;

/** Waits until no more signals stream in: the demo's segments are younger than its time, so that a service counts all of them anew. */
async function caughtUp(url: string): Promise<void> {
  const began = performance.now();
  for (let [before, calm] = [-1, 0]; calm < 10; ) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const rows = Number(/^inboxloop_stream_rows_total (\d+)/m.exec(metrics)?.[1] ?? 0);
    calm = rows > 0 && rows === before ? calm + 1 : 0;
    before = rows;
    if (performance.now() - began > 300_000) throw new Error("it streams and streams");
    await new Promise((done) => setTimeout(done, 1000));
  }
  say("caught up after", `${((performance.now() - began) / 1000).toFixed(0)} s`);
}

let asked = 0;
const question = (): string => {
  asked += 1;
  return JSON.stringify({
    request_id: `bench-${process.pid}-${asked}`,
    user_id_hash: people[asked % people.length]!.id,
    policy: values.policy,
  });
};

async function load(server: ChildProcess, url: string, what: string, method: "GET" | "POST", rate?: number) {
  const before = cpuSeconds(server.pid!);
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    ...(rate === undefined ? {} : { overallRate: rate }),
    method,
    requests: [
      {
        setupRequest: (request) => {
          // The load generator writes the length of a body into the headers that it is given: each request has its own.
          if (method === "POST")
            return { ...request, headers: { ...headers }, path: "/v1/decisions", body: question() };
          asked += 1;
          return {
            ...request,
            headers: { authorization: headers.authorization },
            path: `/v1/customers/${people[asked % people.length]!.id}/features`,
          };
        },
      },
    ],
  });
  const cpu = cpuSeconds(server.pid!) - before;
  const answered = result["2xx"];
  const perSecond = answered / result.duration;
  say(
    what,
    `${Math.round(perSecond)}/s, p50 ${result.latency.p50} ms, p99 ${result.latency.p99} ms, max ${result.latency.max} ms, ${((1000 * cpu) / answered).toFixed(3)} ms of processor time each, ${result.non2xx + result.errors} otherwise`,
  );
  return perSecond;
}

const bare = `
import Fastify from "fastify";
import { decisionCall } from ${JSON.stringify(join(root, "serve/service/requests.ts"))};
const app = Fastify({ logger: false });
app.post("/v1/decisions", async (request) => decisionCall.parse(request.body));
console.error("listening on " + (await app.listen({ host: "127.0.0.1", port: 0 })));
process.once("SIGTERM", () => app.close());
`;

/** The same, but what it answers is on disk. */
const synced = (file: string): string => `
import { fdatasync, openSync, write } from "node:fs";
import Fastify from "fastify";
import { decisionCall } from ${JSON.stringify(join(root, "serve/service/requests.ts"))};
const app = Fastify({ logger: false });
const file = openSync(${JSON.stringify(file)}, "a");
let waiting = [];
let isWriting = false;
function writeWaiting() {
  const group = waiting;
  waiting = [];
  isWriting = group.length > 0;
  if (!isWriting) return;
  write(file, group.map(({ line }) => line).join(""), () =>
    fdatasync(file, () => {
      for (const { done } of group) done();
      writeWaiting();
    }),
  );
}
app.post("/v1/decisions", async (request) => {
  const body = decisionCall.parse(request.body);
  await new Promise((done) => {
    waiting.push({ line: JSON.stringify(body) + "\\n", done });
    if (!isWriting) writeWaiting();
  });
  return body;
});
console.error("listening on " + (await app.listen({ host: "127.0.0.1", port: 0 })));
process.once("SIGTERM", () => app.close());
`;

/** How long the home's disk takes for a write that is synced: no decision is answered before one. */
function saySync(): void {
  const path = join(home, ".bench-sync");
  const file = openSync(path, "w");
  const took = Array.from({ length: 500 }, () => {
    writeSync(file, Buffer.alloc(16_384, 1));
    const began = performance.now();
    fdatasyncSync(file);
    return performance.now() - began;
  }).sort((a, b) => a - b);
  closeSync(file);
  rmSync(path);
  say("a synced write of 16 kB", `p50 ${took[250]!.toFixed(1)} ms, p99 ${took[495]!.toFixed(1)} ms`);
}

const folder = mkdtempSync(join(root, "bench", ".bare-"));
const servers: ChildProcess[] = [];
try {
  say("machine", `${cpus().length} cores, load generator beside it; ${people.length} people, as of ${people[0]!.asOf}`);
  saySync();
  const pushed = await measured("push", home, instant);
  say("features push", `${Math.round(people.length / pushed.seconds)} people/s`);

  const server = node("in-its-time.ts", "serve", home, instant);
  servers.push(server);
  const [status, url] = await Promise.all([listening(server, /status on (\S+)/), listening(server)]);
  const one = await (await fetch(`${url}/v1/customers/${people[0]!.id}/features`, { headers })).json();
  const features = (one as { readonly features: readonly unknown[] }).features.length;
  const first = await (await fetch(`${url}/v1/decisions`, { method: "POST", headers, body: question() })).json();
  const { rung, reason, model } = first as {
    readonly rung: string;
    readonly reason: string;
    readonly model: { readonly version: string } | null;
  };
  say("one decision", `rung ${rung}, ${reason}, model ${model?.version ?? "none"}`);
  await caughtUp(status);
  await load(server, url, "warm-up", "POST");
  await load(server, url, `${features} features, paced`, "GET", Number(values.rate));
  await load(server, url, `${features} features, full`, "GET");
  await load(server, url, "decisions, paced", "POST", Number(values.rate));
  const ours = await load(server, url, "decisions, full", "POST");
  server.kill("SIGTERM");

  for (const [name, text, wanted] of [
    ["bare fastify", bare, "to be reached: 0.5"],
    ["fastify that syncs", synced(join(folder, "lines.ndjson")), "no answer that lasts costs less"],
  ] as const) {
    const script = join(folder, `${name.replaceAll(" ", "-")}.ts`);
    writeFileSync(script, text);
    const plain = spawn(process.execPath, ["--import", "tsx", script], {
      cwd: root,
      stdio: ["ignore", "inherit", "pipe"],
    });
    servers.push(plain);
    const plainUrl = await listening(plain);
    await load(plain, plainUrl, `${name}, warm-up`, "POST");
    const theirs = await load(plain, plainUrl, `${name}, full`, "POST");
    say("ratio", `${(ours / theirs).toFixed(2)} of a ${name} (${wanted})`);
    plain.kill("SIGTERM");
  }
  await new Promise((done) => (server.exitCode === null ? server.once("exit", done) : done(undefined)));

  const batch = await measured("decide", home, instant, `bench-${process.pid}`);
  say(
    "batch",
    `${people.length} decisions in ${batch.seconds.toFixed(1)} s: ${Math.round(people.length / batch.seconds)}/s, ${batch.cpu_seconds.toFixed(1)} s of processor time, ${Math.round(batch.rss_mb)} MB (to be reached: 20,000/s)`,
  );
} finally {
  for (const server of servers) server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
