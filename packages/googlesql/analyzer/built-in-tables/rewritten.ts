import type { Relation } from "../relation.ts";
import type { Typed } from "../typed.ts";

/** A table function in other words: a query over `input`, the table that it was given, and values and further tables that it names. */
export interface Rewritten {
  readonly text: string;
  readonly locals: readonly (readonly [string, Typed])[];
  readonly tables?: readonly (readonly [string, Relation])[] | undefined;
}
