import events from "../../includes/events.js";
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
 * harmless at any distance. 24 bytes a row, however long the keys are.
 */
export class DoorWindow {
  readonly #capacity: number;
  readonly #seed: WindowSeed;
  readonly #mask: number;
  /** Open addressing: 1 + the place of a fingerprint in the ring; 0 is free. */
  readonly #slots: Int32Array;
  /** The fingerprints in the order of their admission, four numbers each; the last is zero where there is none. */
  readonly #ring: Int32Array;
  #next = 0;
  /** The fingerprint of the key at hand. */
  readonly #print = new Int32Array(4);

  constructor(capacity: number, seed: WindowSeed) {
    this.#capacity = capacity;
    this.#seed = seed;
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, capacity * 2)));
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots);
    this.#ring = new Int32Array(capacity * 4);
  }

  /** Whether the key is new; from then on it is known. */
  admit(key: string): boolean {
    const print = this.#print;
    fingerprint(key, this.#seed, print);
    if (this.#find(print) >= 0) return false;
    const place = this.#next;
    this.#next = place + 1 === this.#capacity ? 0 : place + 1;
    if (this.#ring[place * 4 + 3] !== 0) this.#remove(place);
    this.#ring.set(print, place * 4);
    let slot = print[0]! & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = place + 1;
    return true;
  }

  /** Takes back an admission: the row did not land after all. */
  forget(key: string): void {
    fingerprint(key, this.#seed, this.#print);
    const place = this.#find(this.#print);
    if (place < 0) return;
    this.#remove(place);
    this.#ring[place * 4 + 3] = 0;
  }

  /** The place of a fingerprint in the ring; -1 where it has none. */
  #find(print: Int32Array): number {
    const slots = this.#slots;
    const ring = this.#ring;
    for (let slot = print[0]! & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const place = slots[slot]! - 1;
      if (place < 0) return -1;
      const at = place * 4;
      if (
        ring[at] === print[0] &&
        ring[at + 1] === print[1] &&
        ring[at + 2] === print[2] &&
        ring[at + 3] === print[3]
      ) {
        return place;
      }
    }
  }

  /** Frees the slot of a place in the ring and closes the gap, so that no search stops early. */
  #remove(place: number): void {
    const slots = this.#slots;
    const ring = this.#ring;
    let gap = ring[place * 4]! & this.#mask;
    while (slots[gap] !== place + 1) gap = (gap + 1) & this.#mask;
    for (let slot = (gap + 1) & this.#mask; slots[slot] !== 0; slot = (slot + 1) & this.#mask) {
      const home = ring[(slots[slot]! - 1) * 4]! & this.#mask;
      if (((slot - home) & this.#mask) < ((slot - gap) & this.#mask)) continue;
      slots[gap] = slots[slot]!;
      gap = slot;
    }
    slots[gap] = 0;
  }
}

/**
 * Four multiplicative hashes side by side (constants of MurmurHash3 and xxHash) over two characters at a time, mixed at
 * the end. The last number is never zero.
 */
function fingerprint(key: string, seed: WindowSeed, into: Int32Array): void {
  let [a, b, c, d] = seed;
  const { length } = key;
  for (let at = 0; at < length; at += 2) {
    const code = key.charCodeAt(at) | ((at + 1 < length ? key.charCodeAt(at + 1) : 0) << 16);
    a = Math.imul(a ^ code, 0x85ebca6b);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(b ^ code, 0xc2b2ae35);
    b = (b << 15) | (b >>> 17);
    c = Math.imul(c ^ code, 0x9e3779b1);
    c = (c << 11) | (c >>> 21);
    d = Math.imul(d ^ code, 0x27d4eb2f);
    d = (d << 17) | (d >>> 15);
  }
  into[0] = mixed(a ^ length ^ Math.imul(b, 3));
  into[1] = mixed(b + Math.imul(c, 5));
  into[2] = mixed(c + Math.imul(d, 7));
  into[3] = mixed(d ^ Math.imul(a, 9)) | 1;
}

function mixed(x: number): number {
  let y = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  y = Math.imul(y ^ (y >>> 13), 0xc2b2ae35);
  return y ^ (y >>> 16);
}

/** Keys of the rows that landed last in a table, oldest first. */
export type LastKeys = (table: string, rows: number) => AsyncIterable<readonly string[]>;

/** A window per table, opened when its first row comes: filled with what landed last, so that a restart counts as an unbroken run would. */
export class DoorWindows {
  readonly #capacity: number;
  readonly #seed: WindowSeed;
  readonly #lastKeys: LastKeys | undefined;
  readonly #mark: () => string;
  readonly #windows = new Map<string, DoorWindow>();
  #marked: string;

  /** `mark` changes when rows that landed were taken back: what is like them is no duplicate from then on. */
  constructor(capacity: number, seed: WindowSeed, lastKeys?: LastKeys, mark: () => string = () => "") {
    this.#capacity = capacity;
    this.#seed = seed;
    this.#lastKeys = lastKeys;
    this.#mark = mark;
    this.#marked = mark();
  }

  /**
   * Before a batch: where rows were taken back since, forgets what was remembered, so that it is read anew from what counts. `settled` waits until
   * every row that was admitted has landed.
   */
  async renew(settled: () => Promise<void>): Promise<void> {
    const mark = this.#mark();
    if (mark === this.#marked) return;
    await settled();
    this.#windows.clear();
    this.#marked = mark;
  }

  /** The window of a table, where it has been opened. */
  get(table: string): DoorWindow | undefined {
    return this.#windows.get(table);
  }

  async open(table: string): Promise<DoorWindow> {
    const window = new DoorWindow(this.#capacity, this.#seed);
    if (this.#lastKeys) {
      for await (const keys of this.#lastKeys(table, this.#capacity)) for (const key of keys) window.admit(key);
    }
    this.#windows.set(table, window);
    return window;
  }
}

/**
 * What makes two rows of a table the same: for events the id with its type and whom it is about (`subjectOf`), or everything a row says
 * except when it came.
 */
export function rowKey(table: string, row: RawRow): string {
  if (table === "events") return `${row["event_id"]} ${row["event_type"]} ${subjectOf(row)}`;
  return canonicalLine({ ...row, received_at: null });
}

const idsOfADay = new Set<unknown>(events.idsOfADay);

/**
 * Ids of events are as unique as their provider promises, and no more: within a message; where none is named, of one person; and of one
 * day where the provider says so (includes/events.js). definitions/staging/stg_raw__events.sqlx has the same in SQL.
 */
function subjectOf(row: RawRow): string {
  const message = row["message_id"];
  if (message !== null && message !== undefined) return String(message);
  const user = String(row["user_id_hash"] ?? "");
  if (!idsOfADay.has(row["provenance"])) return user;
  return `${user} ${Math.floor((row["timestamp_utc"] as number) / 86_400e6)}`;
}

/** The key of an event in a segment, as SQL of DuckDB: what `rowKey` gives for the row. */
export const eventKeySql = `event_id || ' ' || event_type || ' ' || coalesce(message_id, coalesce(user_id_hash, '') ||
  if(provenance in (${(events.idsOfADay as readonly string[]).map((one) => `'${one}'`).join(", ")}), ' ' || floor(epoch_us(timestamp_utc) / 86400000000)::bigint, ''))`;
