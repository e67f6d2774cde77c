import { UserError } from "../../errors/user-error.ts";
import featureSet from "../../includes/features.js";
import type { Table } from "../../warehouse/duckdb/read-parquet.ts";
import type { Column } from "../../warehouse/warehouse.ts";

/**
 * A single feature that tells an outcome better than this is taken for something that the outcome wrote. An oracle that knows every
 * probability of the simulator has 0.89 for clicks; the best single feature of ours is near 0.7.
 */
export const mostOfAValue = 0.95;
/** The same for whether the feature is there at all: what is missing says little before the send. */
export const mostOfMissingness = 0.8;
/** Fewer of one class than this, and nothing is said. */
const leastOfAClass = 20;
/** One-sided, 0.1 %: with 200 features and outcomes, one false alarm in five trainings if all stood right at the bound. */
const z999 = 3.090232;
const quantiles = 32;

export interface AlarmFeature {
  readonly name: string;
  readonly type: "number" | "category";
}
export interface AlarmOutcome {
  readonly name: string;
  readonly column: string;
}

export interface ImplausibleFeature {
  readonly feature: string;
  readonly outcome: string;
  /** What of it tells the outcome: its value, or only whether it is there. */
  readonly by: "value" | "missingness";
  readonly auc: number;
  /** Of the one-sided 99.9 % interval. */
  readonly auc_low: number;
  readonly bound: number;
  readonly rows: number;
  readonly positives: number;
}

/**
 * The features that tell an outcome on their own implausibly well: the lower limit of the AUC (DeLong) is above the bound.
 * A value is scored out of fold by the rate of its bin (32 quantiles, or the category) among the other half of the rows, so what does
 * not rise or fall with it, and what has many categories, is judged fairly; missing is a bin. Missingness is judged by itself too.
 */
export function implausibleFeatures(
  table: Table,
  features: readonly AlarmFeature[],
  outcomes: readonly AlarmOutcome[],
): readonly ImplausibleFeature[] {
  const found: ImplausibleFeature[] = [];
  const known = outcomes.map(({ column }) => table.numbers(column));
  for (const feature of features) {
    const binned = binsOf(table, feature);
    outcomes.forEach((outcome, o) => {
      const counts = countsOf(binned, known[o]!, table.rows);
      if (counts.positives < leastOfAClass || counts.rows - counts.positives < leastOfAClass) return;
      const missing = judged(presenceAuc(binned, counts), mostOfMissingness);
      const judgement = missing ?? judged(outOfFoldAuc(counts), mostOfAValue);
      if (!judgement) return;
      const { rows, positives } = counts;
      const by = missing ? "missingness" : "value";
      found.push({ feature: feature.name, outcome: outcome.name, by, ...judgement, rows, positives });
    });
  }
  return found.sort((a, b) => b.auc - a.auc);
}

interface Estimate {
  readonly auc: number;
  readonly standardError: number;
}

function judged(
  { auc, standardError }: Estimate,
  bound: number,
): Pick<ImplausibleFeature, "auc" | "auc_low" | "bound"> | undefined {
  const either = Math.max(auc, 1 - auc);
  const low = either - z999 * standardError;
  return low > bound ? { auc: either, auc_low: low, bound } : undefined;
}

interface Binned {
  /** For each row its bin; those of `missing` hold no value. */
  readonly bins: Int32Array;
  readonly count: number;
  readonly missing: ReadonlySet<number>;
}

