import { expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import { gapOf } from "../../retrain/evaluate/group-gaps.ts";

const names = ["gmail", "outlook", "yahoo", "gmx"];

/** Rows of people who get `each` mails, in four groups of unlike size; `rates` are how often the thing is so. */
function world(seed: number, rates: readonly number[], each = 1) {
  const random = seededRandom(seed);
  const groups: string[] = [];
  const values: number[] = [];
  const people: number[] = [];
  for (let person = 0; person < 2_000; person++) {
    const group = random() < 0.6 ? 0 : 1 + Math.floor(random() * 3);
    const isSo = random() < rates[group]!;
    for (let n = 0; n < each; n++) {
      groups.push(names[group]!);
      values.push(isSo ? 1 : 0);
      people.push(person);
    }
  }
  return { groups, values, people };
}

test("when groups are alike then a gap is shown in no more than one world in twenty, though one is always seen", () => {
  let shown = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const { groups, values, people } = world(seed, [0.2, 0.2, 0.2, 0.2]);
    const found = gapOf(groups, values, people)!;
    expect(found.gap).toBeGreaterThan(0);
    if (found.low > 0) shown += 1;
  }
  expect(shown).toBeLessThanOrEqual(15);
});

test("when one group lies apart then the gap is shown, with who it is between, and its bounds hold the truth", () => {
  let shown = 0;
  let held = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const { groups, values, people } = world(seed, [0.2, 0.2, 0.2, 0.5]);
    const found = gapOf(groups, values, people)!;
    expect(found.highest).toBe("gmx");
    if (found.low > 0) shown += 1;
    if (found.low <= 0.3 && found.high >= 0.3) held += 1;
  }
  expect(shown).toBe(100);
  expect(held).toBeGreaterThanOrEqual(95);
});

test("when a person has ten rows alike then they are one person's, and show no more than one would", () => {
  const alone = world(1, [0.2, 0.2, 0.2, 0.3]);
  const tenfold = world(1, [0.2, 0.2, 0.2, 0.3], 10);
  const one = gapOf(alone.groups, alone.values, alone.people)!;
  const ten = gapOf(tenfold.groups, tenfold.values, tenfold.people)!;
  expect(ten.low).toBeCloseTo(one.low, 6);
  expect(ten.high).toBeCloseTo(one.high, 6);
});

test("when there is one group then there is no gap", () => {
  expect(gapOf(["gmail", "gmail"], [0, 1], [1, 2])).toBeNull();
});
