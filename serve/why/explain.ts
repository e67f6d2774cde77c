import type { DecisionRow } from "../decision-row.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface ExplainedStep {
  readonly step: string;
  readonly code: string;
  readonly saw: unknown;
}

/** A decision as its own record explains it. */
export interface Explanation {
  readonly decision_id: string;
  readonly customer: unknown;
  readonly message_id: unknown;
  readonly campaign_id: unknown;
  readonly decided_at: unknown;
  readonly outcome: Fields;
  readonly policy: unknown;
  readonly model: unknown;
  readonly arm: unknown;
  readonly features: unknown;
  readonly steps: readonly ExplainedStep[];
  readonly candidates: unknown;
  readonly trigger: unknown;
  readonly shadow: unknown;
  readonly hops: unknown;
  /** Where this decision and another one part first; null when they do not. */
  readonly parts_from?: {
    readonly decision_id: string;
    readonly at: {
      readonly step: string;
      readonly here: ExplainedStep | null;
      readonly there: ExplainedStep | null;
    } | null;
    readonly there: Fields;
  };
}

const outcomeOf = (row: DecisionRow): Fields => {
  const { action, variant, offer, rung, reason, send_at, propensity, is_exploration, is_holdout } = attributesOf(row);
  return { action, variant, offer, rung, reason, send_at, propensity, is_exploration, is_holdout };
};
const attributesOf = (row: DecisionRow): Fields => (row["attributes"] ?? {}) as Fields;
const stepsOf = (row: DecisionRow): readonly ExplainedStep[] =>
  (attributesOf(row)["steps"] ?? []) as readonly ExplainedStep[];

/** Why a decision came out as it did; compared to another one, the first step at which the two part. Nothing in it names a person but the keyed id. */
export function explain(row: DecisionRow, other?: DecisionRow): Explanation {
  const said = attributesOf(row);
  return {
    decision_id: row.decision_id,
    customer: row["user_id_hash"],
    message_id: row["message_id"] ?? null,
    campaign_id: row["campaign_id"],
    decided_at: row["decided_at"],
    outcome: outcomeOf(row),
    policy: said["policy"] ?? null,
    model: said["model"] ?? null,
    arm: row["arm"] ?? null,
    features: said["features"] ?? null,
    steps: stepsOf(row),
    candidates: said["candidates"] ?? [],
    trigger: said["trigger"] ?? null,
    shadow: said["shadow"] ?? null,
    hops: said["hops"] ?? null,
    ...(other
      ? { parts_from: { decision_id: other.decision_id, at: firstDifference(row, other), there: outcomeOf(other) } }
      : {}),
  };
}

/** The first step whose code differs, else the first that saw something else, else the variant that was drawn. */
function firstDifference(a: DecisionRow, b: DecisionRow) {
  const [here, there] = [stepsOf(a), stepsOf(b)];
  const length = Math.max(here.length, there.length);
  const at = (i: number) => ({ step: (here[i] ?? there[i])!.step, here: here[i] ?? null, there: there[i] ?? null });
  for (let i = 0; i < length; i++)
    if (here[i]?.step !== there[i]?.step || here[i]?.code !== there[i]?.code) return at(i);
  for (let i = 0; i < length; i++) if (JSON.stringify(here[i]?.saw) !== JSON.stringify(there[i]?.saw)) return at(i);
  return null;
}
