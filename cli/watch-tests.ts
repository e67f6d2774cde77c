import { watch } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors/user-error.ts";
import type { TestRun } from "../warehouse/dataform/testing/outcome.ts";
import type { Environment } from "./environment.ts";

export interface WatchOptions {
  readonly projectDir: string;
  readonly world: Environment;
  readonly run: () => Promise<TestRun>;
  readonly render: (run: TestRun) => string;
}

/** Runs the tests now and after every change to the project, until interrupted. Changes that come together are one. */
export async function watchTests({ projectDir, world, run, render }: WatchOptions): Promise<void> {
  const runOnce = async () => {
    try {
      const result = await run();
      world.console.result(result, () => render(result));
    } catch (error) {
      // A project that does not compile at the moment is what watching is for: say so and wait for the next change.
      if (!(error instanceof UserError) || world.signal.aborted) throw error;
      world.console.warn(`${error.message}${error.where === undefined ? "" : ` (${error.where})`}`);
    }
  };
  await runOnce();
  for await (const changed of changesIn(projectDir, world.signal)) {
    world.console.note(`changed: ${changed}`);
    await runOnce();
  }
}

/** Names of files that changed below definitions/, includes/ or tests/models/, a quarter of a second after the last of a burst. */
async function* changesIn(projectDir: string, signal: AbortSignal): AsyncGenerator<string> {
  const pending = new Set<string>();
  let wake = () => {};
  let timer: NodeJS.Timeout | undefined;
  const watchers = ["definitions", "includes", "tests/models"].flatMap((folder) => {
    try {
      return [
        watch(join(projectDir, folder), { recursive: true }, (_event, file) => {
          pending.add(file === null ? folder : `${folder}/${file}`);
          clearTimeout(timer);
          timer = setTimeout(() => wake(), 250);
        }),
      ];
    } catch {
      return [];
    }
  });
  signal.addEventListener("abort", () => wake(), { once: true });
  try {
    while (!signal.aborted) {
      if (pending.size === 0) await new Promise<void>((resolve) => (wake = resolve));
      if (signal.aborted) return;
      const names = [...pending].sort();
      pending.clear();
      yield names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
    }
  } finally {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  }
}
