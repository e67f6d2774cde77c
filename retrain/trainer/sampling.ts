export interface WeightedSample {
  /** In the order of the rows. */
  readonly rows: Int32Array;
  /** By row of the table: how many rows of its class one stands for; null when all were kept. */
  readonly weights: Float32Array | null;
  readonly positives: number;
  readonly negatives: number;
  readonly keptPositives: number;
  readonly keptNegatives: number;
}

/**
 * At most `budget` rows (a few more or less, by chance): all of them while they fit, else every positive while they take no more than half, and
 * negatives by chance. What was kept weighs for what was not, so that rates stay what they are.
 */
export function sampleByWeight(
  rows: Int32Array,
  labels: Uint8Array,
  budget: number,
  random: () => number,
): WeightedSample {
  let positives = 0;
  for (const row of rows) positives += labels[row]!;
  const negatives = rows.length - positives;
  if (rows.length <= budget)
    return { rows, weights: null, positives, negatives, keptPositives: positives, keptNegatives: negatives };
  const wantedPositives = Math.min(positives, Math.max(budget - negatives, Math.floor(budget / 2)));
  const chance = [Math.min(1, (budget - wantedPositives) / negatives), Math.min(1, wantedPositives / positives)];
  const kept = rows.filter((row) => chance[labels[row]!]! === 1 || random() < chance[labels[row]!]!);
  let keptPositives = 0;
  for (const row of kept) keptPositives += labels[row]!;
  const keptNegatives = kept.length - keptPositives;
  const weight = [negatives / Math.max(1, keptNegatives), positives / Math.max(1, keptPositives)];
  const weights = new Float32Array(labels.length);
  for (const row of kept) weights[row] = weight[labels[row]!]!;
  return { rows: kept, weights, positives, negatives, keptPositives, keptNegatives };
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
