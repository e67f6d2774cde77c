import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../errors/user-error.ts";
import { sealOf } from "../../../platform/home-seal.ts";
import { sealStore } from "../../../platform/store/seal-store.ts";
import { refuseMissingCrypto } from "../../../warehouse/duckdb/sealed-engine.ts";
import type { Environment } from "../../environment.ts";
import { type SealedHome, sealHome, sealLeftOver, storesOf } from "./seal-home.ts";
import { bytesToWrite, fromBefore, type Kind, planSealing } from "./seal-plan.ts";

export type SealOutcome =
  | ({ readonly kind: "sealed" } & SealedHome)
  /** The home was encrypted; stores and files that were not are now. */
  | {
      readonly kind: "stores";
      readonly root: string;
      readonly stores: readonly SealedStore[];
      readonly files: readonly string[];
    }
  | ({ readonly kind: "planned"; readonly root: string } & Planned);

interface SealedStore {
  readonly folder: string;
  readonly entries: number;
}

interface Planned {
  readonly files: readonly { readonly kind: Kind; readonly files: number; readonly bytes: number }[];
  readonly bytes_to_write: number;
  readonly bytes_free: number;
  /** Files that would stop it: no command writes them. */
  readonly unknown: readonly string[];
}

/** `inboxloop keys home seal`. */
export async function sealCommand(world: Environment, { dryRun }: { readonly dryRun: boolean }): Promise<SealOutcome> {
  const { root } = world.home;
  const bucket = [world.target.snapshots, world.target.models].find(({ where }) => where.startsWith("gs://"));
  if (bucket !== undefined)
    throw new UserError("what is brought from the target's bucket would lie in the home in clear", {
      code: "home.bucket",
      exit: "config",
      where: bucket.where,
      next: "leave the bucket out of the target, or keep its home in clear",
    });
  const lock = { pid: process.pid, sleep: (ms: number) => sleep(ms), patienceMs: 1_000 };
  const seal = sealOf(root);
  if (seal !== undefined) {
    const stores: SealedStore[] = [];
    for (const [name, layout] of Object.entries(storesOf)) {
      const folder = join(root, name);
      const entries = dryRun ? undefined : await sealStore({ folder, ...layout }, seal);
      if (entries !== undefined) stores.push({ folder, entries });
    }
    const files: string[] = [];
    for (const step of dryRun ? [] : fromBefore(await planSealing(root)))
      if (await sealLeftOver(root, step)) files.push(step.path);
    return { kind: "stores", root, stores, files };
  }
  const { steps, unknown } = await planSealing(root);
  if (steps.length + unknown.length === 0)
    throw new UserError("there is no home to encrypt", {
      code: "home.none",
      exit: "usage",
      where: root,
      next: "inboxloop keys home make   (for a new one)",
    });
  if (dryRun) {
    const kinds = [...new Set(steps.map(({ kind }) => kind))];
    const { bavail, bsize } = await statfs(root);
    const files = kinds.map((kind) => {
      const own = steps.filter((step) => step.kind === kind);
      return { kind, files: own.length, bytes: own.reduce((sum, { bytes }) => sum + bytes, 0) };
    });
    return { kind: "planned", root, files, bytes_to_write: bytesToWrite(steps), bytes_free: bavail * bsize, unknown };
  }
  await refuseMissingCrypto();
  const progress = world.console.progress("encrypt");
  const done = await sealHome(root, {
    lock,
    signal: world.signal,
    now: () => world.now().getTime(),
    onProgress: (bytes, total) => progress.update(bytes, total, "bytes"),
  });
  progress.done(`${done.files} files`);
  return { kind: "sealed", ...done };
}

const meanings: Readonly<Record<Kind, string>> = {
  database: "written anew, encrypted by DuckDB",
  parquet: "written anew, encrypted as Parquet",
  lines: "journals, sealed line by line",
  file: "sealed as a whole",
  store: "sealed value by value",
  "as-is": "no data in them, or sealed already: as they are",
  dropped: "removed: reports, what spilled, locks, leftovers, a demo's simulated sender",
};

const number = (value: number): string => value.toLocaleString("en-US");

/** The outcome for people. */
export function sealText(done: SealOutcome): string {
  if (done.kind === "sealed")
    return [
      `home        ${done.root}, encrypted`,
      `written     ${number(done.files)} files, of ${number(done.bytes)} bytes in clear, which are gone`,
      `verified    ${number(done.rows_verified)} rows of segments, ${done.snapshots_verified} snapshots, and every other file as it was written`,
      "back up     home-key.json and the key, apart from each other; backups from before are in clear",
    ].join("\n");
  if (done.kind === "stores")
    return done.stores.length + done.files.length === 0
      ? `${done.root}: encrypted already`
      : [
          ...done.stores.map(({ folder, entries }) => `sealed      ${folder}, ${number(entries)} entries`),
          ...done.files.map((path) => `sealed      ${path}`),
        ].join("\n");
  return [
    ...done.files.map(
      ({ kind, files, bytes }) =>
        `${`${number(files)} files`.padEnd(14)}${number(bytes).padStart(16)} bytes   ${meanings[kind]}`,
    ),
    `to write      ${number(done.bytes_to_write).padStart(16)} bytes   ${number(done.bytes_free)} are free`,
    ...done.unknown.map((path) => `in the way    ${path}: no command writes it; move it out of the home`),
  ].join("\n");
}
