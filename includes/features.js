// The features and the outcomes of a message, once and in order. SQLX models read them as the global `features`; the trainer, the
// snapshot and the drift tables import this file.
//
// Every feature is known strictly before the message was sent: an event counts when it happened before `sent_at` (the window is
// half-open, [sent_at - n days, sent_at)); a rate of a mailbox provider, a domain or a sender counts days that ended before the day of
// the send began. `knownAt` says which of the two it is.

const derived = require("./names");

/** A served feature is stale, and rules take over, this long after the build that it is of. How old its data may be is in includes/feeds.js. */
const ttlHours = 24;

/** Days of past sends that caps may look back over. */
const sendHistoryDays = 31;

/** Windows of the engagement counts, in days. */
const windowDays = [7, 30, 90];

const beforeSend = "sent_at, exclusive";
const beforeDay = "the start of the day of the send";
const profileTime = "the day the customer signed up, or the campaign started";

// Edges of the bins in which drift is measured: bin i holds edges[i-1] <= value < edges[i]. NULL has a bin of its own.
const countBins = [1, 2, 3, 5, 8, 13, 21, 34];
const rateBins = [0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8];
const dayBins = [1, 2, 4, 7, 14, 30, 60, 90];
const moneyBins = [0.01, 10, 25, 50, 100, 250, 500, 1000];

// Who moves a feature: the sender by what it sends and when, the customer, or the mailbox providers. A sender that mails on other
// days than before has not drifted away from its model; readers that read otherwise have. So drift gives no level to a sender's features.
const senders = /^(sends_|days_since_last_send$|subject_length$|sent_|variant$|campaign_)/;
const providers = /^(isp_|domain_|sender_|seed_|bounces_|hard_bounces_)/;
const originOf = (name) => (senders.test(name) ? "sender" : providers.test(name) ? "delivery" : "customer");

const number = (name, description, knownAt, bins) => ({
  name,
  type: "number",
  origin: originOf(name),
  description,
  source: "features.message_features",
  knownAt,
  bins,
});
const category = (name, description, knownAt) => ({
  name,
  type: "category",
  origin: originOf(name),
  description,
  source: "features.message_features",
  knownAt,
  bins: [],
});

/**
 * Counts over the customer's own past. `counts` is the SQL condition on a row of the customer's timeline whose rows are counted.
 */
const windowed = [
  { name: "sends", what: "E-mails sent to the customer", counts: "is_send" },
  { name: "opens", what: "Opens by the customer, machine opens left out,", counts: "is_open" },
  { name: "clicks", what: "Clicks by the customer, machine clicks left out,", counts: "is_click" },
];

const windowedFeatures = windowed.flatMap(({ name, what }) =>
  windowDays.map((days) =>
    number(derived.windowed(name, days), `${what} in the ${days} days before the send.`, beforeSend, countBins),
  ),
);

const list = [
  ...windowedFeatures,
  number("machine_opens_90d", "Opens by proxies and scanners in the 90 days before the send.", beforeSend, countBins),
  number("machine_clicks_90d", "Clicks by link scanners in the 90 days before the send.", beforeSend, countBins),
  number(
    "summary_views_90d",
    "Inbox summaries of our e-mail seen in the 90 days before the send.",
    beforeSend,
    countBins,
  ),
  number("replies_90d", "Replies and forwards in the 90 days before the send.", beforeSend, countBins),
  number("read_seconds_90d", "Seconds spent reading in the 90 days before the send.", beforeSend, dayBins),
  number("open_rate_90d", "Opens per send over the 90 days before; NULL without a send.", beforeSend, rateBins),
  number("click_rate_90d", "Clicks per send over the 90 days before; NULL without a send.", beforeSend, rateBins),
  number("days_since_last_send", "Days from the last e-mail to this one; NULL for the first.", beforeSend, dayBins),
  number(
    "days_since_last_open",
    "Days since the last open that was no machine's; NULL when there was none.",
    beforeSend,
    dayBins,
  ),
  number(
    "days_since_last_click",
    "Days since the last click that was no machine's; NULL when there was none.",
    beforeSend,
    dayBins,
  ),
  number("complaints_before", "Complaints by the customer, ever before the send.", beforeSend, countBins),
  number("unsubscribes_before", "Unsubscribes by the customer, ever before the send.", beforeSend, countBins),
  number("bounces_90d", "Bounces of any class in the 90 days before the send.", beforeSend, countBins),
  number("hard_bounces_before", "Hard bounces, ever before the send.", beforeSend, countBins),
  number("conversions_90d", "Conversions and purchases in the 90 days before the send.", beforeSend, countBins),
  number("revenue_90d", "Revenue of the customer in the 90 days before the send.", beforeSend, moneyBins),
  number(
    "average_order_value_90d",
    "Revenue per order over the 90 days before; NULL without one.",
    beforeSend,
    moneyBins,
  ),
  number(
    "days_since_last_conversion",
    "Days since the last conversion or purchase; NULL when there was none.",
    beforeSend,
    dayBins,
  ),
  number("views_30d", "Page, category and product views in the 30 days before the send.", beforeSend, countBins),
  number("pricing_views_30d", "Pricing views in the 30 days before the send.", beforeSend, countBins),
  number("sessions_7d", "Sessions on site or app that began in the 7 days before the send.", beforeSend, countBins),
  number(
    "days_since_last_session",
    "Days since the last session on site or app began; NULL when there was none.",
    beforeSend,
    dayBins,
  ),
  number(
    "views_per_session_30d",
    "Pages, categories and products viewed per session over the 30 days before; NULL without one.",
    beforeSend,
    countBins,
  ),
  number("carts_30d", "Carts filled and checkouts begun in the 30 days before the send.", beforeSend, countBins),
  number(
    "topic_clicks_90d",
    "Clicks and views in the campaign's own topic in the 90 days before the send.",
    beforeSend,
    countBins,
  ),
  number(
    "days_since_signup",
    "Days from the sign-up to the send; NULL when the sign-up is not known.",
    profileTime,
    dayBins,
  ),
  number(
    "isp_bounce_rate_30d",
    "Bounces per send at the mailbox provider over the 30 days before.",
    beforeDay,
    rateBins,
  ),
  number(
    "isp_complaint_rate_30d",
    "Complaints per send at the mailbox provider over the 30 days before.",
    beforeDay,
    rateBins,
  ),
  number(
    "domain_bounce_rate_30d",
    "Bounces per send at the recipient's domain over the 30 days before.",
    beforeDay,
    rateBins,
  ),
  number(
    "sender_complaint_rate_30d",
    "Complaints per send of the sending domain over the 30 days before.",
    beforeDay,
    rateBins,
  ),
  number(
    "seed_inbox_rate_14d",
    "Share of seeds at the mailbox provider that saw the inbox over the 14 days before; NULL without a test.",
    beforeDay,
    rateBins,
  ),
  number("subject_length", "Characters in the subject line.", profileTime, [20, 30, 40, 50, 60, 70, 90]),
  number("sent_hour", "Hour of the send, UTC, 0 to 23.", "sent_at", [3, 6, 9, 12, 15, 18, 21]),
  category("sent_weekday", "Weekday of the send, UTC: mon to sun.", "sent_at"),
  category("isp", "Mailbox provider group of the recipient.", "sent_at"),
  category("region", "Coarse region of the recipient.", "sent_at"),
  category("variant", "Variant of the campaign that was sent.", "sent_at"),
  category("campaign_kind", "bulk, trigger or transactional.", profileTime),
  category("campaign_topic", "Topic of the campaign.", profileTime),
];

