import labelModel from "../../includes/label_model.js";

export interface Pattern {
  readonly pattern: string;
  readonly n: number;
  readonly yes?: number;
  readonly no?: number;
  readonly weeks?: Readonly<Record<string, number>>;
}

type Fit = ReturnType<typeof labelModel.fit>;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function partsOf(pattern: string): readonly [string, string] {
  const votes = pattern.split("|");
  const half = labelModel.inFirst(votes.length);
  return [votes.slice(0, half).join("|"), votes.slice(half).join("|")];
}

/** Patterns as labels.label_fits tells them to the label model. */
export function toldPatterns(patterns: readonly Pattern[]) {
  const rows = patterns
    .map((one) => ({ ...one, parts: partsOf(one.pattern) }))
    .sort((a, b) => compare(a.parts[0], b.parts[0]) || compare(a.parts[1], b.parts[1]));
  const [first, last] = [0, 1].map((part) => [...new Set(rows.map(({ parts }) => parts[part]!))].sort(compare));
  const count = new Map<string, number>();
  for (const { parts } of rows) count.set(parts[0], (count.get(parts[0]) ?? 0) + 1);
  const places = new Map(last!.map((votes, place) => [votes, place]));
  return {
    first: first!,
    last: last!,
    starts: first!.map((votes) => count.get(votes)!),
    lasts: rows.map(({ parts }) => places.get(parts[1])!),
    sizes: rows.map(({ n }) => n),
    people: rows.flatMap(({ yes = 0, no = 0 }, place) => (yes + no > 0 ? [place, yes, no] : [])),
    weekly: rows.flatMap(({ weeks = {} }, place) =>
      Object.entries(weeks).flatMap(([week, n]) => [place, Number(week), n]),
    ),
  };
}

/** The probability of a yes by a fit, as labels.pattern_posteriors has it. */
export function posteriorOf({ first, last, across }: Fit, pattern: string): number {
  const [start, end] = partsOf(pattern);
  const one = first.find(({ votes }) => votes === start)!;
  const other = last.find(({ votes }) => votes === end)!;
  const both = across.find((pair) => pair.first === one.key && pair.last === other.key)!;
  return 1 / (1 + Math.exp(-(one.weight + other.weight + both.weight)));
}
