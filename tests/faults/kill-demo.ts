// npm run test:faults:demo [-- --events 3000 --kills 4 --within 15 --canary-kills 3 --seed 1]
//
// Kills `inboxloop demo` with SIGKILL, at first wherever it is, then in its canaries, and starts it again in the same home, until it comes to its
// end; then compares what it says with what a demo says that was left alone: the same counts, digests, verdicts and releases.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { seededRandom } from "../../platform/seeded-random.ts";

const root = resolve(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: {
    events: { type: "string", default: "3000" },
    kills: { type: "string", default: "4" },
    within: { type: "string", default: "15" }, // seconds after a start
    "canary-kills": { type: "string", default: "3" }, // each after one more entry about canaries in the release log
    seed: { type: "string", default: "1" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "inboxloop-kill-demo-"));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const random = seededRandom(Number(values.seed));

/** When a run ends: by the clock, and where so many entries about canaries are wanted, that long after the last of them. */
interface End {
  readonly afterMs: number;
  readonly canaryEntries?: number;
}
/** A demo that hangs. */
const patience = 1_500_000;

/** Entries about canaries in the release log of a home: one when it begins, one for each look. */
function canaryEntries(home: string): number {
  try {
    return (
      readFileSync(join(home, "release_log.ndjson"), "utf8").split(/"kind":"canary_(?:started|checked)"/).length - 1
    );
  } catch {
    return 0;
  }
}

/** What a demo says at its end as JSON; undefined when it was killed before. */
async function demo(home: string, end: End): Promise<unknown> {
  const args = ["--import", "tsx", join(root, "cli/main.ts"), "--home", home, "demo", "--json", "--quiet"];
  const child = spawn(process.execPath, [...args, "--events", values.events, "--seed", values.seed], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    timeout: end.canaryEntries === undefined ? end.afterMs : patience,
    killSignal: "SIGKILL",
  });
  const said = text(child.stdout);
  const watch = setInterval(() => {
    if (end.canaryEntries === undefined || canaryEntries(home) < end.canaryEntries) return;
    clearInterval(watch);
    setTimeout(() => child.kill("SIGKILL"), end.afterMs);
  }, 100);
  const [code] = await once(child, "exit");
  clearInterval(watch);
  if (code === null) return undefined;
  // 4: so small a world may not tell its candidates apart.
  if (code !== 0 && code !== 4) throw new Error(`the demo ended with exit code ${code}`);
  return { code, said: JSON.parse(await said) };
}

/** Clocks, places and sizes, which differ from run to run; the bytes of a model's file hold a time, its digest does not. */
const ofTheRun = new Set(["at", "hash", "home", "model", "peak_memory_mb", "report", "seconds", "total_seconds"]);

function lasting(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lasting);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (ofTheRun.has(key) ? [] : [[key, lasting(inner)]])),
  );
}

/** Where two results part, as paths. */
function differences(left: unknown, right: unknown, path = ""): string[] {
  if (isDeepStrictEqual(left, right)) return [];
  const isTree = (one: unknown): one is Record<string, unknown> => one !== null && typeof one === "object";
  if (!isTree(left) || !isTree(right)) return [`${path}: ${JSON.stringify(left)} | ${JSON.stringify(right)}`];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].flatMap((key) => differences(left[key], right[key], `${path}.${key}`));
}

/** What a demo says that is killed again and again, and then left to end. */
async function resumedDemo(home: string): Promise<unknown> {
  const kill = async (end: End, when: string) => {
    if ((await demo(home, end)) !== undefined) throw new Error(`the demo had ended before it was killed ${when}`);
    say(`killed ${(end.afterMs / 1000).toFixed(1)} s after ${when}`);
  };
  for (let n = 0; n < Number(values.kills); n++)
    await kill({ afterMs: Math.round(1_000 + random() * Number(values.within) * 1_000) }, "its start");
  for (let n = 1; n <= Number(values["canary-kills"]); n++)
    await kill({ afterMs: Math.round(random() * 3_000), canaryEntries: n }, `entry ${n} about canaries`);
  return demo(home, { afterMs: patience });
}

try {
  say(`seed ${values.seed}, ${values.events} events`);
  // Side by side: neither alone has enough to do for two cores.
  const [whole, resumed] = await Promise.all([
    demo(join(folder, "whole"), { afterMs: patience }),
    resumedDemo(join(folder, "killed")),
  ]);
  const parted = differences(lasting(whole), lasting(resumed));
  for (const one of parted.slice(0, 20)) say(`NOT the same ${one.slice(0, 300)}`);
  say(
    `${Number(values.kills) + Number(values["canary-kills"])} kills; ${parted.length === 0 ? "the same to the last digit" : `${parted.length} differences`}`,
  );
  process.exitCode = parted.length === 0 && whole !== undefined ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
