import { existsSync, mkdirSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Database, type Key as LmdbKey, open, type RootDatabase } from "lmdb";
import { UserError } from "../../errors/user-error.ts";
import { syncDirectory, syncFile } from "../files.ts";
import { type HomeSeal, sealOf } from "../home-seal.ts";
import { clearKeeping, type Keeping, sealedKeeping } from "./keeping.ts";
import type { Entry, GroupedTable, Key, NumberedTable, Table, TableSpec } from "./tables.ts";

/**
 * Tables in a folder, in LMDB: readers beside one writer, of this or of another process. Where the home is encrypted each value is sealed under a key
 * of its own, tied to its table and its key, and keys are keyed tokens; LMDB's own encryption is not used (docs/adr/0050).
 */
export interface Store {
  readonly folder: string;
  table<V>(spec: TableSpec): Table<V>;
  numbered<V>(spec: TableSpec): NumberedTable<V>;
  grouped<V, K extends readonly [string, ...(string | number)[]]>(spec: TableSpec): GroupedTable<V, K>;
  /** All of the work or none, for work that does not throw. */
  transaction<T>(work: () => T): Promise<T>;
  /** The same for work that may throw: what it wrote before is taken back, and nothing else is. */
  childTransaction<T>(work: () => T): Promise<T>;
  transactionSync<T>(work: () => T): T;
  /** Once what was committed would survive a power cut. */
  flushed(): Promise<unknown>;
  /** Writes the file anew, without its free pages, in which still stands what was deleted. Whoever has it open keeps the old one. */
  writeAnew(copied: () => void): Promise<void>;
  close(): Promise<void>;
}

/** The file of a store. */
export const storeFile = "data.mdb";
export const hasStore = (folder: string): boolean => existsSync(join(folder, storeFile));

/** What tells a sealed table from one in clear: its name, which also says how its keys are kept. */
const sealedName = ({ name, keys }: TableSpec): string => `${name} sealed${keys === "numbers" ? " numbers" : ""}`;
const sealedNames = /^(.*) sealed( numbers)?$/;
const namesIn = (root: RootDatabase): readonly string[] =>
  [...root.getKeys({})].filter((name) => typeof name === "string");

export interface StoreOptions {
  readonly mode?: number;
  /** Values are packed, where they are in clear. */
  readonly compression?: boolean;
}

/** Opens the store in a folder, and makes it where there is none. */
export function openStore(folder: string, options: StoreOptions = {}): Store {
  return openAs(folder, sealOf(folder), options);
}

/** The same, whether or not the folder lies in an encrypted home: `seal` says it. */
export function openAs(folder: string, seal: HomeSeal | undefined, options: StoreOptions = {}): Store {
  mkdirSync(folder, { recursive: true, ...(options.mode === undefined ? {} : { mode: options.mode }) });
  const root = open({
    path: folder,
    maxDbs: 12,
    cache: false,
    // What is sealed looks random, and cannot be packed.
    compression: options.compression === true && seal === undefined,
  });
  const isOdd = namesIn(root).some((name) => sealedNames.test(name) !== (seal !== undefined));
  if (isOdd) {
    void root.close();
    throw seal === undefined ? lostKey(folder) : clearStore(folder);
  }
  const where = join(folder, storeFile);
  const make = <V, K extends Key>(spec: TableSpec): LmdbTable<V, K> => {
    const keyEncoding = spec.keys === "numbers" ? ({ keyEncoding: "uint32" } as const) : {};
    if (seal === undefined) {
      const shaped = spec.isShaped ? { sharedStructuresKey: Symbol.for("structures") } : {};
      const loose = spec.isLoose && options.compression ? { compression: { threshold: Number.MAX_SAFE_INTEGER } } : {};
      return new LmdbTable<V, K>(
        root.openDB({ name: spec.name, ...keyEncoding, ...shaped, ...loose }),
        clearKeeping<V, K>(),
      );
    }
    const database = root.openDB({ name: sealedName(spec), encoding: "binary", ...keyEncoding });
    return new LmdbTable<V, K>(database, sealedKeeping<V, K>(spec, seal, where));
  };
  return {
    folder,
    table: (spec) => make(spec),
    numbered: (spec) => make(spec),
    grouped: (spec) => make(spec),
    transaction: (work) => root.transaction(work),
    childTransaction: (work) => root.childTransaction(work),
    transactionSync: (work) => root.transactionSync(work),
    flushed: () => root.flushed,
    writeAnew: (copied) => writeAnew(root, folder, copied),
    close: () => root.close(),
  };
}

