import type { Decision } from "../policy/decision.ts";

/** A decision as a record for the door, for raw.decisions. */
export interface DecisionRow extends Readonly<Record<string, unknown>> {
  readonly table: "decisions";
  readonly decision_id: string;
}

/** What the run around a decision adds to it. */
export interface DecisionNotes {
  readonly campaign_kind: string;
  /** Milliseconds that each step took, by name. */
  readonly hops?: Readonly<Record<string, number>> | undefined;
  /** What another version would have done; it changes nothing for anybody. */
  readonly shadow?:
    | {
        readonly version: string;
        readonly digest: string;
        readonly variant: string | null;
        readonly value: number | null;
      }
    | undefined;
  /** The event that the decision answers, when it happened and when we accepted it. */
  readonly trigger?:
    | { readonly event_id: string; readonly happened_at: string; readonly received_at: string }
    | undefined;
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** Most probabilities are said again and again: of outcomes without a say, the same of everybody. */
const roundedBefore = new Map<number, number>();
function rounded(value: number | null): number | null {
  if (value === null) return null;
  const known = roundedBefore.get(value);
  if (known !== undefined) return known;
  const short = Number(value.toPrecision(9));
  if (roundedBefore.size >= 10_000) roundedBefore.clear();
  roundedBefore.set(value, short);
  return short;
}

function roundedEach(probabilities: Readonly<Record<string, number>>): Readonly<Record<string, number | null>> {
  const each: Record<string, number | null> = {};
  for (const name in probabilities) each[name] = rounded(probabilities[name]!);
  return each;
}

/** A value that a step saw, without what the door would cut: lists become text. */
function flat(saw: unknown): unknown {
  if (Array.isArray(saw)) return saw.map(String).join(", ");
  if (saw === null || typeof saw !== "object") return saw;
  let isFlat = true;
  for (const key in saw) if (Array.isArray((saw as Record<string, unknown>)[key])) isFlat = false;
  if (isFlat) return saw;
  return Object.fromEntries(
    Object.entries(saw).map(([key, value]) => [key, Array.isArray(value) ? value.map(String).join(", ") : value]),
  );
}

/** Whether a hold-out was drawn at all: a policy without one has shares of nought. */
const isOffered = (saw: unknown): boolean => {
  const { global, campaign } = saw as { readonly global: number; readonly campaign: number };
  return global > 0 || campaign > 0;
};

/** The decision with all that explains it: candidates and scores, versions, ages, reasons. Columns that the raw table has not are attributes. */
export function decisionRow(decision: Decision, notes: DecisionNotes): DecisionRow {
  const { steps, candidates } = decision;
  const drawn = steps.find(({ step, saw }) => step === "hold_out" && isOffered(saw));
  return {
    table: "decisions",
    decision_id: decision.decision_id,
    user_id_hash: decision.person_id,
    message_id: decision.message_id,
    campaign_id: decision.campaign_id,
    arm: decision.arm,
    model_version: decision.model?.version ?? null,
    decided_at: iso(decision.decided_at),
    // Believed only where the caller says so: a simulation that lives in its own time.
    received_at: iso(decision.decided_at),
    attributes: {
      request_id: decision.request_id,
      experiment_id: decision.policy.name,
      release_id: decision.release_id,
      canary_share: decision.canary_share,
      is_holdout: decision.is_hold_out,
      // What the lift is read from: who was held out of what, and with which chance.
      ...(drawn ? { hold_out: drawn.saw } : {}),
      action: decision.action,
      variant: decision.variant,
      offer: decision.offer,
      rung: decision.rung,
      reason: decision.reason,
      propensity: decision.propensity,
      arm_propensity: decision.arm_propensity,
      is_exploration: decision.is_exploration,
      send_at: iso(decision.send_at),
      // Not as `name`: what is called so may be a person's, and does not pass the door.
      policy: { id: decision.policy.name, digest: decision.policy.digest },
      model: decision.model,
      features: decision.features,
      campaign_kind: notes.campaign_kind,
      candidates: candidates.map(({ variant, value, probabilities, propensity }) => ({
        variant,
        value: rounded(value),
        propensity,
        probabilities: probabilities && roundedEach(probabilities),
      })),
      steps: steps.map(({ step, code, saw }) => ({ step, code, saw: flat(saw) })),
      ...(notes.hops ? { hops: notes.hops } : {}),
      ...(notes.shadow ? { shadow: notes.shadow } : {}),
      ...(notes.trigger ? { trigger: notes.trigger } : {}),
    },
  };
}
