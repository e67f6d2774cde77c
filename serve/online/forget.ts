import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RootDatabase } from "lmdb";
import { syncDirectory, syncFile } from "../../platform/files.ts";
import type { DecisionRow } from "../decision-row.ts";
import { type Databases, openDatabases } from "./databases.ts";

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
  if (!existsSync(join(folder, "data.mdb"))) return { entries: 0, queued: 0 };
  const databases = openDatabases(folder);
  try {
    const keys = keysOf(databases, who);
    const entries =
      keys.people.length + keys.heard.length + keys.sends.length + keys.decisions.length + keys.byMessage.length;
    return { entries, queued: keys.queue.length };
  } finally {
    await databases.root.close();
  }
}

/**
 * Takes people out of the online store in one transaction, and writes its file anew, for a page that is free still holds what was in it. A decision
 * service that runs meanwhile keeps the old file open: stop it first. May be repeated at any point.
 */
export async function forgetOnline(folder: string, who: Forgotten, fault: (point: string) => void): Promise<void> {
  if (!existsSync(join(folder, "data.mdb"))) return;
  const databases = openDatabases(folder);
  try {
    const keys = keysOf(databases, who);
    await databases.root.transaction(() => {
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
    await databases.root.flushed;
    fault("online-deleted");
    await writeAnew(databases.root, folder, () => fault("online-copied"));
  } finally {
    await databases.root.close();
  }
}

/** Writes the file of an LMDB store anew, without its free pages, in which still stands what was deleted. Whoever has it open keeps the old one. */
export async function writeAnew(root: RootDatabase, folder: string, copied: () => void): Promise<void> {
  const compact = `${folder}.compact`;
  await rm(compact, { recursive: true, force: true });
  await mkdir(compact, { recursive: true });
  await root.backup(compact, true);
  copied();
  await syncFile(join(compact, "data.mdb"));
  await rename(join(compact, "data.mdb"), join(folder, "data.mdb"));
  await syncDirectory(folder);
  await rm(compact, { recursive: true, force: true });
}

function keysOf(databases: Databases, { ids, messages }: Forgotten) {
  const wanted = new Set(ids);
  const ownMessages = new Set(messages);
  const isOwn = (row: DecisionRow): boolean =>
    wanted.has(String(row["user_id_hash"])) || ownMessages.has(String(row["message_id"]));
  const decisions = [...databases.decisions.getRange({})].filter(({ value }) => isOwn(value.row)).map(({ key }) => key);
  const own = new Set(decisions);
  return {
    people: ids.filter((id) => databases.people.doesExist(id)),
    heard: ids.filter((id) => databases.heard.doesExist(id)),
    sends: ids.filter((id) => databases.sends.doesExist(id)),
    decisions,
    byPerson: [...databases.byPerson.getKeys({})].filter((key) => wanted.has(key[0])),
    byMessage: [...databases.byMessage.getRange({})].filter(({ value }) => own.has(value)).map(({ key }) => key),
    queue: [...databases.queue.getRange({})].filter(({ value }) => own.has(value)).map(({ key }) => key),
  };
}
