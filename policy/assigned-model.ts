import features from "../includes/features.js";
import { encodeColumns, type InputRow } from "../scoring/encode-inputs.ts";
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

const inputsBy = new WeakMap<Scorer, readonly string[]>();

/** What a model must be told of a person; the variant and the occasion are ours to say. */
export function inputsOf(scorer: Scorer): readonly string[] {
  let inputs = inputsBy.get(scorer);
  if (!inputs) {
    inputs = scorer.model.record.lineage.features.list
      .map(({ name }) => name)
      .filter((name) => name !== treatment && !occasion.has(name));
    inputsBy.set(scorer, inputs);
  }
  return inputs;
}

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
  const rows = questions.length;
  const occasions = questions.map(({ at }) => features.occasionAt(at) as InputRow);
  try {
    const columns = encodeColumns(record.lineage.features.list, rows, (name, row) => {
      if (name === treatment) return "";
      return occasion.has(name) ? occasions[row]![name] : questions[row]!.inputs[name];
    });
    const byOutcome = scorer.outcomes.map(
      (outcome) => [outcome, scorer.predictEach(outcome, columns, rows, treatment, variants)] as const,
    );
    return questions.map((_, row) => {
      const by_variant = new Map<string, Readonly<Record<string, number>>>();
      for (const [v, variant] of variants.entries()) {
        const said: Record<string, number> = {};
        for (const [outcome, each] of byOutcome) said[outcome] = each[v]![row]!;
        by_variant.set(variant, said);
      }
      return { kind: "scored", by_variant };
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // One bad row must not cost the others their scores.
    if (questions.length > 1) return questions.map((one) => scoreTogether(scorer, [one])[0]!);
    return [{ kind: "failed", reason: error.message }];
  }
}
