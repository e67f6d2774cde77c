import { randomBytes } from "node:crypto";
import type { Key, NumberedTable, Table } from "../../platform/store/tables.ts";
import type { DecisionRow } from "../decision-row.ts";
import { type KeptPerson, openDatabases, rowOf, textOf } from "./databases.ts";
import { Drafts } from "./drafts.ts";
import { Remembered } from "./remembered.ts";
import { countedNote, keptMs, type OnlineStore, type StoreTransaction } from "./store.ts";
import type { StoredPerson } from "./stored-person.ts";

/** How people are kept. A store of another shape forgets its people, to whom nothing is sent until `features push` has loaded them again. */
const shape = 3;

/** A decision that comes meanwhile waits for no more than these. */
const droppedAtOnce = 1_000;

const none: readonly never[] = [];

/** Something to be done in a transaction, and who waits for it. */
interface Work {
  readonly work: (tx: StoreTransaction) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The store on one machine: LMDB, readers beside one writer, of this or of another process. A transaction is written and synced before it resolves; those that
 * wait are written together.
 */
export function openLmdbStore(folder: string): OnlineStore {
  const {
    store: kept,
    people,
    heard,
    sends,
    sent,
    decisions,
    byPerson,
    byMessage,
    queue,
    notes,
  } = openDatabases(folder);

  if (notes.get("shape") !== shape)
    kept.transactionSync(() => {
      if (notes.get("shape") === shape) return;
      people.clear();
      // What waited for the door went into the queue whole.
      for (const { key, value } of [...(queue as NumberedTable<string | DecisionRow>).entries()])
        if (typeof value !== "string") queue.put(key, value.decision_id);
      notes.remove("push");
      // Read again what streamed in, for what was heard in it.
      for (const key of [...notes.keys()]) if (key.startsWith("stream ")) notes.remove(key);
      notes.put("shape", shape);
    });

  let name = notes.get("queue") as string | undefined;
  if (name === undefined) {
    name = kept.transactionSync(() => {
      const known = notes.get("queue") as string | undefined;
      if (known !== undefined) return known;
      const made = randomBytes(8).toString("hex");
      notes.put("queue", made);
      return made;
    });
  }

  const known = {
    people: new Remembered(people, personOf),
    heard: new Remembered(heard, (list) => list),
    sends: new Remembered(sends, (list) => list),
  };
  const drafts = {
    people: new Drafts<StoredPerson, string>(
      (id) => known.people.get(id),
      (id, person) => (person ? people.put(id, keptPerson(person)) : people.remove(id)),
    ),
    heard: draftsOf(heard, (id) => known.heard.get(id)),
    sends: draftsOf(sends, (id) => known.sends.get(id)),
    sent: draftsOf(sent),
    decisions: draftsOf(decisions),
    byPerson: draftsOf(byPerson),
    byMessage: draftsOf(byMessage),
    queue: draftsOf(queue),
    notes: draftsOf(notes),
  };
  const all = Object.values(drafts);

  const transaction: StoreTransaction = {
    person: (id) => drafts.people.get(id),
    putPerson: (id, person) => drafts.people.put(id, person),
    heard: (id) => drafts.heard.get(id) ?? none,
    putHeard: (id, list) => drafts.heard.put(id, list.length === 0 ? undefined : list),
    sends: (id) => drafts.sends.get(id) ?? none,
    addSend: (id, send) =>
      drafts.sends.put(id, [...(drafts.sends.get(id) ?? none).filter(({ at }) => at > send.at - keptMs), send]),
    sent: (policy) => drafts.sent.get(policy) ?? {},
    putSent: (policy, counts) => drafts.sent.put(policy, counts),
    decision: (id) => rowOf(drafts.decisions.get(id)),
    hasDecision: (id) => drafts.decisions.get(id) !== undefined,
    putDecision(row, text = JSON.stringify(row)) {
      const at = Date.parse(String(row["decided_at"]));
      drafts.decisions.put(row.decision_id, text);
      drafts.byPerson.put([String(row["user_id_hash"]), -at, row.decision_id], row.decision_id);
      const message = row["message_id"];
      if (typeof message === "string" && decisionOf(message) !== row.decision_id)
        drafts.byMessage.put(message, row.decision_id);
      const next = ((drafts.notes.get("queued") as number | undefined) ?? 0) + 1;
      drafts.notes.put("queued", next);
      drafts.queue.put(next, row.decision_id);
    },
    note: (key) => drafts.notes.get(key),
    putNote: (key, value) => drafts.notes.put(key, value),
  };

  let waiting: Work[] = [];
  let isWriting = false;

  /** Does what waits in one transaction, and what came meanwhile in the next, which begins while the one before is being synced. */
  async function writeWaiting(): Promise<void> {
    isWriting = true;
    while (waiting.length > 0) {
      let group: readonly Work[] = [];
      const done: (() => void)[] = [];
      const failed = (error: unknown): void => {
        for (const { reject } of group) reject(error);
      };
      try {
        // A child transaction is taken back whole where a page cannot be written.
        await kept.childTransaction(() => {
          group = waiting;
          waiting = [];
          try {
            for (const { work, resolve, reject } of group) {
              try {
                const result = work(transaction);
                for (const one of all) one.keep();
                done.push(() => resolve(result));
              } catch (error) {
                for (const one of all) one.drop();
                done.push(() => reject(error));
              }
            }
            for (const one of all) one.write();
          } finally {
            for (const one of all) one.clear();
          }
        });
      } catch (error) {
        // One that could not even begin.
        if (group.length === 0) {
          group = waiting;
          waiting = [];
        }
        failed(error);
        continue;
      }
      kept.flushed().then(() => {
        for (const settle of done) settle();
      }, failed);
    }
    isWriting = false;
  }

  return {
    person: (id) => known.people.get(id),
    heard: (id) => known.heard.get(id) ?? none,
    heardIds: () => heard.keys(),
    sends: (id) => known.sends.get(id) ?? none,
    decision: (id) => rowOf(decisions.get(id)),
    decisionsOf: (person, limit) =>
      [...byPerson.group(person)]
        .sort((a, b) => a.key[1] - b.key[1])
        .slice(0, limit)
        .flatMap(({ value }) => rowOf(decisions.get(value)) ?? []),
    decisionOfMessage: (messageId) => {
      const id = byMessage.get(messageId) ?? decisionOf(messageId);
      const row = rowOf(decisions.get(id));
      return row?.["message_id"] === messageId ? row : undefined;
    },
    note: (key) => notes.get(key),
    *people() {
      for (const { key, value } of people.entries()) yield [key, personOf(value)];
    },
    transact: <T>(work: (tx: StoreTransaction) => T): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        waiting.push({ work, resolve: resolve as (result: unknown) => void, reject });
        if (!isWriting) void writeWaiting();
      }),
    queue: name,
    queued: (after, limit) =>
      [...queue.above(after, limit)].flatMap(({ key, value }) => {
        const text = textOf(decisions.get(value));
        return text === undefined ? [] : [{ position: key, text }];
      }),
    async dropQueued(upTo) {
      await kept.transaction(() => {
        for (const key of [...queue.upTo(upTo)]) queue.remove(key);
      });
    },
    async dropDecided(before) {
      const waits = new Set([...queue.entries()].map(({ value }) => value));
      let dropped = 0;
      const drop = async (old: readonly DecisionRow[]): Promise<void> => {
        await kept.transaction(() => {
          for (const { decision_id: id, user_id_hash: person, decided_at: at, message_id: message } of old) {
            decisions.remove(id);
            byPerson.remove([String(person), -Date.parse(String(at)), id]);
            if (typeof message === "string" && byMessage.get(message) === id) byMessage.remove(message);
          }
        });
        dropped += old.length;
      };
      let old: DecisionRow[] = [];
      for (const { key, value } of decisions.entries()) {
        const row = rowOf(value)!;
        if (Date.parse(String(row["decided_at"])) >= before || waits.has(key)) continue;
        old.push(row);
        if (old.length < droppedAtOnce) continue;
        await drop(old);
        old = [];
      }
      if (old.length > 0) await drop(old);
      return dropped;
    },
    async dropCounted(before) {
      const old: string[] = [];
      for (const { key, value } of notes.entries())
        if (key.startsWith(countedNote("")) && typeof value === "number" && value < before) old.push(key);
      for (let from = 0; from < old.length; from += droppedAtOnce)
        await kept.transaction(() => {
          for (const key of old.slice(from, from + droppedAtOnce)) notes.remove(key);
        });
      return old.length;
    },
    queueLength: () => queue.count(),
    close: () => kept.close(),
  };
}

/** Mails are named after their decisions. */
const decisionOf = (messageId: string): string => `d${messageId.slice(1)}`;

const draftsOf = <V, K extends Key>(
  table: Table<V, K>,
  read: (key: K) => V | undefined = (key) => table.get(key),
): Drafts<V, K> => new Drafts(read, (key, value) => (value === undefined ? table.remove(key) : table.put(key, value)));

const keptPerson = ({ base, fresh, set, acts, before }: StoredPerson): KeptPerson => ({
  base,
  fresh,
  set,
  past: JSON.stringify({ acts, before }),
});

/** What happened before the store was loaded is asked for where something new has happened: it is not read before that. */
function personOf(kept: KeptPerson): StoredPerson {
  if (!("past" in kept)) return kept;
  const { base, fresh, set, past } = kept;
  let read: Pick<StoredPerson, "acts" | "before"> | undefined;
  const now = () => {
    read ??= JSON.parse(past) as Pick<StoredPerson, "acts" | "before">;
    return read;
  };
  return {
    base,
    fresh,
    set,
    get acts() {
      return now().acts;
    },
    get before() {
      return now().before;
    },
  };
}
