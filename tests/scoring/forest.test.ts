import fc from "fast-check";
import { expect, test } from "vitest";
import { openForest } from "../../scoring/forest.ts";
import type { ForestFile, Tree } from "../../scoring/tree.ts";

const inputs: ForestFile["inputs"] = [
  { name: "opens", type: "number" },
  { name: "variant", type: "category", values: ["plain", "offer"] },
  { name: "weekday", type: "category", values: ["mon", "tue", "wed"] },
];

type Shape = { readonly asked: number; readonly at: number; readonly left: Shape; readonly right: Shape } | number;
const shape = fc.letrec<{ node: Shape }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.integer({ min: -64, max: 64 }).map((n) => n / 32),
    fc.record({ asked: fc.nat(2), at: fc.nat(3), left: tie("node"), right: tie("node") }),
  ),
})).node;

/** The nodes of a tree in preorder. */
function treeOf(root: Shape): Tree {
  const tree: Tree = { feature: [], at: [], unknown: [], right: [], cover: [], sets: [] };
  const add = (one: Shape): void => {
    const place = tree.feature.length;
    tree.cover.push(1);
    tree.right.push(0);
    tree.unknown.push(typeof one === "number" ? 0 : one.at % 2);
    if (typeof one === "number") {
      tree.feature.push(-1);
      tree.at.push(one);
      return;
    }
    tree.feature.push(one.asked);
    if (inputs[one.asked]!.type === "category") tree.sets.push([one.at]);
    tree.at.push(inputs[one.asked]!.type === "category" ? tree.sets.length - 1 : one.at);
    add(one.left);
    tree.right[place] = tree.feature.length;
    add(one.right);
  };
  add(root);
  return tree;
}

test("when several values of a feature are asked for at once, then each has what it has alone, whichever feature was asked for before", () => {
  const row = fc.record({
    opens: fc.constantFrom(Number.NaN, 0, 1, 2, 3),
    variant: fc.constantFrom("", "plain", "offer", "unheard of"),
    weekday: fc.constantFrom("", "mon", "tue", "wed"),
  });
  fc.assert(
    fc.property(
      fc.array(shape, { minLength: 1, maxLength: 6 }),
      fc.array(row, { minLength: 1, maxLength: 5 }),
      (trees, rows) => {
        const forest = openForest({ format: "inboxloop-trees/1", base: -1, inputs, trees: trees.map(treeOf) });
        const columns = {
          opens: Float64Array.from(rows, ({ opens }) => opens),
          variant: rows.map(({ variant }) => variant),
          weekday: rows.map(({ weekday }) => weekday),
        };
        for (const [feature, values] of [
          ["variant", ["offer", "", "plain"]],
          ["weekday", ["wed", "mon"]],
          ["unknown to it", ["a"]],
          ["variant", ["plain"]],
        ] as const) {
          const together = forest.predictEach(columns, rows.length, feature, values);
          for (const [i, value] of values.entries()) {
            const alone = { ...columns, [feature]: rows.map(() => value) };
            expect(together[i]).toEqual(forest.predict(alone, rows.length));
          }
        }
      },
    ),
    { numRuns: 300, seed: 13 },
  );
});
