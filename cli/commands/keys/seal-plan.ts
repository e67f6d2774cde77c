import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { headerFile } from "../../../platform/home-seal.ts";
import { isOfSealing } from "../../../platform/home-sealing.ts";

/** How a file of a home is written anew; `as-is` holds no data or is sealed under a key of its own, `dropped` can be made again. */
export type Kind = "database" | "parquet" | "lines" | "file" | "store" | "as-is" | "dropped";

export interface Step {
  /** Below the home, slashes forward. */
  readonly path: string;
  readonly kind: Kind;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** The first that fits says what a file is. What none fits is nobody's of ours. */
const rules: readonly (readonly [RegExp, Kind])[] = [
  [/^warehouse\.duckdb$/, "database"],
  // A demo's simulated sender, which comes again from its seed.
  [/^demo\//, "dropped"],
  // In the database once it has been opened; what spilled; reports, which people read by themselves; what nobody waits for.
  [/^warehouse\.duckdb\.|^spill\/|^reports\/|^raw\/\.staging\//, "dropped"],
  [/(^|\/)[^/]*(\.lock|\.erasing)$|^state\/reviews\/[^/]+\/lock$|\.tmp(-[0-9a-f-]+)?$/, "dropped"],
  [/^(online|outbox)\/data\.mdb$/, "store"],
  [/^(online|outbox)(-sealing|\.compact)?\//, "dropped"],
  [/^raw\/\.set-aside\//, "as-is"],
  [/^spool\/quarantine\//, "file"],
  [/^spool\//, "as-is"],
  [/^raw\/[^.][^/]*\/(.*\/)?[^./][^/]*\.parquet$/, "parquet"],
  [/^raw\/ingest_ledger\/ledger\.ndjson$/, "lines"],
  [/^snapshots\/[^/]+\/[^/]+\.parquet$/, "parquet"],
  [/^(snapshots|models|decisions)\//, "file"],
  [/^[^/]+\.ndjson$|^governance\/[^/]+\.ndjson$|^state\/reviews\/.*\.ndjson$/, "lines"],
  [/^governance\/[^/]+\.json$/, "file"],
  [/^(governance|policies)\//, "as-is"],
  [/^state\/(ingest-keys\.json|cycle\.json|(serve|policy-checks|vertex-jobs|imap|ingested-[^/]+)\/)/, "file"],
  [/^state\//, "as-is"],
  // What `ingest --to bigquery` keeps here: its ledger, rows on their way; how much of it is mirrored; bodies that are sealed already.
  [/^bigquery\/[^/]+\/lock$/, "dropped"],
  [/^bigquery\/[^/]+\/(ledger\.ndjson|open\/[^/]+\/appends\.ndjson)$/, "lines"],
  [/^bigquery\/[^/]+\/(mirrored$|letters\/)/, "as-is"],
];

/** Files that earlier versions left in clear in an encrypted home. */
const leftInClear = /^(state\/(imap|ingested-[^/]+)|bigquery\/[^/]+\/open\/[^/]+)\//;

/** Files of an encrypted home that may still be in clear, because they are from before they were sealed. */
export const fromBefore = ({ steps }: Plan): readonly Step[] =>
  steps.filter(({ path, kind }) => leftInClear.test(path) && (kind === "file" || kind === "lines"));

export interface Plan {
  readonly steps: readonly Step[];
  /** Files that no command of ours writes. */
  readonly unknown: readonly string[];
}

/** Every file of a home, and what becomes of it. */
export async function planSealing(root: string): Promise<Plan> {
  const steps: Step[] = [];
  const unknown: string[] = [];
  for (const path of await filesBelow(root)) {
    const found = await stat(join(root, path)).catch(() => undefined);
    if (found === undefined) continue;
    const kind = rules.find(([pattern]) => pattern.test(path))?.[1];
    if (kind === undefined) unknown.push(path);
    else steps.push({ path, kind, bytes: found.size, modifiedMs: found.mtimeMs });
  }
  return { steps, unknown };
}

/** Bytes that are written: of all that is neither left nor dropped. */
export const bytesToWrite = (steps: readonly Step[]): number =>
  steps.reduce((sum, { kind, bytes }) => sum + (kind === "as-is" || kind === "dropped" ? 0 : bytes), 0);

async function filesBelow(root: string, folder = root): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [] as Dirent[]);
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (folder === root && (isOfSealing(entry.name) || entry.name === headerFile)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(root, path)));
    else found.push(relative(root, path).split(sep).join("/"));
  }
  return found;
}
