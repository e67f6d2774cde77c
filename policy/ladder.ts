import { meets } from "./conditions.ts";
import type { AssignedModel, Candidate, Customer, DecisionRequest, Inputs, PolicyInForce, Step } from "./decision.ts";
import { clockToleranceMs, type Passed } from "./gates.ts";
import { keyedPoint } from "./keyed-point.ts";
import type { Policy, Rung } from "./schema.ts";

const hourMs = 3_600_000;
/** Rounds of 53 bits below which two variants are worth the same: the first by name wins. */
const tie = 1e-12;

/** What the ladder chose. */
export interface Choice {
  readonly rung: Rung;
  /** A variant, or null to send nothing. */
  readonly variant: string | null;
  readonly candidates: readonly Candidate[];
  readonly propensity: number;
  readonly isExploration: boolean;
  readonly steps: readonly Step[];
}

export type FeatureState = {
  readonly version: string;
  readonly age_seconds: number;
  readonly status: "present" | "stale";
};

/** The features' age against the policy's limit; what comes from the future is no fresher than what is stale. */
export function featureState(customer: Customer, policy: Policy, now: number): FeatureState | null {
  if (customer.features === null) return null;
  const age = now - customer.features.as_of;
  const isStale = !(age <= policy.model.max_age_hours * hourMs) || age < -clockToleranceMs;
  return {
    version: customer.features.version,
    age_seconds: Math.round(age / 1000),
    status: isStale ? "stale" : "present",
  };
}

/**
 * Goes down the ladder of the policy until a rung answers: the model, where its inputs are there and fresh; the first approved rule
 * that the person meets; content by category; nothing. Whatever is missing only ever leads further down.
 */
export function climbDown(
  request: DecisionRequest,
  customer: Customer,
  inForce: PolicyInForce,
  model: AssignedModel,
  passed: Passed,
  now: number,
): Choice {
  const { policy } = inForce;
  const state = featureState(customer, policy, now);
  // What is stale is not known any more; what the occasion says is.
  const values: Inputs =
    state?.status === "present" ? { ...customer.features?.values, ...request.context } : request.context;
  const offered = policy.variants.filter(
    (variant) => (passed.personalisation === "all" || !variant.is_sensitive) && meets(variant.when, values),
  );
  const found: Step[] = [];
  const down = (code: string, saw: unknown): undefined => {
    found.push({ step: "model", code, saw });
    return undefined;
  };
  const isPersonal = passed.personalisation !== "none" && customer.identity === "known";
  for (const rung of policy.ladder) {
    let valued: Valued | undefined;
    if (rung === "suppress") break;
    if (offered.length === 0) down("no-variant-allowed", { personalisation: passed.personalisation });
    else if (rung === "category")
      valued = byCategory(
        policy,
        values,
        state?.status === "present" ? (customer.categories ?? []) : [],
        offered.map(({ name }) => name),
        down,
      );
    else if (!isPersonal) down(customer.identity === "conflict" ? "identity-conflict" : "no-personalisation", { rung });
    else if (rung === "model") valued = byModel(model, policy, state, values, offered, passed.earliest, down);
    else valued = byRule(policy, values, offered, down);
    if (valued) return choose(request, inForce, rung, valued, found);
  }
  found.push({ step: "model", code: "nothing-safe", saw: { ladder: policy.ladder } });
  return { ...nothing, steps: [...found, notExplored] };
}

const notExplored: Step = { step: "exploration", code: "not-explored", saw: { share: 0 } };
const suppressed: Candidate = { variant: "suppress", value: 0, probabilities: null, propensity: 1 };
const nothing = {
  rung: "suppress" as const,
  variant: null,
  candidates: [suppressed],
  propensity: 1,
  isExploration: false,
};

/** What a rung says: the candidates, best first, and whether the best is worth sending. */
interface Valued {
  readonly candidates: readonly Omit<Candidate, "propensity">[];
  /** null: none of them is worth it. */
  readonly best: string | null;
  readonly step: Step;
  readonly mayExplore: boolean;
}

type Down = (code: string, saw: unknown) => undefined;
type Variants = Policy["variants"];

