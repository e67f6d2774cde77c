/**
 * What is being written to one database in a transaction: each piece of work sees its own writes and those of the work before it, and one that fails
 * leaves nothing. Each key is written once, at the end, however often it was changed.
 */
export class Drafts<V, K> {
  readonly #read: (key: K) => V | undefined;
  readonly #write: (key: K, value: V | undefined) => void;
  readonly #kept = new Map<K, V | undefined>();
  readonly #own = new Map<K, V | undefined>();

  /** A value that is undefined is none. */
  constructor(read: (key: K) => V | undefined, write: (key: K, value: V | undefined) => void) {
    this.#read = read;
    this.#write = write;
  }

  get(key: K): V | undefined {
    if (this.#own.size > 0 && this.#own.has(key)) return this.#own.get(key);
    if (this.#kept.size > 0 && this.#kept.has(key)) return this.#kept.get(key);
    return this.#read(key);
  }

  put(key: K, value: V | undefined): void {
    this.#own.set(key, value);
  }

  /** The work is done. */
  keep(): void {
    if (this.#own.size === 0) return;
    for (const [key, value] of this.#own) this.#kept.set(key, value);
    this.#own.clear();
  }

  /** The work has failed. */
  drop(): void {
    this.#own.clear();
  }

  write(): void {
    for (const [key, value] of this.#kept) this.#write(key, value);
  }

  clear(): void {
    this.#own.clear();
    this.#kept.clear();
  }
}
