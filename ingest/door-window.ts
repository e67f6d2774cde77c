import { createHash } from "node:crypto";
import { canonicalLine, type RawRow } from "./raw-row.ts";

/** How many rows of each table the door remembers. */
export const defaultWindowRows = 500_000;

/**
 * The last `capacity` rows that landed in a table, by key. A repeated row within the window is counted and not written.
 * It saves space and is no promise: the models' own deduplication is what makes a redelivery harmless at any distance.
 */
export class DoorWindow {
  readonly #capacity: number;
  readonly #keys = new Set<string>();
  readonly #ring: (string | undefined)[] = [];
  #next = 0;

  constructor(capacity = defaultWindowRows) {
    this.#capacity = capacity;
  }

  /** Whether the key is new; from then on it is known. */
  admit(key: string): boolean {
    if (this.#keys.has(key)) return false;
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined) this.#keys.delete(oldest);
    this.#ring[this.#next] = key;
    this.#keys.add(key);
    this.#next = (this.#next + 1) % this.#capacity;
    return true;
  }

  /** Takes back an admission: the row did not land after all. */
  forget(key: string): void {
    this.#keys.delete(key);
  }
}

/** A window per table, made when its first row comes. */
export class DoorWindows {
  readonly #capacity: number;
  readonly #windows = new Map<string, DoorWindow>();

  constructor(capacity = defaultWindowRows) {
    this.#capacity = capacity;
  }

  of(table: string): DoorWindow {
    let window = this.#windows.get(table);
    if (!window) {
      window = new DoorWindow(this.#capacity);
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
