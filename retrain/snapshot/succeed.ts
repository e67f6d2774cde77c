import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileSha256, makeFolderWhole, syncDirectory } from "../../platform/files.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import type { DoomedRows } from "../../warehouse/duckdb/doomed-rows.ts";
import { readParquet } from "../../warehouse/duckdb/read-parquet.ts";
import { ContentHasher } from "../digest/content-digest.ts";
import { giveName, listSnapshots, namesFolder, readLock, type Snapshot, snapshotFiles } from "./snapshot.ts";
import { type ErasedRows, type SnapshotLock, snapshotId } from "./snapshot-lock.ts";
import { SideCounter } from "./split.ts";

/** Opens what knows the rows that are to go: of people who are erased, or too old. */
export type OpenDoomed = () => Promise<DoomedRows>;

/** A snapshot that holds rows that are to go. */
export interface FoundInSnapshot {
  readonly snapshot: Snapshot;
  readonly rows: number;
  readonly found: number;
}

/** Names by which a snapshot goes: its own id, and the ids that it had before rows were taken out of it. */
export const idsOfSnapshot = ({ id, lock }: Snapshot): readonly string[] => [
  id,
  ...(lock.erased ?? []).map(({ parent }) => parent.id),
];

export async function findInSnapshots(folder: string, open: OpenDoomed): Promise<readonly FoundInSnapshot[]> {
  const found: FoundInSnapshot[] = [];
  const rows = await open();
  try {
    for (const snapshot of await listSnapshots(folder)) {
      let own = 0;
      for (const file of snapshotFiles(snapshot)) own += (await rows.count(file)).found;
      if (own > 0) found.push({ snapshot, rows: snapshot.lock.lock.rows, found: own });
    }
  } finally {
    rows.close();
  }
  return found;
}

export interface SucceedOptions {
  /** The act by which they go: an erasure, or a retention. */
  readonly erasureId: string;
  readonly now: () => Date;
  /** Called between the steps; tests die in it. */
  readonly fault?: ((point: string) => void) | undefined;
}

/**
 * Replaces each snapshot that holds rows that are to go by a successor without them. The successor's lock names the parent, the number of rows gone
 * and their hashes, by which the parent's digest is computed from what is left; names move to it; the parent's id still finds it. Where no row is
 * left there is no successor. May be killed anywhere and repeated.
 */
export async function succeedSnapshots(folder: string, open: OpenDoomed, options: SucceedOptions): Promise<void> {
  await removeGone(folder);
  for (const { snapshot } of await findInSnapshots(folder, open)) {
    const successor = await makeSuccessor(folder, snapshot, open, options);
    options.fault?.("snapshot-made");
    await moveNames(folder, snapshot.id, successor);
    options.fault?.("snapshot-named");
    if (successor === snapshot.id) throw new Error(`snapshot ${snapshot.id} is its own successor`);
    await rename(snapshot.path, join(folder, `${gone}${snapshot.id}`));
    await syncDirectory(folder);
    options.fault?.("snapshot-moved");
    await removeGone(folder);
  }
}

/** Where a snapshot lies that has a successor, until it is removed: no reader looks there. */
const gone = ".erased-";

async function removeGone(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(gone)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function makeSuccessor(
  folder: string,
  snapshot: Snapshot,
  open: OpenDoomed,
  { erasureId, now }: SucceedOptions,
): Promise<string | undefined> {
  const { lock } = snapshot.lock;
  const making = join(folder, `.succeeding-${snapshot.id}`);
  await rm(making, { recursive: true, force: true });
  const left = new ContentHasher(lock.columns);
  const gone = new ContentHasher(lock.columns);
  const sides = new SideCounter(lock.columns);
  const add = (into: ContentHasher, file: string) =>
    readParquet([file], lock.columns, (valuesOf, rows) => {
      into.addColumns(valuesOf, rows);
      if (into === left) sides.add(valuesOf, rows);
    });
  const files: SnapshotLock["files"] = [];
  let id: string | undefined;
  await makeFolderWhole(making, async (temporary) => {
    const rows = await open();
    try {
      for (const file of snapshotFiles(snapshot)) {
        const name = basename(file);
        const target = join(temporary, name);
        const out = join(temporary, `gone-${name}`);
        const kept = await rows.copyWithout(file, target, await rows.places(file));
        await rows.copyLeft(file, out);
        await add(gone, out);
        await rm(out);
        if (kept === 0) await rm(target);
        else {
          await add(left, target);
          files.push({ name, bytes: (await stat(target)).size, sha256: await fileSha256(target) });
        }
      }
    } finally {
      rows.close();
    }
    const { rows: kept, content } = left.digest();
    if (kept === 0) return;
    const row_hashes = [...gone.rowHashes()];
    const parent = { id: snapshot.id, content: lock.content, rows: lock.rows };
    const erased: ErasedRows = { erasure_id: erasureId, parent, rows: row_hashes.length, row_hashes };
    const next: SnapshotLock = {
      ...snapshot.lock,
      lock: {
        ...lock,
        rows: kept,
        content: { ...content },
        ...(lock.split && { split: { ...lock.split, ...sides.counts() } }),
      },
      erased: [...(snapshot.lock.erased ?? []), erased],
      files,
      made: { ...snapshot.lock.made, at: now().toISOString() },
    };
    for (const hash of row_hashes) left.addHash(hash);
    const before = left.digest();
    if (before.content.value !== lock.content.value || before.rows !== lock.rows)
      throw new Error(`snapshot ${snapshot.id}: what is left and what goes are not what it was`);
    id = snapshotId(content.value);
    await writeWhole(join(temporary, "lock.json"), `${JSON.stringify(next, null, 2)}\n`);
  });
  if (id === undefined) {
    await rm(making, { recursive: true, force: true });
    return undefined;
  }
  await putInPlace(folder, making, id);
  return id;
}

/** Gives the successor its name. Where a snapshot of the same content is there already, that one learns whose successor it is. */
async function putInPlace(folder: string, making: string, id: string): Promise<void> {
  const path = join(folder, id);
  const there = await readLock(path);
  const made = await readLock(making);
  if (there === undefined || made === undefined) {
    await rename(making, path);
    await syncDirectory(folder);
    return;
  }
  const known = new Set((there.erased ?? []).map(({ parent }) => parent.id));
  const fresh = (made.erased ?? []).filter(({ parent }) => !known.has(parent.id));
  if (fresh.length > 0 && there.erased === undefined)
    await writeWhole(join(path, "lock.json"), `${JSON.stringify({ ...there, erased: fresh }, null, 2)}\n`);
  await rm(making, { recursive: true, force: true });
}

async function moveNames(folder: string, from: string, to: string | undefined): Promise<void> {
  for (const name of await readdir(namesFolder(folder)).catch(() => [])) {
    const path = join(namesFolder(folder), name);
    if ((await readHomeText(path)).trim() !== from) continue;
    if (to === undefined) await rm(path);
    else await giveName(folder, name, to);
  }
}

/** The successors that an erasure made, by the id of the snapshot that each was before. */
export async function successorsOf(folder: string, erasureId: string): Promise<ReadonlyMap<string, string>> {
  const made = new Map<string, string>();
  for (const { id, lock } of await listSnapshots(folder))
    for (const { erasure_id, parent } of lock.erased ?? []) if (erasure_id === erasureId) made.set(parent.id, id);
  return made;
}
