// How well scores are believed to tell people apart, from the scores alone, and what came of it. Once.
//
// Confidence-based performance estimation (CBPE), as NannyML 0.13.1 has it (docs/how_it_works/performance_estimation.rst and
// nannyml/performance_estimation/confidence_based/metrics.py): a calibrated score is the chance of the outcome, so every figure has an expectation
// before anybody knows the outcomes. NannyML calibrates scores on reference rows first; ours come calibrated, and what is estimated is held against
// what came true as soon as the windows have closed. Unlike NannyML's, the AUC pairs no message with itself, scores that are equal count half, and
// the error is that of this very set of scores, not one carried over from reference rows.

const features = require("./features");

/** Days of decisions that are looked at: a quarter. */
const days = 91;
/** The test of a week asks for so many outcomes that were expected, and so many that were not, of so many customers. */
const leastExpected = 20;
const leastCustomers = 40;
/** A score stands for no certainty: the logarithm of one would decide the week. */
const leastScore = 0.000001;

/**
 * Figures of scores. `margin`: a difference below it matters to nobody, however sure it is; of a loss as a share of what was estimated.
 */
const metrics = [
  { name: "auc", better: "higher", margin: 0.02, isShare: false },
  { name: "log_loss", better: "lower", margin: 0.05, isShare: true },
  { name: "brier", better: "lower", margin: 0.05, isShare: true },
];

/** The outcomes that a model may score: name, column of the scores, and when the outcome came, of events.messages. */
const cameAt = {
  click: "first_click_at",
  complaint: "complained_at",
  unsubscribe: "unsubscribed_at",
  conversion: "converted_at",
};
const outcomes = features.outcomes.map(({ name }) => {
  if (!Object.hasOwn(cameAt, name)) throw new Error(`includes/estimates.js: when does the outcome "${name}" come?`);
  return { name, score: `score_${name}`, cameAt: cameAt[name] };
});

/** Bins of a probability in which its distribution is compared: some three to a power of ten. */
const scoreBins = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8];

module.exports = { days, leastExpected, leastCustomers, leastScore, metrics, outcomes, scoreBins };
