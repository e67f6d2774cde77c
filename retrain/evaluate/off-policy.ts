/** One logged send: which variant it was, with which chance, and what a policy would have done instead. */
export interface LoggedSend {
  readonly logged: string;
  /** Chance that the logging policy gave this variant. */
  readonly propensity: number;
  /** Variant that the judged policy would send; null: nothing. */
  readonly chosen: string | null;
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

/** Weighted mean, and what each row adds to its error (linearised). */
function hajek(weights: Float64Array, outcome: ArrayLike<number>) {
  const total = sum(weights);
  if (total === 0) return null;
  let weighted = 0;
  for (let i = 0; i < weights.length; i++) weighted += weights[i]! * outcome[i]!;
  const value = weighted / total;
  return { value, influence: weights.map((w, i) => (w * (outcome[i]! - value)) / total) };
}

/**
 * Mean outcome per send if the judged policy had decided, from sends that another policy made: each send on which both agree
 * counts 1/propensity, normalised by the sum of weights (Hajek; Swaminathan & Joachims 2015, "The self-normalized estimator for
 * counterfactual learning", NeurIPS). Assumes that variants were given at random within a campaign, that every variant a policy
 * may choose was given there, and that one customer's mail does not change another's. The interval is of 95 %, linearised.
 */
export function perSend(sends: readonly LoggedSend[], outcome: ArrayLike<number>): Estimate {
  const weights = weightsOf(sends);
  const found = hajek(weights, outcome);
  const effective = sum(weights) ** 2 / Math.max(Number.MIN_VALUE, sum(weights.map((w) => w * w)));
  if (!found) return { value: null, low: null, high: null, effective_sends: 0 };
  const error = Math.sqrt(sum(found.influence.map((v) => v * v)));
  return {
    value: found.value,
    low: found.value - z95 * error,
    high: found.value + z95 * error,
    effective_sends: effective,
  };
}

/** Candidate minus champion on the same rows, with its 95 % interval. null when one of them would send nothing that was sent. */
export function perSendDifference(
  candidate: readonly LoggedSend[],
  champion: readonly LoggedSend[],
  outcome: ArrayLike<number>,
): { readonly difference: number; readonly low: number; readonly high: number } | null {
  const a = hajek(weightsOf(candidate), outcome);
  const b = hajek(weightsOf(champion), outcome);
  if (!a || !b) return null;
  const error = Math.sqrt(sum(a.influence.map((v, i) => (v - b.influence[i]!) ** 2)));
  const difference = a.value - b.value;
  return { difference, low: difference - z95 * error, high: difference + z95 * error };
}

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
