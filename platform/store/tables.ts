/** A key of a table; one of several parts is a group and what is in it. */
export type Key = string | number | readonly [string, ...(string | number)[]];

/** How a table is kept. In an encrypted home no key can be read but numbers, and the names of open groups. */
export interface TableSpec {
  readonly name: string;
  /** `numbers` stand in their order. `open-groups`: a group's name tells nothing of anybody and stays as it is. */
  readonly keys: "texts" | "numbers" | "groups" | "open-groups";
  /** Names of fields stand once in the table, not in each value, where it is in clear. */
  readonly isShaped?: boolean;
  /** Values are kept as long as they are where others of the store are packed: packing takes longer than all else of a write. Packed ones are read. */
  readonly isLoose?: boolean;
}

export interface Entry<V, K extends Key> {
  readonly key: K;
  readonly value: V;
}

/** A table of a store. What writes is called within a transaction of the store. */
export interface Table<V, K extends Key = string> {
  get(key: K): V | undefined;
  /** A value's bytes as they are kept, until the next read writes over them: the same bytes are the same value. */
  bytes(key: K): Uint8Array | undefined;
  has(key: K): boolean;
  put(key: K, value: V): void;
  remove(key: K): void;
  /** Everything, in the order of the keys where these stand in clear, else in another that stays. */
  entries(): Iterable<Entry<V, K>>;
  keys(): Iterable<K>;
  count(): number;
  clear(): void;
}

/** Keyed by numbers, in their order. */
export interface NumberedTable<V> extends Table<V, number> {
  /** Entries with a key above a number. */
  above(number: number, limit: number): Iterable<Entry<V, number>>;
  /** Keys up to a number, itself among them. */
  upTo(number: number): Iterable<number>;
}

/** Keyed by a group and what is in it. */
export interface GroupedTable<V, K extends readonly [string, ...(string | number)[]]> extends Table<V, K> {
  /** A group's entries: those behind `after`, in the order that `entries` has. */
  group(name: string, page?: { readonly after?: K | undefined; readonly limit?: number }): Iterable<Entry<V, K>>;
}
