import { encodeCategory, encodeNumber, type InputRow } from "./encode-inputs.ts";
import { everyNumber, type ForestFile, type Tree } from "./tree.ts";

/** How a forest's log-odds for one row come about: `expected` and all contributions sum up to them. */
export interface Contributions {
  /** Mean log-odds over the rows that the forest was learned from. */
  readonly expected: number;
  /** By input, in the forest's order: what knowing its value adds, in log-odds. */
  readonly byInput: Float64Array;
}

/**
 * Shapley values of a forest for one row, exact and path-dependent: where an input is not known to a coalition, both children count by the rows that
 * they were learned from (TreeSHAP; Lundberg, Erion & Lee 2018, "Consistent Individualized Feature Attribution for Tree Ensembles",
 * arXiv:1802.03888, algorithm 2). Time grows with leaves and the square of the depth, not with the number of coalitions. Throws TypeError on a value
 * that no model can have learned.
 */
export function contributionsOf(file: ForestFile, row: InputRow): Contributions {
  const cells = file.inputs.map((input) => {
    const value = row[input.name];
    if (input.type === "number") return encodeNumber(input.name, value);
    return 1 + input.values.indexOf(encodeCategory(input.name, value));
  });
  const byInput = new Float64Array(file.inputs.length);
  let expected = file.base;
  for (const tree of file.trees) {
    const goesLeft = tree.feature.map(
      (asked, node) => asked >= 0 && isLeft(tree, node, file.inputs[asked]!.type, cells[asked]!),
    );
    expected += meanOf(tree);
    visit({ tree, goesLeft, byInput }, 0, [], 1, 1, -1);
  }
  return { expected, byInput };
}

/** `cell`: a number, NaN where it is not known; or a category's code, 0 where it is not known. */
function isLeft(tree: Tree, node: number, type: "number" | "category", cell: number): boolean {
  if (type === "number")
    return Number.isNaN(cell) ? tree.unknown[node] === 1 : tree.at[node] === everyNumber || cell <= tree.at[node]!;
  return cell === 0 ? tree.unknown[node] === 1 : tree.sets[tree.at[node]!]!.includes(cell);
}

/** Mean leaf over the rows that a tree was learned from. */
function meanOf({ feature, at, cover }: Tree): number {
  let sum = 0;
  for (const [node, asked] of feature.entries()) if (asked < 0) sum += at[node]! * cover[node]!;
  return sum / cover[0]!;
}

/** One input on the way to a node: the share of its paths that go on when it is not known and when it is, and the weight of coalitions of as many inputs as its place. */
interface Step {
  readonly input: number;
  readonly zero: number;
  readonly one: number;
  weight: number;
}

interface Walk {
  readonly tree: Tree;
  readonly goesLeft: readonly boolean[];
  readonly byInput: Float64Array;
}

function visit(walk: Walk, node: number, before: readonly Step[], zero: number, one: number, input: number): void {
  const { feature, at, cover, right } = walk.tree;
  const path = extended(before, zero, one, input);
  const asked = feature[node]!;
  if (asked < 0) {
    for (let i = 1; i < path.length; i++) {
      const step = path[i]!;
      walk.byInput[step.input]! += weightWithout(path, i) * (step.one - step.zero) * at[node]!;
    }
    return;
  }
  const [left, other] = [node + 1, right[node]!];
  const [hot, cold] = walk.goesLeft[node] ? [left, other] : [other, left];
  const seen = path.findIndex((step, i) => i > 0 && step.input === asked);
  const rest = seen < 0 ? path : unwound(path, seen);
  const earlier = seen < 0 ? { zero: 1, one: 1 } : path[seen]!;
  visit(walk, hot, rest, (earlier.zero * cover[hot]!) / cover[node]!, earlier.one, asked);
  visit(walk, cold, rest, (earlier.zero * cover[cold]!) / cover[node]!, 0, asked);
}

/** EXTEND: the path with one more input. */
function extended(before: readonly Step[], zero: number, one: number, input: number): readonly Step[] {
  const length = before.length;
  const path: Step[] = before.map((step) => ({ ...step }));
  path.push({ input, zero, one, weight: length === 0 ? 1 : 0 });
  for (let i = length - 1; i >= 0; i--) {
    path[i + 1]!.weight += (one * path[i]!.weight * (i + 1)) / (length + 1);
    path[i]!.weight *= (zero * (length - i)) / (length + 1);
  }
  return path;
}

/** UNWIND: the path as if the input at a place had never been met. */
function unwound(path: readonly Step[], place: number): readonly Step[] {
  const weights = weightsWithout(path, place);
  return path.toSpliced(place, 1).map((step, i) => ({ ...step, weight: weights[i]! }));
}

const weightWithout = (path: readonly Step[], place: number): number =>
  weightsWithout(path, place).reduce((sum, weight) => sum + weight, 0);

function weightsWithout(path: readonly Step[], place: number): Float64Array {
  const last = path.length - 1;
  const { zero, one } = path[place]!;
  const weights = new Float64Array(last);
  let next = path[last]!.weight;
  for (let i = last - 1; i >= 0; i--) {
    const weight = path[i]!.weight;
    if (one === 0) {
      weights[i] = (weight * (last + 1)) / (zero * (last - i));
    } else {
      weights[i] = (next * (last + 1)) / ((i + 1) * one);
      next = weight - (weights[i]! * zero * (last - i)) / (last + 1);
    }
  }
  return weights;
}
