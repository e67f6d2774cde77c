// What a decision says in raw.decisions.attributes, once: column -> path and type. The columns of the raw table stay as they are, so that
// segments written before can still be verified.

const list = [
  { name: "request_id", path: "$.request_id", type: "STRING" },
  { name: "policy_name", path: "$.policy.id", type: "STRING" },
  { name: "policy_digest", path: "$.policy.digest", type: "STRING" },
  { name: "campaign_kind", path: "$.campaign_kind", type: "STRING" },
  { name: "action", path: "$.action", type: "STRING" },
  { name: "variant", path: "$.variant", type: "STRING" },
  { name: "rung", path: "$.rung", type: "STRING" },
  { name: "decision_reason", path: "$.reason", type: "STRING" },
  { name: "propensity", path: "$.propensity", type: "FLOAT64" },
  { name: "is_exploration", path: "$.is_exploration", type: "BOOL" },
  { name: "model_digest", path: "$.model.digest", type: "STRING" },
  { name: "features_version", path: "$.features.version", type: "STRING" },
  { name: "features_age_seconds", path: "$.features.age_seconds", type: "FLOAT64" },
  { name: "send_at", path: "$.send_at", type: "TIMESTAMP" },
];

const columns = list.map(({ name }) => name);

/**
 * The columns from the attributes.
 *
 *   selected("attributes")[0]  =>  json_value(attributes, '$.request_id') as request_id
 */
const selected = (attributes) => {
  if (!attributes) throw new Error("includes/decisions.js: selected wants the attributes");
  return list.map(({ name, path, type }) => {
    const value = `json_value(${attributes}, '${path}')`;
    return `${type === "STRING" ? value : `safe_cast(${value} as ${type.toLowerCase()})`} as ${name}`;
  });
};

module.exports = { list, columns, selected };
