// npm run test:faults [-- --events 1000000 --kills 200 --seed 1]
//
// Kills `inboxloop ingest file` with SIGKILL at boundaries between durable writes, again and again, until the file is in; then
// compares what landed with what was written: nothing lost, nothing doubled, the ledger whole.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, createWriteStream, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";

const root = resolve(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
  },
});
const events = Number(values.events);
const kills = Number(values.kills);
const folder = mkdtempSync(join(tmpdir(), "inboxloop-kill-"));
const home = join(folder, "home");

let state = Number(values.seed) >>> 0;
const random = (): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

/** Events with 5 % duplicates, 2 % late by up to a week, some lines broken. */
async function writeStream(path: string) {
  const out = createWriteStream(path);
  const users = Array.from({ length: 5000 }, (_, n) => `sha256:${createHash("sha256").update(`u${n}`).digest("hex")}`);
  const recent: string[] = [];
  const truth = { lines: 0, distinct: 0, duplicates: 0, broken: 0 };
  const start = Date.UTC(2026, 0, 1);
  for (let n = 0; n < events; n++) {
    let block = "";
    const late = random() < 0.02 ? random() * 7 * 86_400_000 : 0;
    const line = `${JSON.stringify({
      event_id: `e${n}`,
      event_type: ["sent", "delivered", "open", "click"][n % 4],
      user_id_hash: users[n % users.length],
      message_id: `m${n >> 2}`,
      campaign_id: `c${n % 50}`,
      timestamp_utc: new Date(start + n * 100 - late).toISOString(),
      received_at: new Date(start + n * 100).toISOString(),
      consent: true,
      provenance: "kill-test",
      metadata: { isp: "gmail" },
    })}\n`;
    block += line;
    truth.distinct += 1;
    recent[n % 20_000] = line;
    if (random() < 0.05) {
      block += recent[Math.floor(random() * Math.min(n + 1, 20_000))];
      truth.duplicates += 1;
    }
    if (random() < 0.001) {
      block += '{"event_id":"torn\n';
      truth.broken += 1;
    }
    truth.lines += block.split("\n").length - 1;
    if (!out.write(block)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
  return truth;
}

/** The product compiled, so that starting it two hundred times is quick. */
function compile(): string {
  const dist = join(folder, "dist");
  const tsc = spawnSync(process.execPath, [
    join(root, "node_modules/typescript/bin/tsc"),
    "-p",
    join(root, "tsconfig.build.json"),
    "--outDir",
    dist,
  ]);
  if (tsc.status !== 0) throw new Error(`tsc: ${tsc.stdout}`);
  copyFileSync(join(root, "includes/package.json"), join(dist, "includes/package.json"));
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return join(dist, "cli/main.js");
}

const began = performance.now();
const seconds = () => Math.round((performance.now() - began) / 1000);
mkdirSync(home);
const file = join(folder, "events.ndjson");
const truth = await writeStream(file);
const main = compile();
// About eleven boundaries a batch; on average half of the largest distance between two deaths.
const batch = Math.max(50, Math.ceil((truth.lines * 11) / (kills * 14)));
const run = (args: readonly string[], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, [main, "--home", home, ...args], { env: { ...process.env, ...env }, encoding: "utf8" });
const ingest = ["ingest", "file", file, "--trust-received-at", "--batch-size", String(batch)];

let killed = 0;
for (;;) {
  const { status, signal, stderr } = run(ingest, { INBOXLOOP_FAULT_AT: String(1 + Math.floor(random() * 22)) });
  if (signal === "SIGKILL") killed += 1;
  else if (status === 0) break;
  else throw new Error(`seed ${values.seed}, after ${killed} kills: exit ${status}\n${stderr}`);
  if (killed % 20 === 0) console.error(`${killed} kills, ${seconds()} s`);
}

const verify = run(["ingest", "verify", "--json"]);
const verdict = JSON.parse(verify.stdout) as Record<string, unknown>;
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
const [[rows, ids]] = (
  await connection.runAndReadAll(
    `select count(*)::double, count(distinct event_id)::double from '${join(home, "raw/events/**/*.parquet")}'`,
  )
).getRows() as [[number, number]];
const result = {
  seed: Number(values.seed),
  events: truth.distinct,
  lines: truth.lines,
  kills: killed,
  lost: truth.distinct - ids,
  doubled: rows - ids,
  ledger: {
    ok: verdict["ok"],
    received: verdict["received"],
    landed: verdict["landed"],
    duplicate: verdict["duplicate"],
    dead_letter: verdict["dead_letter"],
  },
  seconds: seconds(),
};
console.log(JSON.stringify(result, null, 2));
const isWhole =
  result.lost === 0 &&
  result.doubled === 0 &&
  verdict["ok"] === true &&
  verdict["received"] === truth.lines &&
  verdict["landed"] === truth.distinct &&
  verdict["duplicate"] === truth.duplicates &&
  verdict["dead_letter"] === truth.broken &&
  killed >= kills;
rmSync(folder, { recursive: true, force: true });
console.log(isWhole ? "whole" : "NOT WHOLE");
process.exit(isWhole ? 0 : 1);
