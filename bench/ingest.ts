// npm run bench:ingest [-- --events 1000000 --turns 3]
//
// The local path, NDJSON in to queryable Parquet, beside a bare loop that only parses each line and writes it back with the
// same JSON. Both in this run, in processes of their own, over the same file, in turn; the best of each counts. Processor
// time is of all threads, and tells more than the clock on a machine that does other things too; memory is the resident set
// at each tenth of the run.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "..");
const { values } = parseArgs({
  options: { events: { type: "string", default: "1000000" }, turns: { type: "string", default: "3" } },
});
const events = Number(values.events);
const folder = mkdtempSync(join(tmpdir(), "inboxloop-bench-"));
const file = join(folder, "events.ndjson");

function writeEvents(): void {
  const out = openSync(file, "w");
  const users = Array.from({ length: 20_000 }, (_, n) => `user${n}@${["gmail", "yahoo", "outlook"][n % 3]}.example`);
  const hex = (n: number) => createHash("md5").update(String(n)).digest("hex");
  for (let from = 0; from < events; from += 5000) {
    const lines: string[] = [];
    for (let n = from; n < Math.min(events, from + 5000); n++) {
      const at = new Date(Date.UTC(2025, 0, 1) + n * 1000).toISOString();
      lines.push(
        JSON.stringify({
          event_id: hex(n),
          event_type: ["sent", "delivered", "open", "click"][n % 4],
          user_id: users[n % users.length],
          message_id: hex(n >> 2),
          campaign_id: `promo-${n % 30}`,
          timestamp_utc: at,
          received_at: at,
          consent: true,
          provenance: "bench",
          metadata: { isp: "gmail", region: "US-CA", user_agent: "Mozilla/5.0 (iPhone)" },
        }),
      );
    }
    writeSync(out, `${lines.join("\n")}\n`);
  }
  closeSync(out);
}

const bare = `
import fs from "node:fs";
const out = fs.openSync(process.argv[3], "w");
let carry, lines = [], size = 0;
for await (const chunk of fs.createReadStream(process.argv[2], { highWaterMark: 1 << 20 })) {
  let start = 0;
  for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
    let line = chunk.subarray(start, end);
    if (carry) { line = Buffer.concat([carry, line]); carry = undefined; }
    const text = JSON.stringify(JSON.parse(line.toString("utf8")));
    lines.push(text); size += text.length;
    if (size > 1 << 20) { fs.writeSync(out, lines.join("\\n") + "\\n"); lines = []; size = 0; }
    start = end + 1;
  }
  if (start < chunk.length) carry = chunk.subarray(start);
}
fs.writeSync(out, lines.join("\\n"));
`;

interface Timing {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** MiB, at each tenth of the run. */
  readonly memory: readonly number[];
  readonly peakMemory: number;
}

/** Resident memory in MiB, where the system tells (Linux). */
function residentMemory(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

async function timed(args: readonly string[]): Promise<Timing> {
  const usage = join(folder, "usage.json");
  const tell = `import { writeFileSync } from "node:fs";
process.on("exit", () => writeFileSync(${JSON.stringify(usage)}, JSON.stringify(process.resourceUsage())));`;
  const began = performance.now();
  const child = spawn(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(tell)}`, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(residentMemory(child.pid!)), 200);
  const status = await new Promise((done) => child.once("exit", done));
  clearInterval(timer);
  if (status !== 0) throw new Error(said);
  const seconds = (performance.now() - began) / 1000;
  const spent = JSON.parse(readFileSync(usage, "utf8")) as NodeJS.ResourceUsage;
  const known = samples.filter((one) => !Number.isNaN(one));
  return {
    seconds,
    cpuSeconds: (spent.userCPUTime + spent.systemCPUTime) / 1e6,
    memory: Array.from({ length: 10 }, (_, tenth) =>
      Math.round(known[Math.floor(((tenth + 0.5) / 10) * known.length)] ?? 0),
    ),
    peakMemory: Math.round(spent.maxRSS / 1024),
  };
}

const best = (timings: readonly Timing[], of: (timing: Timing) => number): number => Math.min(...timings.map(of));

try {
  writeEvents();
  const dist = join(folder, "dist");
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", dist]);
  copyFileSync(join(root, "includes/package.json"), join(dist, "includes/package.json"));
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const loop = join(folder, "bare.mjs");
  writeFileSync(loop, bare);
  const bareTurns: Timing[] = [];
  const ourTurns: Timing[] = [];
  for (let turn = 0; turn < Number(values.turns); turn++) {
    bareTurns.push(await timed([loop, file, join(folder, "bare.out")]));
    const home = join(folder, `home-${turn}`);
    ourTurns.push(
      await timed([
        join(dist, "cli/main.js"),
        "--home",
        home,
        "ingest",
        "file",
        file,
        "--trust-received-at",
        "--quiet",
      ]),
    );
    rmSync(home, { recursive: true, force: true });
  }
  const bareSeconds = best(bareTurns, ({ seconds }) => seconds);
  const ourSeconds = best(ourTurns, ({ seconds }) => seconds);
  const result = {
    machine: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, Node ${process.version}`,
    load: loadavg().map((one) => Math.round(one * 10) / 10),
    events,
    megabytes: Math.round(statSync(file).size / 1e6),
    bare_events_per_second: Math.round(events / bareSeconds),
    ingest_events_per_second: Math.round(events / ourSeconds),
    ratio: Math.round((100 * bareSeconds) / ourSeconds) / 100,
    bare_cpu_seconds: best(bareTurns, ({ cpuSeconds }) => cpuSeconds),
    ingest_cpu_seconds: best(ourTurns, ({ cpuSeconds }) => cpuSeconds),
    ingest_memory_mib: ourTurns[0]!.memory,
    ingest_peak_memory_mib: best(ourTurns, ({ peakMemory }) => peakMemory),
  };
  console.log(JSON.stringify(result, null, 2));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
