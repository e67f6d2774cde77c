import { mkdirSync } from "node:fs";
import { type Database, open, type RootDatabase } from "lmdb";
import type { PastSend } from "../../policy/decision.ts";
import type { DecisionRow } from "../decision-row.ts";
import type { Heard } from "../heard.ts";
import type { StoredPerson } from "./stored-person.ts";

/** How the online store is laid out in LMDB, for who serves from it and for who takes people out of it. */
export interface Databases {
  readonly root: RootDatabase;
  readonly people: Database<StoredPerson, string>;
  readonly heard: Database<readonly Heard[], string>;
  readonly sends: Database<readonly PastSend[], string>;
  /** By policy. */
  readonly sent: Database<Readonly<Record<string, number>>, string>;
  readonly decisions: Database<{ readonly row: DecisionRow; readonly at: number }, string>;
  /** person, then the latest first, for `why`. */
  readonly byPerson: Database<string, [string, number, string]>;
  readonly byMessage: Database<string, string>;
  /** Ids of decisions that wait for the door, by their position. */
  readonly queue: Database<string, number>;
  readonly notes: Database<unknown, string>;
}

/** Opens the store in a folder, and makes it where there is none. */
export function openDatabases(folder: string): Databases {
  mkdirSync(folder, { recursive: true });
  const root = open({ path: folder, maxDbs: 12, compression: true, cache: false });
  // Names of fields stand once in the database, not in each value.
  const shaped = { sharedStructuresKey: Symbol.for("structures") };
  return {
    root,
    people: root.openDB({ name: "people", ...shaped }),
    heard: root.openDB({ name: "heard" }),
    sends: root.openDB({ name: "sends" }),
    sent: root.openDB({ name: "sent" }),
    decisions: root.openDB({ name: "decisions", ...shaped }),
    byPerson: root.openDB({ name: "by-person" }),
    byMessage: root.openDB({ name: "by-message" }),
    queue: root.openDB({ name: "queue", keyEncoding: "uint32" }),
    notes: root.openDB({ name: "notes" }),
  };
}
