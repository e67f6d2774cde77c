import { z } from "zod";

const whole = z.int().nonnegative();

const nodes = z.strictObject({
  /** Index of the input that a node asks for; -1 for a leaf. */
  feature: z.array(z.int().min(-1)).min(1),
  /** Threshold, index of the set, or a leaf's value in log-odds. */
  at: z.array(z.number()),
  /** 1 where what is not known goes left. */
  unknown: z.array(z.int().min(0).max(1)),
  /** Index of the right child; 0 for a leaf. The left child is the next node. */
  right: z.array(whole),
  /** Weight of the rows that a node was learned from. */
  cover: z.array(z.number().positive()),
  /** Codes of the categories that go left; code i is the input's value i - 1. */
  sets: z.array(z.array(whole)),
});

/**
 * One tree, its nodes in preorder. A row goes left where its number is at most `at`, or its category is in the set `at` of the tree; `unknown` says the
 * same for what is not known.
 */
export type Tree = z.infer<typeof nodes>;

/** A forest as it lies in a model's folder: the log-odds of an outcome are `base` and one leaf of each tree. */
export const forestFile = z.strictObject({
  format: z.literal("inboxloop-trees/1"),
  base: z.number(),
  inputs: z.array(
    z.discriminatedUnion("type", [
      z.strictObject({ name: z.string(), type: z.literal("number") }),
      z.strictObject({ name: z.string(), type: z.literal("category"), values: z.array(z.string()) }),
    ]),
  ),
  trees: z.array(nodes),
});
export type ForestFile = z.infer<typeof forestFile>;

/** Leaves and the base are multiples of this: sums of them are exact below 2^20, in whatever order they are added. */
const leafStep = 2 ** -30;
export const toLeafStep = (value: number): number => Math.round(value / leafStep) * leafStep;

/** The threshold that every known number is at most: it asks whether there is one. */
export const everyNumber = Number.MAX_VALUE;

/** What is wrong with the shape of a tree that its schema cannot say; undefined when it can be walked. */
export function brokenTree(
  { feature, at, unknown, right, cover, sets }: Tree,
  inputs: ForestFile["inputs"],
): string | undefined {
  const nodes = feature.length;
  if ([at, unknown, right, cover].some((column) => column.length !== nodes)) return "its columns differ in length";
  for (const [node, asked] of feature.entries()) {
    if (asked < 0) continue;
    const input = inputs[asked];
    if (input === undefined) return `node ${node} asks for input ${asked}`;
    // Children come after their parent, so that every walk ends.
    if (node + 1 >= nodes || right[node]! <= node + 1 || right[node]! >= nodes) return `node ${node} has no children`;
    if (input.type === "category" && sets[at[node]!] === undefined) return `node ${node} has no set`;
  }
  return undefined;
}
