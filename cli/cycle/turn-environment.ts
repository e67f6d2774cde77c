import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withLock } from "../../platform/journal/lock.ts";
import { releaseStatus } from "../../release/release.ts";
import { type CyclePolicy, readCyclePolicy } from "../../retrain/cycle/cycle-policy.ts";
import { listModels } from "../../scoring/model.ts";
import type { ProjectOptions } from "../dataform-project.ts";
import type { Environment } from "../environment.ts";
import type { Ran, TurnEnv } from "./run-turn.ts";
import { readSignals } from "./signals.ts";

export const cyclePolicyFile = "cycle.yaml";
const mostOutput = 256 * 1024 * 1024;

/** The policy of a cycle and what its turn works with. */
export async function turnEnvironment(
  world: Environment,
  projectDir: string,
  options: ProjectOptions & { readonly policy?: string; readonly key?: string },
): Promise<{ readonly policy: CyclePolicy; readonly env: TurnEnv }> {
  const own = join(projectDir, cyclePolicyFile);
  const file = options.policy === undefined ? own : resolve(world.cwd, options.policy);
  const text = options.policy === undefined && !existsSync(own) ? "version: 1\n" : await readFile(file, "utf8");
  const policy = readCyclePolicy(text, file);
  const key = options.key ?? world.settings["INBOXLOOP_KEY"];
  const target = ["--home", world.home.root, "--target", world.target.name];
  const settings = { ...world.settings, ...(key === undefined ? {} : { INBOXLOOP_KEY: resolve(world.cwd, key) }) };
  return {
    policy,
    env: {
      run: (words) => ownCommand([...target, "--json", "--quiet", ...words], settings, world),
      signals: () => readSignals(world, policy),
      standing: async () => {
        const { champion, canary } = (await releaseStatus(world.releaseLog)).state;
        return { champion, canary };
      },
      isThere: async (step, name) => {
        if (step === "submit") return (await releaseStatus(world.releaseLog)).state.versions.has(name);
        return (await listModels(await world.target.models.refresh())).some((model) => model.name === name);
      },
      now: world.now,
      state: join(world.home.state, "cycle.json"),
      hasKey: key !== undefined,
      build: [...["--project", projectDir], ...(options.vars ?? []).flatMap((one) => ["--vars", one])],
      note: world.console.note,
      signal: world.signal,
    },
  };
}

/** One turn at a time in a home. */
export async function withTurnLock<T>(world: Environment, work: () => Promise<T>): Promise<T> {
  await mkdir(world.home.state, { recursive: true });
  const lock = { pid: process.pid, sleep, patienceMs: 0, what: "the cycle of this home", code: "cycle.locked" };
  return withLock(join(world.home.state, "cycle.lock"), lock, work);
}

/** This program again, in a process of its own: a step is what a person would have typed. */
function ownCommand(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  { cwd, signal }: Environment,
): Promise<Ran> {
  const argv = [...process.execArgv, process.argv[1]!, ...words];
  return new Promise((done) => {
    execFile(process.execPath, argv, { cwd, env, signal, maxBuffer: mostOutput }, (error, stdout, stderr) => {
      let result: unknown = null;
      try {
        result = JSON.parse(stdout);
      } catch {
        // It gave none.
      }
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      done({ code, result, error: stderr.trim().split("\n").slice(-4).join("\n") });
    });
  });
}
