// Names that are derived rather than chosen, once.

const part = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

function checked(value, where) {
  if (typeof value !== "string" || !part.test(value)) {
    throw new Error(`includes/names.js: ${where} wants a snake_case name, got ${JSON.stringify(value)}`);
  }
  return value;
}

/**
 * The staging view of a raw table.
 *
 *   staging("events")  =>  stg_raw__events
 */
const staging = (table) => `stg_raw__${checked(table, "staging")}`;

/**
 * The view of what counts of a raw table.
 *
 *   kept("events")  =>  kept_events
 */
const kept = (table) => `kept_${checked(table, "kept")}`;

/**
 * A count or a rate over a window of days.
 *
 *   windowed("opens", 7)  =>  opens_7d
 */
function windowed(measure, days) {
  if (!Number.isInteger(days) || days <= 0)
    throw new Error(`includes/names.js: windowed wants whole days, got ${days}`);
  return `${checked(measure, "windowed")}_${days}d`;
}

module.exports = { staging, kept, windowed };
