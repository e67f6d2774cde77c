// Pieces of GoogleSQL that several models share.
const time = require("./time");

function text(value, where) {
  if (typeof value !== "string" || value.trim() === "") {
    throw new Error(`includes/sql.js: ${where} wants a piece of SQL, got ${JSON.stringify(value)}`);
  }
  return value;
}

/**
 * Keeps one row per key, the first in that order.
 *
 *   latestPer("event_id", "received_at desc")
 *   =>  qualify row_number() over (partition by event_id order by received_at desc) = 1
 */
const latestPer = (key, order) =>
  `qualify row_number() over (partition by ${text(key, "latestPer key")} order by ${text(order, "latestPer order")}) = 1`;

/**
 * Half-open time window from vars `window_from` and `window_to`, so that neighbouring runs neither overlap nor leave a gap.
 *
 *   within("received_at", { window_from: "2026-01-31T00:00:00Z", window_to: "2026-01-31T01:00:00Z" })
 *   =>  received_at >= timestamp '2026-01-31 00:00:00+00' and received_at < timestamp '2026-01-31 01:00:00+00'
 */
function within(column, vars) {
  text(column, "within column");
  if (!hasWindow(vars)) throw new Error("includes/sql.js: within wants vars window_from and window_to");
  return `${column} >= ${time.literal(vars.window_from)} and ${column} < ${time.literal(vars.window_to)}`;
}

/** Whether a run was given a window. One end without the other is a mistake, and throws. */
function hasWindow(vars) {
  const from = Boolean(vars?.window_from);
  if (from !== Boolean(vars?.window_to)) throw new Error("includes/sql.js: window_from and window_to go together");
  return from;
}

/**
 * A share, NULL when there is nothing to share.
 *
 *   rate("clicks", "sends")  =>  safe_divide(clicks, sends)
 */
const rate = (part, whole) => `safe_divide(${text(part, "rate part")}, ${text(whole, "rate whole")})`;

/**
 * The number of the bin that a value falls in, as text: 0 below the first edge, n from the last edge on, 'null' without a value.
 *
 *   binOf("x", [1, 5])
 *   =>  case when x is null then 'null' when x < 1 then '0' when x < 5 then '1' else '2' end
 */
function binOf(value, edges) {
  text(value, "binOf value");
  if (!Array.isArray(edges) || edges.length === 0 || edges.some((edge, i) => i > 0 && !(edge > edges[i - 1]))) {
    throw new Error(`includes/sql.js: binOf wants rising edges for ${value}, got ${JSON.stringify(edges)}`);
  }
  const branches = edges.map((edge, i) => `when ${value} < ${edge} then '${i}'`).join(" ");
  return `case when ${value} is null then 'null' ${branches} else '${edges.length}' end`;
}

/** An empty bin counts as this share, so that its logarithm exists. */
const emptyShare = 0.0001;

const floored = (share) => `greatest(${text(share, "share")}, ${emptyShare})`;

/**
 * One bin's part of the population stability index, sum (q - p) ln(q / p) over the bins; p the reference, q the current share.
 *
 *   psi("p", "q")  =>  (greatest(q, 0.0001) - greatest(p, 0.0001)) * ln(greatest(q, 0.0001) / greatest(p, 0.0001))
 */
const psi = (reference, current) =>
  `(${floored(current)} - ${floored(reference)}) * ln(${floored(current)} / ${floored(reference)})`;

/**
 * One bin's part of the Kullback-Leibler divergence of the current distribution from the reference, sum q ln(q / p), in nats.
 *
 *   kl("p", "q")  =>  q * ln(greatest(q, 0.0001) / greatest(p, 0.0001))
 */
const kl = (reference, current) => `${text(current, "share")} * ln(${floored(current)} / ${floored(reference)})`;

/**
 * The unbiased sample variance from a count, a sum and a sum of squares; NULL below two values.
 *
 *   variance("n", "s", "q")  =>  safe_divide(q - s * s / n, n - 1)
 */
const variance = (count, sum, squares) =>
  `safe_divide(${text(squares, "squares")} - safe_divide(${text(sum, "sum")} * ${sum}, ${text(count, "count")}), ${count} - 1)`;

/**
 * Where a chi-squared value lies among normal ones (Wilson and Hilferty 1931): its upper tail is that of the normal distribution beyond
 * this. Within a tenth of the p-value down to 0.0001; smaller ones are of the right order only. NULL without a degree of freedom.
 *
 *   chiSquaredZ("x", "df")
 *   =>  safe_divide(pow(safe_divide(x, df), 1 / 3) - (1 - safe_divide(2, 9 * df)), sqrt(safe_divide(2, 9 * df)))
 */
const chiSquaredZ = (value, freedom) =>
  `safe_divide(pow(safe_divide(${text(value, "chi-squared")}, nullif(${text(freedom, "degrees of freedom")}, 0)), 1 / 3) - (1 - safe_divide(2, 9 * ${freedom})), sqrt(safe_divide(2, 9 * ${freedom})))`;

/**
 * The upper tail of the normal distribution (Abramowitz and Stegun 26.2.17, within 7.5e-8). `z` is a column: it is written many times.
 */
function normalUpperTail(z) {
  text(z, "normalUpperTail z");
  const t = `(1 / (1 + 0.2316419 * abs(${z})))`;
  const polynomial = `${t} * (0.319381530 + ${t} * (-0.356563782 + ${t} * (1.781477937 + ${t} * (-1.821255978 + ${t} * 1.330274429))))`;
  const tail = `exp(-${z} * ${z} / 2) * 0.3989422804014327 * ${polynomial}`;
  return `if(${z} >= 0, ${tail}, 1 - ${tail})`;
}

/** The two-sided 95 % quantile of the normal distribution. */
const z95 = 1.959964;

/**
 * The two-sided 95 % quantile of Student's distribution (Cornish and Fisher's expansion of the normal one, within 1 % from four degrees
 * of freedom on). `freedom` is a column.
 */
function studentQuantile95(freedom) {
  text(freedom, "studentQuantile95 freedom");
  const z = z95;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ];
  return `(${z} + ${terms.map((term, i) => `${term.toFixed(6)} / pow(${freedom}, ${i + 1})`).join(" + ")})`;
}

/**
 * A text literal.
 *
 *   quoted("it's")  =>  'it\'s'
 */
const quoted = (value) => `'${text(value, "quoted").replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;

module.exports = {
  latestPer,
  within,
  hasWindow,
  rate,
  binOf,
  emptyShare,
  psi,
  kl,
  variance,
  chiSquaredZ,
  normalUpperTail,
  studentQuantile95,
  z95,
  quoted,
};
