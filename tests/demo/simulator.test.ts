import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createEnvironment } from "../../cli/environment.ts";
import { Simulator } from "../../demo/simulator.ts";
import { Stopwatch } from "../../demo/stopwatch.ts";
import { worldConfig } from "../../simulate/config.ts";

let dir: string;
let simulator: Simulator;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-simulator-"));
  const world = await createEnvironment({ home: dir, quiet: true }, new AbortController().signal);
  simulator = new Simulator(world, new Stopwatch(() => 0), worldConfig({ seed: 1, events: 5_000 }));
});
afterEach(async () => {
  await simulator.close();
  await rm(dir, { recursive: true });
});

test("when a world is played then its files come as they become whole, and another time from where they lie", async () => {
  const read = async () => {
    const { files, result } = simulator.world(dir);
    const paths: string[] = [];
    for await (const path of files) paths.push(path);
    return { paths, events: (await result).events };
  };
  const first = await read();
  expect(first.events).toBeGreaterThanOrEqual(5_000);
  expect(first.paths).toEqual([join(dir, "events-000.ndjson")]);
  expect(await read()).toEqual(first);
});

test("when the folder is somebody else's then the result says so, whether anybody reads the files or not", async () => {
  await writeFile(join(dir, "precious.txt"), "");
  await expect(simulator.world(dir).result).rejects.toMatchObject({ code: "simulate.folder-in-use", exit: "usage" });
});
