import features from "../includes/features.js";
import { encodeInputs, type InputRow } from "../scoring/encode-inputs.ts";
import type { Scorer } from "../scoring/model.ts";
import type { AssignedModel, Inputs, Scores } from "./decision.ts";
import { treatment } from "./policy.ts";

/** In what part a model decides for a person. */
export interface Part {
  readonly arm: "candidate" | "champion";
  readonly arm_propensity: number;
  readonly release_id: string | null;
  readonly canary_share: number | null;
}

const occasion = new Set(Object.keys(features.occasionAt(0)));

/** What a model must be told of a person; the variant and the occasion are ours to say. */
export const inputsOf = (scorer: Scorer): readonly string[] =>
  scorer.model.record.lineage.features.list
    .map(({ name }) => name)
    .filter((name) => name !== treatment && !occasion.has(name));

/** A model that decides for somebody, in that part. `scored` stands in for the model where people were scored together before. */
export function assignedModel(
  scorer: Scorer,
  part: Part,
  scored?: ReadonlyMap<string, Readonly<Record<string, number>>>,
): AssignedModel {
  const { record, digest } = scorer.model;
  const { conversion_value, complaint_cost, unsubscribe_cost, send_cost } = record.policy;
  return {
    kind: "model",
    version: record.name,
    digest,
    ...part,
    features_version: record.lineage.features.version,
    inputs: inputsOf(scorer),
    terms: { conversion_value, complaint_cost, unsubscribe_cost, send_cost },
    score: (inputs, at) =>
      scored ? { kind: "scored", by_variant: scored } : (scoreTogether(scorer, [{ inputs, at }])[0] as Scores),
  };
}

export interface Question {
  readonly inputs: Inputs;
  /** When the mail would go out. */
  readonly at: number;
}

/** Calibrated probabilities of every variant that the model knows, for many people at once: the same as one by one, in less time. */
export function scoreTogether(scorer: Scorer, questions: readonly Question[]): readonly Scores[] {
  const { record } = scorer.model;
  const variants = record.variants;
  const rows: InputRow[] = questions.map(({ inputs, at }) => ({ ...inputs, ...features.occasionAt(at) }));
  try {
    const list = record.lineage.features.list.filter(({ name }) => name !== treatment);
    const columns = { ...encodeInputs(list, rows), [treatment]: rows.map(() => "") };
    const byOutcome = scorer.outcomes.map(
      (outcome) => [outcome, scorer.predictEach(outcome, columns, rows.length, treatment, variants)] as const,
    );
    return rows.map((_, row) => ({
      kind: "scored",
      by_variant: new Map(
        variants.map((variant, v) => [
          variant,
          Object.fromEntries(byOutcome.map(([outcome, each]) => [outcome, each[v]![row]!])),
        ]),
      ),
    }));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // One bad row must not cost the others their scores.
    if (questions.length > 1) return questions.map((one) => scoreTogether(scorer, [one])[0]!);
    return [{ kind: "failed", reason: error.message }];
  }
}
