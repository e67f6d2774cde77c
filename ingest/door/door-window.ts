import type { RawRow } from "./raw-row.ts";
import { rowContent, rowKey } from "./row-identity.ts";

/** How many rows of each table the door remembers. */
export const defaultWindowRows = 500_000;

/** Four numbers that no sender knows, so that nobody can make an id which looks like another one's. */
export type WindowSeed = readonly [number, number, number, number];

export const windowSeed = (randomBytes: (n: number) => Buffer): WindowSeed => {
  const bytes = randomBytes(16);
  return [bytes.readInt32LE(0), bytes.readInt32LE(4), bytes.readInt32LE(8), bytes.readInt32LE(12)];
};

/**
 * What the window says of a row: that it has seen none under this key; the very same one; another one under the same key, which is kept beside
 * it; or one of which only the key is known so far.
 */
export type Admission = "new" | "duplicate" | "conflict" | "unproven";

/**
 * The last `capacity` rows that landed in a table, by a 128-bit fingerprint of their keys and one of 64 bits of what they say. A row that was seen
 * before within the window is counted and not written; one that says something else under the same key is. It saves space and is no
 * promise: the models' own deduplication is what makes a redelivery harmless at any distance. 32 bytes a row, however long the keys are.
 */
export class DoorWindow {
  readonly #capacity: number;
  readonly #seed: WindowSeed;
  readonly #mask: number;
  /** Open addressing: 1 + the place of a fingerprint in the ring; 0 is free. */
  readonly #slots: Int32Array;
  /** The fingerprints in the order of their admission, four numbers each; the last is zero where there is none. */
  readonly #ring: Int32Array;
  /** Of what each says, two numbers; the second is zero where it is not known. */
  readonly #contents: Int32Array;
  #next = 0;
  /** Nothing more can be learned of what landed before. */
  #isLearned = false;
  /** The fingerprint of the key at hand, and of what the row says. */
  readonly #print = new Int32Array(4);
  readonly #content = new Int32Array(4);

  constructor(capacity: number, seed: WindowSeed) {
    this.#capacity = capacity;
    this.#seed = seed;
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, capacity * 2)));
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots);
    this.#ring = new Int32Array(capacity * 4);
    this.#contents = new Int32Array(capacity * 2);
  }

  /** What is known of a row; unless it is "unproven", it is known from then on. */
  admit(key: string, content: string): Admission {
    const place = this.#placeOf(key);
    fingerprint(content, this.#seed, this.#content);
    if (place < 0) {
      this.#insert();
      return "new";
    }
    if (!this.#isKnown(place)) return this.#isLearned ? "duplicate" : "unproven";
    if (this.#saysTheSame(place) || this.#placeOf(beside(key, content)) >= 0) return "duplicate";
    this.#insert();
    return "conflict";
  }

  /** A row of which nothing but the key is read: what it says is learned when it matters. */
  remember(key: string): void {
    if (this.#placeOf(key) >= 0) return;
    this.#content.fill(0);
    this.#insert();
  }

  /** What a row says that landed before. */
  learn(key: string, content: string): void {
    const place = this.#placeOf(key);
    if (place < 0) return;
    fingerprint(content, this.#seed, this.#content);
    if (!this.#isKnown(place)) this.#contents.set(this.#content.subarray(2), place * 2);
    else if (!this.#saysTheSame(place) && this.#placeOf(beside(key, content)) < 0) this.#insert();
  }

  /** All that can be learned was: a key of which no more is known stands for the row that comes again. */
  learned(): void {
    this.#isLearned = true;
  }

  /** Takes back an admission: the row did not land after all. */
  forget(key: string, content: string): void {
    fingerprint(content, this.#seed, this.#content);
    let place = this.#placeOf(key);
    if (place >= 0 && this.#isKnown(place) && !this.#saysTheSame(place)) place = this.#placeOf(beside(key, content));
    if (place < 0) return;
    this.#remove(place);
    this.#ring[place * 4 + 3] = 0;
  }

  #isKnown = (place: number): boolean => this.#contents[place * 2 + 1] !== 0;

  #saysTheSame = (place: number): boolean =>
    this.#contents[place * 2] === this.#content[2] && this.#contents[place * 2 + 1] === this.#content[3];

  /** Takes the fingerprint of a key at hand; its place in the ring, -1 where it has none. */
  #placeOf(key: string): number {
    fingerprint(key, this.#seed, this.#print);
    return this.#find(this.#print);
  }

  /** Writes down the key and the content at hand. */
  #insert(): void {
    const print = this.#print;
    const place = this.#next;
    this.#next = place + 1 === this.#capacity ? 0 : place + 1;
    if (this.#ring[place * 4 + 3] !== 0) this.#remove(place);
    this.#ring.set(print, place * 4);
    this.#contents.set(this.#content.subarray(2), place * 2);
    let slot = print[0]! & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = place + 1;
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

/** The key of a row that says something else than the one whose key it has. No stored text holds a NUL. */
const beside = (key: string, content: string): string => `${key}\0${content}`;

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

/** What landed last in tables, oldest first: the keys, which are read for every window, and the rows, which are read when a key comes again. */
export interface Landed {
  lastKeys(table: string, rows: number): AsyncIterable<readonly string[]>;
  lastRows(table: string, rows: number): AsyncIterable<readonly RawRow[]>;
}

/** A window per table, opened when its first row comes: filled with what landed last, so that a restart counts as an unbroken run would. */
export class DoorWindows {
  readonly #capacity: number;
  readonly #seed: WindowSeed;
  readonly #landed: Landed | undefined;
  readonly #mark: () => string;
  readonly #windows = new Map<string, DoorWindow>();
  #marked: string;

  /** `mark` changes when rows that landed were taken back: what is like them is no duplicate from then on. */
  constructor(capacity: number, seed: WindowSeed, landed?: Landed, mark: () => string = () => "") {
    this.#capacity = capacity;
    this.#seed = seed;
    this.#landed = landed;
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
    this.clear();
    this.#marked = mark;
  }

  /** Forgets what was admitted, so that it is read anew from what has landed: for when a batch was given up. */
  clear(): void {
    this.#windows.clear();
  }

  /** What is known of a row; at once, but for the first of a table and the first that may be one of an earlier run. */
  admit(table: string, row: RawRow): Admission | Promise<Admission> {
    const window = this.#windows.get(table);
    const said = window?.admit(rowKey(table, row), rowContent(table, row)) ?? "unproven";
    return said === "unproven" ? this.#prove(table, row) : said;
  }

  /** Takes back an admission: the row did not land after all. */
  forget(table: string, row: RawRow): void {
    this.#windows.get(table)?.forget(rowKey(table, row), rowContent(table, row));
  }

  async #prove(table: string, row: RawRow): Promise<Admission> {
    const window = this.#windows.get(table) ?? (await this.#open(table));
    const said = window.admit(rowKey(table, row), rowContent(table, row));
    if (said !== "unproven") return said;
    for await (const rows of this.#landed?.lastRows(table, this.#capacity) ?? [])
      for (const one of rows) window.learn(rowKey(table, one), rowContent(table, one));
    window.learned();
    return window.admit(rowKey(table, row), rowContent(table, row));
  }

  async #open(table: string): Promise<DoorWindow> {
    const window = new DoorWindow(this.#capacity, this.#seed);
    for await (const keys of this.#landed?.lastKeys(table, this.#capacity) ?? [])
      for (const key of keys) window.remember(key);
    // Elsewhere than in events the key says all.
    if (table !== "events") window.learned();
    this.#windows.set(table, window);
    return window;
  }
}
