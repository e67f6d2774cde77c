import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { Environment } from "../cli/environment.ts";
import type { Assignment, CanaryResult } from "../simulate/canary.ts";
import type { WorldConfig } from "../simulate/config.ts";
import type { SimulationResult } from "../simulate/write-world.ts";
import { SideProcess } from "./side-process.ts";
import type { SimulatorNote, SimulatorRequest } from "./simulator-process.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** A simulation under way: its files as they become whole, and what it comes to. */
export interface Simulated<Result> {
  readonly files: AsyncIterable<string>;
  readonly result: Promise<Result>;
}

/** Plays the world in a process of its own, so that its signals are taken in while it still goes on. */
export class Simulator {
  readonly #world: Environment;
  readonly #watch: Stopwatch;
  readonly #config: WorldConfig;
  #dir = "";
  readonly #process: SideProcess<SimulatorRequest, SimulatorNote>;

  constructor(world: Environment, watch: Stopwatch, config: WorldConfig) {
    this.#world = world;
    this.#watch = watch;
    this.#config = config;
    this.#process = new SideProcess("./simulator-process", import.meta.url, 1_000, world.signal);
  }

  /** Makes the world under `dir`, or takes the one that an earlier run made there from the same settings. */
  world(dir: string): Simulated<SimulationResult> {
    const config = this.#config;
    return streaming(dir, async (onFile) => {
      const before = await readFile(join(dir, "truth", "counts.json"), "utf8").then(
        (text) => JSON.parse(text) as SimulationResult,
        () => undefined,
      );
      if (before && JSON.stringify(before.config) === JSON.stringify(config)) {
        this.#world.console.note(`simulate: ${dir} holds this world already`);
        for (const { file } of before.stream.files) onFile(file);
        return { ...before, dir };
      }
      const progress = this.#world.console.progress("simulate");
      const made = await this.#ask<SimulationResult>({ kind: "world", config, dir }, (note) => {
        if (note.kind === "file") onFile(note.file);
        else progress.update(note.day + 1, config.days, "days");
      });
      progress.done(
        `${made.events.toLocaleString("en-US")} events of ${made.customers.toLocaleString("en-US")} customers`,
      );
      return made;
    });
  }

  /** Begins a canary after the end of the world's period, or of the canary before. */
  async beginCanary(request: Omit<Asked<"canary-begins">, "kind" | "config">): Promise<void> {
    this.#dir = request.dir;
    await this.#ask({ ...request, kind: "canary-begins", config: this.#config });
  }

  /** The canary's next campaigns, which go out on the `days`, told of on that day. Gives their ids. */
  announce(days: readonly number[], toldOn: number): Promise<readonly string[]> {
    return this.#ask<readonly string[]>({ kind: "canary-announces", days, toldOn });
  }

  /** Carries the mail of that number out. */
  mail(number: number, sends: readonly Assignment[]): Promise<void> {
    return this.#ask({ kind: "canary-mails", number, sends });
  }

  /** What arrives before that day of the canary. */
  writeUntil(until: number): Simulated<void> {
    return streaming(this.#dir, (onFile) => this.#ask({ kind: "canary-writes", until }, fileTo(onFile)));
  }

  /** Everything that is still under way, and what came of it. */
  endCanary(): Simulated<CanaryResult> {
    return streaming(this.#dir, (onFile) => this.#ask<CanaryResult>({ kind: "canary-ends" }, fileTo(onFile)));
  }

  close(): Promise<void> {
    return this.#process.close();
  }

  #ask<Result>(request: SimulatorRequest, onNote: (note: SimulatorNote) => void = () => {}): Promise<Result> {
    return this.#watch.time("simulate", () => this.#process.ask<Result>(request, onNote));
  }
}

type Asked<Kind extends SimulatorRequest["kind"]> = Extract<SimulatorRequest, { kind: Kind }>;

const fileTo = (onFile: (file: string) => void) => (note: SimulatorNote) => {
  if (note.kind === "file") onFile(note.file);
};

function streaming<Result>(dir: string, work: (onFile: (file: string) => void) => Promise<Result>): Simulated<Result> {
  const files = new PassThrough({ objectMode: true });
  // Whoever reads the files is told by their end, and everybody by `result`: an error before anybody reads is no crash.
  files.on("error", () => {});
  const result = work((file) => files.write(join(dir, file))).then(
    (value) => {
      files.end();
      return value;
    },
    (error) => {
      files.destroy(error);
      throw error;
    },
  );
  return { files, result };
}
