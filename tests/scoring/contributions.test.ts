import { expect, test } from "vitest";
import { seededRandom } from "../../platform/seeded-random.ts";
import { contributionsOf } from "../../scoring/contributions.ts";
import { openForest, readForest } from "../../scoring/forest.ts";
import { everyNumber, type ForestFile, type Tree } from "../../scoring/tree.ts";

const inputs: ForestFile["inputs"] = [
  { name: "a", type: "number" },
  { name: "b", type: "number" },
  { name: "c", type: "number" },
  { name: "topic", type: "category", values: ["books", "garden", "music"] },
  { name: "kind", type: "category", values: ["one", "two"] },
];

/** A tree that may ask for an input again below itself, for whether a number is known, and for sets of categories. */
function randomTree(random: () => number, depth: number): Tree {
  const tree: Tree = { feature: [], at: [], unknown: [], right: [], cover: [], sets: [] };
  const grow = (left: number, cover: number): void => {
    const node = tree.feature.length;
    const isLeaf = left === 0 || random() < 0.15 || cover < 2;
    const asked = isLeaf ? -1 : Math.floor(random() * inputs.length);
    tree.feature.push(asked);
    tree.unknown.push(random() < 0.5 ? 1 : 0);
    tree.right.push(0);
    tree.cover.push(cover);
    if (isLeaf) {
      tree.at.push(random() * 2 - 1);
      return;
    }
    const input = inputs[asked]!;
    if (input.type === "number") tree.at.push(random() < 0.2 ? everyNumber : Math.floor(random() * 10));
    else tree.at.push(tree.sets.push(input.values.map((_, i) => i + 1).filter(() => random() < 0.5)) - 1);
    const goLeft = 1 + Math.floor(random() * (cover - 1));
    grow(left - 1, goLeft);
    tree.right[node] = tree.feature.length;
    grow(left - 1, cover - goLeft);
  };
  grow(depth, 1_000);
  return tree;
}

type Row = Readonly<Record<string, number | string | null>>;

function randomRow(random: () => number): Row {
  return Object.fromEntries(
    inputs.map((input) => {
      if (random() < 0.2) return [input.name, null];
      if (input.type === "number") return [input.name, Math.floor(random() * 11)];
      return [input.name, random() < 0.2 ? "never seen" : input.values[Math.floor(random() * input.values.length)]!];
    }),
  );
}

/** What a tree says on average when only the inputs of a coalition are known: by the definition, one node after another. */
function expectedOf(tree: Tree, row: Row, known: ReadonlySet<number>, node = 0): number {
  const asked = tree.feature[node]!;
  if (asked < 0) return tree.at[node]!;
  const [left, right] = [node + 1, tree.right[node]!];
  if (!known.has(asked)) {
    const share = tree.cover[left]! / tree.cover[node]!;
    return share * expectedOf(tree, row, known, left) + (1 - share) * expectedOf(tree, row, known, right);
  }
  const input = inputs[asked]!;
  const value = row[input.name]!;
  let isLeft = tree.unknown[node] === 1;
  if (input.type === "number") isLeft = value === null ? isLeft : (value as number) <= tree.at[node]!;
  else {
    const code = 1 + input.values.indexOf(value as string);
    if (code > 0) isLeft = tree.sets[tree.at[node]!]!.includes(code);
  }
  return expectedOf(tree, row, known, isLeft ? left : right);
}

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

/** Shapley's formula over all coalitions. */
function bruteForce(file: ForestFile, row: Row): readonly number[] {
  const n = inputs.length;
  const value = (coalition: number): number => {
    const known = new Set([...inputs.keys()].filter((i) => (coalition >> i) & 1));
    return file.trees.reduce((sum, tree) => sum + expectedOf(tree, row, known), file.base);
  };
  const values = Array.from({ length: 1 << n }, (_, coalition) => value(coalition));
  return inputs.map((_, i) => {
    let sum = 0;
    for (let coalition = 0; coalition < 1 << n; coalition++) {
      if ((coalition >> i) & 1) continue;
      const size = coalition.toString(2).replaceAll("0", "").length;
      sum +=
        ((factorial(size) * factorial(n - size - 1)) / factorial(n)) *
        (values[coalition | (1 << i)]! - values[coalition]!);
    }
    return sum;
  });
}

test("when a row is explained, then its contributions are Shapley's over all coalitions, and sum up to the score", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = seededRandom(seed);
    const trees = Array.from({ length: 3 }, () => randomTree(random, 1 + (seed % 6)));
    const file = readForest(JSON.stringify({ format: "inboxloop-trees/1", base: -2, inputs, trees }));
    const row = randomRow(random);
    const { expected, byInput } = contributionsOf(file, row);
    for (const [i, value] of bruteForce(file, row).entries())
      expect(byInput[i], `seed ${seed}, ${inputs[i]!.name}`).toBeCloseTo(value, 10);
    const columns = Object.fromEntries(
      inputs.map(({ name, type }) => [
        name,
        type === "number"
          ? Float64Array.of((row[name] as number | null) ?? Number.NaN)
          : [(row[name] as string | null) ?? ""],
      ]),
    );
    const score = openForest(file).predict(columns, 1)[0]!;
    const sum = byInput.reduce((total, one) => total + one, expected);
    expect(sum).toBeCloseTo(Math.log(score / (1 - score)), 9);
  }
});

test("when no tree asks for an input, then it contributes nothing, and a forest without trees expects its base", () => {
  const random = seededRandom(7);
  const alone = inputs.findIndex(({ name }) => name === "b");
  const tree: Tree = {
    feature: [alone, -1, -1],
    at: [3, 1, -1],
    unknown: [0, 0, 0],
    right: [2, 0, 0],
    cover: [10, 4, 6],
    sets: [],
  };
  const file: ForestFile = { format: "inboxloop-trees/1", base: 0.5, inputs: [...inputs], trees: [tree] };
  const { expected, byInput } = contributionsOf(file, randomRow(random));
  expect(expected).toBeCloseTo(0.5 + 0.4 - 0.6, 12);
  expect([...byInput].filter((value) => value !== 0)).toHaveLength(1);
  expect(contributionsOf({ ...file, trees: [] }, {})).toEqual({ expected: 0.5, byInput: new Float64Array(5) });
});
