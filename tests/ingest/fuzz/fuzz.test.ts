import { expect, test } from "vitest";
import { fuzzDecoders } from "./fuzz-decoders.ts";
import { seeded } from "./mutate.ts";

test("when mutated payloads come to every decoder then each is rows or dead letters, and no address lands", async () => {
  const result = await fuzzDecoders({ payloads: 4000, seed: 7 });
  expect({ exceptions: result.exceptions, leaks: result.leaks }).toEqual({ exceptions: [], leaks: [] });
  expect(result.silent).toBe(0);
  expect(result.rows).toBeGreaterThan(400);
  expect(result.deadLetters).toBeGreaterThan(400);
});

test("when the seed is the same then the numbers are", () => {
  const [a, b] = [seeded(3), seeded(3)];
  expect([a(), a(), a()]).toEqual([b(), b(), b()]);
});
