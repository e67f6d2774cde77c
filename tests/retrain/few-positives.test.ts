import { expect, test } from "vitest";
import { fewPositives } from "../../retrain/trainer/few-positives.ts";
import type { WeightedSample } from "../../retrain/trainer/sampling.ts";

const sample = (positives: number, negatives: number): WeightedSample => ({
  rows: new Int32Array(0),
  weights: null,
  positives,
  negatives,
  keptPositives: positives,
  keptNegatives: negatives,
});
const later = (positives: number): Uint8Array => Uint8Array.from({ length: 3_000 }, (_, i) => (i < positives ? 1 : 0));

test("when one class is too small to learn from, then it is said which, and what follows", () => {
  expect(fewPositives("complaint", sample(7, 9_000), later(40))).toBe(
    "complaint: 7 positives to learn from, 20 are needed: everybody will get its base rate",
  );
  expect(fewPositives("opened", sample(9_000, 7), later(40))).toMatch(/^opened: 7 negatives to learn from/);
});

test("when the latest rows hold few positives, then it is said how good a model must be to be heard", () => {
  const told = (positives: number) => fewPositives("complaint", sample(100, 9_000), later(positives));
  expect(told(8)).toMatch(
    /^complaint: 8 positives among the latest rows: no AUC below 0\.70 can be told from chance there/,
  );
  expect(told(1)).toMatch(/no AUC can be told from chance/);
  expect(told(0)).toMatch(/^complaint: 0 positives .* no AUC can be told/);
  expect(told(40)).toBeUndefined();
});