function binsOf(table: Table, { name, type }: AlarmFeature): Binned {
  const rows = table.rows;
  const bins = new Int32Array(rows);
  if (type === "category") {
    const texts = table.texts(name);
    // Where a model must have a value, "unknown" stands for none.
    const ids = new Map<string, number>([
      ["", 0],
      ["unknown", 1],
    ]);
    for (let i = 0; i < rows; i++) {
      const id = ids.get(texts[i]!) ?? ids.size;
      ids.set(texts[i]!, id);
      bins[i] = id;
    }
    return { bins, count: ids.size, missing: new Set([0, 1]) };
  }
  const values = table.numbers(name).subarray(0, rows);
  const there = values.filter((one) => !Number.isNaN(one)).sort();
  const quantile = (i: number): number => there[Math.floor((i * there.length) / quantiles)]!;
  const edges =
    there.length === 0 ? [] : [...new Set(Array.from({ length: quantiles - 1 }, (_, i) => quantile(i + 1)))];
  for (let i = 0; i < rows; i++) bins[i] = Number.isNaN(values[i]!) ? 0 : 1 + edgesUpTo(edges, values[i]!);
  return { bins, count: edges.length + 2, missing: new Set([0]) };
}

/** How many of the sorted edges are not above the value. */
function edgesUpTo(edges: readonly number[], value: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Positives and negatives of each bin, apart for the rows of even and of odd place. */
interface Counts {
  readonly positive: readonly [Float64Array, Float64Array];
  readonly negative: readonly [Float64Array, Float64Array];
  readonly positives: number;
  readonly rows: number;
}

function countsOf({ bins, count }: Binned, labels: Float64Array, rows: number): Counts {
  const of = (): readonly [Float64Array, Float64Array] => [new Float64Array(count), new Float64Array(count)];
  const [positive, negative] = [of(), of()];
  let [positives, known] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const label = labels[i]!;
    if (Number.isNaN(label)) continue;
    (label === 1 ? positive : negative)[known % 2]![bins[i]!]! += 1;
    positives += label === 1 ? 1 : 0;
    known++;
  }
  return { positive, negative, positives, rows: known };
}

/** The AUC of being there, and its standard error, from the two shares. */
function presenceAuc({ count, missing }: Binned, { positive, negative, positives, rows }: Counts): Estimate {
  let [there, thereNot] = [0, 0];
  for (let bin = 0; bin < count; bin++) {
    if (missing.has(bin)) continue;
    there += positive[0][bin]! + positive[1][bin]!;
    thereNot += negative[0][bin]! + negative[1][bin]!;
  }
  const [a, b] = [there / positives, thereNot / (rows - positives)];
  const variance = (a * (1 - a)) / positives + (b * (1 - b)) / (rows - positives);
  return { auc: (1 + a - b) / 2, standardError: Math.sqrt(variance) / 2 };
}

/** Each half of the rows is scored by the rates of the bins in the other, drawn towards the rate of all; the AUC is of both halves. */
function outOfFoldAuc({ positive, negative, positives, rows }: Counts): Estimate {
  const rate = positives / rows;
  const halves = [0, 1].map((half) => {
    const [p, n] = [positive[half]!, negative[half]!];
    const [otherP, otherN] = [positive[1 - half]!, negative[1 - half]!];
    const groups = Array.from(p, (_, bin) => ({
      score: (otherP[bin]! + rate) / (otherP[bin]! + otherN[bin]! + 1),
      positives: p[bin]!,
      negatives: n[bin]!,
    }));
    return groupedAuc(groups);
  });
  const weight = halves.reduce((sum, one) => sum + one.positives, 0);
  const auc = halves.reduce((sum, one) => sum + (one.auc * one.positives) / weight, 0);
  const variance = halves.reduce((sum, one) => sum + (one.standardError * (one.positives / weight)) ** 2, 0);
  return { auc, standardError: Math.sqrt(variance) };
}

