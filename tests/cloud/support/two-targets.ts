import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { openTarget } from "../../../targets/open-target.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";
import { runIn } from "../../cli/support/in-process.ts";
import type { BigQueryEmulator } from "../emulators.ts";
import { environmentOf } from "./own-bigquery.ts";
import { type Ended, inboxloop, root } from "./run-node.ts";

export const idOf = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;

export type TwoTargets = Awaited<ReturnType<typeof twoTargets>>;

/** A folder with policies and a home for this machine and one for BigQuery, and the command line on either. Variables are this process's too. */
export async function twoTargets(emulator: BigQueryEmulator, project: string) {
  const folder = await mkdtemp(join(tmpdir(), "inboxloop-cloud-"));
  mkdirSync(join(folder, "policies"));
  const settings: Record<string, string> = {
    ...environmentOf(emulator),
    GOOGLE_CLOUD_PROJECT: project,
    INBOXLOOP_ID_KEY: "a1".repeat(32),
    INBOXLOOP_DEAD_LETTER_KEY: "b2".repeat(32),
  };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  const at = (target: string) => ["--target", target, "--home", join(folder, target)];
  const start = (target: string, words: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
    inboxloop([...words, ...at(target), "--json"], { cwd: folder, env: { ...settings, ...env } });
  return {
    folder,
    settings,
    at,
    start,
    /** The same in this process, which takes it less time. */
    run: async (target: string, words: readonly string[]) =>
      JSON.parse(await runIn(folder, [...words, ...at(target), "--json", "--quiet"])),
    write(name: string, records: readonly object[]): string {
      const path = join(folder, name);
      writeFileSync(path, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
      return path;
    },
    writePolicy: (name: string, more: string) =>
      writeFileSync(
        join(folder, "policies", `${name}.yaml`),
        `schema: "1"\nname: ${name}\nkind: bulk\nvariants: [{name: offer}, {name: plain}]\n${more}`,
      ),
    build: async (target: string, asOf: string, select: readonly string[], more: readonly string[] = []) => {
      const selected = select.flatMap((one) => ["--select", one]);
      const words = ["build", "--project", root, ...selected, "--vars", `as_of=${asOf}`, ...more, ...at(target)];
      return JSON.parse(await runIn(folder, [...words, "--json", "--quiet"]));
    },
    warehouse: (target: string): Promise<Warehouse> =>
      openTarget(
        { cwd: folder, settings, signal: new AbortController().signal },
        target,
        join(folder, target),
      ).openWarehouse(),
  };
}
