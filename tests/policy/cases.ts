import type { AssignedModel, Customer, DecisionRequest, PolicyInForce } from "../../policy/decision.ts";
import { policyDigest } from "../../policy/load-policy.ts";
import { type Policy, policyShape } from "../../policy/schema.ts";

/** A Tuesday, ten in the morning, UTC. */
export const now = Date.UTC(2026, 10, 24, 10);
export const key = Buffer.from("the key of these tests");
export const personOf = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;

export const policyOf = (fields: Record<string, unknown> = {}): Policy =>
  policyShape.parse({
    schema: "1",
    name: "newsletter",
    kind: "bulk",
    variants: [{ name: "plain" }, { name: "offer" }, { name: "story" }],
    rules: [
      {
        name: "openers",
        variant: "story",
        when: { input: "opens_30d", at_least: 1 },
        approved: { by: "ada", at: "2026-11-01" },
      },
    ],
    category: { input: "favourite", content: { garden: "offer" }, otherwise: "plain" },
    ...fields,
  });

export const inForce = (policy: Policy, fields: Partial<PolicyInForce> = {}): PolicyInForce => ({
  policy,
  digest: policyDigest(policy),
  key,
  pauses: [],
  sent: {},
  ...fields,
});

export const request = (fields: Partial<DecisionRequest> = {}): DecisionRequest => ({
  request_id: "r1",
  person_id: personOf(1),
  campaign_id: "newsletter",
  context: {},
  ...fields,
});

export const customer = (fields: Partial<Customer> = {}): Customer => ({
  person_id: personOf(1),
  drawn_as: fields.person_id ?? personOf(1),
  identity: "known",
  consent: { is_granted: true, as_of: now - 3_600_000 },
  suppressions: [],
  eligibility: { is_eligible: true, reasons: [], as_of: now - 3_600_000 },
  segments: ["recent_engagers"],
  region: "fr",
  time_zone: null,
  sends: [],
  features: { values: { opens_30d: 2, favourite: "garden" }, version: "1", as_of: now - 3_600_000 },
  ...fields,
});

/** A model whose value of a variant is its chance of a conversion, in units of money. */
export const modelOf = (
  conversion: Readonly<Record<string, number>>,
  fields: Partial<Extract<AssignedModel, { kind: "model" }>> = {},
): AssignedModel => ({
  kind: "model",
  version: "m1",
  digest: "d".repeat(64),
  arm: "champion",
  arm_propensity: 1,
  release_id: null,
  canary_share: null,
  features_version: "1",
  inputs: ["opens_30d", "favourite"],
  terms: { conversion_value: 1, complaint_cost: 0, unsubscribe_cost: 0, send_cost: 0 },
  score: () => ({
    kind: "scored",
    by_variant: new Map(Object.entries(conversion).map(([variant, p]) => [variant, { conversion: p }])),
  }),
  ...fields,
});

export const scores = { plain: 0.1, offer: 0.3, story: 0.2 };
