import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { refereeVersion } from "./referee.ts";
import { casesPerFunction, seed } from "./settings.ts";

export interface FunctionCount {
  /** Calls with the same rows and types on both engines. */
  readonly same: number;
  /** Calls that are an error on both. */
  readonly errors: number;
  readonly refused: number;
  readonly unjudged: number;
  /** Calls on which the engines differ. A function with any is not verified. */
  readonly different: number;
}

const counts = new Map<string, FunctionCount>();

export function countFunction(name: string, count: FunctionCount): void {
  counts.set(name, count);
}

const file = join(import.meta.dirname, "../verification.json");

/**
 * Writes what the run has verified to packages/googlesql/verification.json, for `inboxloop parity`; only when asked to
 * (GOOGLESQL_RECORD=1), so that a run changes nothing by itself. No date: the same run gives the same bytes.
 */
export async function saveCounts(): Promise<void> {
  if (process.env["GOOGLESQL_RECORD"] !== "1") return;
  const functions = Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  const record = { referee: refereeVersion, seed, casesPerFunction, functions };
  await mkdir(join(file, ".."), { recursive: true });
  const text = `${JSON.stringify(record, null, 2)}\n`;
  if ((await readFile(file, "utf8").catch(() => "")) !== text) await writeFile(file, text);
}
