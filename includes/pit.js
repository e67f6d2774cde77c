// The features that are counted over a customer's own past (pit: point in time), as window functions over the timeline of
// features.point_in_time. A row of the timeline has `act`, `amount`, `revenue`, `topic`, `begins_session`, `past_key` (whose past it is)
// and `_micros`.
const events = require("./events");
const features = require("./features");
const names = require("./names");
const sessions = require("./sessions");
const time = require("./time");

/** Event types that make a timeline, beside the sends and the orders. */
const eventTypes = [
  "open",
  "click",
  "reply",
  "forward",
  "summary_view",
  "read_time",
  "complaint",
  "unsubscribe",
  "bounce",
  "page_view",
  "category_view",
  "product_view",
  "pricing_view",
  "add_to_cart",
  "checkout_started",
];

/** Those of them that make sessions; they come by way of features.site_acts, the others from events.events. */
const siteTypes = events.carrying("session_id").filter((type) => eventTypes.includes(type));
const mailTypes = eventTypes.filter((type) => !siteTypes.includes(type));

/** Whether an act of features.site_acts begins a session. */
const beginsSql = sessions.beginsSql("past_key", "event_id, event_type, subject_key");

// Which act an event is; the first branch that holds. What is in none of them is an act by the event's own name.
const branches = [
  { acts: ["machine_open", "open"], when: "event_type = 'open'", act: "if(is_machine, 'machine_open', 'open')" },
  { acts: ["machine_click", "click"], when: "event_type = 'click'", act: "if(is_machine, 'machine_click', 'click')" },
  {
    acts: ["automatic_reply", "reply"],
    when: "event_type in ('reply', 'forward')",
    act: "if(is_machine, 'automatic_reply', 'reply')",
  },
  { acts: ["cart"], when: "event_type in ('add_to_cart', 'checkout_started')", act: "'cart'" },
  {
    acts: ["hard_bounce", "bounce"],
    when: "event_type = 'bounce'",
    act: "if(bounce_class = 'hard', 'hard_bounce', 'bounce')",
  },
  { acts: ["view"], when: "event_type in ('page_view', 'category_view', 'product_view')", act: "'view'" },
];
const of = (alias, text) => text.replace(/\b(event_type|is_machine|bounce_class)\b/g, `${alias}.$1`);

/**
 * The act that an event of events.events is.
 *
 *   actSql("events")  =>  case when events.event_type = 'open' then if(events.is_machine, 'machine_open', 'open') ... end
 */
const actSql = (alias) => `case
      ${branches.map(({ when, act }) => `when ${of(alias, when)} then ${of(alias, act)}`).join("\n      ")}
      else ${alias}.event_type
    end`;

/** The same in JavaScript, for events as they stream in; undefined for an event that is no act. */
const actOf = ({ event_type, is_machine, bounce_class }) => {
  if (event_type === "sent") return "send";
  if (event_type === "conversion" || event_type === "purchase") return "order";
  if (!eventTypes.includes(event_type)) return undefined;
  if (event_type === "open") return is_machine ? "machine_open" : "open";
  if (event_type === "click") return is_machine ? "machine_click" : "click";
  if (event_type === "reply" || event_type === "forward") return is_machine ? "automatic_reply" : "reply";
  if (event_type === "add_to_cart" || event_type === "checkout_started") return "cart";
  if (event_type === "bounce") return bounce_class === "hard" ? "hard_bounce" : "bounce";
  if (event_type === "page_view" || event_type === "category_view" || event_type === "product_view") return "view";
  return event_type;
};

/** The acts that events of siteTypes are. */
const siteActs = [...new Set(siteTypes.map((event_type) => actOf({ event_type })))];

/** Days over which the longest window looks back. */
const longestDays = 90;

/** Stands among acts for the one that begins a session, whatever act it is. */
const session = "session";

/** Days over which pages are counted per session. */
const pagesDays = 30;

/** feature -> the acts whose amounts are added up, and over how many days; without days over the whole past. */
const sums = [
  ...features.windowDays.map((days) => ({ name: names.windowed("sends", days), acts: ["send"], days })),
  ...features.windowDays.map((days) => ({ name: names.windowed("opens", days), acts: ["open"], days })),
  ...features.windowDays.map((days) => ({ name: names.windowed("clicks", days), acts: ["click"], days })),
  { name: "machine_opens_90d", acts: ["machine_open"], days: 90 },
  { name: "machine_clicks_90d", acts: ["machine_click"], days: 90 },
  { name: "summary_views_90d", acts: ["summary_view"], days: 90 },
  { name: "replies_90d", acts: ["reply"], days: 90 },
  { name: "read_seconds_90d", acts: ["read_time"], days: 90 },
  { name: "complaints_before", acts: ["complaint"] },
  { name: "unsubscribes_before", acts: ["unsubscribe"] },
  { name: "bounces_90d", acts: ["bounce", "hard_bounce"], days: 90 },
  { name: "hard_bounces_before", acts: ["hard_bounce"] },
  { name: "conversions_90d", acts: ["order"], days: 90 },
  { name: "views_30d", acts: ["view"], days: 30 },
  { name: "pricing_views_30d", acts: ["pricing_view"], days: 30 },
  { name: "carts_30d", acts: ["cart"], days: 30 },
  { name: "sessions_7d", acts: [session], days: 7 },
];

