/** One judgement beside the truth. */
export interface Judged {
  readonly p: number;
  readonly isHuman: boolean;
}

/** Area under the ROC curve, ties counted half (Mann-Whitney). */
export function auc(judged: readonly Judged[]): number {
  const sorted = [...judged].sort((a, b) => a.p - b.p);
  let ranks = 0;
  for (let i = 0; i < sorted.length; ) {
    let j = i;
    while (j < sorted.length && sorted[j]!.p === sorted[i]!.p) j++;
    for (let k = i; k < j; k++) if (sorted[k]!.isHuman) ranks += (i + j + 1) / 2;
    i = j;
  }
  const people = judged.filter(({ isHuman }) => isHuman).length;
  return (ranks - (people * (people + 1)) / 2) / (people * (judged.length - people));
}

/** Mean squared distance of the probability from what was. */
export const brier = (judged: readonly Judged[]): number =>
  judged.reduce((sum, { p, isHuman }) => sum + (p - (isHuman ? 1 : 0)) ** 2, 0) / judged.length;

/** Share of those judged rightly at one half. */
export const hits = (judged: readonly Judged[]): number =>
  judged.filter(({ p, isHuman }) => p >= 0.5 === isHuman).length / judged.length;
