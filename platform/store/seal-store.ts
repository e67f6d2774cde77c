import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { open } from "lmdb";
import { UserError } from "../../errors/user-error.ts";
import { moveDurably, syncFile } from "../files.ts";
import type { HomeSeal } from "../home-seal.ts";
import { hasStore, isClearStore, openAs, type Store, type StoreOptions, storeFile } from "./open-store.ts";
import type { Key, NumberedTable, Table, TableSpec } from "./tables.ts";

/** A store that lies in clear, and what is in it. */
export interface ClearStore {
  readonly folder: string;
  readonly tables: readonly TableSpec[];
  /** As it is opened while it is in clear: packed values are read by who knows that they are packed. */
  readonly options: StoreOptions;
}

const entriesAtOnce = 1_000;

/**
 * Writes a store that is in clear anew, sealed, reads it through against the old one, and puts it in its place by one rename. It may be killed anywhere and
 * begun again. Gives the number of entries; undefined where there is no store in clear. Nothing else may have it open.
 */
export async function sealStore(
  { folder, tables, options }: ClearStore,
  seal: HomeSeal,
  fault: (point: string) => void = () => {},
): Promise<number | undefined> {
  const half = `${folder}-sealing`;
  await rm(half, { recursive: true, force: true });
  if (!hasStore(folder) || !isClearStore(folder)) return undefined;
  refuseReaders(folder);
  const [from, to] = [openAs(folder, undefined, options), openAs(half, seal, options)];
  let entries = 0;
  try {
    for (const spec of tables) {
      const [source, target] = [tableOf(from, spec), tableOf(to, spec)];
      let waiting: { readonly key: Key; readonly value: unknown }[] = [];
      const write = async () => {
        const batch = waiting;
        waiting = [];
        await to.transaction(() => {
          for (const { key, value } of batch) target.put(key, value);
        });
      };
      for (const entry of [...source.keys()]) {
        waiting.push({ key: entry, value: source.get(entry) });
        entries += 1;
        if (waiting.length >= entriesAtOnce) await write();
      }
      await write();
      fault(`store-copied ${spec.name}`);
    }
    await to.flushed();
    for (const spec of tables) refuseOther(folder, tableOf(from, spec), tableOf(to, spec));
  } finally {
    await to.close();
    await from.close();
  }
  await syncFile(join(half, storeFile));
  fault("store-written");
  await moveDurably(join(half, storeFile), join(folder, storeFile));
  fault("store-moved");
  await rm(half, { recursive: true, force: true });
  return entries;
}

/** Tables of numbers and of texts differ in their keys alone. */
const tableOf = (store: Store, spec: TableSpec): Table<unknown, Key> =>
  (spec.keys === "numbers"
    ? (store.numbered<unknown>(spec) satisfies NumberedTable<unknown>)
    : store.table<unknown>(spec)) as unknown as Table<unknown, Key>;

function refuseOther(folder: string, source: Table<unknown, Key>, target: Table<unknown, Key>): void {
  const keys = [...source.keys()];
  const isSame =
    target.count() === keys.length && keys.every((key) => isDeepStrictEqual(target.get(key), source.get(key)));
  if (!isSame) throw new Error(`${folder}: what was sealed is not what was read`);
}

/** Throws where another process has a store open: what it writes meanwhile would be lost. */
function refuseReaders(folder: string): void {
  const root = open({ path: folder, maxDbs: 12, cache: false });
  try {
    root.readerCheck();
    const holders = [...root.readerList().matchAll(/^\s*(\d+) /gm)].map(([, pid]) => Number(pid));
    const other = holders.find((pid) => pid !== process.pid);
    if (other === undefined) return;
    throw new UserError(`the store is in use by process ${other}`, {
      code: "home.in-use",
      exit: "config",
      where: folder,
      next: `stop process ${other} first: ps -fp ${other}`,
    });
  } finally {
    void root.close();
  }
}
