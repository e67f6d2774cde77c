import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../platform/store/open-store.ts";
import { heardInErasure } from "../../serve/heard.ts";
import { openDatabases } from "../../serve/online/databases.ts";
import { openLmdbStore } from "../../serve/online/lmdb-store.ts";
import type { OnlineStore } from "../../serve/online/store.ts";
import { personOf } from "../policy/cases.ts";
import { openBench, stored } from "./support/bench.ts";

let folder: string;
let store: OnlineStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-store-"));
  store = openLmdbStore(folder);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const send = (at: number) => ({ at, kind: "bulk", campaign_id: "spring" });
const decision = (n: number) => ({
  table: "decisions" as const,
  decision_id: `d-${n}`,
  user_id_hash: personOf(n),
  message_id: `m-${n}`,
  decided_at: "2026-11-24T10:00:00.000Z",
});

test("when pieces of work come at once, then each sees those before it, and one that fails leaves nothing", async () => {
  const work = fc.record({ person: fc.nat(2), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(work, { minLength: 1, maxLength: 30 }), async (list) => {
      const before = await store.transact((tx) => [0, 1, 2].map((n) => tx.sends(personOf(n)).length));
      const seen = await Promise.allSettled(
        list.map(({ person, fails }, i) =>
          store.transact((tx) => {
            const found = tx.sends(personOf(person)).length;
            tx.addSend(personOf(person), send(1_000_000 + i));
            expect(tx.sends(personOf(person))).toHaveLength(found + 1);
            tx.putNote(`note ${person}`, i);
            if (fails) throw new Error(`refused ${i}`);
            return found;
          }),
        ),
      );
      const expected = [...before];
      for (const [i, { person, fails }] of list.entries()) {
        const one = seen[i]!;
        if (fails) expect(one).toMatchObject({ status: "rejected", reason: { message: `refused ${i}` } });
        else expect(one).toEqual({ status: "fulfilled", value: expected[person]! });
        if (!fails) expected[person]! += 1;
      }
      expect([0, 1, 2].map((n) => store.sends(personOf(n)).length)).toEqual(expected);
      const last = list.findLastIndex(({ person, fails }) => person === 0 && !fails);
      if (last >= 0) expect(store.note("note 0")).toBe(last);
    }),
    { numRuns: 40, seed: 13 },
  );
});

test("when a value is what it was, then it is the same object, and another one as soon as anybody has changed it", async () => {
  const id = personOf(1);
  await store.transact((tx) => tx.putPerson(id, stored(id)));
  const first = store.person(id);
  expect(first).toMatchObject({ acts: [], before: { counts: {}, lasts: {} } });
  expect(store.person(id)).toBe(first);
  expect(await store.transact((tx) => tx.person(id))).toBe(first);
  const other = openLmdbStore(folder);
  await other.transact((tx) => tx.putPerson(id, stored(id, { has_consent: false })));
  await other.close();
  expect(store.person(id)).not.toBe(first);
  expect(store.person(id)?.base.has_consent).toBe(false);
  expect(store.heard(id)).toBe(store.heard(personOf(2)));
});

test("when an earlier version has written people and decisions, then they are found, and land", async () => {
  const long = { ...decision(1), note: "of an earlier version ".repeat(200) };
  await store.close();
  const earlier = openStore(folder, { compression: true });
  const packed = earlier.table({ name: "decisions", keys: "texts", isShaped: true });
  await earlier.transaction(() => packed.put("d-1", { row: long }));
  await earlier.close();
  store = openLmdbStore(folder);
  const databases = openDatabases(folder);
  const acts = [{ at: 1, act: "open", amount: 1, topic: null, revenue: null }];
  await databases.store.transaction(() => {
    databases.people.put(personOf(1), { ...stored(personOf(1)), acts });
    databases.byMessage.put("m-1", "d-1");
    databases.queue.put(1, "d-1");
    databases.notes.put("queued", 1);
  });
  await databases.store.close();
  await store.transact((tx) => tx.putDecision(decision(2)));
  await store.transact((tx) => tx.putDecision({ ...decision(3), message_id: "of another name" }));
  expect(store.person(personOf(1))?.acts).toEqual(acts);
  expect(store.queued(0, 10).map(({ position, text }) => [position, JSON.parse(text)])).toEqual([
    [1, long],
    [2, decision(2)],
    [3, { ...decision(3), message_id: "of another name" }],
  ]);
  expect(store.decisionOfMessage("m-1")).toEqual(long);
  expect(store.decisionOfMessage("m-2")).toEqual(decision(2));
  expect(store.decisionOfMessage("of another name")?.decision_id).toBe("d-3");
  expect(store.decisionOfMessage("m-3")).toBeUndefined();
});

test("when something is heard of a person, or sent, while the model is asked, then it is decided with it", async () => {
  let meanwhile: () => Promise<unknown> = async () => {};
  const bench = await openBench({ policy: { caps: { per_person: [{ sends: 1, days: 7 }] } } });
  try {
    const { score } = bench.env;
    Object.assign(bench.env, {
      score: async (...asked: Parameters<typeof score>) => {
        await meanwhile();
        return score(...asked);
      },
    });
    const ask = async (n: number) =>
      (await bench.ask({ request_id: "r", user_id_hash: personOf(n), policy: "newsletter" })).body;
    meanwhile = () => bench.store.transact((tx) => tx.putHeard(personOf(0), heardInErasure(1)));
    expect(await ask(0)).toMatchObject({ action: "suppress", reason: "suppressed" });
    meanwhile = () => bench.store.transact((tx) => tx.addSend(personOf(1), send(bench.env.now())));
    expect(await ask(1)).toMatchObject({ action: "suppress", reason: "cap-per-person" });
    meanwhile = () =>
      bench.store.transact((tx) => tx.putPerson(personOf(2), stored(personOf(2), { has_consent: false })));
    expect(await ask(2)).toMatchObject({ action: "suppress", reason: "refused" });
  } finally {
    await bench.close();
  }
});

test("when decisions are old and have landed then they go, and what waits for the door or is new stays", async () => {
  const old = (n: number) => ({ ...decision(n), decided_at: "2026-09-01T10:00:00.000Z" });
  await store.transact((tx) => {
    for (let n = 0; n < 2_500; n++) tx.putDecision(old(n));
    tx.putDecision(decision(3_000));
  });
  await store.dropQueued(2_499);
  await store.transact((tx) => tx.putDecision({ ...old(4_000), message_id: "another name" }));
  const before = Date.parse("2026-10-01T00:00:00Z");
  expect(await store.dropDecided(before)).toBe(2_499);
  expect(await store.dropDecided(before)).toBe(0);
  expect(store.decision("d-7")).toBeUndefined();
  expect(store.decisionOfMessage("m-7")).toBeUndefined();
  expect(store.decisionsOf(personOf(7), 9)).toEqual([]);
  expect(store.decision("d-2499")).toBeDefined();
  expect(store.decision("d-3000")).toBeDefined();
  expect(store.decisionOfMessage("another name")).toMatchObject({ decision_id: "d-4000" });
  expect(store.queueLength()).toBe(3);
});
