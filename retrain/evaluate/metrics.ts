const z95 = 1.959964;

/** One outcome's labels (0 or 1) and the probabilities that were predicted for them. */
export interface Scored {
  readonly labels: ArrayLike<number>;
  readonly scores: ArrayLike<number>;
}

/** Ranks from 1, ties sharing their mean rank. */
export function midranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < order.length; ) {
    let j = i;
    while (j < order.length && values[order[j]!] === values[order[i]!]) j++;
    for (let k = i; k < j; k++) ranks[order[k]!] = (i + j + 1) / 2;
    i = j;
  }
  return ranks;
}

export interface Auc {
  /** null without both classes. */
  readonly auc: number | null;
  readonly standardError: number | null;
  /** Structural components of DeLong's method: per positive, per negative. */
  readonly perPositive: Float64Array;
  readonly perNegative: Float64Array;
}

/**
 * Area under the ROC curve with DeLong's variance (DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44), by midranks (Sun & Xu
 * 2014, IEEE Signal Processing Letters 21).
 */
export function areaUnderCurve({ labels, scores }: Scored): Auc {
  const positive: number[] = [];
  const negative: number[] = [];
  for (let i = 0; i < labels.length; i++) (labels[i] === 1 ? positive : negative).push(scores[i]!);
  const m = positive.length;
  const n = negative.length;
  const empty = new Float64Array(0);
  if (m === 0 || n === 0) return { auc: null, standardError: null, perPositive: empty, perNegative: empty };
  const all = midranks([...positive, ...negative]);
  const among = midranks(positive);
  const amongNegative = midranks(negative);
  const perPositive = Float64Array.from(positive, (_, i) => (all[i]! - among[i]!) / n);
  const perNegative = Float64Array.from(negative, (_, j) => 1 - (all[m + j]! - amongNegative[j]!) / m);
  const variance = covariance(perPositive, perPositive) / m + covariance(perNegative, perNegative) / n;
  return { auc: mean(perPositive), standardError: Math.sqrt(variance), perPositive, perNegative };
}

/**
 * Newcombe's score interval of an AUC at 95 % (2006, Statistics in Medicine 25, 559-573, method 5): values that are within z standard errors, each with its
 * own error. At 0.5 that is the error of the Wilcoxon test, so it holds from one positive on.
 */
function scoreInterval(auc: number, m: number, n: number): readonly [number, number] {
  const balanced = (m + n) / 2 - 1;
  const error = (a: number): number =>
    Math.sqrt((a * (1 - a) * (1 + balanced * ((1 - a) / (2 - a) + a / (1 + a)))) / (m * n));
  const below = (found: number): number => {
    let [low, high] = [0, found];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (found - middle > z95 * error(middle)) low = middle;
      else high = middle;
    }
    return low;
  };
  return [below(auc), 1 - below(1 - auc)];
}

/**
 * Bounds of an AUC at 95 %: the wider of DeLong's, which assumes nothing of the scores but many rows of each class, and Newcombe's. DeLong's error is taken
 * from the rows, and comes to nothing with one positive or a perfect order of a few. null without both classes.
 */
export function aucInterval({ auc, standardError, perPositive, perNegative }: Auc): readonly [number, number] | null {
  if (auc === null || standardError === null) return null;
  const [low, high] = scoreInterval(auc, perPositive.length, perNegative.length);
  return [
    Math.max(0, Math.min(low, auc - z95 * standardError)),
    Math.min(1, Math.max(high, auc + z95 * standardError)),
  ];
}

/** Difference of two AUCs on the same rows, with its standard error (DeLong, paired). */
export function aucDifference(a: Auc, b: Auc): { readonly difference: number; readonly standardError: number } | null {
  if (a.auc === null || b.auc === null) return null;
  const part = (x: Float64Array, y: Float64Array) =>
    (covariance(x, x) + covariance(y, y) - 2 * covariance(x, y)) / x.length;
  const variance = part(a.perPositive, b.perPositive) + part(a.perNegative, b.perNegative);
  return { difference: a.auc - b.auc, standardError: Math.sqrt(Math.max(0, variance)) };
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

function covariance(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length < 2) return 0;
  const mx = mean(x);
  const my = mean(y);
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i]! - mx) * (y[i]! - my);
  return sum / (x.length - 1);
}

