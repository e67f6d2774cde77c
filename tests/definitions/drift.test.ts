import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { DriftRoom, worlds } from "../../bench/drift/weeks.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 });

// A few of the weeks of `npm run bench:drift`, by seed.
const cache = mkdtempSync(join(tmpdir(), "inboxloop-drift-"));
let room: DriftRoom;
beforeAll(async () => {
  room = await DriftRoom.open(resolve(import.meta.dirname, "../.."), cache);
});
afterAll(async () => {
  await room.close();
  rmSync(cache, { recursive: true, force: true });
});

test.each(["values of the customer", "busy customers differ", "days differ"])(
  "when nothing moved then hardly a week has a feature that did: %s",
  async (name) => {
    const wrong: string[] = [];
    for (let seed = 1; seed <= 6; seed++) {
      const told = await room.tell({ ...worlds[name]!, seed, messages: seed % 2 === 0 ? 2_000 : 400 });
      // where all is unknown nothing was promised
      expect(told.some(({ level }) => level === "stable")).toBe(true);
      wrong.push(...told.filter(({ level }) => level === "moved" || level === "drifted").map(({ feature }) => feature));
    }
    expect(wrong).toEqual([]);
  },
);

test("when a feature moved by 0.25 then it is found, and nothing beside it", async () => {
  const moved = ["opens_7d", "click_rate_90d", "isp", "days_since_last_open"];
  for (const [i, feature] of moved.entries()) {
    const shift = { feature, psi: 0.25 };
    const told = await room.tell({ ...worlds["many messages"]!, seed: 10 + i, messages: 5_000, shift });
    expect(told.filter(({ level }) => level === "moved" || level === "drifted").map((one) => one.feature)).toEqual([
      feature,
    ]);
  }
});

test("when all values of a feature are others than before then it is found: that it moved is no reason to see less", async () => {
  for (const [i, name] of ["one message each", "busy customers differ"].entries()) {
    const shift = { feature: "opens_7d", psi: Number.POSITIVE_INFINITY };
    const told = await room.tell({ ...worlds[name]!, seed: 20 + i, messages: 2_000, shift });
    expect(told.find(({ feature }) => feature === "opens_7d")).toMatchObject({ level: "drifted" });
    expect(told.filter(({ level }) => level === "moved" || level === "drifted")).toHaveLength(1);
  }
});
