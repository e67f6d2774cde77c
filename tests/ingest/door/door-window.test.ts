import { expect, test } from "vitest";
import { type Admission, DoorWindow, DoorWindows } from "../../../ingest/door/door-window.ts";
import type { RawRow } from "../../../ingest/door/raw-row.ts";
import { rowKey } from "../../../ingest/door/row-identity.ts";

/** The same, as slowly as it can be said. */
class PlainWindow {
  readonly #capacity: number;
  #ring: ({ readonly key: string; readonly content: string; readonly isBeside: boolean } | undefined)[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  admit(key: string, content: string): Admission {
    const first = this.#ring.find((one) => one?.key === key && !one.isBeside);
    const isThere = this.#ring.some((one) => one?.key === key && one.content === content && one.isBeside);
    if (first && (first.content === content || isThere)) return "duplicate";
    this.#ring[this.#next] = { key, content, isBeside: first !== undefined };
    this.#next = (this.#next + 1) % this.#capacity;
    return first ? "conflict" : "new";
  }

  forget(key: string, content: string): void {
    const first = this.#ring.find((one) => one?.key === key && !one.isBeside);
    const isBeside = first !== undefined && first.content !== content;
    this.#ring = this.#ring.map((one) =>
      one?.key === key && one.isBeside === isBeside && one.content === content ? undefined : one,
    );
  }
}

test.each([1, 2, 3, 7, 64, 500])(
  "when rows come, repeat, contradict each other and are taken back then the last %i are known and no others",
  (capacity) => {
    let state = capacity * 2654435761;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const window = new DoorWindow(capacity, [1, 2, 3, 4]);
    const plain = new PlainWindow(capacity);
    const seen = new Set<Admission>();
    for (let step = 0; step < 4000; step++) {
      const key = `e${random(capacity * 2 + 2)} open ${"x".repeat(random(3))}`;
      const content = random(4) === 0 ? `other ${random(2)}` : "usual";
      if (random(10) === 0) {
        // Only what was admitted is taken back.
        if (plain.admit(key, content) !== "duplicate") window.admit(key, content);
        window.forget(key, content);
        plain.forget(key, content);
        continue;
      }
      const said = window.admit(key, content);
      seen.add(said);
      expect(said, `step ${step}, ${key}, ${content}`).toBe(plain.admit(key, content));
    }
    expect([...seen].sort()).toEqual(["conflict", "duplicate", "new"]);
  },
);

const event = (id: string, more: object = {}): RawRow => ({
  event_id: id,
  event_type: "open",
  user_id_hash: "u",
  message_id: "m",
  campaign_id: null,
  timestamp_utc: 1,
  received_at: 2,
  consent: null,
  provenance: "p",
  metadata: { isp: "a", region: "de" },
  schema_version: 1,
  ...more,
});

function landed(rows: readonly RawRow[]) {
  const asked: unknown[] = [];
  return {
    asked,
    async *lastKeys(table: string, most: number) {
      asked.push(["keys", table, most]);
      yield rows.map((row) => rowKey(table, row));
    },
    async *lastRows(table: string, most: number) {
      asked.push(["rows", table, most]);
      yield rows;
    },
  };
}

test("when a table's first row comes then its window is filled with what landed last, and no other table's", async () => {
  const before = landed(["a", "b", "c", "d"].map((id) => event(id)));
  const windows = new DoorWindows(3, [1, 2, 3, 4], before);
  expect(await windows.admit("events", event("e"))).toBe("new");
  expect(before.asked).toEqual([["keys", "events", 3]]);
  expect(await windows.admit("events", event("d"))).toBe("duplicate");
  expect(await windows.admit("events", event("b"))).toBe("new"); // it had fallen out
});

test("when a key of an earlier run comes again then the rows are read once, and only the same record is a duplicate", async () => {
  const before = landed([event("a"), event("b"), event("b", { timestamp_utc: 9 })]);
  const windows = new DoorWindows(100, [1, 2, 3, 4], before);
  expect(await windows.admit("events", event("new"))).toBe("new");
  expect(before.asked).toHaveLength(1);
  expect(await windows.admit("events", event("a", { received_at: 99 }))).toBe("duplicate");
  expect(await windows.admit("events", event("a", { metadata: { region: "de", isp: "a" } }))).toBe("duplicate");
  expect(await windows.admit("events", event("a", { metadata: { isp: "a", region: "at" } }))).toBe("conflict");
  expect(await windows.admit("events", event("a", { metadata: { isp: "a", region: "at" } }))).toBe("duplicate");
  expect(await windows.admit("events", event("a", { user_id_hash: "v" }))).toBe("conflict");
  expect(await windows.admit("events", event("b", { timestamp_utc: 9 }))).toBe("duplicate");
  expect(before.asked).toEqual([
    ["keys", "events", 100],
    ["rows", "events", 100],
  ]);
});

test("when the same record is judged by another clock then it is the same record", async () => {
  const windows = new DoorWindows(100, [1, 2, 3, 4]);
  const skewed = (seconds: number) => event("a", { received_at: seconds, metadata: { clock_skew_seconds: seconds } });
  expect(await windows.admit("events", skewed(7))).toBe("new");
  expect(await windows.admit("events", skewed(9))).toBe("duplicate");
  const assumed = (at: number) =>
    event("b", { timestamp_utc: at, received_at: at, metadata: { is_time_assumed: true } });
  expect(await windows.admit("events", assumed(7))).toBe("new");
  expect(await windows.admit("events", assumed(9))).toBe("duplicate");
});

test("when a conflicting row does not land after all then it is tried again", async () => {
  const windows = new DoorWindows(100, [1, 2, 3, 4]);
  expect(await windows.admit("events", event("a"))).toBe("new");
  const other = event("a", { timestamp_utc: 5 });
  expect(await windows.admit("events", other)).toBe("conflict");
  windows.forget("events", other);
  expect(await windows.admit("events", other)).toBe("conflict");
  expect(await windows.admit("events", event("a"))).toBe("duplicate");
});
