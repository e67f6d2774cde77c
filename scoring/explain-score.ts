import { sigmoid } from "./calibration.ts";
import { contributionsOf } from "./contributions.ts";
import { encodeInputs, type InputRow } from "./encode-inputs.ts";
import { baseRateOf, forestOf, type Model, openScorer } from "./model.ts";

/** How the probability of one outcome comes about: the log-odds of `probability` are `expected` and the `log_odds` of all features. */
export interface ScoreExplanation {
  readonly outcome: string;
  readonly probability: number;
  /** Log-odds before anything is known of the row; those of the base rate where the outcome has no say. */
  readonly expected: number;
  /** Whether the model was shown to know the outcome; where not, everybody gets its base rate. */
  readonly has_say: boolean;
  /** What knowing each feature adds, the greatest first; features that add nothing are left out; none where a trainer of somebody else's learned the outcome. */
  readonly features: readonly { readonly feature: string; readonly value: unknown; readonly log_odds: number }[];
}

const logOdds = (p: number): number => Math.log(p / (1 - p));

/** Explains what a policy counts with for one row, outcome by outcome: calibrated, so in units of the probability's log-odds. */
export async function explainScore(model: Model, row: InputRow): Promise<readonly ScoreExplanation[]> {
  const explained: ScoreExplanation[] = [];
  const fromGraphs = await graphProbabilities(model, row);
  for (const outcome of model.record.outcomes) {
    const rate = baseRateOf(outcome);
    if (rate !== undefined) {
      const expected = logOdds(rate);
      explained.push({ outcome: outcome.name, probability: rate, expected, has_say: false, features: [] });
      continue;
    }
    const probability = fromGraphs.get(outcome.name);
    if (probability !== undefined) {
      explained.push({
        outcome: outcome.name,
        probability,
        expected: logOdds(probability),
        has_say: true,
        features: [],
      });
      continue;
    }
    const forest = await forestOf(model, outcome);
    if (forest === undefined || outcome.model.kind === "constant") throw new Error(`${outcome.name} has no forest`);
    const { slope, intercept } = outcome.model.calibration;
    const { expected, byInput } = contributionsOf(forest, row);
    const features = forest.inputs
      .map(({ name }, i) => ({ feature: name, value: row[name] ?? null, log_odds: slope * byInput[i]! }))
      .filter(({ log_odds }) => log_odds !== 0)
      .sort((a, b) => Math.abs(b.log_odds) - Math.abs(a.log_odds));
    const base = slope * expected + intercept;
    const sum = features.reduce((total, { log_odds }) => total + log_odds, base);
    explained.push({ outcome: outcome.name, probability: sigmoid(sum), expected: base, has_say: true, features });
  }
  return explained;
}

/** A graph says what, not why: the probabilities of the outcomes that are learned by one, without contributions. */
async function graphProbabilities(model: Model, row: InputRow): Promise<ReadonlyMap<string, number>> {
  const { outcomes, lineage } = model.record;
  const own = outcomes.filter((outcome) => outcome.model.kind === "onnx" && baseRateOf(outcome) === undefined);
  if (own.length === 0) return new Map();
  const scorer = await openScorer(model);
  try {
    const columns = encodeInputs(lineage.features.list, [row]);
    return new Map(own.map(({ name }) => [name, scorer.predict(name, columns, 1)[0]!]));
  } finally {
    scorer.close();
  }
}