/** What a model may predict; each is a BOOL column of training.examples, NULL until the outcome window has closed. */
const outcomes = [
  { name: "click", column: "did_click" },
  { name: "complaint", column: "did_complain" },
  { name: "unsubscribe", column: "did_unsubscribe" },
  { name: "conversion", column: "did_convert" },
];

/** Days of the week as the feature sent_weekday spells them, Sunday first. */
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/**
 * The weekday of an instant, as the feature spells it.
 *
 *   weekdayOf("sent_at")  =>  case extract(dayofweek from sent_at)
 *     when 1 then 'sun' ... when 6 then 'fri' else 'sat'
 *   end
 */
const weekdayOf = (column) => {
  const whens = weekdays.slice(0, -1).map((day, i) => `when ${i + 1} then '${day}'`);
  return `case extract(dayofweek from ${column})
      ${whens.join(" ")} else '${weekdays.at(-1)}'
    end`;
};

/** The features that say when a message goes out, as features.message_features has them; `at` in milliseconds since the epoch. */
const occasionAt = (at) => {
  const date = new Date(at);
  return { sent_hour: date.getUTCHours(), sent_weekday: weekdays[date.getUTCDay()] };
};

/** Categories that can have no other values; whoever spells one otherwise means something that no model has learned. */
const closed = { sent_weekday: weekdays };

const names = list.map(({ name }) => name);
const numbers = list.filter(({ type }) => type === "number").map(({ name }) => name);
const categories = list.filter(({ type }) => type === "category").map(({ name }) => name);

/** The feature of that name. Throws on a name that is not a feature. */
const feature = (name) => {
  const found = list.find((one) => one.name === name);
  if (!found) throw new Error(`includes/features.js: unknown feature "${name}"`);
  return found;
};

/** Columns of training.examples beside the features and the outcomes. isp, region and variant are features and dimensions at once. */
const exampleKeys = ["message_id", "user_id_hash", "person_id", "campaign_id", "sent_at", "sent_date"];
const exampleExtras = [
  "was_opened",
  "revenue",
  "label",
  "p_read",
  "p_engaged",
  "p_unwanted",
  "is_trusted",
  "sample_weight",
  "decision_propensity",
  "is_mature",
  "has_training_consent",
  "stratum",
];

/** Those of them that say which rows may be learned from at all. */
const exampleGates = ["is_mature", "has_training_consent"];

/** The columns of training.examples, in order: keys, features, outcomes, the rest. */
const exampleColumns = [...exampleKeys, ...names, ...outcomes.map(({ column }) => column), ...exampleExtras];

/**
 * The features as a select list.
 *
 *   select("f", "opens_7d", "isp")  =>  f.opens_7d,\n  f.isp
 */
const select = (alias, ...wanted) =>
  (wanted.length > 0 ? wanted : names).map((name) => `${alias}.${feature(name).name}`).join(",\n  ");

module.exports = {
  ttlHours,
  sendHistoryDays,
  windowDays,
  windowed,
  list,
  names,
  numbers,
  categories,
  outcomes,
  weekdays,
  weekdayOf,
  occasionAt,
  closed,
  feature,
  exampleKeys,
  exampleExtras,
  exampleGates,
  exampleColumns,
  select,
};
