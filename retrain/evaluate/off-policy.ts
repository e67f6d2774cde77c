import { errorOver, type People } from "./error-over-people.ts";

/** One logged send: which variant it was, with which chance, and what a policy would have done instead. */
export interface LoggedSend {
  readonly logged: string;
  /** Chance that the logging policy gave this variant: as it was logged, or its share. */
  readonly propensity: number;
  /** Variant that the judged policy would send; null: nothing. */
  readonly chosen: string | null;
}

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** (sum of weights)^2 / sum of squared weights: how many sends the estimate is worth. */
  readonly effective_sends: number;
}

const z95 = 1.959964;

const weightsOf = (sends: readonly LoggedSend[]): Float64Array =>
  Float64Array.from(sends, (s) => (s.chosen !== null && s.chosen === s.logged ? 1 / s.propensity : 0));

const sum = (values: Float64Array): number => values.reduce((total, v) => total + v, 0);

const between = (value: number, error: number): Interval => ({
  value,
  low: value - z95 * error,
  high: value + z95 * error,
});

/** A mean, and what each row adds to its error (linearised). */
interface Linearised {
  readonly value: number;
  readonly influence: Float64Array;
}

function hajek(weights: Float64Array, outcome: ArrayLike<number>): Linearised | null {
  const total = sum(weights);
  if (total === 0) return null;
  let weighted = 0;
  for (let i = 0; i < weights.length; i++) weighted += weights[i]! * outcome[i]!;
  const value = weighted / total;
  return { value, influence: weights.map((w, i) => (w * (outcome[i]! - value)) / total) };
}

function differenceOf(a: Linearised | null, b: Linearised | null, people: People): PolicyDifference | null {
  if (!a || !b) return null;
  const { value, low, high } = between(
    a.value - b.value,
    errorOver(
      people,
      a.influence.map((v, i) => v - b.influence[i]!),
    ),
  );
  return { difference: value, low, high };
}

/**
 * Mean outcome per send if the judged policy had decided, from sends that another policy made: each send on which both agree
 * counts 1/propensity, normalised by the sum of weights (Hajek; Swaminathan & Joachims 2015, "The self-normalized estimator for
 * counterfactual learning", NeurIPS). Assumes that propensities are what they were, that every variant a policy may choose could be
 * sent (`coverage` asks), and that one person's mail does not change another's. The interval is of 95 %, linearised, over people.
 */
export function perSend(sends: readonly LoggedSend[], outcome: ArrayLike<number>, people: People): Estimate {
  const weights = weightsOf(sends);
  const found = hajek(weights, outcome);
  if (!found) return { value: null, low: null, high: null, effective_sends: 0 };
  const effective = sum(weights) ** 2 / sum(weights.map((w) => w * w));
  return { ...between(found.value, errorOver(people, found.influence)), effective_sends: effective };
}

export interface PolicyDifference {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

/** Candidate minus champion on the same rows, with its 95 % interval. null when one of them would send nothing that was sent. */
export const perSendDifference = (
  candidate: readonly LoggedSend[],
  champion: readonly LoggedSend[],
  outcome: ArrayLike<number>,
  people: People,
): PolicyDifference | null =>
  differenceOf(hajek(weightsOf(candidate), outcome), hajek(weightsOf(champion), outcome), people);

/** What a model that has not seen these rows expects of each: of the variant that was sent, and of the one that the policy would send. */
export interface Expected {
  readonly ofLogged: ArrayLike<number>;
  readonly ofChosen: ArrayLike<number>;
}

/** Sends, with what is expected of them. */
export interface Forecast {
  readonly sends: readonly LoggedSend[];
  readonly expected: Expected;
}

function robust({ sends, expected }: Forecast, outcome: ArrayLike<number>): Linearised | null {
  const weights = weightsOf(sends);
  const surprise = hajek(
    weights,
    Float64Array.from(outcome, (y, i) => y - expected.ofLogged[i]!),
  );
  const chosen = sends.filter((s) => s.chosen !== null).length;
  if (!surprise) return null;
  let direct = 0;
  for (const [i, s] of sends.entries()) if (s.chosen !== null) direct += expected.ofChosen[i]! / chosen;
  return {
    value: direct + surprise.value,
    influence: surprise.influence.map(
      (v, i) => v + (sends[i]!.chosen === null ? 0 : (expected.ofChosen[i]! - direct) / chosen),
    ),
  };
}

/**
 * The same by a model's expectation of every send that the policy would make, put right by how far it was off where both agree (doubly robust:
 * right where either the propensities or the model are; Dudik, Langford & Li 2011, ICML; self-normalised). Narrower than `perSend` where the
 * model knows anything. The model must not have learned from these rows.
 */
export function doublyRobust(forecast: Forecast, outcome: ArrayLike<number>, people: People): Interval | null {
  const found = robust(forecast, outcome);
  return found && between(found.value, errorOver(people, found.influence));
}

/** Candidate minus champion by `doublyRobust`, one model expecting for both. */
export const doublyRobustDifference = (
  candidate: Forecast,
  champion: Forecast,
  outcome: ArrayLike<number>,
  people: People,
): PolicyDifference | null => differenceOf(robust(candidate, outcome), robust(champion, outcome), people);

/**
 * What the sends on which both agree weigh, as a share of the sends that the policy would make: 1 where propensities are what they were and every choice
 * could have been sent. Less means that some of what it would send was never tried on such people; with shares that were worked out from the log, more
 * says as well that variants were not given at random. null when it would send nothing.
 */
export function coverage(sends: readonly LoggedSend[], people: People): Interval | null {
  const chosen = sends.filter((s) => s.chosen !== null).length;
  if (chosen === 0) return null;
  const weights = weightsOf(sends);
  const share = sum(weights) / chosen;
  const influence = weights.map((w, i) => (sends[i]!.chosen === null ? 0 : (w - share) / chosen));
  return between(share, errorOver(people, influence));
}

/** How far from 1 a log's coverage may be. Beyond, its sends answer for others than the policy's. */
export const coverageTolerance = 0.1;

/** Share of each variant within each group, on the rows themselves; groups below `least` rows share the whole table's. */
export function empiricalPropensities(
  groups: readonly string[],
  variants: readonly string[],
  least = 50,
): { readonly of: (row: number) => number; readonly offered: (row: number) => readonly string[] } {
  const count = new Map<string, Map<string, number>>();
  const all = new Map<string, number>();
  const add = (into: Map<string, number>, key: string) => into.set(key, (into.get(key) ?? 0) + 1);
  groups.forEach((group, i) => {
    const variant = variants[i] as string;
    let own = count.get(group);
    if (!own) {
      own = new Map();
      count.set(group, own);
    }
    add(own, variant);
    add(all, variant);
  });
  const total = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((s, n) => s + n, 0);
  const used = new Map([...count].map(([group, own]) => [group, total(own) >= least ? own : all]));
  return {
    of: (row) => {
      const counts = used.get(groups[row] as string) as Map<string, number>;
      return (counts.get(variants[row] as string) ?? 1) / total(counts);
    },
    offered: (row) => [...(used.get(groups[row] as string) as Map<string, number>).keys()],
  };
}
