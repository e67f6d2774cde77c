// What stands behind each feature of includes/features.js: its layer, who answers for it, what for, what it is read off, how it is worked out,
// how long it outlives its source, and a version that is the digest of how it is worked out. features.feature_registry is this as a table.

const features = require("./features");
const feeds = require("./feeds");
const pit = require("./pit");
const reputation = require("./reputation");
const { sha256 } = require("./sha256");
const time = require("./time");

/** identity: who somebody is; behaviour: what they do with us; commercial: what they buy; guardrail: what speaks against a send. */
const layers = ["identity", "behaviour", "commercial", "guardrail"];

const acts = [
  "events.events.event_type",
  "events.events.occurred_at",
  "events.events.user_id_hash",
  "identity.stretches.stretch_id",
];
const machines = "events.events.is_machine";
const sends = ["events.messages.sent_at", "events.messages.user_id_hash", "identity.stretches.stretch_id"];
const orders = ["events.orders.occurred_at", "events.orders.user_id_hash", "identity.stretches.stretch_id"];

/** `names`: features that share all of it. A feature without a feed is a fact of the send or of the profile, and does not age. */
const groups = [
  {
    layer: "guardrail",
    owner: "deliverability",
    feed: "mail",
    purpose: "How much mail somebody gets: fatigue, and what caps look at.",
    from: sends,
    names: ["sends_7d", "sends_30d", "sends_90d", "days_since_last_send"],
  },
  {
    layer: "behaviour",
    owner: "crm",
    feed: "signals",
    purpose: "Whether somebody reads and follows our mail, and how lately.",
    from: [...acts, machines],
    names: [
      "opens_7d",
      "opens_30d",
      "opens_90d",
      "clicks_7d",
      "clicks_30d",
      "clicks_90d",
      "replies_90d",
      "days_since_last_open",
      "days_since_last_click",
    ],
  },
  {
    layer: "behaviour",
    owner: "deliverability",
    feed: "signals",
    purpose: "How much of what is seen of somebody machines did: what the other counts are worth.",
    from: [...acts, machines],
    names: ["machine_opens_90d", "machine_clicks_90d"],
  },
  {
    layer: "behaviour",
    owner: "clients",
    feed: "signals",
    purpose: "Whether somebody reads in full, or what an inbox makes of our mail.",
    from: [...acts, "events.events.read_seconds"],
    names: ["summary_views_90d", "read_seconds_90d"],
  },
  {
    layer: "behaviour",
    owner: "crm",
    feed: "signals",
    purpose: "How much comes back of what is sent.",
    from: [...acts, machines, ...sends],
    names: ["open_rate_90d", "click_rate_90d"],
  },
  {
    layer: "behaviour",
    owner: "crm",
    feed: "signals",
    purpose: "Whether somebody cares for what the mail is about.",
    from: [...acts, machines, "events.events.category", "staging.stg_raw__campaigns.campaign_topic"],
    names: ["topic_clicks_90d"],
  },
  {
    layer: "guardrail",
    owner: "deliverability",
    purpose: "What was said against our mail. It is not forgotten when its source falls silent.",
    from: acts,
    names: ["complaints_before", "unsubscribes_before"],
  },
  {
    layer: "guardrail",
    owner: "deliverability",
    purpose: "Mailboxes that are not there. It is not forgotten when its source falls silent.",
    from: [...acts, "events.events.bounce_class"],
    names: ["hard_bounces_before"],
  },
  {
    layer: "guardrail",
    owner: "deliverability",
    feed: "signals",
    purpose: "Mail that does not get through to somebody.",
    from: [...acts, "events.events.bounce_class"],
    names: ["bounces_90d"],
  },
  {
    layer: "commercial",
    owner: "shop",
    feed: "shop",
    purpose: "What somebody buys, how much and how lately.",
    from: orders,
    names: ["conversions_90d", "days_since_last_conversion"],
  },
  {
    layer: "commercial",
    owner: "shop",
    feed: "shop",
    purpose: "What somebody is worth.",
    from: [...orders, "events.orders.revenue"],
    names: ["revenue_90d", "average_order_value_90d"],
  },
  {
    layer: "behaviour",
    owner: "web",
    feed: "site",
    purpose: "What somebody looks at with us.",
    from: acts,
    names: ["views_30d", "pricing_views_30d", "carts_30d"],
  },
  {
    layer: "behaviour",
    owner: "web",
    feed: "site",
    purpose: "How often and how lately somebody comes by, and how far they look around.",
    from: [...acts, "events.events.session_id"],
    names: ["sessions_7d", "days_since_last_session", "views_per_session_30d"],
  },
  {
    layer: "identity",
    owner: "crm",
    purpose: "How long somebody has been with us.",
    from: ["staging.stg_raw__profile_versions.signed_up_at", "events.messages.sent_at"],
    names: ["days_since_signup"],
  },
  {
    layer: "guardrail",
    owner: "deliverability",
    feed: "signals",
    purpose: "How a mailbox provider takes our mail.",
    from: [
      "events.messages.isp",
      "events.messages.sent_date",
      "events.messages.bounced_at",
      "events.messages.complained_at",
    ],
    names: ["isp_bounce_rate_30d", "isp_complaint_rate_30d"],
  },
  {
    layer: "guardrail",
    owner: "deliverability",
    feed: "signals",
    purpose: "How a recipient's domain takes our mail.",
    from: ["events.messages.recipient_domain", "events.messages.sent_date", "events.messages.bounced_at"],
    names: ["domain_bounce_rate_30d"],
  },
  {
    layer: "guardrail",
    owner: "deliverability",
    feed: "signals",
    purpose: "How readers take what a domain of ours sends.",
    from: ["events.messages.sender_domain", "events.messages.sent_date", "events.messages.complained_at"],
    names: ["sender_complaint_rate_30d"],
  },
  {
    layer: "guardrail",
    owner: "deliverability",
    // past its window it is NULL by itself
    ttlDays: reputation.seedDays,
    purpose: "Where a mailbox provider puts our mail.",
    from: ["staging.stg_raw__seed_tests.seeds", "staging.stg_raw__seed_tests.seeds_inbox", "events.events.folder"],
    names: ["seed_inbox_rate_14d"],
  },
  {
    layer: "behaviour",
    owner: "content",
    purpose: "What is sent.",
    from: [
      "staging.stg_raw__campaigns.subject_length",
      "staging.stg_raw__campaigns.campaign_kind",
      "staging.stg_raw__campaigns.campaign_topic",
    ],
    names: ["subject_length", "campaign_kind", "campaign_topic"],
  },
  {
    layer: "behaviour",
    owner: "content",
    purpose: "Which of the variants is sent: what a decision chooses.",
    from: ["events.events.variant"],
    names: ["variant"],
  },
  {
    layer: "behaviour",
    owner: "crm",
    purpose: "When it is sent: what a decision may choose.",
    from: ["events.messages.sent_at"],
    names: ["sent_hour", "sent_weekday"],
  },
  {
    layer: "identity",
    owner: "deliverability",
    purpose: "Where somebody's mailbox is.",
    from: [
      "events.events.isp",
      "staging.stg_raw__profile_versions.isp",
      "staging.stg_raw__profile_versions.recipient_domain",
    ],
    names: ["isp"],
  },
  {
    layer: "identity",
    owner: "crm",
    purpose: "Where somebody lives, no finer than a country's state.",
    from: ["events.events.region", "staging.stg_raw__profile_versions.region"],
    names: ["region"],
  },
];

