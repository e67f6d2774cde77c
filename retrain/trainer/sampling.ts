/** Rows of a table, split by time: the model is always asked about later rows than it learned from. */
export interface TimeSplit {
  readonly train: readonly number[];
  readonly calibrate: readonly number[];
  readonly validate: readonly number[];
}

/** `rows` must be in order of time. The last `validateShare` of them validates, the `calibrateShare` before calibrates. */
export function splitByTime(rows: readonly number[], calibrateShare: number, validateShare: number): TimeSplit {
  const validateFrom = Math.round(rows.length * (1 - validateShare));
  const calibrateFrom = Math.round(rows.length * (1 - validateShare - calibrateShare));
  return {
    train: rows.slice(0, calibrateFrom),
    calibrate: rows.slice(calibrateFrom, validateFrom),
    validate: rows.slice(validateFrom),
  };
}

export interface ClassSample {
  readonly rows: readonly number[];
  readonly keptPositives: number;
  readonly keptNegatives: number;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * A training sample of at most `budget` rows: every positive while they fit into half of it, then negatives, at most `perPositive`
 * for each positive. Within a class each stratum keeps its share: rows are put in order by stratum, at random within it, and
 * every k-th is taken.
 */
export function sampleByClass(
  rows: readonly number[],
  isPositive: (row: number) => boolean,
  stratum: (row: number) => string,
  options: { readonly budget: number; readonly perPositive: number; readonly random: () => number },
): ClassSample {
  const positive = rows.filter(isPositive);
  const negative = rows.filter((row) => !isPositive(row));
  const wantedPositives = Math.min(
    positive.length,
    Math.max(options.budget - negative.length, Math.floor(options.budget / 2)),
  );
  const wantedNegatives = Math.min(
    negative.length,
    options.budget - wantedPositives,
    Math.max(2_000, options.perPositive * wantedPositives),
  );
  const kept = [
    ...everyKth(positive, wantedPositives, stratum, options.random),
    ...everyKth(negative, wantedNegatives, stratum, options.random),
  ];
  return {
    rows: kept.sort((a, b) => a - b),
    keptPositives: wantedPositives,
    keptNegatives: wantedNegatives,
    positives: positive.length,
    negatives: negative.length,
  };
}

/** `count` of the rows, each stratum in its proportion. */
export function everyKth(
  rows: readonly number[],
  count: number,
  stratum: (row: number) => string,
  random: () => number,
): readonly number[] {
  if (count >= rows.length) return rows;
  const keyed = rows.map((row) => ({ row, stratum: stratum(row), at: random() }));
  keyed.sort((a, b) => (a.stratum < b.stratum ? -1 : a.stratum > b.stratum ? 1 : a.at - b.at));
  const start = random();
  return Array.from(
    { length: count },
    (_, i) => keyed[Math.min(rows.length - 1, Math.floor(((i + start) * rows.length) / count))]!.row,
  );
}
