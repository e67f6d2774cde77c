// How mailbox providers, domains and senders took our mail over days that were over before a day began: the windows, once.

/** Days over which bounces and complaints are counted, and over which seeds are. */
const rateDays = 30;
const seedDays = 14;

/**
 * The sum of a day's count over the days before the row's own.
 *
 *   trailing("bounces", 30, "scope, scope_key")
 *   =>  sum(bounces) over (partition by scope, scope_key order by unix_date(activity_date) range between 30 preceding and 1 preceding)
 */
const trailing = (column, days, key) =>
  `sum(${column}) over (partition by ${key} order by unix_date(activity_date) range between ${days} preceding and 1 preceding)`;

const ofRates = (column) => trailing(column, rateDays, "scope, scope_key");
const ofSeeds = (column) => trailing(column, seedDays, "isp");

module.exports = { rateDays, seedDays, ofRates, ofSeeds };
