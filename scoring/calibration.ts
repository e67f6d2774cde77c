/** p = sigmoid(slope * logit + intercept), where logit is the forest's. */
export interface Calibration {
  /** `given`: nothing was fitted, the probabilities count as they are. */
  readonly method: "platt" | "intercept" | "given";
  readonly slope: number;
  readonly intercept: number;
  /** Rows that the slope was fitted to. */
  readonly rows: number;
  readonly positives: number;
  /** The latest of them, which the level was fitted to. */
  readonly level_rows: number;
  readonly level_positives: number;
}

const edge = 1e-6;
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const logit = (p: number): number => {
  const clipped = Math.min(1 - edge, Math.max(edge, p));
  return Math.log(clipped / (1 - clipped));
};

export const calibrated = (score: number, c: Calibration): number => sigmoid(c.slope * logit(score) + c.intercept);

/** Below this many positives a slope cannot be learned, and only the level is. */
const slopeNeeds = 30;
/** Share of the rows, the latest, that tell the level. */
const levelShare = 0.2;
/** Positives among them, at least, so that the level is known within about a fifth (one standard error); with fewer they reach further back. */
const levelNeeds = 30;

/**
 * Calibration on rows that were not trained on, in order of time and at their natural rate. The slope is Platt's, of all rows: maximum likelihood by
 * Newton's method, with Platt's smoothed targets (Platt 1999; Lin, Lin & Weng 2007, Machine Learning 68). The level is that of the latest fifth: with
 * the slope held, the intercept at which their mean prediction is their rate, (positives + 1/2) / (rows + 1). How well a score ranks lasts longer than
 * a base rate does, and a base rate is known from few events (Steyerberg et al. 2004, Statistics in Medicine 23, updating of the intercept;
 * Davis et al. 2019, JAMIA 26: where the event rate moves, correcting the intercept is the update that is called for). With few positives, or when the slope comes out below 0.05, the slope stays 1.
 * `worth` is what each row counts for the slope; for the level each counts alike, whoever is sure of its label.
 */
export function fitCalibration(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  worth: ArrayLike<number> | null = null,
): Calibration {
  const x = Float64Array.from(scores, logit);
  let rows = 0;
  let positives = 0;
  for (let i = 0; i < labels.length; i++) {
    if (worth !== null && !(worth[i]! > 0)) continue;
    rows += 1;
    positives += labels[i]!;
  }
  const platt =
    positives >= slopeNeeds && rows - positives >= slopeNeeds
      ? fitPlatt(x, labels, { positives, negatives: rows - positives }, worth)
      : null;
  const method = platt !== null && platt.slope > 0.05 ? "platt" : "intercept";
  const slope = method === "platt" ? platt!.slope : 1;
  const level = latestLevel(labels);
  const latest = x.subarray(x.length - level.rows).map((value) => slope * value);
  const intercept = fitIntercept(latest, levelRate(level));
  return { method, slope, intercept, rows, positives, level_rows: level.rows, level_positives: level.positives };
}

/**
 * Another calibration of the same scores, from newer rows, no farther from the one in force than `factor`: its slope within that many times of the old slope,
 * and the mean that it says of the rows that tell the level within that many times of what the old one says of them. Newer rows are fewer, and what
 * went wrong with them must not turn a model over in a day.
 */
export function calibrateWithin(
  before: Calibration,
  factor: number,
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  worth: ArrayLike<number> | null,
): Calibration {
  const fresh = fitCalibration(scores, labels, worth);
  const slope = within(fresh.method === "platt" ? fresh.slope : before.slope, before.slope, factor);
  const latest = Float64Array.from(scores, logit).subarray(labels.length - fresh.level_rows);
  const old = latest.reduce((sum, x) => sum + sigmoid(before.slope * x + before.intercept) / latest.length, 0);
  const rate = within(levelRate({ rows: fresh.level_rows, positives: fresh.level_positives }), old, factor);
  return {
    ...fresh,
    slope,
    intercept: fitIntercept(
      latest.map((x) => slope * x),
      rate,
    ),
  };
}

const within = (value: number, middle: number, factor: number): number =>
  Math.min(middle * factor, Math.max(middle / factor, value));

/** Rows that tell a base rate. */
export interface Level {
  readonly rows: number;
  readonly positives: number;
}

/** Jeffreys' estimate: never exactly 0 or 1. */
export const levelRate = ({ rows, positives }: Level): number => (positives + 0.5) / (rows + 1);

/** Of labels in order of time, the latest fifth, or as many more as hold `levelNeeds` positives. */
export function latestLevel(labels: ArrayLike<number>): Level {
  const least = Math.ceil(levelShare * labels.length);
  let rows = 0;
  let positives = 0;
  while (rows < labels.length && (rows < least || positives < levelNeeds)) {
    rows += 1;
    positives += labels[labels.length - rows]!;
  }
  return { rows, positives };
}

function fitPlatt(
  x: Float64Array,
  labels: ArrayLike<number>,
  { positives, negatives }: { readonly positives: number; readonly negatives: number },
  worth: ArrayLike<number> | null,
): { readonly slope: number; readonly intercept: number } | null {
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (negatives + 2);
  let slope = 1;
  let intercept = 0;
  const loss = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) {
      const f = a * x[i]! + b;
      const t = labels[i] === 1 ? high : low;
      sum += (worth?.[i] ?? 1) * ((f > 0 ? f + Math.log1p(Math.exp(-f)) : Math.log1p(Math.exp(f))) - t * f);
    }
    return sum;
  };
  let current = loss(slope, intercept);
  for (let iteration = 0; iteration < 100; iteration++) {
    let ga = 0;
    let gb = 0;
    let haa = 1e-9;
    let hab = 0;
    let hbb = 1e-9;
    for (let i = 0; i < x.length; i++) {
      const p = sigmoid(slope * x[i]! + intercept);
      const counts = worth?.[i] ?? 1;
      const d = counts * (p - (labels[i] === 1 ? high : low));
      const w = counts * p * (1 - p);
      ga += d * x[i]!;
      gb += d;
      haa += w * x[i]! * x[i]!;
      hab += w * x[i]!;
      hbb += w;
    }
    const determinant = haa * hbb - hab * hab;
    if (!(determinant > 0)) return null;
    const da = (hbb * ga - hab * gb) / determinant;
    const db = (haa * gb - hab * ga) / determinant;
    let step = 1;
    while (step > 1e-8) {
      const next = loss(slope - step * da, intercept - step * db);
      if (next <= current) {
        slope -= step * da;
        intercept -= step * db;
        current = next;
        break;
      }
      step /= 2;
    }
    if (step <= 1e-8 || Math.abs(step * da) + Math.abs(step * db) < 1e-10) break;
  }
  return Number.isFinite(slope) && Number.isFinite(intercept) ? { slope, intercept } : null;
}

/** The intercept at which the mean prediction is `rate`: bisection, the mean grows with it. */
function fitIntercept(x: Float64Array, rate: number): number {
  if (x.length === 0) return 0;
  let low = -40;
  let high = 40;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    let sum = 0;
    for (const value of x) sum += sigmoid(value + middle);
    if (sum / x.length < rate) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
