import { randomBytes } from "node:crypto";
import { hasStore, openStore, type Store, type StoreOptions } from "../platform/store/open-store.ts";
import type { GroupedTable, NumberedTable, Table, TableSpec } from "../platform/store/tables.ts";

/**
 * What became of a decided send. waiting: the gates say not now; pending: the receiver did; sending: a request may be on its way; in_doubt: nobody
 * answered it. The others are final.
 */
export const entryStates = [
  "waiting",
  "pending",
  "sending",
  "in_doubt",
  "handed_over",
  "withheld",
  "refused",
  "dead",
] as const;
export type EntryState = (typeof entryStates)[number];

/** One line of the outbox. Neither an address nor a person's id is in it. Times are milliseconds since the epoch. */
export interface Entry {
  readonly state: EntryState;
  readonly message_id: string;
  /** The receiver's name. */
  readonly to: string;
  /** Attempts that were begun. */
  readonly attempts: number;
  readonly at: number;
  readonly reason: string | null;
  /** The receiver's id of the mail. */
  readonly provider_id: string | null;
  readonly not_before: number | null;
  /** An attempt of it may have been taken though nobody said so: then it is this receiver's alone. */
  readonly is_maybe_taken: boolean;
  /** The name of the file that it went in. */
  readonly batch: string | null;
}

/** A change of the outbox: an entry and, where the mail is out, the signal that says so. Both are kept, or neither. */
export interface Change {
  readonly decision_id: string;
  readonly entry: Entry;
  readonly signal?: Readonly<Record<string, unknown>> | undefined;
}

/** An entry with what it is about. */
export type Listed = Pick<Change, "decision_id" | "entry">;

/** States in which an entry is found again by its state. */
const indexed: readonly EntryState[] = ["pending", "sending", "in_doubt", "refused", "dead"];

/** The tables of an outbox. */
export const outboxTables = {
  entries: { name: "entries", keys: "texts" },
  byState: { name: "by-state", keys: "open-groups" },
  signals: { name: "signals", keys: "numbers" },
  notes: { name: "notes", keys: "texts" },
} as const satisfies Readonly<Record<string, TableSpec>>;

export const outboxOptions = { mode: 0o700 } as const satisfies StoreOptions;

export interface Databases {
  readonly store: Store;
  readonly entries: Table<Entry>;
  readonly byState: GroupedTable<true, readonly [string, string]>;
  /** Signals that have not landed. */
  readonly signals: NumberedTable<Readonly<Record<string, unknown>>>;
  readonly notes: Table<unknown>;
}

export const hasOutbox = hasStore;

export function openOutboxDatabases(folder: string): Databases {
  const store = openStore(folder, outboxOptions);
  return {
    store,
    entries: store.table(outboxTables.entries),
    byState: store.grouped(outboxTables.byState),
    signals: store.numbered(outboxTables.signals),
    notes: store.table(outboxTables.notes),
  };
}

export type Outbox = ReturnType<typeof openOutbox>;

/** The outbox in a folder: one entry for each decision, whichever receiver it goes to. What `write` resolved for is on disk. */
export function openOutbox(folder: string) {
  const { store, entries, byState, signals, notes } = openOutboxDatabases(folder);
  let queue = notes.get("queue") as string | undefined;
  if (queue === undefined) {
    const made = randomBytes(8).toString("hex");
    queue = store.transactionSync(() => {
      notes.put("queue", made);
      return made;
    });
  }

  return {
    entry: (decisionId: string): Entry | undefined => entries.get(decisionId),

    /** All of the changes or none; synced. */
    async write(changes: readonly Change[]): Promise<void> {
      if (changes.length === 0) return;
      await store.transaction(() => {
        for (const { decision_id, entry, signal } of changes) {
          const before = entries.get(decision_id);
          if (before && before.state !== entry.state && indexed.includes(before.state))
            byState.remove([before.state, decision_id]);
          entries.put(decision_id, entry);
          if (indexed.includes(entry.state)) byState.put([entry.state, decision_id], true);
          if (!signal) continue;
          const next = ((notes.get("queued") as number | undefined) ?? 0) + 1;
          notes.put("queued", next);
          signals.put(next, signal);
        }
      });
      await store.flushed();
    },

    /** The next decisions in a state behind one of them, by id; in an encrypted home in another order that stays. */
    inState: (state: EntryState, after: string, limit: number): readonly Listed[] =>
      [...byState.group(state, { after: after === "" ? undefined : [state, after], limit })].flatMap(({ key }) => {
        const entry = entries.get(key[1]);
        return entry ? [{ decision_id: key[1], entry }] : [];
      }),

    /** Names this outbox in the ledger of what has landed. */
    queue,
    queued: (after: number, limit: number) =>
      [...signals.above(after, limit)].map(({ key, value }) => ({ position: key, text: JSON.stringify(value) })),
    async dropQueued(upTo: number): Promise<void> {
      await store.transaction(() => {
        for (const key of [...signals.upTo(upTo)]) signals.remove(key);
      });
    },
    queueLength: (): number => signals.count(),
    close: (): Promise<void> => store.close(),
  };
}