const ratesBefore = {
  sends: reputation.ofRates("sends"),
  bounces: reputation.ofRates("bounces"),
  complaints: reputation.ofRates("complaints"),
};
const rate = (joined, count, scope) => ({
  sql: `${joined}.${count === "bounces" ? "bounce" : "complaint"}_rate_30d_before`,
  inside: [`scope = '${scope}'`, `safe_divide(${ratesBefore[count]}, ${ratesBefore.sends})`],
});

/** Features that are not counted over somebody's past: SQL over the joined tables of features.message_features, and what stands behind it. */
const joined = {
  days_since_signup: {
    sql: `if(messages.signed_up_at < messages.sent_at, ${time.daysBetween("messages.signed_up_at", "messages.sent_at")}, null)`,
  },
  isp_bounce_rate_30d: rate("isps", "bounces", "isp"),
  isp_complaint_rate_30d: rate("isps", "complaints", "isp"),
  domain_bounce_rate_30d: rate("domains", "bounces", "recipient_domain"),
  sender_complaint_rate_30d: rate("senders", "complaints", "sender_domain"),
  seed_inbox_rate_14d: {
    sql: "seeds.inbox_rate_14d_before",
    inside: [`safe_divide(${reputation.ofSeeds("seeds_inbox")}, ${reputation.ofSeeds("seeds")})`],
  },
  subject_length: { sql: "messages.subject_length" },
  sent_hour: { sql: "extract(hour from messages.sent_at)" },
  sent_weekday: { sql: features.weekdayOf("messages.sent_at") },
  isp: { sql: "messages.isp" },
  region: { sql: "messages.region" },
  variant: { sql: "messages.variant" },
  campaign_kind: { sql: "messages.campaign_kind" },
  campaign_topic: { sql: "messages.campaign_topic" },
};