/** Standard error of a mean of independent values. */
export const standardErrorOfMean = (values: ArrayLike<number>): number =>
  values.length < 2 ? Number.NaN : Math.sqrt(covariance(values, values) / values.length);

const floor = 1e-9;

/** Each row's loss, -ln of the probability given to what happened. */
export function logLosses({ labels, scores }: Scored): Float64Array {
  return Float64Array.from(labels, (label, i) => {
    const p = Math.min(1 - floor, Math.max(floor, scores[i]!));
    return label === 1 ? -Math.log(p) : -Math.log(1 - p);
  });
}

export interface ReliabilityBin {
  readonly rows: number;
  readonly predicted: number;
  readonly observed: number;
}

/** Rows in order of their score, in `bins` groups of equal size: mean prediction beside the share that happened. */
export function reliability({ labels, scores }: Scored, bins = 10): readonly ReliabilityBin[] {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  return Array.from({ length: bins }, (_, b) => {
    const part = order.slice(Math.floor((b * order.length) / bins), Math.floor(((b + 1) * order.length) / bins));
    return {
      rows: part.length,
      predicted: part.length === 0 ? 0 : mean(part.map((i) => scores[i]!)),
      observed: part.length === 0 ? 0 : mean(part.map((i) => labels[i]!)),
    };
  }).filter((bin) => bin.rows > 0);
}

/** Expected calibration error over bins of equal size (Naeini, Cooper & Hauskrecht 2015, AAAI): mean |predicted - observed|. */
export const calibrationError = (bins: readonly ReliabilityBin[]): number => {
  const rows = bins.reduce((sum, b) => sum + b.rows, 0);
  return bins.reduce((sum, b) => sum + b.rows * Math.abs(b.predicted - b.observed), 0) / Math.max(1, rows);
};

/**
 * Whether the bins are further from their predictions than chance allows at 2.5 %: the Hosmer-Lemeshow statistic (1980, Communications
 * in Statistics A9) against chi-squared, by Wilson and Hilferty's approximation. The calibration error alone is above zero even
 * for a perfect model, the more so the fewer the rows.
 */
export function isMiscalibrated(bins: readonly ReliabilityBin[]): boolean {
  const used = bins.filter((b) => b.predicted > 0 && b.predicted < 1);
  const statistic = used.reduce(
    (sum, b) => sum + (b.rows * (b.observed - b.predicted) ** 2) / (b.predicted * (1 - b.predicted)),
    0,
  );
  const df = used.length;
  const critical = df * (1 - 2 / (9 * df) + z95 * Math.sqrt(2 / (9 * df))) ** 3;
  return df > 0 && statistic > critical;
}

export interface OutcomeMetrics {
  readonly rows: number;
  readonly positives: number;
  readonly observed_rate: number | null;
  readonly predicted_rate: number | null;
  readonly auc: number | null;
  readonly auc_low: number | null;
  readonly auc_high: number | null;
  readonly log_loss: number | null;
  readonly ece: number | null;
}

/** The figures of one outcome on one set of rows; intervals are of 95 %. */
export function outcomeMetrics(scored: Scored): OutcomeMetrics {
  const rows = scored.labels.length;
  let positives = 0;
  for (let i = 0; i < rows; i++) positives += scored.labels[i]!;
  const found = areaUnderCurve(scored);
  const interval = aucInterval(found);
  return {
    rows,
    positives,
    observed_rate: rows === 0 ? null : positives / rows,
    predicted_rate: rows === 0 ? null : mean(scored.scores),
    auc: found.auc,
    auc_low: interval?.[0] ?? null,
    auc_high: interval?.[1] ?? null,
    log_loss: rows === 0 ? null : mean(logLosses(scored)),
    ece: rows === 0 ? null : calibrationError(reliability(scored)),
  };
}
