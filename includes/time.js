// Time in the models: the as-of instant, half-open windows and how long things take to settle. The only place that names a clock.

/** Days after the send in which an outcome counts, and after which a message is mature. */
const outcomeDays = 7;
/** The same signal again within this many seconds of the one before is a repeat, not a second act. */
const repeatSeconds = 60;

const instant = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2}(?:\.\d{1,6})?))?)?(?:Z|\+00(?::?00)?)?$/;

/**
 * An instant, in UTC, as a GoogleSQL literal.
 *
 *   literal("2026-04-01T00:00:00Z")  =>  timestamp '2026-04-01 00:00:00+00'
 */
function literal(text) {
  const found = typeof text === "string" ? instant.exec(text) : null;
  if (!found || Number.isNaN(Date.parse(`${found[1]}T${found[2] ?? "00:00"}:00Z`))) {
    throw new Error(`includes/time.js: "${text}" is not an instant in UTC, like 2026-04-01T00:00:00Z`);
  }
  return `timestamp '${found[1]} ${found[2] ?? "00:00"}:${found[3] ?? "00"}+00'`;
}

/**
 * The instant as of which everything is computed: var `as_of` when given, the hour that has begun otherwise.
 *
 *   asOf({ as_of: "2026-04-01" })  =>  timestamp '2026-04-01 00:00:00+00'
 *   asOf({})                       =>  timestamp_trunc(current_timestamp(), hour)
 */
function asOf(vars) {
  if (vars === null || typeof vars !== "object")
    throw new Error("includes/time.js: asOf wants dataform.projectConfig.vars");
  return vars.as_of ? literal(vars.as_of) : "timestamp_trunc(current_timestamp(), hour)";
}

/**
 * That something had been said by the as-of instant. Without var `as_of` everything that was received had: what takes a permission
 * away must not wait for the hour to end.
 *
 *   saidBy("since_at", { as_of: "2026-04-01" })  =>  since_at < timestamp '2026-04-01 00:00:00+00'
 *   saidBy("since_at", {})                       =>  true
 */
const saidBy = (column, vars) => (vars?.as_of ? `${column} < ${asOf(vars)}` : "true");

/**
 * When something that was so from one instant on was known: as it was received. What came more than an outcome window later is imported
 * history, of which nobody knows when it was first known; it counts as known when it was so.
 *
 *   heardAt("effective_at", "received_at")
 *   =>  if(received_at < timestamp_add(effective_at, interval 7 day), received_at, effective_at)
 */
const heardAt = (since, receivedAt) => `if(${receivedAt} < ${daysAfter(since, outcomeDays)}, ${receivedAt}, ${since})`;

/** An instant that does not come: the end of what has none. */
const never = "9999-12-31";

/**
 * That it was what was known at the as-of instant: known before it, and by then not superseded. Without var `as_of` what was received last.
 *
 *   standsBy("known_at", "superseded_at", { as_of: "2026-04-01" })
 *   =>  known_at < timestamp '2026-04-01 00:00:00+00' and superseded_at >= timestamp '2026-04-01 00:00:00+00'
 *   standsBy("known_at", "superseded_at", {})
 *   =>  superseded_at = timestamp '9999-12-31 00:00:00+00'
 */
const standsBy = (knownAt, supersededAt, vars) =>
  vars?.as_of
    ? `${knownAt} < ${asOf(vars)} and ${supersededAt} >= ${asOf(vars)}`
    : `${supersededAt} = ${literal(never)}`;

function wholeNumber(value, where) {
  if (!Number.isInteger(value) || value < 0)
    throw new Error(`includes/time.js: ${where} wants a whole number, got ${value}`);
  return value;
}

/**
 * That many days after an instant.
 *
 *   daysAfter("sent_at", 7)  =>  timestamp_add(sent_at, interval 7 day)
 */
const daysAfter = (column, days) => `timestamp_add(${column}, interval ${wholeNumber(days, "daysAfter")} day)`;

/**
 * That many days before an instant.
 *
 *   daysBefore("sent_at", 7)  =>  timestamp_sub(sent_at, interval 7 day)
 */
const daysBefore = (column, days) => `timestamp_sub(${column}, interval ${wholeNumber(days, "daysBefore")} day)`;

/**
 * When a message's outcome window closes. The window is [sent_at, closesAt).
 *
 *   closesAt("sent_at")  =>  timestamp_add(sent_at, interval 7 day)
 */
const closesAt = (column) => daysAfter(column, outcomeDays);

/**
 * A window frame over `unix_micros`: the days before the row, the row's own instant left out.
 *
 *   frameBefore(7)   =>  range between 604800000000 preceding and 1 preceding
 *   frameBefore()    =>  range between unbounded preceding and 1 preceding
 */
const frameBefore = (days) =>
  `range between ${days === undefined ? "unbounded" : wholeNumber(days, "frameBefore") * 86400000000} preceding and 1 preceding`;

/**
 * Days, with their fraction, between two instants.
 *
 *   daysBetween("signed_up_at", "sent_at")  =>  timestamp_diff(sent_at, signed_up_at, second) / 86400
 */
const daysBetween = (from, to) => `timestamp_diff(${to}, ${from}, second) / 86400`;

module.exports = {
  outcomeDays,
  repeatSeconds,
  literal,
  asOf,
  saidBy,
  heardAt,
  never,
  standsBy,
  daysAfter,
  daysBefore,
  closesAt,
  frameBefore,
  daysBetween,
};
