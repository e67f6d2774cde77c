// How an experiment is read from raw.decisions, once.

/** Days after the decision in which a visit, a conversion and what was spent count. */
const outcomeDays = 14;
/** The normal quantile of a two-sided 95 % interval. */
const quantile95 = 1.96;
/** Revenue per message is cut off here for comparisons: one order may not decide a release. */
const winsorisedRevenue = 500;

/** Names of a hold-out, letters only and in lower case: "No E-Mail" is noemail. */
const holdOutNames = ["holdout", "heldout", "noemail", "nomail", "control", "nosend", "none"];

/**
 * Whether an arm is the hold-out: the decision says so (`attributes.is_holdout`), or the arm is named as one.
 *
 *   isHoldOut("arm", "attributes")
 */
function isHoldOut(arm, attributes) {
  if (!arm || !attributes) throw new Error("includes/experiments.js: isHoldOut wants the arm and the attributes");
  const named = holdOutNames.map((name) => `'${name}'`).join(", ");
  return `coalesce(json_value(${attributes}, '$.is_holdout') = 'true', regexp_replace(lower(${arm}), r'[^a-z]', '') in (${named}), false)`;
}

module.exports = { outcomeDays, quantile95, winsorisedRevenue, holdOutNames, isHoldOut };
