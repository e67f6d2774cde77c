// What devices may report under local differential privacy, once: the questions, their answers, and how an answer is randomised (docs/adr/0057).
// packages/device has the same figures, because it must not carry this repository along; a test holds the two together.
//
// k-ary randomised response (Kairouz, Bonawitz and Ramage 2016), on whole numbers: of `draws` equally likely draws, `width` give each answer that is not the
// true one and all others the true one. `width` is the least whole number with which no answer is more than e^epsilon times as probable for one truth as
// for another.

/** A draw is a whole number below this: 16 random bits. */
const draws = 65536;

/** With fewer reports than this nothing is estimated: the noise would be all there is. */
const leastReports = 200;

const mechanisms = [
  {
    name: "summary_reading_v1",
    question: "summary_reading",
    // neither was seen | the summary alone | the summary, and it was opened up | the mail itself
    answers: ["none", "summary", "expanded", "full"],
    widths: { 0.5: 14098, 1: 11461, 2: 6309, 3: 2839 },
  },
  {
    name: "read_time_v1",
    question: "read_time",
    // seconds; what lies between two is rounded to either at random so that the mean stays, what is longer counts as the last
    answers: ["0", "2", "4", "8", "16", "32", "64"],
    widths: { 0.5: 8569, 1: 7518, 2: 4895, 3: 2513 },
  },
];

/** What a campaign may ask for, as a report states it. */
const epsilons = ["0.5", "1", "2", "3"];

const mechanismOf = (name) => mechanisms.find((one) => one.name === name);

/** The draws that give the true answer. */
const keptOf = ({ answers, widths }, epsilon) => draws - (answers.length - 1) * widths[epsilon];

/**
 * Every mechanism at every epsilon as rows: its name, its question, epsilon as text, the probability of the true answer and of each other one, and the answers in
 * their order.
 *
 *   mechanismsSql()  =>  unnest([struct('summary_reading_v1' as mechanism, 'summary_reading' as question, '0.5' as epsilon, …), …])
 */
const mechanismsSql = () =>
  `unnest([${mechanisms
    .flatMap((one) =>
      epsilons.map((epsilon) => {
        const values = [
          ["mechanism", `'${one.name}'`],
          ["question", `'${one.question}'`],
          ["epsilon", `'${epsilon}'`],
          ["true_probability", `${keptOf(one, epsilon)} / ${draws}`],
          ["other_probability", `${one.widths[epsilon]} / ${draws}`],
          ["answers", `[${one.answers.map((answer) => `'${answer}'`).join(", ")}]`],
        ];
        return `struct(${values.map(([name, sql]) => `${sql} as ${name}`).join(", ")})`;
      }),
    )
    .join(", ")}])`;

module.exports = { draws, leastReports, mechanisms, epsilons, mechanismOf, keptOf, mechanismsSql };
