// What the JSON columns of the raw tables may hold beside raw.events.metadata (events.js), once. What is not here is dropped at the door and counted.
//
//   text     one line of at most 64 characters that names nobody and no place         phrase   text of a server or of ours, what names somebody masked
//   number   integer   boolean   time                                                 texts    at most 20 of text
//   scalar   number, boolean or phrase          seen   a scalar, or a row of them      mark     number, boolean or text
//   [x]      a list of x                                                              { "*": x }  any keys that are not sensitive

/**
 * What a source may say of a person without anybody having declared it, in raw.profiles and raw.decisions. `attributes` in inboxloop.yaml adds to it.
 * Each has its class in governance/policies.yaml.
 */
const ofPerson = {
  plan: "text",
  tier: "text",
  loyalty_tier: "text",
  lifecycle_stage: "text",
  customer_type: "text", // business, consumer ...
  industry: "text",
  company_size: "text",
  signup_source: "text",
  acquisition_channel: "text",
  country: "text",
  language: "text",
  locale: "text",
  time_zone: "text",
  device_type: "text",
  email_frequency: "text",
  currency: "text",
  topics: "integer", // of the simulator: a bit for each topic
  orders: "integer",
  lifetime_value: "number",
  average_order_value: "number",
  first_order_at: "time",
  last_order_at: "time",
  is_customer: "boolean",
  is_subscriber: "boolean",
  is_test: "boolean",
};

/** What a decision says of itself: ours (serve/decision-row.ts), and what experiments of others state. */
const ofDecision = {
  request_id: "scalar",
  experiment_id: "scalar",
  experiment: "scalar",
  release_id: "scalar",
  canary_share: "scalar",
  planned_share: "scalar",
  cluster: "scalar", // the group that was put into an arm as one: a region, a shop
  is_holdout: "scalar",
  hold_out: { of: "scalar", global: "scalar", campaign: "scalar" },
  action: "scalar",
  variant: "scalar",
  offer: "scalar",
  rung: "scalar",
  reason: "scalar",
  propensity: "scalar",
  arm_propensity: "scalar",
  is_exploration: "scalar",
  send_at: "scalar",
  campaign_kind: "scalar",
  policy: { id: "scalar", digest: "scalar" },
  model: { version: "scalar", digest: "scalar" },
  features: { version: "scalar", age_seconds: "scalar", status: "scalar" },
  candidates: [{ variant: "scalar", value: "scalar", propensity: "scalar", probabilities: { "*": "number" } }],
  steps: [{ step: "scalar", code: "scalar", saw: "seen" }],
  hops: { "*": "number" },
  shadow: { version: "scalar", digest: "scalar", variant: "scalar", value: "scalar" },
  trigger: { event_id: "scalar", happened_at: "scalar", received_at: "scalar" },
};

/** table -> JSON column -> what it may hold; attributes may hold what may be said of a person as well. */
const shapes = {
  campaigns: { subject_features: { "*": "mark" } },
  profiles: { attributes: {} },
  decisions: { attributes: ofDecision },
  dmarc_reports: {
    details: {
      kind: "scalar",
      failed: "scalar",
      record: "scalar",
      subdomain_policy: "scalar",
      percent: "scalar",
      adkim: "scalar",
      aspf: "scalar",
      overrides: ["scalar"],
      dkim: [{ domain: "scalar", selector: "scalar", result: "scalar" }],
      spf: [{ domain: "scalar", scope: "scalar", result: "scalar" }],
    },
  },
  tls_reports: {
    details: { failures: [{ result_type: "scalar", sessions: "scalar", mx: "scalar", reason: "scalar" }] },
  },
  postmaster_stats: { value: "scalar" },
  erasures: { models: ["scalar"] },
};

module.exports = { ofPerson, shapes };
