/** p = sigmoid(slope * logit + intercept), where logit is the forest's. */
export interface Calibration {
  readonly method: "platt" | "intercept";
  readonly slope: number;
  readonly intercept: number;
  readonly rows: number;
  readonly positives: number;
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

/**
 * Platt scaling on rows that were not trained on, at their natural rate: maximum likelihood of slope and intercept by Newton's
 * method, with Platt's smoothed targets (Platt 1999; Lin, Lin & Weng 2007, Machine Learning 68). At its maximum the mean
 * prediction equals the base rate. With few positives, or when the slope comes out below 0.05, the slope stays 1 and
 * the intercept alone is fitted, to the rate (positives + 1/2) / (rows + 1).
 */
export function fitCalibration(scores: ArrayLike<number>, labels: ArrayLike<number>): Calibration {
  const rows = labels.length;
  const x = Float64Array.from(scores, logit);
  let positives = 0;
  for (let i = 0; i < rows; i++) positives += labels[i]!;
  const common = { rows, positives };
  if (positives >= slopeNeeds && rows - positives >= slopeNeeds) {
    const platt = fitPlatt(x, labels, positives);
    if (platt && platt.slope > 0.05) return { method: "platt", ...common, ...platt };
  }
  return { method: "intercept", ...common, slope: 1, intercept: fitIntercept(x, (positives + 0.5) / (rows + 1)) };
}

function fitPlatt(
  x: Float64Array,
  labels: ArrayLike<number>,
  positives: number,
): { readonly slope: number; readonly intercept: number } | null {
  const negatives = x.length - positives;
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (negatives + 2);
  let slope = 1;
  let intercept = 0;
  const loss = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) {
      const f = a * x[i]! + b;
      const t = labels[i] === 1 ? high : low;
      sum += (f > 0 ? f + Math.log1p(Math.exp(-f)) : Math.log1p(Math.exp(f))) - t * f;
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
      const d = p - (labels[i] === 1 ? high : low);
      const w = p * (1 - p);
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