/**
 * A piece of SQL as it counts: without comments, in lower case but for what is quoted, with blanks only where words would run together.
 *
 *   plain("IF(\n  x = 'A', -- first\n  1)")  =>  "if(x='A',1)"
 */
const plain = (sql) =>
  sql
    .replace(
      /('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)|--[^\n]*|\/\*[\s\S]*?\*\//g,
      (_all, quoted) => quoted ?? " ",
    )
    .split(/('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)/)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : part
            .toLowerCase()
            .replace(/\s+/g, " ")
            .replace(/ ?([(),=<>+*/|-]) ?/g, "$1"),
    )
    .join("")
    .trim();

/**
 * A feature as it is worked out, as text: its type, its SQL with every window in it, and after how many days of silence it is missing.
 * What a feature is called, described as, owned by or for is no part of it.
 */
function definitionOf(name, ttlDays) {
  const pieces = Object.hasOwn(joined, name)
    ? [joined[name].sql, ...(joined[name].inside ?? [])]
    : pit.definitionOf(name);
  return [
    features.feature(name).type,
    ...pieces.map(plain),
    ttlDays === null ? "does not age" : `missing after ${ttlDays} days of silence`,
  ].join("; ");
}

/** Days that a window in a definition looks back over; null where there is none, or it has no beginning. */
const windowOf = (definition) => {
  const micros = [...definition.matchAll(/range between (\d{9,}) preceding/g)].map(
    ([, n]) => Number(n) / 86_400_000_000,
  );
  const days = [...definition.matchAll(/range between (\d{1,4}) preceding/g)].map(([, n]) => Number(n));
  const all = [...micros, ...days];
  return all.length === 0 ? null : Math.max(...all);
};

const digits = 16;
const versionOfText = (text) => sha256(text).slice(0, digits);

const list = features.list.map(({ name, type, description, knownAt }) => {
  const own = groups.filter((group) => group.names.includes(name));
  if (own.length !== 1)
    throw new Error(`includes/feature_registry.js: ${name} is in ${own.length} groups, and belongs in one`);
  const [{ layer, owner, feed, purpose, from, ttlDays: given }] = own;
  if (!layers.includes(layer))
    throw new Error(`includes/feature_registry.js: ${name} is in no layer that we know: ${layer}`);
  const ttlDays = given ?? (feed === undefined ? null : feeds.feed(feed).ttlDays);
  const definition = definitionOf(name, ttlDays);
  return {
    name,
    type,
    layer,
    owner,
    purpose,
    description,
    knownAt,
    ttlDays,
    definition,
    from: [...new Set(from)],
    feed: feed ?? null,
    windowDays: windowOf(definition),
    version: versionOfText(definition),
  };
});
for (const { names } of groups) for (const name of names) features.feature(name);

const byName = new Map(list.map((one) => [one.name, one]));

/** What is registered of a feature. Throws on a name that is not a feature. */
const entry = (name) => byName.get(features.feature(name).name);

/**
 * The version of several features together: the digest of their names and versions, in whatever order they are given.
 *
 *   versionOf([{ name: "opens_7d", version: "3f..." }])  =>  "9c..."
 */
const versionOf = (some) =>
  versionOfText(
    some
      .map(({ name, version }) => `${name}=${version}`)
      .sort()
      .join("\n"),
  );

/**
 * A feature, or NULL where its source had been silent for too long when the day of the instant began. `ages`: the alias of
 * features.feed_ages, joined on that day.
 *
 *   fresh("opens_7d", "pasts.opens_7d", "ages")
 *   =>  if(coalesce(ages.signals_age_days_before > 45, false), null, pasts.opens_7d)
 */
const fresh = (name, sql, ages) => {
  const { feed } = entry(name);
  return feed === null ? sql : `if(${feeds.isSilent(feed, ages)}, null, ${sql})`;
};

/** The features of a feed. */
const namesOf = (feed) => list.filter((one) => one.feed === feed).map(({ name }) => name);

module.exports = { layers, list, entry, joined, fresh, namesOf, plain, versionOf, version: versionOf(list) };
