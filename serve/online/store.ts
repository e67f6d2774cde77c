import type { PastSend } from "../../policy/decision.ts";
import type { DecisionRow } from "../decision-row.ts";
import type { Heard } from "../heard.ts";
import type { StoredPerson } from "./stored-person.ts";

/** A send that was decided here or by a batch. Those of before the features' as-of instant are among the features' own. */
export interface StoredSend extends PastSend {
  /** Milliseconds since the epoch; absent in what was written before it was kept. */
  readonly decided_at?: number;
}

/** Decisions are found by their id this long, and their sends are counted; `features push` lets go of older ones, which are in raw.decisions. */
export const keptMs = 40 * 86_400_000;

/** The name of the note that a batch's send was counted; it holds when the send was to be. */
export const countedNote = (decisionId: string): string => `counted ${decisionId}`;

/** What one atomic piece of work sees and writes; nothing of it is there before it is done, and no other runs beside it. */
export interface StoreTransaction {
  person(id: string): StoredPerson | undefined;
  putPerson(id: string, person: StoredPerson): void;
  /** What was heard of an id, whether or not a person is kept under it. */
  heard(id: string): readonly Heard[];
  putHeard(id: string, heard: readonly Heard[]): void;
  /** Sends decided for since the store was loaded. */
  sends(id: string): readonly StoredSend[];
  addSend(id: string, send: StoredSend): void;
  sent(policy: string): Readonly<Record<string, number>>;
  putSent(policy: string, sent: Readonly<Record<string, number>>): void;
  decision(id: string): DecisionRow | undefined;
  hasDecision(id: string): boolean;
  /** Keeps a decision, and queues it for the door; `text` is the row as JSON, where the caller has it. */
  putDecision(row: DecisionRow, text?: string): void;
  note(name: string): unknown;
  putNote(name: string, value: unknown): void;
}

/** The online store: people, their decisions and the queue to the door. Reads are of what was committed last. */
export interface OnlineStore {
  person(id: string): StoredPerson | undefined;
  heard(id: string): readonly Heard[];
  /** Ids of which something was heard. */
  heardIds(): Iterable<string>;
  sends(id: string): readonly StoredSend[];
  decision(id: string): DecisionRow | undefined;
  /** Decisions about a person, the newest first. */
  decisionsOf(person: string, limit: number): readonly DecisionRow[];
  decisionOfMessage(messageId: string): DecisionRow | undefined;
  note(name: string): unknown;
  people(): Iterable<readonly [string, StoredPerson]>;
  /** Resolves once the work would survive a power cut. Work that throws leaves nothing. */
  transact<T>(work: (transaction: StoreTransaction) => T): Promise<T>;
  /** Names the queue for the ledger: positions in it count on for ever. */
  readonly queue: string;
  /** Rows that wait for the door, as JSON. */
  queued(after: number, limit: number): readonly { readonly position: number; readonly text: string }[];
  dropQueued(upTo: number): Promise<void>;
  /** Lets go of decisions from before an instant that have landed; they stay in raw.decisions. How many there were. */
  dropDecided(before: number): Promise<number>;
  /** Lets go of the notes that sends of batches from before an instant were counted. How many there were. */
  dropCounted(before: number): Promise<number>;
  readonly queueLength: () => number;
  close(): Promise<void>;
}
