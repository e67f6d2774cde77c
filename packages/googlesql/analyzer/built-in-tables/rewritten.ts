import type { Typed } from "../typed.ts";

/** A table function in other words: a query over `input`, the table that it was given, and values that it names. */
export interface Rewritten {
  readonly text: string;
  readonly locals: readonly (readonly [string, Typed])[];
}
