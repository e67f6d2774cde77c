import { sigmoid } from "./calibration.ts";
import type { FeatureColumns } from "./feature-columns.ts";
import { brokenTree, everyNumber, type ForestFile, forestFile } from "./tree.ts";

/** A forest in memory, for two classes. */
export interface Forest {
  /** Uncalibrated probabilities. `columns` hold the forest's features; NaN and "" are unknown. */
  predict(columns: FeatureColumns, rows: number): Float64Array;
  /**
   * The same for several values of one categorical feature, whatever `columns` say of it: one array a value. Trees that do not ask for it are walked
   * once for all of them.
   */
  predictEach(
    columns: FeatureColumns,
    rows: number,
    feature: string,
    values: readonly string[],
  ): readonly Float64Array[];
}

/** Reads a forest from the file that the trainer wrote. Throws an Error that says what is wrong with it. */
export function readForest(text: string): ForestFile {
  const file = forestFile.parse(JSON.parse(text));
  for (const [i, tree] of file.trees.entries()) {
    const broken = brokenTree(tree, file.inputs);
    if (broken) throw new Error(`tree ${i}: ${broken}`);
  }
  return file;
}

/** All trees in a row, as arrays that a row of numbers is walked through. */
interface Flat {
  readonly roots: readonly number[];
  readonly feature: Int32Array;
  readonly at: Float64Array;
  readonly unknown: Uint8Array;
  readonly right: Int32Array;
  /** By category node, where its set begins; -1 for a number. */
  readonly set: Int32Array;
  readonly sets: Uint8Array;
}

/** A set has a place for each code of a category that a trainer can tell apart. */
const setSize = 256;

function flatten({ inputs, trees }: ForestFile): Flat {
  const nodes = trees.reduce((sum, tree) => sum + tree.feature.length, 0);
  const flat = {
    roots: [] as number[],
    feature: new Int32Array(nodes),
    at: new Float64Array(nodes),
    unknown: new Uint8Array(nodes),
    right: new Int32Array(nodes),
    set: new Int32Array(nodes).fill(-1),
    sets: new Uint8Array(setSize * trees.reduce((sum, tree) => sum + tree.sets.length, 0)),
  };
  let first = 0;
  let sets = 0;
  for (const tree of trees) {
    flat.roots.push(first);
    for (const [node, asked] of tree.feature.entries()) {
      const place = first + node;
      flat.feature[place] = asked;
      flat.at[place] = tree.at[node] === everyNumber ? Number.POSITIVE_INFINITY : tree.at[node]!;
      flat.unknown[place] = tree.unknown[node]!;
      flat.right[place] = first + tree.right[node]!;
      if (asked >= 0 && inputs[asked]!.type === "category") flat.set[place] = setSize * (sets + tree.at[node]!);
    }
    for (const codes of tree.sets) {
      for (const code of codes) flat.sets[setSize * sets + code] = 1;
      sets += 1;
    }
    first += tree.feature.length;
  }
  return flat;
}

/** Adds the leaves that the rows fall into. Row r's inputs begin at r * width; a category is its code, 0 when it is not known. */
function addLeaves(flat: Flat, roots: readonly number[], cells: Float64Array, width: number, sums: Float64Array): void {
  const { feature, at, unknown, right, set, sets } = flat;
  for (let row = 0; row < sums.length; row++) {
    const begin = row * width;
    let sum = sums[row]!;
    for (let t = 0; t < roots.length; t++) {
      let node = roots[t]!;
      for (let asked = feature[node]!; asked >= 0; asked = feature[node]!) {
        const cell = cells[begin + asked]!;
        let isLeft: boolean;
        if (set[node]! < 0) isLeft = Number.isNaN(cell) ? unknown[node] === 1 : cell <= at[node]!;
        else isLeft = cell === 0 ? unknown[node] === 1 : sets[set[node]! + cell] === 1;
        node = isLeft ? node + 1 : right[node]!;
      }
      sum += at[node]!;
    }
    sums[row] = sum;
  }
}

export function openForest(file: ForestFile): Forest {
  const flat = flatten(file);
  const width = file.inputs.length;
  const codes = file.inputs.map((input) =>
    input.type === "category" ? new Map(input.values.map((value, i) => [value, i + 1])) : null,
  );
  /** Inputs that some tree asks for; the others need no cells. */
  const asked = new Set(flat.feature);

  function cellsOf(columns: FeatureColumns, rows: number, leaveOut: string | null): Float64Array {
    const cells = new Float64Array(rows * width);
    for (const [i, { name }] of file.inputs.entries()) {
      const column = columns[name];
      if (column === undefined) throw new Error(`feature "${name}" is not among the columns`);
      if (!asked.has(i) || name === leaveOut) continue;
      const code = codes[i];
      for (let row = 0; row < rows; row++) {
        const value = column[row]!;
        cells[row * width + i] = code ? (code.get(value as string) ?? 0) : (value as number);
      }
    }
    return cells;
  }

  /** Trees that ask for an input, and those that do not. */
  const splits = new Map<string, { readonly others: readonly number[]; readonly own: readonly number[] }>();
  function splitBy(feature: string, varied: number) {
    let split = splits.get(feature);
    if (!split) {
      const asks = file.trees.map((tree) => varied >= 0 && tree.feature.includes(varied));
      split = { others: flat.roots.filter((_, i) => !asks[i]), own: flat.roots.filter((_, i) => asks[i]) };
      splits.set(feature, split);
    }
    return split;
  }

  const probabilities = (sums: Float64Array): Float64Array => sums.map(sigmoid);

  return {
    predict(columns, rows) {
      const sums = new Float64Array(rows).fill(file.base);
      addLeaves(flat, flat.roots, cellsOf(columns, rows, null), width, sums);
      return probabilities(sums);
    },
    predictEach(columns, rows, feature, values) {
      const varied = file.inputs.findIndex(({ name }) => name === feature);
      const cells = cellsOf(columns, rows, feature);
      const shared = new Float64Array(rows).fill(file.base);
      const { others, own } = splitBy(feature, varied);
      addLeaves(flat, others, cells, width, shared);
      return values.map((value) => {
        const sums = shared.slice();
        const code = codes[varied]?.get(value) ?? 0;
        for (let row = 0; varied >= 0 && row < rows; row++) cells[row * width + varied] = code;
        addLeaves(flat, own, cells, width, sums);
        return probabilities(sums);
      });
    },
  };
}
