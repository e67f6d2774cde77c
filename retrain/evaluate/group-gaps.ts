import { errorOver, type People } from "./error-over-people.ts";

/** How far the groups of a dimension lie apart in a mean. */
export interface Gap {
  /** The highest group's mean less the lowest's, as seen: above 0 by chance alone. */
  readonly gap: number;
  /** Bounds of the true gap, at once for all pairs of groups. A lower bound above 0 shows that there is one. */
  readonly low: number;
  readonly high: number;
  readonly highest: string;
  readonly lowest: string;
}

/** Rows of a group, and events among them, below which nothing is said of it: its mean is not near enough to normal. */
const leastRows = 100;
const leastEvents = 20;
const falseAlarm = 0.05;

/**
 * The gap of a mean between groups. A greatest difference is picked from many, so a pair's own interval would find one where there is none: all pairs
 * hold at once, by Bonferroni with P(|Z| > z) <= exp(-z^2 / 2), z = sqrt(2 ln(pairs / 0.05)). Errors are over people. `events` are 1 where something happened, for a mean that needs enough
 * of it. null with fewer than two groups that have enough.
 */
export function gapOf(
  groups: readonly string[],
  values: ArrayLike<number>,
  people: People,
  events?: ArrayLike<number>,
): Gap | null {
  const rowsOf = new Map<string, number[]>();
  for (const [i, value] of groups.entries()) {
    const group = value || "unknown";
    const rows = rowsOf.get(group);
    if (rows) rows.push(i);
    else rowsOf.set(group, [i]);
  }
  const sum = (rows: readonly number[], of: ArrayLike<number>): number => rows.reduce((total, i) => total + of[i]!, 0);
  const means = [...rowsOf]
    .filter(([, rows]) => rows.length >= leastRows && (events === undefined || sum(rows, events) >= leastEvents))
    .map(([group, rows]) => ({ group, rows, mean: sum(rows, values) / rows.length }));
  if (means.length < 2) return null;
  const z = Math.sqrt(2 * Math.log((means.length * (means.length - 1)) / 2 / falseAlarm));
  let low = 0;
  let high = 0;
  for (const [n, a] of means.entries())
    for (const b of means.slice(n + 1)) {
      const error = errorOver(
        [...a.rows, ...b.rows].map((i) => people[i]!),
        [
          ...a.rows.map((i) => (values[i]! - a.mean) / a.rows.length),
          ...b.rows.map((i) => -(values[i]! - b.mean) / b.rows.length),
        ],
      );
      const difference = Math.abs(a.mean - b.mean);
      low = Math.max(low, difference - z * error);
      high = Math.max(high, difference + z * error);
    }
  means.sort((a, b) => a.mean - b.mean || (a.group < b.group ? -1 : 1));
  const [lowest, highest] = [means[0]!, means.at(-1)!];
  return { gap: highest.mean - lowest.mean, low, high, highest: highest.group, lowest: lowest.group };
}
