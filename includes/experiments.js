// How an experiment is read from raw.decisions, once.

/** Days after the decision in which a visit, a conversion and what was spent count. */
const outcomeDays = 14;
/** A share needs this many customers who did and who did not, in each arm; a mean needs this many with money spent, and three times as many customers. */
const leastCounted = 5;
const leastSpenders = 10;
const leastCustomers = 30;
/** Below this the arms are not of the sizes that were planned: something else than chance put people into them, or took them out. */
const sampleRatioAlarm = 0.001;
/** Customers that an arm is expected to have, at least: somebody in an arm that was planned for nobody is a mismatch, and no division by zero. */
const leastExpected = 1e-9;
/** Revenue per message is cut off here for comparisons: one order may not decide a release. */
const winsorisedRevenue = 500;

/** Outcomes later than this after the send are not a canary's; a send younger than this is no evidence that a model does no harm. */
const canaryMaturityHours = 72;
/** A person who had the message on the screen for less than this did not want it. */
const glanceSeconds = 2;
/** What a person brought in so many days before a release began tells how much they would bring in anyway. */
const beforeReleaseDays = 28;

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

/**
 * A message's revenue with both ends cut off: refunds count, and neither they nor one order decide.
 *
 *   winsorised("revenue")  =>  greatest(least(coalesce(revenue, 0), 500), -500)
 */
const winsorised = (column) => `greatest(least(coalesce(${column}, 0), ${winsorisedRevenue}), -${winsorisedRevenue})`;

module.exports = {
  outcomeDays,
  leastCounted,
  leastSpenders,
  leastCustomers,
  sampleRatioAlarm,
  leastExpected,
  winsorisedRevenue,
  canaryMaturityHours,
  glanceSeconds,
  beforeReleaseDays,
  holdOutNames,
  isHoldOut,
  winsorised,
};