/** The area under the ROC curve of rows that share scores, with DeLong's variance (retrain/evaluate/metrics.ts has it row by row). */
export function groupedAuc(
  groups: readonly { readonly score: number; readonly positives: number; readonly negatives: number }[],
): Estimate & { readonly positives: number } {
  const sorted = [...groups].sort((a, b) => a.score - b.score);
  const [m, n] = [
    sorted.reduce((sum, one) => sum + one.positives, 0),
    sorted.reduce((sum, one) => sum + one.negatives, 0),
  ];
  if (m < 2 || n < 2) return { auc: 0.5, standardError: Number.POSITIVE_INFINITY, positives: m };
  const parts: { readonly count: number; readonly component: number; readonly isPositive: boolean }[] = [];
  let [positivesBelow, negativesBelow] = [0, 0];
  for (let i = 0; i < sorted.length; ) {
    let [p, q, j] = [0, 0, i];
    for (; j < sorted.length && sorted[j]!.score === sorted[i]!.score; j++) {
      p += sorted[j]!.positives;
      q += sorted[j]!.negatives;
    }
    parts.push({ count: p, component: (negativesBelow + q / 2) / n, isPositive: true });
    parts.push({ count: q, component: 1 - (positivesBelow + p / 2) / m, isPositive: false });
    positivesBelow += p;
    negativesBelow += q;
    i = j;
  }
  const auc = parts.reduce((sum, one) => sum + (one.isPositive ? (one.count * one.component) / m : 0), 0);
  const spread = (isPositive: boolean, count: number): number =>
    parts.reduce((sum, one) => sum + (one.isPositive === isPositive ? one.count * (one.component - auc) ** 2 : 0), 0) /
    (count - 1) /
    count;
  return { auc, standardError: Math.sqrt(spread(true, m) + spread(false, n)), positives: m };
}

const outcomeNames = /^(did|outcome|label|target)(_|$)|_label$/;
const notFeatures = new Set<string>([...featureSet.exampleKeys, ...featureSet.exampleExtras, "segment"]);

/** The columns of a table of examples that are features, and its outcomes: what is neither key nor outcome may be learned from. */
export function alarmColumns(columns: readonly Column[]): {
  readonly features: readonly AlarmFeature[];
  readonly outcomes: readonly AlarmOutcome[];
} {
  const present = new Set(columns.map((column) => column.name));
  const outcomes = (featureSet.outcomes as readonly AlarmOutcome[]).filter((one) => present.has(one.column));
  const isOutcome = (name: string): boolean => outcomeNames.test(name) || outcomes.some((one) => one.column === name);
  const features = columns.flatMap(({ name, type }): AlarmFeature[] => {
    if (notFeatures.has(name) || isOutcome(name)) return [];
    if (/^(INT64|FLOAT64|NUMERIC|BIGNUMERIC|BOOL)\b/.test(type)) return [{ name, type: "number" }];
    return type === "STRING" ? [{ name, type: "category" }] : [];
  });
  return { features, outcomes };
}

export type Waivers = Readonly<Record<string, string>>;

/**
 * Stops a run whose features tell an outcome implausibly well, by a UserError with their names; those that are waived, by name and
 * with a reason, pass. Gives back the waivers that were needed, which the run records.
 */
export function refuseImplausible(
  found: readonly ImplausibleFeature[],
  waive: Waivers,
  run: { readonly code: string; readonly where: string; readonly command: string },
): Waivers {
  const stopped = found.filter((one) => waive[one.feature] === undefined);
  const [worst] = stopped;
  if (worst) {
    const told = stopped.slice(0, 5).map(described);
    if (stopped.length > 5) told.push(`and ${stopped.length - 5} more`);
    throw new UserError(`too good to be true: ${told.join("; ")}`, {
      code: run.code,
      exit: "check",
      where: run.where,
      next: `inboxloop check leakage; if it is honest: ${run.command} --waive ${worst.feature}='<why>'`,
    });
  }
  const needed = new Set(found.map((one) => one.feature));
  return Object.fromEntries(Object.entries(waive).filter(([name]) => needed.has(name)));
}

const described = (one: ImplausibleFeature): string =>
  `${one.by === "value" ? one.feature : `whether ${one.feature} is there`} tells ${one.outcome} with AUC ${one.auc.toFixed(3)} (at least ${one.auc_low.toFixed(3)}; most ${one.bound}) on ${one.rows} rows with ${one.positives} of it`;
