// Where features come from, by who brings it, and how long one may be silent before what is counted of it says nothing: a shop that stopped
// reporting has not stopped selling. Silence is measured in the data, never from when a build ran.

const events = require("./events");

/**
 * `holds` is a condition on a row of events.events; a feed without one brings the sends. `ttlDays`: whole days without data, up to the day of
 * the instant, that a feature of it outlives. Monthly mail must not count as silence.
 */
const list = [
  { name: "mail", owner: "deliverability", what: "Sends", ttlDays: 45 },
  {
    name: "signals",
    owner: "deliverability",
    what: "Deliveries, opens, clicks, bounces, complaints, as mailbox and mail providers report them",
    ttlDays: 45,
    types: [
      "delivered",
      "deferred",
      "bounce",
      ...events.ofFamily("engagement").filter((type) => type !== "conversion"),
    ],
  },
  {
    name: "site",
    owner: "web",
    what: "Views, carts and checkouts of site and app",
    ttlDays: 45,
    types: events.ofFamily("behaviour").filter((type) => type !== "purchase"),
  },
  { name: "shop", owner: "shop", what: "Conversions and purchases", ttlDays: 45, types: ["conversion", "purchase"] },
];

/** The feed of that name. Throws on a name that is none. */
const feed = (name) => {
  const found = list.find((one) => one.name === name);
  if (!found) throw new Error(`includes/feeds.js: unknown feed "${name}"`);
  return found;
};

/** Column of features.feed_ages: whole days that the feed had been silent when the day began; NULL before its first data. */
const ageOf = (name) => `${feed(name).name}_age_days_before`;

/**
 * Whether a feed has been silent for too long. One that never brought anything has not stopped.
 *
 *   isSilent("shop", "ages")  =>  coalesce(ages.shop_age_days_before > 45, false)
 */
const isSilent = (name, alias) => `coalesce(${alias}.${ageOf(name)} > ${feed(name).ttlDays}, false)`;

/**
 * Days from the day until the first feed will have been silent for too long; NULL where none has brought anything.
 *
 *   soonest("aged")  =>  (select min(days) from unnest([45 + 1 - aged.mail_age_days_before, ...]) as days)
 */
const soonest = (alias) =>
  `(select min(days) from unnest([${list.map(({ name, ttlDays }) => `${ttlDays} + 1 - ${alias}.${ageOf(name)}`).join(", ")}]) as days)`;

module.exports = { list, names: list.map(({ name }) => name), feed, ageOf, isSilent, soonest };