const lasts = [
  { name: "days_since_last_send", act: "send" },
  { name: "days_since_last_open", act: "open" },
  { name: "days_since_last_click", act: "click" },
  { name: "days_since_last_conversion", act: "order" },
  { name: "days_since_last_session", act: session },
];

const over = (frame, key = "past_key") => `over (partition by ${key} order by _micros ${frame})`;
const isAct = (acts) =>
  acts[0] === session
    ? "begins_session"
    : acts.length === 1
      ? `act = '${acts[0]}'`
      : `act in (${acts.map((act) => `'${act}'`).join(", ")})`;

const amountOf = (acts) => `if(${isAct(acts)}, amount, 0)`;

/** What is added up over one frame each, with the sessions by which pages are divided. */
const added = [...sums, { name: "sessions", acts: [session], days: pagesDays }];

/** Intermediate columns, by name. */
const windowSql = {
  ...Object.fromEntries(
    added.map(({ name, acts, days }) => [`_${name}`, `sum(${amountOf(acts)}) ${over(time.frameBefore(days))}`]),
  ),
  ...Object.fromEntries(
    lasts.map(({ name, act }) => [`_${name}`, `max(if(${isAct([act])}, _micros, null)) ${over(time.frameBefore())}`]),
  ),
  _revenue_90d: `sum(if(act = 'order', revenue, null)) ${over(time.frameBefore(90))}`,
  _topic_clicks_90d: `sum(if(act in ('click', 'view'), amount, 0)) ${over(time.frameBefore(90), "past_key, topic")}`,
};

/** Each feature from the intermediate columns. */
const valueSql = {
  ...Object.fromEntries(sums.map(({ name }) => [name, `coalesce(_${name}, 0)`])),
  ...Object.fromEntries(lasts.map(({ name }) => [name, `(_micros - _${name}) / 86400000000`])),
  open_rate_90d: "safe_divide(_opens_90d, _sends_90d)",
  click_rate_90d: "safe_divide(_clicks_90d, _sends_90d)",
  revenue_90d: "cast(coalesce(_revenue_90d, 0) as float64)",
  average_order_value_90d: "safe_divide(cast(_revenue_90d as float64), _conversions_90d)",
  views_per_session_30d: `safe_divide(_${names.windowed("views", pagesDays)}, _sessions)`,
  topic_clicks_90d: "if(topic is null, null, coalesce(_topic_clicks_90d, 0))",
};

/**
 * The window functions.
 *
 *   sum(if(act = 'open', amount, 0)) over (partition by past_key order by _micros range between 604800000000 preceding and 1 preceding) as _opens_7d
 */
const windows = () => Object.entries(windowSql).map(([name, sql]) => `${sql} as ${name}`);

/** The features from the windows, in the order of `names`. */
const selected = () => Object.entries(valueSql).map(([name, sql]) => `${sql} as ${name}`);

/** The features that features.point_in_time holds. */
const pitNames = Object.keys(valueSql);
for (const name of pitNames) features.feature(name);

/**
 * All the SQL that a feature is worked out by: its value, the windows in it, and which events are the acts that they count.
 *
 *   definitionOf("opens_7d")
 *   =>  ["coalesce(_opens_7d, 0)", "_opens_7d: sum(if(act = 'open', ...", "open: event_type = 'open' then if(is_machine, ..."]
 */
const definitionOf = (name) => {
  const value = valueSql[name];
  const inside = Object.entries(windowSql).filter(([alias]) => new RegExp(`\\b${alias}\\b`).test(value));
  const counted = inside.map(([, sql]) => sql).join(" ");
  const acts = branches.filter((one) => one.acts.some((act) => counted.includes(`'${act}'`)));
  return [
    value,
    ...inside.map(([alias, sql]) => `${alias}: ${sql}`),
    ...acts.map(({ when, act }) => `act: ${when} then ${act}`),
    ...(counted.includes("begins_session") ? [`begins_session: ${beginsSql}`, `of: ${siteTypes.join(", ")}`] : []),
  ];
};

/** Those that do not depend on a message, and can be served for a customer. */
const customerNames = pitNames.filter((name) => name !== "topic_clicks_90d");

module.exports = {
  eventTypes,
  siteTypes,
  mailTypes,
  beginsSql,
  siteActs,
  session,
  pagesDays,
  actSql,
  actOf,
  longestDays,
  lasts,
  sums,
  windows,
  selected,
  definitionOf,
  names: pitNames,
  customerNames,
};
