import { expect, test } from "vitest";
import { DoorWindow, DoorWindows } from "../../../ingest/door/door-window.ts";

/** The same, as slowly as it can be said. */
class PlainWindow {
  readonly #capacity: number;
  #ring: (string | undefined)[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  admit(key: string): boolean {
    if (this.#ring.includes(key)) return false;
    this.#ring[this.#next] = key;
    this.#next = (this.#next + 1) % this.#capacity;
    return true;
  }

  forget(key: string): void {
    this.#ring = this.#ring.map((one) => (one === key ? undefined : one));
  }
}

test.each([1, 2, 3, 7, 64, 500])(
  "when keys come, repeat and are taken back then the last %i are known and no others",
  (capacity) => {
    let state = capacity * 2654435761;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const window = new DoorWindow(capacity, [1, 2, 3, 4]);
    const plain = new PlainWindow(capacity);
    for (let step = 0; step < 4000; step++) {
      const key = `e${random(capacity * 2 + 2)} open ${"x".repeat(random(3))}`;
      if (random(10) === 0) {
        window.forget(key);
        plain.forget(key);
      } else expect(window.admit(key), `step ${step}, ${key}`).toBe(plain.admit(key));
    }
  },
);

test("when a table's first row comes then its window is filled with what landed last, and no other table's", async () => {
  const asked: unknown[] = [];
  const windows = new DoorWindows(3, [1, 2, 3, 4], async function* (table, rows) {
    asked.push([table, rows]);
    yield ["a", "b"];
    yield ["c", "d"];
  });
  expect(windows.get("events")).toBeUndefined();
  const window = await windows.open("events");
  expect(asked).toEqual([["events", 3]]);
  expect(windows.get("events")).toBe(window);
  expect(["b", "c", "d"].map((key) => window.admit(key))).toEqual([false, false, false]);
  expect(window.admit("a")).toBe(true); // it had fallen out
});
