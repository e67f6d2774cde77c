// What an example is worth, and which of them a model is held against; once.

const labelling = require("./labelling_functions");
const labels = require("./labels");

/** Questions of the label model that the outcomes of an example hang on: whether a person acted, and whether the mail was unwanted. */
const weighed = ["engaged", "unwanted"];
for (const name of weighed)
  if (!labelling.questions.some((one) => one.name === name))
    throw new Error(`includes/training.js: the label model is not asked "${name}"`);

/** The label model's answers, as columns of an example. */
const probabilities = labelling.questions.map(({ name }) => ({ question: name, column: `p_${name}` }));

/** An outcome is trusted where the label model is as sure of its answers as this. */
const trustedBelow = 0.05;
const trustedAbove = 0.95;

/** No example counts for less: what nobody can tell is still a mail that was sent. */
const leastWeight = 0.05;

/** A label that a summary may have made, or kept from being made, counts so much: what an open is worth with one against without. */
const summaryFactor = labels.confidenceOfClass("opened", true) / labels.confidenceOfClass("opened", false);

/** Days before the as-of instant in which messages were sent that a model is held against: four weeks whose outcomes are in. */
const recentDays = 35;
/** From this share of machines' acts among those of the 90 days before the send on, a reader's inbox is one in which machines read. */
const machineShare = 0.5;

const certainty = (p) => `(1 + if(${p} <= 0 or ${p} >= 1, 0, ${p} * log(${p}, 2) + (1 - ${p}) * log(1 - ${p}, 2)))`;

/**
 * What an example counts in training, 0.05 to 1: how certain the label model is of its answers (1 less the entropy in bits, multiplied),
 * less where only a summary may have been read. People's answers are certain. NULL until the message is mature.
 */
const weightSql = (alias, summary, label) =>
  `round(greatest(${leastWeight}, ${weighed.map((name) => certainty(`${alias}.p_${name}`)).join(" * ")} * if(${summary} and ${label} in ('opened', 'summary_only', 'no_engagement'), ${summaryFactor}, 1)), 6)`;

/** Whether every answer is as good as known. */
const trustedSql = (alias) =>
  weighed
    .map((name) => `(${alias}.p_${name} <= ${trustedBelow} or ${alias}.p_${name} >= ${trustedAbove})`)
    .join(" and ");

/** Whether machines read along in the reader's inbox, by what was known before the send alone: what came of the message chooses nothing. */
const machineHeavySql = () =>
  `(summary_views_90d > 0 or safe_divide(machine_opens_90d + machine_clicks_90d, machine_opens_90d + machine_clicks_90d + opens_90d + clicks_90d) >= ${machineShare})`;

module.exports = { probabilities, recentDays, weightSql, trustedSql, machineHeavySql };
