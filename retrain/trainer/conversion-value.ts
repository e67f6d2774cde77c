import type { Outcome } from "./learning-set.ts";

/** Mean revenue of the messages that are learned from and converted; 0 without one. By row; a revenue that is not known is NaN. */
export function conversionValue(
  outcomes: readonly Outcome[],
  rows: {
    readonly labels: (column: string) => ArrayLike<number>;
    readonly revenue: ArrayLike<number>;
    readonly isLearned: (row: number) => boolean;
  },
): number {
  const column = outcomes.find(({ name }) => name === "conversion")?.column;
  if (column === undefined) return 0;
  const { revenue, isLearned } = rows;
  const converted = rows.labels(column);
  let [sum, messages] = [0, 0];
  for (let row = 0; row < revenue.length; row++) {
    if (!isLearned(row) || converted[row] !== 1 || Number.isNaN(revenue[row]!)) continue;
    sum += revenue[row]!;
    messages += 1;
  }
  return messages === 0 ? 0 : Math.max(0, sum / messages);
}
