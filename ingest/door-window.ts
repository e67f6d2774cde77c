import { createHash } from "node:crypto";
import { canonicalLine, type RawRow } from "./raw-row.ts";

/** How many rows of each table the door remembers. */
export const defaultWindowRows = 500_000;

/** Four numbers that no sender knows, so that nobody can make an id which looks like another one's. */
export type WindowSeed = readonly [number, number, number, number];

export const windowSeed = (randomBytes: (n: number) => Buffer): WindowSeed => {
  const bytes = randomBytes(16);
  return [bytes.readInt32LE(0), bytes.readInt32LE(4), bytes.readInt32LE(8), bytes.readInt32LE(12)];
};

/**
 * The last `capacity` rows that landed in a table, by a 128-bit fingerprint of their keys. A repeated row within the window
 * is counted and not written. It saves space and is no promise: the models' own deduplication is what makes a redelivery
 * harmless at any distance. 48 bytes a row, however long the keys are.
 */
export class DoorWindow {
  readonly #capacity: number;
  readonly #seed: WindowSeed;
  readonly #mask: number;
  /** Open addressing; four numbers a slot, a slot of zeros is free. */
  readonly #slots: Int32Array;
  /** The fingerprints in the order of their admission. */
  readonly #ring: Int32Array;
  #next = 0;
  /** The fingerprint of the key at hand. */
  readonly #print = new Int32Array(4);

  constructor(capacity: number, seed: WindowSeed) {
    this.#capacity = capacity;
    this.#seed = seed;
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, capacity * 2)));
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots * 4);
    this.#ring = new Int32Array(capacity * 4);
  }

  /** Whether the key is new; from then on it is known. */
  admit(key: string): boolean {
    const print = this.#print;
    fingerprint(key, this.#seed, print);
    if (this.#find(print) >= 0) return false;
    const at = this.#next * 4;
    const oldest = this.#ring.subarray(at, at + 4);
    if ((oldest[0]! | oldest[1]! | oldest[2]! | oldest[3]!) !== 0) this.#remove(oldest);
    oldest.set(print);
    this.#insert(print);
    this.#next = (this.#next + 1) % this.#capacity;
    return true;
  }

  /** Takes back an admission: the row did not land after all. */
  forget(key: string): void {
    fingerprint(key, this.#seed, this.#print);
    this.#remove(this.#print);
  }

  #find(print: Int32Array): number {
    const slots = this.#slots;
    for (let slot = print[0]! & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * 4;
      const first = slots[at]!;
      if (
        first === print[0]! &&
        slots[at + 1] === print[1] &&
        slots[at + 2] === print[2] &&
        slots[at + 3] === print[3]
      ) {
        return slot;
      }
      if (first === 0 && isFree(slots, at)) return -1;
    }
  }

  #insert(print: Int32Array): void {
    let slot = print[0]! & this.#mask;
    while (!isFree(this.#slots, slot * 4)) slot = (slot + 1) & this.#mask;
    this.#slots.set(print, slot * 4);
  }

  /** Removes a fingerprint and closes the gap, so that no search stops early. */
  #remove(print: Int32Array): void {
    let gap = this.#find(print);
    if (gap < 0) return;
    const slots = this.#slots;
    for (let slot = (gap + 1) & this.#mask; !isFree(slots, slot * 4); slot = (slot + 1) & this.#mask) {
      const home = slots[slot * 4]! & this.#mask;
      if (((slot - home) & this.#mask) < ((slot - gap) & this.#mask)) continue;
      slots.copyWithin(gap * 4, slot * 4, slot * 4 + 4);
      gap = slot;
    }
    slots.fill(0, gap * 4, gap * 4 + 4);
  }
}

const isFree = (slots: Int32Array, at: number): boolean =>
  (slots[at]! | slots[at + 1]! | slots[at + 2]! | slots[at + 3]!) === 0;

/** Four multiplicative hashes side by side (constants of MurmurHash3 and xxHash), mixed at the end. Never all zero. */
function fingerprint(key: string, seed: WindowSeed, into: Int32Array): void {
  let [a, b, c, d] = seed;
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    a = Math.imul(a ^ code, 0x85ebca6b);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(b ^ code, 0xc2b2ae35);
    b = (b << 15) | (b >>> 17);
    c = Math.imul(c ^ code, 0x9e3779b1);
    c = (c << 11) | (c >>> 21);
    d = Math.imul(d ^ code, 0x27d4eb2f);
    d = (d << 17) | (d >>> 15);
  }
  into[0] = mixed(a ^ key.length ^ Math.imul(b, 3));
  into[1] = mixed(b + Math.imul(c, 5));
  into[2] = mixed(c + Math.imul(d, 7));
  into[3] = mixed(d ^ Math.imul(a, 9)) | 1;
}

function mixed(x: number): number {
  let y = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  y = Math.imul(y ^ (y >>> 13), 0xc2b2ae35);
  return y ^ (y >>> 16);
}

/** A window per table, made when its first row comes. */
export class DoorWindows {
  readonly #capacity: number;
  readonly #seed: WindowSeed;
  readonly #windows = new Map<string, DoorWindow>();

  constructor(capacity: number, seed: WindowSeed) {
    this.#capacity = capacity;
    this.#seed = seed;
  }

  of(table: string): DoorWindow {
    let window = this.#windows.get(table);
    if (!window) {
      window = new DoorWindow(this.#capacity, this.#seed);
      this.#windows.set(table, window);
    }
    return window;
  }
}

/**
 * What makes two rows of a table the same: the event's id with its type and message (ids are unique per provider, not in
 * the world), or everything a row says except when it came.
 */
export function rowKey(table: string, row: RawRow): string {
  if (table === "events") return eventKey(row["event_id"], row["event_type"], row["message_id"]);
  return createHash("sha1")
    .update(canonicalLine({ ...row, received_at: null }))
    .digest("base64");
}

export const eventKey = (id: unknown, type: unknown, messageId: unknown): string => `${id} ${type} ${messageId ?? ""}`;
