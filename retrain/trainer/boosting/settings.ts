import type { CrossFitTerms } from "./cross-fit.ts";

/**
 * What every outcome is learned with; docs/adr/0028 has what was tried beside it.
 */
export const defaultTerms: CrossFitTerms = {
  trees: 500,
  patience: 15,
  leaves: 15,
  depth: 8,
  shrinkage: 0.1,
  l2: 5,
  leastHessian: 1,
  leastRows: 20,
  leastGain: 0,
  featureShare: 0.8,
  seenShare: 0.3,
  leastSeen: 20_000,
  monotone: [],
};

/**
 * What is tried beside the default, in this order: slower steps and larger or smaller trees first, which move the loss most, then what holds trees
 * back. Each is a change of the default alone, so a model record says in a line what another choice was.
 */
const changes = [
  {},
  { shrinkage: 0.05 },
  { leaves: 31 },
  { leaves: 7 },
  { leaves: 31, shrinkage: 0.05 },
  { l2: 20 },
  { leastRows: 100 },
  { featureShare: 0.5 },
] as const satisfies readonly Partial<CrossFitTerms>[];

/** Settings that can be tried, at most. */
export const mostSettings = changes.length;

export interface Setting {
  /** What differs from the default. */
  readonly change: Readonly<Record<string, number>>;
  readonly terms: CrossFitTerms;
}

/** The first `count` settings; of each number feature, which way the score may go with it (0 is either), when `monotone` is not empty. */
export const settingsToTry = (count: number, monotone: readonly number[]): readonly [Setting, ...Setting[]] => {
  const setting = (change: (typeof changes)[number]): Setting => ({
    change,
    terms: { ...defaultTerms, ...change, monotone },
  });
  return [setting(changes[0]), ...changes.slice(1, count).map(setting)];
};
