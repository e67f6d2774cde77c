// The classes of a message's label, once, with their precedence.
//
// A wish to be left alone comes first, then what kept the mail from arriving, then what the reader did, the most telling act first. Opens,
// clicks and unsubscribes by machines make no label. A message has no label before its window has closed. `unknown` is no class of what
// happened: a privacy proxy loaded the pictures, so nobody can say whether somebody read.
//
// The labelling query has four classes, complaint > click > open > none; they are those of the same name here.

/** Nobody acted on the mail, as far as can be seen. */
const untouched = "first_click_at is null and first_open_at is null and replied_at is null and converted_at is null";

/**
 * Highest precedence first. `when` is a condition on a row of events.messages with `is_delivery_reported`: whether the campaign's deliveries
 * are reported at all. `queryClass` is the class of the four-class view. `aliases` are what people and other systems call it.
 */
const classes = [
  {
    name: "spam_complaint",
    when: "complained_at is not null",
    confidence: 1,
    queryClass: "complaint",
    aliases: ["complaint"],
  },
  {
    name: "hard_bounce",
    when: `bounce_class = 'hard' and (delivered_at is null or bounced_at >= delivered_at) and ${untouched}`,
    confidence: 1,
    aliases: ["bounce"],
  },
  {
    name: "soft_bounce",
    when: `bounce_class = 'soft' and delivered_at is null and ${untouched}`,
    confidence: 1,
    aliases: [],
  },
  {
    name: "blocked",
    when: `bounce_class = 'block' and delivered_at is null and ${untouched}`,
    confidence: 1,
    aliases: [],
  },
  { name: "unsubscribed", when: "unsubscribed_at is not null", confidence: 1, aliases: ["unsubscribe"] },
  { name: "converted", when: "converted_at is not null", confidence: 1, aliases: ["conversion"] },
  { name: "clicked", when: "first_click_at is not null", confidence: 0.9, queryClass: "click", aliases: ["click"] },
  { name: "replied", when: "replied_at is not null", confidence: 0.95, aliases: ["reply"] },
  { name: "opened", when: "first_open_at is not null", confidence: 0.6, queryClass: "open", aliases: ["open"] },
  { name: "summary_only", when: "has_summary_view", confidence: 0.6, aliases: ["summary"] },
  { name: "not_delivered", when: "delivered_at is null and is_delivery_reported", confidence: 0.8, aliases: [] },
  { name: "unknown", when: "proxy_opens > 0", confidence: 0, aliases: [] },
  { name: "no_engagement", when: "true", confidence: 0.7, queryClass: "no_engagement", aliases: ["none"] },
];

/** The four classes of the labelling query, highest precedence first. */
const queryClasses = classes.flatMap(({ queryClass }) => queryClass ?? []);

/** What an open is worth as a label when the reader may have seen only a summary of the e-mail. */
const summarisedOpenConfidence = 0.3;

const names = classes.map(({ name }) => name);

const withCondition = (wanted) =>
  wanted.map((name) => {
    const found = classes.find((one) => one.name === name);
    if (!found) throw new Error(`includes/labels.js: unknown label class "${name}"`);
    return found;
  });

/**
 * The label of a row of events.messages, by precedence, over the classes named (all when none is named).
 *
 *   labelOf("spam_complaint", "no_engagement")
 *   =>  case when complained_at is not null then 'spam_complaint' else 'no_engagement' end
 */
function labelOf(...wanted) {
  const chosen = withCondition(wanted.length > 0 ? wanted : names);
  const last = chosen[chosen.length - 1];
  if (last.when !== "true")
    throw new Error("includes/labels.js: labelOf ends with the class that is left over, no_engagement");
  const branches = chosen.slice(0, -1).map(({ name, when }) => `when ${when} then '${name}'`);
  return `case ${branches.join(" ")} else '${last.name}' end`;
}

/**
 * How much the rule's label can be relied on, 0 to 1.
 *
 *   confidenceOf("label", "has_summary_view")
 */
function confidenceOf(label, hasSummary) {
  const branches = classes.map(({ name, confidence }) => `when '${name}' then ${confidence}`);
  return `case when ${label} = 'opened' and ${hasSummary} then ${summarisedOpenConfidence} else (case ${label} ${branches.join(" ")} end) end`;
}

/** The same of one class, as a number. */
const confidenceOfClass = (name, hasSummary) =>
  name === "opened" && hasSummary ? summarisedOpenConfidence : withCondition([name])[0].confidence;

/**
 * The classes as a quoted list.
 *
 *   sqlList(["clicked", "opened"])  =>  'clicked', 'opened'
 */
const sqlList = (wanted = names) =>
  withCondition(wanted)
    .map(({ name }) => `'${name}'`)
    .join(", ");

/** The class of the four-class view, as SQL. */
const queryLabel = () => {
  const branches = classes
    .filter(({ queryClass, when }) => queryClass !== undefined && when !== "true")
    .map(({ queryClass, when }) => `when ${when} then '${queryClass}'`);
  return `case ${branches.join(" ")} else 'no_engagement' end`;
};

/** A class by the name that somebody gave it, NULL where it is none. */
const classOf = (column) => {
  const branches = classes.map(
    ({ name, aliases }) =>
      `when lower(${column}) in (${[name, ...aliases].map((alias) => `'${alias}'`).join(", ")}) then '${name}'`,
  );
  return `case ${branches.join(" ")} end`;
};

module.exports = {
  queryLabel,
  classOf,
  classes,
  names,
  queryClasses,
  labelOf,
  confidenceOf,
  confidenceOfClass,
  sqlList,
};
