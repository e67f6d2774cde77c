// npm run test:faults:demo [-- --events 3000 --kills 4 --seed 1]
//
// Kills `inboxloop demo` with SIGKILL, wherever it is, and starts it again in the same home, until it comes to its end; then compares
// what it says with what a demo says that was left alone: the same counts, digests, verdicts and releases.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual, parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: {
    events: { type: "string", default: "3000" },
    kills: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "inboxloop-kill-demo-"));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

let state = Number(values.seed) >>> 0;
const random = (): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

/** What a demo says at its end as JSON; undefined when it was killed before. */
async function demo(home: string, killAfterMs: number): Promise<unknown> {
  const args = ["--import", "tsx", join(root, "cli/main.ts"), "--home", home, "demo", "--json", "--quiet"];
  const child = spawn(process.execPath, [...args, "--events", values.events, "--seed", values.seed], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const said = text(child.stdout);
  const alarm = new AbortController();
  const killed = pause(killAfterMs, undefined, { signal: alarm.signal }).then(
    () => child.kill("SIGKILL"),
    () => false,
  );
  const [code] = await ended;
  alarm.abort();
  await killed;
  if (code !== 0 && code !== null) throw new Error(`the demo ended with exit code ${code}`);
  return code === 0 ? JSON.parse(await said) : undefined;
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

try {
  say(`seed ${values.seed}, ${values.events} events`);
  const began = performance.now();
  const whole = lasting(await demo(join(folder, "whole"), 600_000));
  const takes = performance.now() - began;
  let kills = 0;
  let resumed: unknown;
  for (let run = 0; resumed === undefined; run++) {
    const after = run < Number(values.kills) ? 1_000 + random() * takes * 0.4 : 600_000;
    resumed = await demo(join(folder, "killed"), after);
    if (resumed === undefined) {
      kills++;
      say(`killed after ${(after / 1000).toFixed(1)} s`);
    }
  }
  const parted = differences(whole, lasting(resumed));
  for (const one of parted.slice(0, 20)) say(`NOT the same ${one}`);
  say(`${kills} kills; ${parted.length === 0 ? "the same to the last digit" : `${parted.length} differences`}`);
  process.exitCode = parted.length === 0 && whole !== undefined && kills > 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
