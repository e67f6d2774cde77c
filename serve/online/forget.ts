import { hasStore } from "../../platform/store/open-store.ts";
import type { DecisionRow } from "../decision-row.ts";
import { type Databases, openDatabases, rowOf } from "./databases.ts";

/** Whom to forget: every id of theirs, and the ids of messages to them alone. */
export interface Forgotten {
  readonly ids: readonly string[];
  readonly messages: readonly string[];
}

/** What the online store holds of some people: entries, by what they are. `queued` are decisions that have not landed yet. */
export async function findOnline(
  folder: string,
  who: Forgotten,
): Promise<{ readonly entries: number; readonly queued: number }> {
  if (!hasStore(folder)) return { entries: 0, queued: 0 };
  const databases = openDatabases(folder);
  try {
    const keys = keysOf(databases, who);
    const entries =
      keys.people.length + keys.heard.length + keys.sends.length + keys.decisions.length + keys.byMessage.length;
    return { entries, queued: keys.queue.length };
  } finally {
    await databases.store.close();
  }
}

/**
 * Takes people out of the online store in one transaction, and writes its file anew, for a page that is free still holds what was in it. A decision
 * service that runs meanwhile keeps the old file open: stop it first. May be repeated at any point.
 */
export async function forgetOnline(folder: string, who: Forgotten, fault: (point: string) => void): Promise<void> {
  if (!hasStore(folder)) return;
  const databases = openDatabases(folder);
  try {
    const keys = keysOf(databases, who);
    await databases.store.transaction(() => {
      for (const id of keys.people) databases.people.remove(id);
      for (const id of keys.heard) databases.heard.remove(id);
      for (const id of keys.sends) databases.sends.remove(id);
      for (const id of keys.decisions) {
        databases.decisions.remove(id);
        databases.notes.remove(`counted ${id}`);
      }
      for (const key of keys.byPerson) databases.byPerson.remove(key);
      for (const id of keys.byMessage) databases.byMessage.remove(id);
      for (const position of keys.queue) databases.queue.remove(position);
    });
    await databases.store.flushed();
    fault("online-deleted");
    await databases.store.writeAnew(() => fault("online-copied"));
  } finally {
    await databases.store.close();
  }
}

function keysOf(databases: Databases, { ids, messages }: Forgotten) {
  const wanted = new Set(ids);
  const ownMessages = new Set(messages);
  const isOwn = (row: DecisionRow): boolean =>
    wanted.has(String(row["user_id_hash"])) || ownMessages.has(String(row["message_id"]));
  const decisions = [...databases.decisions.entries()]
    .filter(({ value }) => isOwn(rowOf(value)!))
    .map(({ key }) => key);
  const own = new Set(decisions);
  return {
    people: ids.filter((id) => databases.people.has(id)),
    heard: ids.filter((id) => databases.heard.has(id)),
    sends: ids.filter((id) => databases.sends.has(id)),
    decisions,
    byPerson: [...databases.byPerson.keys()].filter((key) => wanted.has(key[0])),
    byMessage: [...databases.byMessage.entries()].filter(({ value }) => own.has(value)).map(({ key }) => key),
    queue: [...databases.queue.entries()].filter(({ value }) => own.has(value)).map(({ key }) => key),
  };
}
