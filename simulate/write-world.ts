import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors/user-error.ts";
import { defaultAdversaries } from "./adversary-shares.ts";
import { customerCount, defaultDefects, type WorldConfig, worldConfig, worldEnd, worldStart } from "./config.ts";
import { DeviceTruth } from "./device-truth.ts";
import { ORGANIC_SHARE, runHistory, type WorldAtEnd } from "./history.ts";
import { LineFiles, type WrittenFile } from "./line-files.ts";
import { isoTime } from "./record-text.ts";
import { emptyCounts, type StreamCounts, Transport } from "./transport.ts";
import { variants } from "./treatments.ts";
import { type MessageTotals, TruthFiles, treatmentEffects, writeCustomers, writeJson } from "./truth-files.ts";
import type { State } from "./world.ts";
import { createWorld } from "./world.ts";

/** How a stream is cut into files. */
export const streamFiles = { linesPerFile: 125_000, extension: ".ndjson" };
/** The mark by which a folder is known as ours, to be written over. */
const WORLD_FILE = "world.json";

export interface Stream {
  readonly files: readonly WrittenFile[];
  readonly counts: StreamCounts;
}

/** What a simulation left behind; `truth/counts.json` holds the same. */
export interface SimulationResult {
  readonly dir: string;
  readonly config: WorldConfig;
  readonly customers: number;
  readonly campaigns: number;
  readonly from: string;
  readonly to: string;
  /** Valid, distinct events in the stream that ends with the period. */
  readonly events: number;
  readonly stream: Stream;
  /** What was under way when the period ended and arrived later, in `after/`. */
  readonly after: Stream;
  readonly messages: MessageTotals;
  readonly actors: Readonly<Record<string, number>>;
}

export interface SimulationPlan {
  readonly dir: string;
  readonly config: WorldConfig;
  readonly customers: number;
  readonly campaigns: number;
  readonly from: string;
  readonly to: string;
}

/** What `writeWorld` would do. */
export function planWorld(config: WorldConfig, dir: string): SimulationPlan {
  return {
    dir,
    config,
    customers: customerCount(config),
    campaigns: createWorld({ ...config, events: 1_000 }).campaigns.length,
    from: isoTime(worldStart(config)),
    to: isoTime(worldEnd(config)),
  };
}

export interface WriteWorldOptions {
  readonly signal?: AbortSignal;
  /** Called as days end. */
  readonly onDay?: (day: number, events: number) => void;
  /** Called with each file of the stream as soon as it is whole. */
  readonly onFile?: (file: WrittenFile) => void;
  /** Called with the world as it stands at its end, for what is simulated after it. */
  readonly onEnd?: (end: WorldAtEnd) => void;
}

/**
 * Makes a world's files under `dir`: `events-*.ndjson` in order of arrival, `after/` with what came after the end, `truth/`.
 * A folder that holds anything else is refused; a world already in it is replaced.
 */
export async function writeWorld(
  config: WorldConfig,
  dir: string,
  options: WriteWorldOptions = {},
): Promise<SimulationResult> {
  clearFolder(dir, WORLD_FILE);
  const truthDir = join(dir, "truth");
  mkdirSync(truthDir, { recursive: true });
  writeJson(truthDir, WORLD_FILE, config);
  const world = createWorld(config);
  const truth = new TruthFiles(truthDir);
  const transport = new Transport({
    config,
    customers: world.customers,
    label: "history",
    startsAt: worldStart(config),
    truth,
  });
  const writer = new LineFiles(dir, "events", { ...streamFiles, onFile: options.onFile });
  const counts = emptyCounts();
  const devices = new DeviceTruth(truthDir, transport);
  const days = runHistory(world, devices);
  let state: State;
  for (;;) {
    const step = days.next();
    if (step.done) {
      state = step.value;
      break;
    }
    transport.drainDay(step.value, writer, counts);
    options.onDay?.(step.value, counts.lines);
    await new Promise((resolve) => setImmediate(resolve));
    options.signal?.throwIfAborted();
  }
  const files = writer.close();

  const afterWriter = new LineFiles(join(dir, "after"), "events", streamFiles);
  const afterCounts = emptyCounts();
  for (let day = config.days; day <= transport.lastDay(); day++) transport.drainDay(day, afterWriter, afterCounts);
  const afterFiles = afterWriter.close();
  truth.close();
  devices.close();

  writeCustomers(truthDir, world, state);
  writeJson(truthDir, "treatments.json", {
    variants,
    organic_share: ORGANIC_SHARE,
    mean_outcome_at_end: treatmentEffects(world, state, worldEnd(config)),
  });
  const result: SimulationResult = {
    dir,
    config,
    customers: world.customers.count,
    campaigns: world.campaigns.length,
    from: isoTime(worldStart(config)),
    to: isoTime(worldEnd(config)),
    events: Object.values(counts.events).reduce((sum, n) => sum + n, 0),
    stream: { files, counts },
    after: { files: afterFiles, counts: afterCounts },
    messages: truth.totals,
    actors: truth.actors,
  };
  const { dir: _dir, ...kept } = result;
  writeJson(truthDir, "counts.json", kept);
  options.onEnd?.({ world, state });
  return result;
}

const worldFile = z.object({
  seed: z.number(),
  events: z.number(),
  days: z.number(),
  startsOn: z.string(),
  defects: z.record(z.string(), z.number()),
  adversaries: z.record(z.string(), z.number()).default({}),
});

/** The config of the world that was written under `dir`. Throws a `UserError` when there is none. */
export function readWorldConfig(dir: string): WorldConfig {
  const path = join(dir, "truth", WORLD_FILE);
  const refuse = (what: string, cause?: unknown): UserError =>
    new UserError(what, {
      code: "simulate.no-world",
      exit: "usage",
      where: path,
      next: `inboxloop simulate --out ${dir}`,
      cause,
    });
  if (!existsSync(path)) throw refuse(`${dir} holds no simulated world`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw refuse("the world's config cannot be read", error);
  }
  const read = worldFile.safeParse(value);
  if (!read.success) throw refuse("the world's config is not one of ours", read.error);
  return worldConfig({
    ...read.data,
    defects: { ...defaultDefects, ...read.data.defects },
    adversaries: { ...defaultAdversaries, ...read.data.adversaries },
  });
}

/**
 * Empties a folder that a simulation made earlier, known by `truth/<mark>`. Throws a `UserError` when it holds anything else.
 */
export function clearFolder(dir: string, mark: string): void {
  if (!existsSync(dir)) return;
  const found = readdirSync(dir);
  if (found.length === 0) return;
  if (!existsSync(join(dir, "truth", mark))) {
    throw new UserError(`${dir} is not empty, and not from an earlier run of this command`, {
      code: "simulate.folder-in-use",
      exit: "usage",
      where: dir,
      next: "give --out an empty folder",
    });
  }
  for (const name of found) {
    if (/^events-\d+\.ndjson$/.test(name) || name === "after" || name === "truth") {
      rmSync(join(dir, name), { recursive: true });
    }
  }
}
