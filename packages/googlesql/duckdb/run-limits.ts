import { setImmediate as nextTurn } from "node:timers/promises";
import { UnsupportedGoogleSql } from "../errors.ts";
import type { DuckDBDataChunk, DuckDBVector } from "./client.ts";

/** What a run may use up before it is refused by name; memory has a limit of its own. */
export interface RunLimits {
  /** Milliseconds that one run may take: `refused.time_limit`. */
  readonly runMs: number;
  /** Rounds that all loops of a script may take together: `refused.loop_limit`. */
  readonly loopRounds: number;
  /** Values that the results of a run may hold, elements of arrays and fields of structs counted too: `refused.result_limit`. */
  readonly resultValues: number;
}

export const defaultLimits: RunLimits = { runMs: 300_000, loopRounds: 1_000_000, resultValues: 10_000_000 };

export const unlimited: RunLimits = {
  runMs: Number.POSITIVE_INFINITY,
  loopRounds: Number.POSITIVE_INFINITY,
  resultValues: Number.POSITIVE_INFINITY,
};

/** What is left of the limits of one run. */
export class RunBudget {
  private readonly limits: RunLimits;
  private readonly signal: AbortSignal | undefined;
  private rounds = 0;
  private values = 0;

  /** `signal` ends the run: its reason is what the run fails with. */
  constructor(limits: RunLimits, signal?: AbortSignal) {
    this.limits = limits;
    this.signal = signal;
  }

  /** Throws the signal's reason once the run is to end. */
  check(): void {
    this.signal?.throwIfAborted();
  }

  /** One round of a loop. Lets others on this thread have their turn from time to time, the clock among them. */
  async round(): Promise<void> {
    if (++this.rounds > this.limits.loopRounds) {
      throw new UnsupportedGoogleSql("loop_limit", `more than ${this.limits.loopRounds} rounds of loops in one run`);
    }
    if (this.rounds % 256 === 0) await nextTurn();
    this.check();
  }

  /** Counts the values of a part of a result before they are read. */
  take(chunk: DuckDBDataChunk): void {
    for (let i = 0; i < chunk.columnCount; i++) this.values += sizeOf(chunk.getColumnVector(i));
    if (this.values > this.limits.resultValues) {
      throw new UnsupportedGoogleSql("result_limit", `more than ${this.limits.resultValues} values in the results`);
    }
  }
}

/** The vectors inside of a vector of lists or structs are private to DuckDB's package; reading them would make them values. */
function sizeOf(vector: DuckDBVector): number {
  const child: unknown = Reflect.get(vector, "childData");
  const entries: unknown = Reflect.get(vector, "entryVectors");
  let size = vector.itemCount;
  if (isVector(child)) size += sizeOf(child);
  if (Array.isArray(entries)) for (const entry of entries) if (isVector(entry)) size += sizeOf(entry);
  return size;
}

const isVector = (value: unknown): value is DuckDBVector =>
  typeof value === "object" && value !== null && "itemCount" in value && "getItem" in value;

/** The end of a run that takes longer than it may. */
export const timeLimitError = (limits: RunLimits): UnsupportedGoogleSql =>
  new UnsupportedGoogleSql("time_limit", `the run took longer than ${limits.runMs / 1000} s`);
