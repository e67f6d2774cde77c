import { randomUUID } from "node:crypto";
import { ingestContext } from "../cli/commands/ingest/context.ts";
import type { Environment } from "../cli/environment.ts";
import { createIdHasher } from "../ingest/door/id-hasher.ts";
import { fileInput } from "../ingest/files/file.ts";
import { ingestFiles } from "../ingest/ingest-files.ts";
import { buildProject } from "../warehouse/dataform/build.ts";
import { compileProject } from "../warehouse/dataform/compile.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";

/**
 * The demo promises to stay within 2 GB, the trainers' processes included: a build, beside which nothing is trained, may take more.
 */
export const memoryLimitOf = (world: Environment, step: "build" | "other"): string =>
  world.settings["INBOXLOOP_MEMORY"] ?? (step === "build" ? "900MB" : "700MB");

/** Takes files of the simulator in as they become whole, through the same door as anybody's. */
export async function ingest(world: Environment, paths: AsyncIterable<string>, step: string) {
  const progress = world.console.progress(step);
  const context = ingestContext(world, { trustReceivedAt: true });
  const hashId = createIdHasher(context.keys.ids.active);
  const inputs = async function* () {
    for await (const path of paths)
      yield await fileInput(path, { hashId, mapping: undefined, source: undefined, table: undefined });
  };
  let before = 0;
  let current: unknown;
  let latest = 0;
  const outcomes = await ingestFiles(inputs(), context, world.signal, (input, totals) => {
    if (current !== input) before += latest;
    current = input;
    latest = totals.received;
    progress.update(before + latest, undefined, "signals");
  });
  world.signal.throwIfAborted();
  // What an earlier run of the same demo had taken in counts as well: the ledger knows the files by their content.
  const sum = (key: "received" | "landed" | "duplicate" | "dead_letter") =>
    outcomes.reduce((total, outcome) => total + outcome[key] + outcome.earlier[key], 0);
  const totals = {
    received: sum("received"),
    landed: sum("landed"),
    duplicate: sum("duplicate"),
    dead_letter: sum("dead_letter"),
  };
  progress.done(`${totals.received.toLocaleString("en-US")} signals`);
  return totals;
}

/** As of when models are, and, where all that came before is built in, from when on signals are to be taken in. */
export interface BuildTime {
  readonly asOf: Date;
  readonly receivedFrom?: Date;
}

/** What was simulated arrives within weeks of its cause; nothing arrives later than this. */
const latestArrival = 365 * 86_400_000;

const varsOf = ({ asOf, receivedFrom }: BuildTime) => ({
  as_of: asOf.toISOString(),
  ...(receivedFrom
    ? {
        window_from: receivedFrom.toISOString(),
        window_to: new Date(asOf.getTime() + latestArrival).toISOString(),
      }
    : {}),
});
const cacheOf = (world: Environment): string => `${world.home.state}/compiled`;

/** Compiles for a build that comes later: the compiler is a process of its own, and there is other work until then. */
export function compileAhead(world: Environment, projectDir: string, time: BuildTime): void {
  const { signal } = world;
  compileProject({ projectDir, vars: varsOf(time), cacheDir: cacheOf(world), signal }).catch(() => {
    // the build compiles again, and says what is wrong
  });
}

/** Brings the models up to date as of an instant. Throws when an action fails; broken assertions come back by name. */
export async function build(
  world: Environment,
  projectDir: string,
  time: BuildTime,
  step: string,
  select?: readonly string[],
) {
  const progress = world.console.progress(step);
  const engine = await world.target.openEngine({ projectDir, memoryLimit: memoryLimitOf(world, "build") });
  try {
    const { result } = await buildProject({
      projectDir,
      engine,
      vars: varsOf(time),
      cacheDir: cacheOf(world),
      ...(select ? { select, includeDeps: true } : {}),
      now: world.now,
      newId: randomUUID,
      signal: world.signal,
      onStep: (_step, done, total) => progress.update(done, total, "actions"),
    });
    const failed = result.results.find(({ outcome }) => outcome === "failed");
    if (failed) throw new Error(`${failed.id} failed: ${failed.error?.message ?? "unknown"}`);
    const assertions = result.results.filter(({ kind }) => kind === "assertion");
    const violated = assertions.filter(({ outcome }) => outcome === "violated").map(({ id }) => id);
    progress.done(
      `${result.results.length - assertions.length} models, ${assertions.length - violated.length} of ${assertions.length} assertions hold`,
    );
    return {
      actions: result.results.length,
      assertions: assertions.length,
      violated,
      seconds: Math.round(result.ms / 100) / 10,
    };
  } finally {
    await engine.close();
  }
}

/** Opens the warehouse for one piece of work and lets go of it again. */
export async function withWarehouse<T>(world: Environment, work: (warehouse: Warehouse) => Promise<T>): Promise<T> {
  const warehouse = await world.target.openWarehouse({ memoryLimit: memoryLimitOf(world, "other") });
  try {
    return await work(warehouse);
  } finally {
    await warehouse.close();
  }
}

/** The dead letters among the first `received` signals, by reason: an earlier run of the demo may have gone on to its canaries. */
export const deadLettersByReason = (world: Environment, received: number): Promise<Readonly<Record<string, number>>> =>
  withWarehouse(world, async (warehouse) => {
    const { rows } = await warehouse.query(
      `select reason, count(*) as letters
from raw.dead_letters
where batch_id in (
  select batch_id
  from (select batch_id, sum(received) over (order by sequence) as so_far from raw.ingest_ledger)
  where so_far <= @received
)
group by reason
order by reason`,
      { params: { received: BigInt(received) }, file: "dead letters by reason" },
    );
    return Object.fromEntries(rows.map((row) => [String(row["reason"]), Number(row["letters"])]));
  });
