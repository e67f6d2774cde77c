// How an experiment is read from raw.decisions, once.

const { z95 } = require("./sql");

/** Days after the decision in which a visit, a conversion and what was spent count. */
const outcomeDays = 14;
/** Days after these in which a visit or an order says that the customer came back. */
const returnDays = 28;
/** A share needs this many customers who did and who did not, in each arm; a mean needs this many with money spent, and three times as many customers. */
const leastCounted = 5;
const leastSpenders = 10;
const leastCustomers = 30;
/** Where groups were assigned, their differences are the error: so many of them in each arm. */
const leastClusters = 5;
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

/**
 * What an arm is compared by: `column` of training.experiment_outcomes. `kind` is a share of customers, an amount, or `rare`: a share that may be
 * nought in one of the arms, as unsubscribes are among those who get no mail.
 */
const metrics = [
  { name: "visit", column: "did_visit", kind: "share" },
  { name: "conversion", column: "did_purchase", kind: "share" },
  { name: "spend", column: "spend", kind: "amount" },
  { name: "unsubscribe", column: "has_unsubscribed", kind: "rare" },
  { name: "complaint", column: "has_complained", kind: "rare" },
  { name: "return", column: "came_back", kind: "share" },
];

/** A difference of so many standard errors is found in 80 % of cases at the two-sided level of 5 %: 1.96 + 0.84. */
const standardErrorsSeen = 2.801585;

/**
 * One end of Wilson's 95 % interval of a share (1927); it stands where nobody or everybody did.
 *
 *   wilson("mean", "customers", "-")
 */
const wilson = (share, count, sign) =>
  `(${share} + ${z95 ** 2} / 2 / ${count} ${sign} ${z95} * sqrt(${share} * (1 - ${share}) / ${count} + ${z95 ** 2} / 4 / ${count} / ${count})) / (1 + ${z95 ** 2} / ${count})`;

/** Where the confidence sequence is narrowest: at this many customers; from a tenth to a thousand times as many it is at most a third wider. */
const narrowestAt = 1000;
const rho2 = (2 * Math.log(20) + Math.log(2 * Math.log(20) + 1)) / narrowestAt;

/**
 * Standard errors to either side in which a mean lies at all looks at once with 95 %, after `count` customers: the asymptotic confidence sequence of
 * Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024, Annals of Statistics 52, theorem 2.2), for who looks every day and stops when it suits.
 *
 *   anytimeErrors("customers")
 */
const anytimeErrors = (count) =>
  `sqrt(2 * (${count} * ${rho2} + 1) / (${count} * ${rho2}) * ln(20 * sqrt(${count} * ${rho2} + 1)))`;

/** The experiment of the hold-out that all policies share; no policy is called so. */
const ofAllPolicies = "all policies";

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
  returnDays,
  metrics,
  wilson,
  anytimeErrors,
  standardErrorsSeen,
  leastClusters,
  ofAllPolicies,
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
