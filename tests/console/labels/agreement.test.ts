import { expect, test } from "vitest";
import { cohensKappa, shareOf, tableOf } from "../../../console/labels/agreement.ts";
import { agreementOf } from "../../../console/labels/read-agreement.ts";
import { seededRandom } from "../../../platform/seeded-random.ts";

test("when two people label fifty things, then kappa is that of the textbook", () => {
  // Cohen's kappa, the usual worked example: 20 yes-yes, 5, 10, 15 no-no; 0.7 observed, 0.5 by chance
  const found = cohensKappa([
    [20, 5],
    [10, 15],
  ]);
  expect(found).toMatchObject({ n: 50, observed: 0.7, expected: 0.5 });
  expect(found.kappa).toBeCloseTo(0.4, 12);
  expect(found.low!).toBeGreaterThan(0.1);
  expect(found.high!).toBeLessThan(0.65);
});

test.each([
  [
    "always the same of several",
    [
      ["a", "a"],
      ["b", "b"],
    ],
    1,
  ],
  [
    "always the same one class",
    [
      ["a", "a"],
      ["a", "a"],
    ],
    null,
  ],
  [
    "never the same",
    [
      ["a", "b"],
      ["b", "a"],
    ],
    -1,
  ],
  ["nothing in common", [], null],
] as const)("when people say %s, then kappa is %s", (_what, pairs, kappa) => {
  const found = cohensKappa(tableOf(pairs as readonly (readonly [string, string])[]).table);
  expect(found.kappa).toBe(kappa);
});

test("when all agree on few, then the interval still has a width", () => {
  const found = cohensKappa([
    [5, 0],
    [0, 5],
  ]);
  expect(found.kappa).toBe(1);
  expect(found.high).toBe(1);
  expect(found.low!).toBeLessThan(0.6);
});

test.each([
  [0.3, 0.9, 20],
  [0.3, 0.9, 60],
  [0.1, 0.95, 200],
])(
  "when labels are drawn with truth %s and accuracy %s of %s things, then the interval holds the true kappa as often as it says",
  (share, accuracy, n) => {
    const random = seededRandom(11);
    const right = [accuracy, 1 - accuracy];
    const cell = (i: number, j: number) =>
      [1 - share, share].reduce(
        (sum, p, truth) => sum + p * right[i === truth ? 0 : 1]! * right[j === truth ? 0 : 1]!,
        0,
      );
    const observed = cell(0, 0) + cell(1, 1);
    const one = cell(1, 0) + cell(1, 1);
    const expected = one * one + (1 - one) * (1 - one);
    const kappa = (observed - expected) / (1 - expected);
    let held = 0;
    let told = 0;
    for (let round = 0; round < 1500; round++) {
      const table = [
        [0, 0],
        [0, 0],
      ];
      for (let i = 0; i < n; i++) {
        const truth = random() < share ? 1 : 0;
        table[random() < accuracy ? truth : 1 - truth]![random() < accuracy ? truth : 1 - truth]! += 1;
      }
      const found = cohensKappa(table);
      if (found.kappa === null) continue;
      told += 1;
      if (found.low! <= kappa && kappa <= found.high!) held += 1;
    }
    expect(held / told).toBeGreaterThan(0.92);
  },
);

test("when shares are of few, then their intervals stay within what is possible", () => {
  expect(shareOf(0, 3)).toMatchObject({ share: 0, low: 0 });
  expect(shareOf(3, 3)).toMatchObject({ share: 1, high: 1 });
  // Wilson's interval for 1 of 10
  expect(shareOf(1, 10).low).toBeCloseTo(0.0179, 3);
  expect(shareOf(1, 10).high).toBeCloseTo(0.4042, 3);
});

test("when people answer, then pairs are counted once a message, and each origin by how often the model was overturned", () => {
  const said = (
    message_id: string,
    labelled_by: string,
    label: string,
    answer: boolean | null,
    model_probability: number,
    review_origin: string,
  ) =>
    ["engaged", "read"].map((question) => ({
      message_id,
      labelled_by,
      question,
      label,
      answer,
      model_probability,
      review_origin,
    }));
  const { pairs, origins } = agreementOf([
    ...said("m1", "ann", "clicked", true, 0.2, "uncertain"),
    ...said("m1", "bob", "clicked", true, 0.2, "second"),
    ...said("m2", "ann", "no_engagement", false, 0.2, "random"),
    ...said("m2", "bob", "clicked", true, 0.2, "second"),
    // who cannot tell says nothing of the question, and is counted by class alone
    ...said("m3", "ann", "unknown", null, 0.2, "random"),
    ...said("m3", "bob", "unknown", null, 0.2, "second"),
  ]);
  expect(pairs.map(({ first, second, of, n, observed }) => ({ first, second, of, n, observed }))).toEqual([
    { first: "ann", second: "bob", of: "class", n: 3, observed: 2 / 3 },
    { first: "ann", second: "bob", of: "engaged", n: 2, observed: 0.5 },
    { first: "ann", second: "bob", of: "read", n: 2, observed: 0.5 },
  ]);
  expect(
    origins
      .filter(({ question }) => question === "read")
      .map(({ origin, overturned }) => [origin, overturned.n, overturned.share]),
  ).toEqual([
    ["random", 1, 0],
    ["second", 2, 1],
    ["uncertain", 1, 1],
  ]);
});
