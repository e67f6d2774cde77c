import { expect, test } from "vitest";
import { assign } from "../../release/assignment.ts";

const key = Buffer.from("a key of this test");
const people = Array.from({ length: 20_000 }, (_, i) => `sha256:${i.toString(16).padStart(8, "0")}`);
const candidates = (release: string, share: number) =>
  people.filter((person) => assign({ key, release, person, share }).arm === "candidate");

test("when the share is set, then so many people are the candidate's, within chance", () => {
  for (const share of [0.01, 0.05, 0.25, 0.5]) {
    const spread = Math.sqrt(people.length * share * (1 - share));
    expect(Math.abs(candidates("r1", share).length - people.length * share)).toBeLessThan(4 * spread);
  }
});

test("when a ramp grows, then nobody leaves the candidate", () => {
  const [few, many] = [candidates("r1", 0.05), new Set(candidates("r1", 0.25))];
  expect(few.filter((person) => !many.has(person))).toEqual([]);
});

test("when another release draws, then it draws independently", () => {
  const first = new Set(candidates("r1", 0.5));
  const both = candidates("r2", 0.5).filter((person) => first.has(person)).length;
  expect(Math.abs(both - people.length / 4)).toBeLessThan(4 * Math.sqrt(people.length * 0.25 * 0.75));
});

test("when somebody is assigned, then the chance of that arm is told with it", () => {
  for (const person of people.slice(0, 200)) {
    const { arm, propensity } = assign({ key, release: "r1", person, share: 0.1 });
    expect(propensity).toBeCloseTo(arm === "candidate" ? 0.1 : 0.9, 12);
  }
  expect(() => assign({ key, release: "r1", person: "p", share: 1.2 })).toThrow(/share/);
});
