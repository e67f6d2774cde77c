import { type Databases, hasOutbox, openOutboxDatabases } from "./outbox.ts";

/** Whom to forget: every id of theirs, and the ids of messages to them alone. */
export interface Forgotten {
  readonly ids: readonly string[];
  readonly messages: readonly string[];
}

/** How many entries and waiting signals of an outbox are about some people. */
export async function findInOutbox(folder: string, who: Forgotten): Promise<number> {
  if (!hasOutbox(folder)) return 0;
  const databases = openOutboxDatabases(folder);
  try {
    const { decisions, signals } = keysOf(databases, who);
    return decisions.length + signals.length;
  } finally {
    await databases.store.close();
  }
}

/** Takes people out of an outbox, and writes its file anew. May be repeated at any point. */
export async function forgetOutbox(folder: string, who: Forgotten, fault: (point: string) => void): Promise<void> {
  if (!hasOutbox(folder)) return;
  const databases = openOutboxDatabases(folder);
  const { store, entries, byState, signals } = databases;
  try {
    const keys = keysOf(databases, who);
    await store.transaction(() => {
      for (const id of keys.decisions) {
        const entry = entries.get(id);
        if (entry) byState.remove([entry.state, id]);
        entries.remove(id);
      }
      for (const position of keys.signals) signals.remove(position);
    });
    await store.flushed();
    fault("outbox-deleted");
    await store.writeAnew(() => fault("outbox-copied"));
  } finally {
    await store.close();
  }
}

function keysOf({ entries, signals }: Databases, { ids, messages }: Forgotten) {
  const people = new Set(ids);
  const mails = new Set(messages);
  const isOwn = (row: Readonly<Record<string, unknown>>) =>
    people.has(String(row["user_id_hash"])) || mails.has(String(row["message_id"]));
  return {
    decisions: [...entries.entries()].filter(({ value }) => mails.has(value.message_id)).map(({ key }) => key),
    signals: [...signals.entries()].filter(({ value }) => isOwn(value)).map(({ key }) => key),
  };
}
