// The classes of a message's label, once, with their precedence.
//
// The labelling query has four classes, complaint > click > open > none. Ours keeps that order and adds three: an unsubscribe is, like
// a complaint, a wish to be left alone, so it comes before anything that the reader did out of interest; a conversion is more than a
// click; a bounce is what is left when the e-mail never arrived, which is something else than an arrived e-mail that nobody minded.
// Opens and clicks by machines make no label. A message has no label before its window has closed.

/** Highest precedence first. `when` is a condition on a row of events.messages; `queryClass` is the class of the four-class view. */
const classes = [
  { name: "complaint", when: "complained_at is not null", confidence: 1 },
  { name: "unsubscribe", when: "unsubscribed_at is not null", confidence: 1 },
  { name: "conversion", when: "converted_at is not null", confidence: 1 },
  { name: "click", when: "first_click_at is not null", confidence: 0.9 },
  { name: "open", when: "first_open_at is not null", confidence: 0.6 },
  { name: "bounce", when: "bounced_at is not null and delivered_at is null", confidence: 1 },
  { name: "no_engagement", when: "true", confidence: 0.7 },
];

/** The four classes of the labelling query, highest precedence first. */
const queryClasses = ["complaint", "click", "open", "no_engagement"];

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
 *   labelOf("complaint", "no_engagement")
 *   =>  case when complained_at is not null then 'complaint' else 'no_engagement' end
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
  return `case when ${label} = 'open' and ${hasSummary} then ${summarisedOpenConfidence} else (case ${label} ${branches.join(" ")} end) end`;
}

/**
 * The classes as a quoted list.
 *
 *   sqlList(["click", "open"])  =>  'click', 'open'
 */
const sqlList = (wanted = names) =>
  withCondition(wanted)
    .map(({ name }) => `'${name}'`)
    .join(", ");

module.exports = { classes, names, queryClasses, labelOf, confidenceOf, sqlList };