function byModel(
  model: AssignedModel,
  policy: Policy,
  state: FeatureState | null,
  values: Inputs,
  offered: Variants,
  at: number,
  down: Down,
): Valued | undefined {
  if (model.kind === "none") return down("no-model", model.reason);
  if (state === null) return down("features-missing", null);
  if (state.status === "stale") return down("features-stale", { age_seconds: state.age_seconds });
  if (state.version !== model.features_version)
    return down("features-version", { served: state.version, learned: model.features_version });
  const missing = model.inputs.filter((name) => values[name] === undefined);
  const confidence = model.inputs.length === 0 ? 1 : 1 - missing.length / model.inputs.length;
  if (confidence < policy.model.least_confidence)
    return down("inputs-missing", { confidence, least: policy.model.least_confidence, missing: missing.slice(0, 20) });
  const scores = model.score(values, at);
  if (scores.kind === "failed") return down("scoring-failed", scores.reason);
  const { objective } = policy;
  const terms = model.terms;
  const candidates = offered.flatMap(({ name }) => {
    const p = scores.by_variant.get(name);
    if (!p || Object.values(p).some((one) => !Number.isFinite(one))) return [];
    const value =
      (objective.conversion_value ?? terms.conversion_value) * (p["conversion"] ?? 0) +
      objective.click_value * (p["click"] ?? 0) -
      (objective.complaint_cost ?? terms.complaint_cost) * (p["complaint"] ?? 0) -
      (objective.unsubscribe_cost ?? terms.unsubscribe_cost) * (p["unsubscribe"] ?? 0) -
      (objective.send_cost ?? terms.send_cost);
    return [{ variant: name, value, probabilities: p }];
  });
  if (candidates.length === 0)
    return down(
      "no-variant-scored",
      offered.map(({ name }) => name),
    );
  const best = candidates.reduce((a, b) =>
    b.value > a.value + tie || (b.value >= a.value - tie && b.variant < a.variant) ? b : a,
  );
  const isWorthIt = best.value > objective.least_value;
  return {
    candidates,
    best: isWorthIt ? best.variant : null,
    mayExplore: isWorthIt,
    step: {
      step: "model",
      code: isWorthIt ? "scored" : "not-worth-it",
      saw: { version: model.version, arm: model.arm, value: best.value, confidence },
    },
  };
}

function byRule(policy: Policy, values: Inputs, offered: Variants, down: Down): Valued | undefined {
  const rule = policy.rules.find((one) => offered.some(({ name }) => name === one.variant) && meets(one.when, values));
  if (!rule)
    return down(
      "no-rule-applies",
      policy.rules.map(({ name }) => name),
    );
  const candidates = offered.map(({ name }) => ({ variant: name, value: null, probabilities: null }));
  const step: Step = { step: "model", code: "rule", saw: { rule: rule.name, approved_by: rule.approved.by } };
  return { candidates, best: rule.variant, mayExplore: true, step };
}

/** Stands as the input of content by category for all that the person cares for: the first of them that there is content for. */
const everyCategory = "category_affinities";

function byCategory(
  policy: Policy,
  values: Inputs,
  categories: readonly string[],
  offered: readonly string[],
  down: Down,
): Valued | undefined {
  const { category } = policy;
  if (!category) return down("no-category-content", null);
  const contentOf = (one: string): string | undefined =>
    Object.hasOwn(category.content, one) ? category.content[one] : undefined;
  const value =
    category.input === everyCategory
      ? (categories.find((one) => offered.includes(contentOf(one) ?? "")) ?? categories[0])
      : values[category.input];
  const named = typeof value === "string" ? contentOf(value) : undefined;
  const variant = [named, category.otherwise].find((one) => one !== undefined && one !== null && offered.includes(one));
  if (!variant) return down("no-category-content", { input: category.input, value: value ?? null });
  return {
    candidates: [{ variant, value: null, probabilities: null }],
    best: variant,
    mayExplore: false,
    step: { step: "model", code: "category", saw: { input: category.input, value: value ?? null } },
  };
}

/**
 * The best, or with the policy's share any of the candidates alike: each has the share divided by their number, and the best what is
 * left. Where nothing is worth sending nothing is tried out either. Drawn from the request, so that it is drawn once.
 */
function choose(
  request: DecisionRequest,
  { policy, key }: PolicyInForce,
  rung: Rung,
  { candidates, best, step, mayExplore }: Valued,
  found: readonly Step[],
): Choice {
  const { share } = policy.exploration;
  const isExplored = mayExplore && share > 0 && candidates.length > 1;
  const each = isExplored ? share / candidates.length : 0;
  const withChance: Candidate[] = candidates.map((one) => ({
    ...one,
    propensity: one.variant === best ? 1 - (isExplored ? share - each : 0) : each,
  }));
  withChance.push({ ...suppressed, propensity: best === null ? 1 : 0 });
  let variant = best;
  const point = isExplored ? keyedPoint(key, `explore\0${policy.name}\0${request.request_id}`, request.person_id) : 1;
  const isDrawn = isExplored && point < share;
  if (isDrawn) variant = candidates[Math.min(candidates.length - 1, Math.floor(point / each))]!.variant;
  return {
    rung,
    variant,
    candidates: withChance,
    propensity: withChance.find((one) => one.variant === (variant ?? "suppress"))!.propensity,
    isExploration: isDrawn,
    steps: [
      ...found,
      step,
      isExplored
        ? {
            step: "exploration",
            code: isDrawn ? "explored" : "not-explored",
            saw: { share, best, candidates: candidates.length },
          }
        : notExplored,
    ],
  };
}
