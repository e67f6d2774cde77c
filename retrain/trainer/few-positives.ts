import type { WeightedSample } from "./sampling.ts";

/** Fewer of one class than this, and nothing is learned from it. */
const leastOfAClass = 20;
/** Where an AUC of less than this might not be told from chance, it is said. */
const weakest = 0.6;
const z95 = 1.959964;

export const canBeLearned = ({ keptPositives, keptNegatives }: WeightedSample): boolean =>
  keptPositives >= leastOfAClass && keptNegatives >= leastOfAClass;

/**
 * What is to be known of an outcome before it is learned: that there is too little of it, or that the latest rows hold so few positives that an AUC
 * could hardly be told from chance. `later` are the labels of the rows that the model is going to be judged on. The least AUC whose 95 % interval lies
 * above 0.5 is by the error of the Wilcoxon test, sqrt((m + n + 1) / (12 m n)). undefined when there is enough.
 */
export function fewPositives(outcome: string, sample: WeightedSample, later: ArrayLike<number>): string | undefined {
  if (!canBeLearned(sample)) {
    const [what, count] =
      sample.keptPositives < leastOfAClass ? ["positives", sample.positives] : ["negatives", sample.negatives];
    return `${outcome}: ${count} ${what} to learn from, ${leastOfAClass} are needed: everybody will get its base rate`;
  }
  let positives = 0;
  for (let i = 0; i < later.length; i++) positives += later[i]!;
  const negatives = later.length - positives;
  const error = Math.sqrt((later.length + 1) / (12 * positives * negatives));
  const least = 0.5 + z95 * error;
  if (least < weakest) return undefined;
  const shown = least >= 1 ? "no AUC" : `no AUC below ${least.toFixed(2)}`;
  return `${outcome}: ${positives} positives among the latest rows: ${shown} can be told from chance there, and what cannot has no say in a policy`;
}