/** Everything in the tables of an encrypted store, with the table's name; what is in clear is left out. It may be in use. */
export function* sealedEntries(folder: string): Iterable<Entry<unknown, Key> & { readonly table: string }> {
  const seal = sealOf(folder);
  if (seal === undefined) return;
  const root = open({ path: folder, maxDbs: 12, cache: false, readOnly: true });
  try {
    for (const found of namesIn(root)) {
      const [, name = "", numbers] = sealedNames.exec(found) ?? [];
      if (name === "") continue;
      const spec = { name, keys: numbers === undefined ? "texts" : "numbers" } as const;
      const keyEncoding = numbers === undefined ? {} : ({ keyEncoding: "uint32" } as const);
      const table = root.openDB({ name: found, encoding: "binary", ...keyEncoding });
      const keeping = sealedKeeping<unknown, Key>(spec, seal, join(folder, storeFile));
      for (const { key, value } of table.getRange({})) yield { table: name, ...keeping.entry(key as Key, value) };
    }
  } finally {
    void root.close();
  }
}

/** Whether a store holds a table in clear, as one in clear does. */
export function isClearStore(folder: string): boolean {
  const root = open({ path: folder, maxDbs: 12, cache: false, readOnly: true });
  try {
    return namesIn(root).some((name) => !sealedNames.test(name));
  } finally {
    void root.close();
  }
}

async function writeAnew(root: RootDatabase, folder: string, copied: () => void): Promise<void> {
  const compact = `${folder}.compact`;
  await rm(compact, { recursive: true, force: true });
  await mkdir(compact, { recursive: true });
  await root.backup(compact, true);
  copied();
  await syncFile(join(compact, storeFile));
  await rename(join(compact, storeFile), join(folder, storeFile));
  await syncDirectory(folder);
  await rm(compact, { recursive: true, force: true });
}

const clearStore = (folder: string): UserError =>
  new UserError("the home is encrypted, and this store in it is in clear", {
    code: "home.clear-store",
    exit: "config",
    where: folder,
    next: "inboxloop keys home seal",
  });

const lostKey = (folder: string): UserError =>
  new UserError("the store is encrypted, and the home's wrapped key is not there", {
    code: "home.damaged-key",
    exit: "config",
    where: folder,
    next: "bring home-key.json back from a backup: without it nothing in the home can be read",
  });

/** As `[name]` is before all that is in the group, this is behind it. */
const behindGroup = (name: string): string => `${name}\u0001`;

/** LMDB's own type of keys wants arrays that it may write to, and it writes to none. */
type Lmdb = Database<unknown, LmdbKey>;

class LmdbTable<V, K extends Key> implements Table<V, K> {
  readonly #database: Lmdb;
  readonly #keeping: Keeping<V, K>;

  constructor(database: Lmdb, keeping: Keeping<V, K>) {
    this.#database = database;
    this.#keeping = keeping;
  }

  get(key: K): V | undefined {
    const stored = this.#keeping.stored(key);
    const value = this.#database.get(stored as LmdbKey);
    return value === undefined ? undefined : this.#keeping.open(stored, value);
  }

  bytes(key: K): Uint8Array | undefined {
    const found = this.#database.getBinaryFast(this.#keeping.stored(key) as LmdbKey);
    // (The buffer that it gives is longer than the value.)
    return found?.subarray(0, found.length);
  }

  has(key: K): boolean {
    return this.#database.doesExist(this.#keeping.stored(key) as LmdbKey);
  }

  put(key: K, value: V): void {
    const stored = this.#keeping.stored(key);
    void this.#database.put(stored as LmdbKey, this.#keeping.pack(key, value, stored));
  }

  remove(key: K): void {
    void this.#database.remove(this.#keeping.stored(key) as LmdbKey);
  }

  *entries(range: { start?: Key; end?: Key; limit?: number } = {}): Iterable<Entry<V, K>> {
    for (const { key, value } of this.#database.getRange(range as object)) yield this.#keeping.entry(key as Key, value);
  }

  *keys(): Iterable<K> {
    if (this.#keeping.isClear) yield* this.#database.getKeys({}) as Iterable<unknown> as Iterable<K>;
    else for (const { key } of this.entries()) yield key;
  }

  above(number: number, limit: number): Iterable<Entry<V, K>> {
    return this.entries({ start: number + 1, limit });
  }

  upTo(number: number): Iterable<number> {
    return this.#database.getKeys({ start: 0, end: number + 1 } as object) as Iterable<unknown> as Iterable<number>;
  }

  *group(name: string, { after, limit = Number.MAX_SAFE_INTEGER }: { after?: K | undefined; limit?: number } = {}) {
    const [group] = this.#keeping.stored([name] as unknown as K) as readonly [string];
    const start = after === undefined ? ([group] as const) : this.#keeping.stored(after);
    const skipped = JSON.stringify(start);
    let given = 0;
    for (const { key, value } of this.#database.getRange({ start, end: [behindGroup(group)] } as object)) {
      if (given >= limit) return;
      if ((key as readonly unknown[])[0] !== group || JSON.stringify(key) === skipped) continue;
      given += 1;
      yield this.#keeping.entry(key as Key, value);
    }
  }

  count(): number {
    // Not getCount, which reads every entry.
    return (this.#database.getStats() as { readonly entryCount: number }).entryCount;
  }

  clear(): void {
    this.#database.clearSync();
  }
}
