import type { Table } from "../../platform/store/tables.ts";

/** Values that are remembered; each decision asks twice for the same, before its transaction and in it. */
const kept = 1000;

/**
 * Reads of a database, decoded once: as long as the very bytes of a value are what they were, whoever wrote them, it is the same object. So that nothing
 * has changed is seen by looking at the object.
 */
export class Remembered<Kept, V> {
  readonly #table: Table<Kept>;
  readonly #open: (kept: Kept) => V;
  readonly #known = new Map<string, { readonly bytes: Buffer; readonly value: V }>();

  constructor(table: Table<Kept>, open: (kept: Kept) => V) {
    this.#table = table;
    this.#open = open;
  }

  get(key: string): V | undefined {
    const bytes = this.#table.bytes(key);
    if (bytes === undefined) return undefined;
    const known = this.#known.get(key);
    if (known?.bytes.equals(bytes)) return known.value;
    const copy = Buffer.from(bytes);
    const value = this.#open(this.#table.get(key)!);
    this.#known.delete(key);
    if (this.#known.size >= kept) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, { bytes: copy, value });
    return value;
  }
}
