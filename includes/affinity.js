// How much somebody cares for a category, once: what each act says for its category, and how fast that fades. A category is the topic of a
// mail that was clicked, or what a page, a cart or an order is about.

/** What an act counts for its category; a purchase says more than a look. Acts of machines are other acts, and count nothing. */
const weights = { click: 1, view: 1, cart: 2, order: 4 };

/** An act counts half with every so many days that have passed: in whole steps, so that every engine adds up the same to the last digit. */
const halfLifeDays = 30;

/** Days after which nothing is left of an act: as many as acts are served for (includes/pit.js). */
const windowDays = 3 * halfLifeDays;

const acts = Object.keys(weights);

/**
 * What an act counts for its category, as SQL.
 *
 *   weightSql("act")  =>  case act when 'click' then 1 when 'view' then 1 when 'cart' then 2 when 'order' then 4 end
 */
const weightSql = (act) => `case ${act} ${acts.map((one) => `when '${one}' then ${weights[one]}`).join(" ")} end`;

/**
 * What is left of an act, as SQL: `daysAgo(n)` is the instant n days before that at which it is asked.
 *
 *   fadedSql("occurred_at", (n) => `at_${n}`)  =>  case when occurred_at >= at_30 then numeric '1' when occurred_at >= at_60 then numeric '0.5' else numeric '0.25' end
 */
const fadedSql = (occurredAt, daysAgo) =>
  `case when ${occurredAt} >= ${daysAgo(halfLifeDays)} then numeric '1' when ${occurredAt} >= ${daysAgo(2 * halfLifeDays)} then numeric '0.5' else numeric '0.25' end`;

/** The same in JavaScript; 0 for an act that counts nothing. `days`: how long ago it was. */
const affinityOf = (act, days) =>
  days <= 0 || days > windowDays ? 0 : (weights[act] ?? 0) * 0.5 ** (Math.ceil(days / halfLifeDays) - 1);

module.exports = { weights, halfLifeDays, windowDays, acts, weightSql, fadedSql, affinityOf };
