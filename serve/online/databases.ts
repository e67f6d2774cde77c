import { openStore, type Store, type StoreOptions } from "../../platform/store/open-store.ts";
import type { GroupedTable, NumberedTable, Table, TableSpec } from "../../platform/store/tables.ts";
import type { DecisionRow } from "../decision-row.ts";
import type { Heard } from "../heard.ts";
import type { StoredSend } from "./store.ts";
import type { StoredPerson } from "./stored-person.ts";

/** A person as the store keeps one: the acts and counts of before it was loaded as JSON. Earlier versions kept a person as it is. */
export type KeptPerson = (Pick<StoredPerson, "base" | "fresh" | "set"> & { readonly past: string }) | StoredPerson;

/** A decision as JSON; earlier versions kept it as it is. */
export type KeptDecision = string | { readonly row: DecisionRow };

export const textOf = (kept: KeptDecision | undefined): string | undefined =>
  typeof kept === "object" ? JSON.stringify(kept.row) : kept;

export const rowOf = (kept: KeptDecision | undefined): DecisionRow | undefined =>
  typeof kept === "string" ? (JSON.parse(kept) as DecisionRow) : kept?.row;

/** The tables of the online store. */
export const onlineTables = {
  people: { name: "people", keys: "texts", isShaped: true },
  heard: { name: "heard", keys: "texts" },
  sends: { name: "sends", keys: "texts" },
  sent: { name: "sent", keys: "texts" },
  decisions: { name: "decisions", keys: "texts", isShaped: true, isLoose: true },
  byPerson: { name: "by-person", keys: "groups" },
  byMessage: { name: "by-message", keys: "texts" },
  queue: { name: "queue", keys: "numbers" },
  notes: { name: "notes", keys: "texts" },
} as const satisfies Readonly<Record<string, TableSpec>>;

export const onlineOptions = { compression: true } as const satisfies StoreOptions;

/** How the online store is laid out, for who serves from it and for who takes people out of it. */
export interface Databases {
  readonly store: Store;
  readonly people: Table<KeptPerson>;
  readonly heard: Table<readonly Heard[]>;
  readonly sends: Table<readonly StoredSend[]>;
  /** By policy. */
  readonly sent: Table<Readonly<Record<string, number>>>;
  readonly decisions: Table<KeptDecision>;
  /** person, then the latest first where keys stand in clear, for `why`. */
  readonly byPerson: GroupedTable<string, readonly [string, number, string]>;
  /** Only of messages that are not named after their decisions. */
  readonly byMessage: Table<string>;
  /** Ids of decisions that wait for the door, by their position. */
  readonly queue: NumberedTable<string>;
  readonly notes: Table<unknown>;
}

/** Opens the store in a folder, and makes it where there is none. */
export function openDatabases(folder: string): Databases {
  const store = openStore(folder, onlineOptions);
  return {
    store,
    people: store.table(onlineTables.people),
    heard: store.table(onlineTables.heard),
    sends: store.table(onlineTables.sends),
    sent: store.table(onlineTables.sent),
    decisions: store.table(onlineTables.decisions),
    byPerson: store.grouped(onlineTables.byPerson),
    byMessage: store.table(onlineTables.byMessage),
    queue: store.numbered(onlineTables.queue),
    notes: store.table(onlineTables.notes),
  };
}
