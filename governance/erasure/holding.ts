import type { Subject } from "../../warehouse/person-columns.ts";

export type { Subject } from "../../warehouse/person-columns.ts";

/** Rows of the people asked for, in one place. */
export interface Place {
  /** A table, a file, a snapshot; never a person. */
  readonly where: string;
  /** Rows that are theirs; of a file, 1. */
  readonly rows: number;
}

/** What a part of the home holds of some people. */
export interface Findings {
  readonly places: readonly Place[];
  /** Things that no key of this home opens, so that nobody can say. */
  readonly unsearchable?: number | undefined;
  /** Things that must land first; the door refuses what they say of erased people, and then they can go. */
  readonly waiting?: number | undefined;
  /** Snapshots with rows of theirs, and the models that learned from these. */
  readonly snapshots?: readonly { readonly id: string; readonly rows: number }[] | undefined;
  readonly models?: readonly { readonly name: string; readonly snapshot: string }[] | undefined;
}

/** What a holding needs to carry its part of an erasure out. */
export interface ErasureRun {
  readonly erasureId: string;
  readonly subject: Subject;
  readonly signal: AbortSignal;
  /** Called between durable steps; tests die in it. */
  readonly fault: (point: string) => void;
}

/**
 * A part of the home that may hold rows of people. `erase` may be killed anywhere and repeated; afterwards `find` finds nothing but what waits.
 */
export interface Holding {
  readonly name: string;
  find(subject: Subject): Promise<Findings>;
  erase(run: ErasureRun): Promise<void>;
  /** What went, where that is known better than from the plan. */
  account?(erasureId: string, planned: Findings): Promise<Findings>;
  /** The id of each snapshot that took the place of a planned one. */
  successors?(erasureId: string): Promise<ReadonlyMap<string, string>>;
}
