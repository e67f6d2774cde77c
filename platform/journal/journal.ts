import type { UserError } from "../../errors/user-error.ts";
import type { Sealed } from "./chain.ts";

/** What a journal holds and how it speaks. */
export interface JournalKind<Body extends object> {
  /** For people: `the release log`. */
  readonly name: string;
  /** Checks a body that was read back; throws with what is wrong with it. */
  parse(body: unknown): Body;
  /** The error for a journal that is not whole. `where` names the file and line, or the table and sequence. */
  damaged(where: string, what: string): UserError;
}

export interface JournalState<Body extends object> {
  readonly entries: readonly Sealed<Body>[];
  /** Hash of the last entry; `firstHash` of none. */
  readonly head: string;
}

export type AppendOutcome<Body extends object> =
  | { readonly kind: "appended"; readonly entries: readonly Sealed<Body>[] }
  /** Somebody else appended after `seen`: look again and decide again. */
  | { readonly kind: "moved-on"; readonly last: Sealed<Body> | undefined; readonly head: string };

/** The stamp of a journal that nothing was ever appended to. */
export const noJournal = "none";

/**
 * An append-only log of decisions, chained by hash. Wherever it is kept (a file, a table), of two who append on the same head one
 * succeeds, and every read checks every hash and every link.
 */
export interface Journal<Body extends object> {
  /** Where it is, for people. */
  readonly where: string;
  read(): Promise<JournalState<Body>>;
  /** Milliseconds between two looks at the stamp: a file's costs nothing, a table's is a query that is paid for. */
  readonly lookEveryMs: number;
  /** A text that changes with every entry, cheaper to have than the entries; `noJournal` where there is none yet. */
  stamp(): Promise<string>;
  /** Appends all of `bodies` or none, if `seen` is still the head. Durable when it resolves. */
  append(bodies: readonly Body[], seen: string): Promise<AppendOutcome<Body>>;
}
