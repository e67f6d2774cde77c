import { expect, test } from "vitest";
import { newInstant, order, Zone } from "../../../warehouse/dataform/leakage/instants.ts";

test("when bounds follow each other then the sum of them is known, from above and from below", () => {
  const [click, send, close] = [newInstant(), newInstant(), newInstant()];
  const zone = new Zone([order(click, send, -1), order(send, close, -7), order(close, send, 7)]);
  expect(zone.above(click).get(close)).toBe(-8);
  expect(zone.above(close).get(send)).toBe(7);
  expect(zone.above(send).get(click)).toBeUndefined();
  expect(zone.below(close).get(click)).toBe(-8);
  expect(zone.below(click).get(close)).toBeUndefined();
});

test("when two bounds are on the same instants then the nearer one counts", () => {
  const [a, b] = [newInstant(), newInstant()];
  const zone = new Zone([order(a, b, 5), order(a, b, 2)]).with([order(a, b, 9)]);
  expect(zone.above(a).get(b)).toBe(2);
});

test("when instants are left out then what they tell of the others stays", () => {
  const [a, b, c] = [newInstant(), newInstant(), newInstant()];
  const zone = new Zone([order(a, b, -1), order(b, c, -2)]);
  expect(zone.among(new Set([a, c]))).toEqual([order(a, c, -3)]);
});

test("when bounds contradict each other then it ends all the same", () => {
  const [a, b] = [newInstant(), newInstant()];
  const zone = new Zone([order(a, b, -1), order(b, a, -1)]);
  expect(zone.above(a).get(b)).toBeLessThan(0);
});
