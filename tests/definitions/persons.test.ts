import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import identity from "../../includes/identity.js";
import { openProjectBench, type ProjectBench } from "./project-bench.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 180_000 });

let bench: ProjectBench;
beforeAll(async () => {
  bench = await openProjectBench("2026-02-01T00:00:00Z");
});
afterAll(() => bench.close());

interface Said {
  readonly left: string;
  readonly right: string;
  readonly day: number;
  readonly isLinked: boolean;
}

const day = (n: number): string => new Date(Date.UTC(2026, 0, 1 + n)).toISOString();

/** Statements as rows, received in the order given, which is not that in which they happened. */
const rowsOf = (said: readonly Said[]) =>
  said.map(({ left, right, day: at, isLinked }, i) => ({
    left_id: i % 2 === 0 ? left : right,
    right_id: i % 2 === 0 ? right : left,
    link_kind: isLinked ? "login" : null,
    is_linked: isLinked,
    linked_at: day(at),
    received_at: new Date(Date.UTC(2026, 0, 20, 0, i)).toISOString(),
  }));

const persons = async (said: readonly Said[]) =>
  (await bench.rows("identity.persons", { "raw.identity_links": rowsOf(said) }))
    .map(({ user_id_hash, person_id, known_at }) => ({ id: String(user_id_hash), person: String(person_id), known_at }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));

/** Who is one with whom by the last statement about each pair: the oracle, which knows nothing of names. */
function partition(said: readonly Said[]): readonly string[] {
  const last = new Map<string, Said>();
  for (const one of said) {
    const key = [one.left, one.right].sort().join(" ");
    const known = last.get(key);
    if (!known || one.day > known.day || (one.day === known.day && !one.isLinked)) last.set(key, one);
  }
  const group = new Map<string, Set<string>>();
  for (const { left, right, isLinked } of last.values()) {
    if (!isLinked) continue;
    const whole = new Set([...(group.get(left) ?? [left]), ...(group.get(right) ?? [right])]);
    for (const id of whole) group.set(id, whole);
  }
  return [...new Set(group.values())].map((ids) => [...ids].sort().join(" ")).sort();
}

const ids = ["a", "b", "c", "d", "e", "f", "g"];
const statement: fc.Arbitrary<Said> = fc
  .record({
    pair: fc.uniqueArray(fc.constantFrom(...ids), { minLength: 2, maxLength: 2 }),
    day: fc.nat(15),
    isLinked: fc.boolean(),
    isLinkedToo: fc.boolean(),
  })
  .map(({ pair, day: at, isLinked, isLinkedToo }) => ({
    left: pair[0]!,
    right: pair[1]!,
    day: at,
    isLinked: isLinked || isLinkedToo,
  }));

test("when links and unlinks arrive in any order then the persons are the same, and are those whom the last statements join", async () => {
  // Many small worlds side by side, as their ids differ, cost one run of the model.
  const worlds = fc.sample(fc.array(statement, { minLength: 1, maxLength: 14 }), { numRuns: 150, seed: 20260310 });
  const said = worlds.flatMap((world, n) =>
    world.map((one) => ({ ...one, left: `${n}.${one.left}`, right: `${n}.${one.right}` })),
  );
  const found = await persons(said);
  for (const seed of [1, 2]) {
    const shuffled = fc.sample(fc.shuffledSubarray(said, { minLength: said.length }), { numRuns: 1, seed })[0]!;
    expect(await persons(shuffled)).toEqual(found);
  }
  const groups = new Map<string, string[]>();
  for (const { id, person } of found) groups.set(person, [...(groups.get(person) ?? []), id]);
  const several = [...groups.values()].filter((group) => group.length > 1).map((group) => group.sort().join(" "));
  expect(several.sort()).toEqual(partition(said));
  expect(several.length).toBeGreaterThan(100);
});

test("when a chain of ids is in the worst order for contraction then it is one person all the same, up to the limit", async () => {
  const name = (n: number) => `id${String(n).padStart(4, "0")}`;
  const chain = (length: number): readonly Said[] =>
    Array.from({ length: length - 1 }, (_, n) => ({ left: name(n), right: name(n + 1), day: 1, isLinked: true }));
  const found = await persons(chain(identity.maxIdsPerPerson));
  expect(new Set(found.map(({ person }) => person)).size).toBe(1);
  expect(found.length).toBe(identity.maxIdsPerPerson);
  expect(await persons(chain(identity.maxIdsPerPerson + 1))).toEqual([]);
  const conflicts = await bench.rows("identity.conflicts", {
    "raw.identity_links": rowsOf(chain(identity.maxIdsPerPerson + 1)),
  });
  expect(conflicts.length).toBe(identity.maxIdsPerPerson + 1);
  expect(new Set(conflicts.map(({ reason }) => reason))).toEqual(new Set(["too_many_ids"]));
});

test("when a rank is multiplied by a factor then its inverse leads back to the id", () => {
  for (const [i, factor] of identity.factors.entries()) {
    for (const id of [1, 2, 977, 48_271, identity.prime - 1]) {
      const rank = (BigInt(id) * BigInt(factor)) % BigInt(identity.prime);
      expect(Number((rank * BigInt(identity.inverses[i]!)) % BigInt(identity.prime))).toBe(id);
    }
  }
});
