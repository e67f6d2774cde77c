import { randomBytes } from "node:crypto";
import type { NumberedTable } from "../../platform/store/tables.ts";
import type { DecisionRow } from "../decision-row.ts";
import { openDatabases } from "./databases.ts";
import type { OnlineStore, StoreTransaction } from "./store.ts";

/** Decisions are found by their id this long, and their sends are counted; older ones are in raw.decisions. */
const keptMs = 40 * 86_400_000;

/** How people are kept. A store of another shape forgets its people, to whom nothing is sent until `features push` has loaded them again. */
const shape = 3;

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

  const transaction: StoreTransaction = {
    person: (id) => people.get(id),
    putPerson: (id, person) => people.put(id, person),
    heard: (id) => heard.get(id) ?? [],
    putHeard: (id, list) => (list.length === 0 ? heard.remove(id) : heard.put(id, list)),
    sends: (id) => sends.get(id) ?? [],
    addSend: (id, send) => sends.put(id, [...(sends.get(id) ?? []).filter(({ at }) => at > send.at - keptMs), send]),
    sent: (policy) => sent.get(policy) ?? {},
    putSent: (policy, counts) => sent.put(policy, counts),
    decision: (id) => decisions.get(id)?.row,
    putDecision(row) {
      const at = Date.parse(String(row["decided_at"]));
      const person = String(row["user_id_hash"]);
      decisions.put(row.decision_id, { row, at });
      byPerson.put([person, -at, row.decision_id], row.decision_id);
      if (typeof row["message_id"] === "string") byMessage.put(row["message_id"], row.decision_id);
      const next = ((notes.get("queued") as number | undefined) ?? 0) + 1;
      notes.put("queued", next);
      queue.put(next, row.decision_id);
    },
    note: (key) => notes.get(key),
    putNote: (key, value) => notes.put(key, value),
  };

  return {
    person: (id) => people.get(id),
    heard: (id) => heard.get(id) ?? [],
    heardIds: () => heard.keys(),
    sends: (id) => sends.get(id) ?? [],
    decision: (id) => decisions.get(id)?.row,
    decisionsOf: (person, limit) =>
      [...byPerson.group(person)]
        .sort((a, b) => a.key[1] - b.key[1])
        .slice(0, limit)
        .flatMap(({ value }) => decisions.get(value)?.row ?? []),
    decisionOfMessage: (messageId) => {
      const id = byMessage.get(messageId);
      return id === undefined ? undefined : decisions.get(id)?.row;
    },
    note: (key) => notes.get(key),
    *people() {
      for (const { key, value } of people.entries()) yield [key, value];
    },
    async transact<T>(work: (tx: StoreTransaction) => T): Promise<T> {
      let thrown: unknown;
      let isThrown = false;
      // An error is carried out by hand: one thrown in a child transaction takes back this work alone.
      const done = await kept
        .childTransaction(() => {
          try {
            return work(transaction);
          } catch (error) {
            thrown = error;
            isThrown = true;
            throw error;
          }
        })
        .catch((error: unknown) => {
          throw isThrown ? thrown : error;
        });
      await kept.flushed();
      return done as T;
    },
    queue: name,
    queued: (after, limit) =>
      [...queue.above(after, limit)].flatMap(({ key, value }) => {
        const row = decisions.get(value)?.row;
        return row ? [{ position: key, row }] : [];
      }),
    async dropQueued(upTo) {
      await kept.transaction(() => {
        for (const key of [...queue.upTo(upTo)]) queue.remove(key);
      });
    },
    queueLength: () => queue.count(),
    close: () => kept.close(),
  };
}
