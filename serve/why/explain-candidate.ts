import { UserError } from "../../errors/user-error.ts";
import features from "../../includes/features.js";
import type { Policy } from "../../policy/schema.ts";
import { explainScore, type ScoreExplanation } from "../../scoring/explain-score.ts";
import { findModel } from "../../scoring/model.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { campaignInputs, readCampaigns } from "../campaign-inputs.ts";
import type { DecisionRow } from "../decision-row.ts";
import { contextOf, customerOf, personOf } from "../person.ts";

/** Which features moved the scores of a decision's best candidate, and how far. */
export interface CandidateExplanation {
  readonly variant: string;
  /** As of when the features are that these scores were told from. */
  readonly features_as_of: string;
  /** Whether they give the probabilities that were decided on. A decision keeps no features: once they are built again they may differ. */
  readonly is_as_decided: boolean;
  readonly outcomes: readonly (ScoreExplanation & { readonly decided_on: number | null })[];
}

interface Said {
  readonly model?: { readonly version: string; readonly digest: string } | null;
  readonly variant?: string | null;
  readonly campaign_kind?: Policy["kind"];
  readonly candidates?: readonly {
    readonly variant: string;
    readonly value: number | null;
    readonly probabilities: Readonly<Record<string, number>> | null;
  }[];
  readonly steps?: readonly { readonly step: string; readonly saw: unknown }[];
}

/** Probabilities are written down with nine digits. */
const sameDigits = 1e-7;

/**
 * Explains the candidate that was chosen, or the best one where none was worth a mail, by the features of today and the forest that decided. null where
 * no model scored, where its version is not here as it was trained, or where nothing is known of the person any more.
 */
export async function explainCandidate(
  warehouse: Pick<Warehouse, "query">,
  modelsHere: () => Promise<string>,
  row: DecisionRow,
  signal: AbortSignal,
): Promise<CandidateExplanation | null> {
  const said = (row["attributes"] ?? {}) as Said;
  const scored = (said.candidates ?? []).filter(({ probabilities }) => probabilities);
  const best = scored.toSorted((a, b) => (b.value ?? 0) - (a.value ?? 0))[0];
  const candidate = scored.find(({ variant }) => variant === said.variant) ?? best;
  const { model: decided } = said;
  if (!decided || !candidate?.probabilities) return null;
  const model = await findModel(await modelsHere(), decided.digest).catch(nullOfUserError);
  const { rows } = await warehouse.query("select * from features.decision_inputs where user_id_hash = @id", {
    params: { id: String(row["user_id_hash"]) },
    file: "inputs of the decision to explain",
    signal,
  });
  if (!model || !rows[0]) return null;
  const campaignId = String(row["campaign_id"]);
  const campaign = campaignInputs(await readCampaigns(warehouse, [campaignId], signal), campaignId, {
    kind: said.campaign_kind ?? "bulk",
    topic: null,
  });
  const person = personOf(rows[0]);
  const outcomes = await explainScore(model, {
    ...customerOf(person, campaign).features?.values,
    ...contextOf(campaign),
    ...features.occasionAt(earliestOf(said, row)),
    variant: candidate.variant,
  }).catch(nullOfUserError);
  if (!outcomes) return null;
  const told = outcomes.map((one) => ({ ...one, decided_on: candidate.probabilities?.[one.outcome] ?? null }));
  return {
    variant: candidate.variant,
    features_as_of: new Date(person.as_of).toISOString(),
    is_as_decided: told.every(
      ({ probability, decided_on }) =>
        decided_on !== null && Math.abs(probability - decided_on) <= sameDigits * probability,
    ),
    outcomes: told,
  };
}

/** A model that is gone, of another format or not the one that was trained explains nothing; whatever decides refuses it by name. */
function nullOfUserError(error: unknown): null {
  if (error instanceof UserError) return null;
  throw error;
}

/** When the mail could have gone out first: what models are told of the occasion. */
function earliestOf(said: Said, row: DecisionRow): number {
  const saw = said.steps?.find(({ step }) => step === "caps")?.saw as { readonly earliest?: string } | undefined;
  return Date.parse(saw?.earliest ?? String(row["decided_at"]));
}
