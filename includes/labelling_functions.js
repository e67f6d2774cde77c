// Labelling functions: what is asked of a message, and who has something to say about it. Each reads a row of labels.label_facts and says
// `for`, `weak_for`, `weak_against`, `against`, or NULL where it abstains. What a voice is worth is learned (includes/label_model.js);
// `confidence` is how often its firm votes are thought right before that, and `owner` who answers for it.

const { inFirst } = require("./label_model");

/** Whether one of several signals was a person's: `p_*` of labels.label_facts. */
const likely = 0.9;
const rather = 0.5;
const hardly = 0.1;

const byTrust = (column) => `when ${column} >= ${likely} then 'for' when ${column} >= ${rather} then 'weak_for'`;

/** What is asked, and the share of messages of which it is thought true before anything is seen. `yes` are the classes of people that say so. */
const questions = [
  {
    name: "read",
    question: "Did a person read the message?",
    share: 0.2,
    yes: ["spam_complaint", "unsubscribed", "converted", "clicked", "replied", "opened"],
  },
  {
    name: "engaged",
    question: "Did a person act on the message: click, answer, buy?",
    share: 0.015,
    yes: ["converted", "clicked", "replied"],
  },
  {
    name: "unwanted",
    question: "Would the person rather not have had the message?",
    share: 0.01,
    yes: ["spam_complaint", "unsubscribed"],
  },
];

const list = [
  { name: "opened", question: "read", sql: `case ${byTrust("p_open")} end`, confidence: 0.95, owner: "deliverability" },
  {
    name: "clicked",
    question: "read",
    sql: `case ${byTrust("p_click")} end`,
    confidence: 0.98,
    owner: "deliverability",
  },
  {
    name: "read_time",
    question: "read",
    sql: "case when read_seconds >= 10 then 'for' when read_seconds >= 3 then 'weak_for' when read_seconds > 0 then 'weak_against' end",
    confidence: 0.95,
    owner: "clients",
  },
  {
    name: "answered",
    question: "read",
    sql: "if(replies + forwards > 0, 'for', null)",
    confidence: 0.99,
    owner: "crm",
  },
  {
    name: "complained",
    question: "read",
    sql: "if(complained_at is not null, 'weak_for', null)",
    confidence: 0.7,
    owner: "deliverability",
  },
  {
    name: "left_unopened",
    question: "read",
    sql: "case when opens_seen > 0 or proxy_opens > 0 or acts_seen > 0 then null when person_opens_elsewhere > 0 then 'against' else 'weak_against' end",
    confidence: 0.93,
    owner: "deliverability",
  },
  {
    name: "machines_alone",
    question: "read",
    sql: `if(opens_seen + acts_seen > 0 and greatest(p_open, p_click) < ${hardly} and proxy_opens = 0, 'weak_against', null)`,
    confidence: 0.75,
    owner: "deliverability",
  },
  {
    name: "saw_summary",
    question: "read",
    sql: "if(has_summary_view and opens_seen = 0, 'weak_against', null)",
    confidence: 0.7,
    owner: "clients",
  },
  {
    name: "did_not_arrive",
    question: "read",
    sql: "if(is_undelivered, 'against', null)",
    confidence: 0.99,
    owner: "deliverability",
  },

  {
    name: "clicked",
    question: "engaged",
    sql: `case ${byTrust("p_click")} when p_click < ${hardly} then 'against' end`,
    confidence: 0.95,
    owner: "deliverability",
  },
  { name: "answered", question: "engaged", sql: "if(replies > 0, 'for', null)", confidence: 0.98, owner: "crm" },
  {
    name: "bought",
    question: "engaged",
    sql: "if(converted_at is not null, 'for', null)",
    confidence: 0.97,
    owner: "shop",
  },
  { name: "visited", question: "engaged", sql: "if(has_visit, 'for', null)", confidence: 0.9, owner: "shop" },
  {
    name: "unopened",
    question: "engaged",
    sql: "if(opens_seen = 0 and proxy_opens = 0 and read_seconds = 0, 'weak_against', null)",
    confidence: 0.9,
    owner: "deliverability",
  },
  {
    name: "did_not_arrive",
    question: "engaged",
    sql: "if(is_undelivered, 'against', null)",
    confidence: 0.99,
    owner: "deliverability",
  },

  {
    name: "complained",
    question: "unwanted",
    sql: "if(complained_at is not null, 'for', null)",
    confidence: 0.99,
    owner: "deliverability",
  },
  {
    name: "unsubscribed",
    question: "unwanted",
    sql: `case ${byTrust("p_unsubscribe")} when leaves_seen > 0 then 'weak_against' end`,
    confidence: 0.95,
    owner: "crm",
  },
  {
    name: "bought",
    question: "unwanted",
    sql: "if(converted_at is not null, 'against', null)",
    confidence: 0.995,
    owner: "shop",
  },
  {
    name: "clicked",
    question: "unwanted",
    sql: `if(p_click >= ${likely}, 'weak_against', null)`,
    confidence: 0.97,
    owner: "deliverability",
  },
  {
    name: "answered",
    question: "unwanted",
    sql: "if(replies + forwards > 0, 'weak_against', null)",
    confidence: 0.95,
    owner: "crm",
  },
];

/** How a label model is fitted: what is declared counts as so many messages of each side, a person's label as so many. */
const fitting = { strength: 200, personWeight: 20, rounds: 40 };

const votes = ["for", "weak_for", "weak_against", "against"];

const askedOf = (question) => {
  const found = list.filter((one) => one.question === question);
  if (found.length === 0) throw new Error(`includes/labelling_functions.js: nobody has a say on "${question}"`);
  return found;
};

/** The pattern of votes on a question, in the order of the list, `-` for who abstains, as SQL over a row of labels.label_facts. */
const patternOf = (question) =>
  `concat(${askedOf(question)
    .map(({ sql }) => `coalesce(${sql}, '-')`)
    .join(", '|', ")})`;

/**
 * The two parts of a pattern on a question that the label model goes by, as SQL over `votes`.
 *
 *   partsOf("unwanted")
 *   => { first: "regexp_extract(votes, r'^(?:[^|]*[|]){2}[^|]*')", last: "regexp_extract(votes, r'^(?:[^|]*[|]){3}(.*)')" }
 */
const partsOf = (question) => {
  const voters = inFirst(askedOf(question).length);
  return {
    first: `regexp_extract(votes, r'^(?:[^|]*[|]){${voters - 1}}[^|]*')`,
    last: `regexp_extract(votes, r'^(?:[^|]*[|]){${voters}}(.*)')`,
  };
};

/** A person's class as an answer to a question: 1, 0, or NULL where the class says nothing of it. */
const answerOf = (question, column) => {
  const { yes } = questions.find(({ name }) => name === question);
  return `case when ${column} = 'unknown' then null when ${column} in (${yes.map((name) => `'${name}'`).join(", ")}) then 1 else 0 end`;
};

/** What the label model is told of a question's voters. */
const start = ({ name, share }) => ({
  share,
  voters: askedOf(name).map((one) => ({ name: one.name, confidence: one.confidence })),
});

module.exports = { questions, list, votes, fitting, askedOf, patternOf, partsOf, answerOf, start };
