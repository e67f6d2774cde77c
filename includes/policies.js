// What data may be used for, once: the purposes a customer can consent to, and what kind of data a column holds.

/** raw.consents.purpose. */
const purposes = ["training", "segmentation", "activation", "measurement"];

/**
 * The kinds of column, by what may be done with them. The first pattern that a column's name matches decides.
 *
 *   pseudonym   stands for a person; joins, never leaves the warehouse
 *   content     what the customer did or has; used under consent for the purposes named
 *   reference   about us, not about a person
 */
const kinds = [
  { kind: "pseudonym", pattern: /^(user_id_hash|left_id|right_id|message_id|decision_id)$/, purposes: ["measurement"] },
  {
    kind: "content",
    pattern: /^(region|isp|recipient_domain|user_agent|client|attributes|revenue|signed_up_at|category)$/,
    purposes: ["training", "segmentation", "measurement"],
  },
  { kind: "reference", pattern: /./, purposes },
];

/** Throws on a purpose that is not ours. */
function purpose(name) {
  if (!purposes.includes(name)) throw new Error(`includes/policies.js: unknown purpose "${name}"`);
  return name;
}

/** The kind of a column and the purposes it may serve. */
function ofColumn(column) {
  if (typeof column !== "string" || column === "")
    throw new Error("includes/policies.js: ofColumn wants a column's name");
  const { kind, purposes: allowed } = kinds.find(({ pattern }) => pattern.test(column));
  return { column, kind, purposes: allowed };
}

module.exports = { purposes, purpose, ofColumn };
