// How far distributions moved from one period to the next, once: common table expressions for whatever is watched. Features, scores and labels
// are told apart from chance by the same test, and all that is called so at once is adjusted together.

const sql = require("./sql");

/** Nothing is said with fewer customers, or fewer independent messages, than this in either period. */
const leastUnits = 40;
/** The correlation within customers is measured on about so many of them, at most twice as many. */
const customerSample = 20_000;
/** Share of what is called moved or drifted where nothing moved, at most (false discovery rate). */
const falseDiscoveryRate = 0.05;
/** Whole weeks of labels, the latest, that are each compared with the four before. */
const labelWeeks = 26;
/** Beyond what chance gives, an index from here on is called so: the usual reading of it. */
const levels = { moved: 0.1, drifted: 0.25 };

const keysOf = (key) => key.map((name) => `${name}, `).join("");
const grouped = (...names) => (names.length === 0 ? "" : `\n  group by ${names.join(", ")}`);
const matched = (key, left, right) => key.map((name) => `${left}.${name} = ${right}.${name}`);
/** A join over the key; without a key there is one row, for all. */
const joinedOver = (key, left, right) =>
  key.length === 0 ? `cross join ${right}` : `join ${right} on ${matched(key, left, right).join(" and ")}`;

/** S the sum of squares of (messages in the bin - share * messages) over the customers, in units of share * (1 - share). */
const withinCustomers =
  "greatest(0, coalesce(safe_divide(safe_divide(customer_squares - 2 * share * customer_cross + share * share * customers_squares, share * (1 - share)) - customers_messages, customers_squares - customers_messages), 0))";

/**
 * The same over the days, about the share of the days' own period: were it about the share of both, a shift from one to the other would pass for days
 * that differ, and the larger the less would be left to see it by. What S comes to without correlation, and what a correlation adds, take into account
 * that the share is the days' own. Without a period of two days nothing tells days from periods: then all messages of a day count as one.
 */
const withinDays = (() => {
  const periods = ["reference", "current"];
  const sum = (part) => periods.map((period) => `coalesce(${part(period)}, 0)`).join(" + ");
  const variance = (period) => `${period}_share * (1 - ${period}_share)`;
  const spread = (period) =>
    `(${period}_day_squares - 2 * ${period}_share * ${period}_day_cross + ${period}_share * ${period}_share * ${period}_by_day)`;
  const alone = (period) => `(${period}_total - safe_divide(${period}_by_day, ${period}_total))`;
  const more = (period) =>
    `(${period}_by_day - ${period}_total - 2 * safe_divide(${period}_day_cubes - ${period}_by_day, ${period}_total) + safe_divide(${period}_by_day * (${period}_by_day - ${period}_total), ${period}_total * ${period}_total))`;
  const excess = sum((period) => `${spread(period)} - ${variance(period)} * ${alone(period)}`);
  const scale = sum((period) => `${variance(period)} * ${more(period)}`);
  return `if(greatest(reference_days, current_days) < 2, 1, least(1, greatest(0, coalesce(safe_divide(${excess}, nullif(greatest(0, ${scale}), 0)), 0))))`;
})();
/** The inverse of the variance of a share, in units of share * (1 - share). */
const worth = (period) =>
  `safe_divide(1, safe_divide(greatest(0, 1 - within_customers - within_days), ${period}_total) + within_customers * safe_divide(${period}_by_customer, ${period}_total * ${period}_total) + within_days * safe_divide(${period}_by_day, ${period}_total * ${period}_total))`;

/**
 * CTEs from `recent` (a row a message, with `key`, user_id_hash and is_current) to `bins`: a row for each `of` and bin, with counts, shares and how many
 * customers and independent messages they are worth. docs/adr/0044 says why.
 *
 *   bins({ of: "feature", day: "date(sent_at)", subjects: [{ name: "isp", bin: "recent.isp" }] })
 *   =>  customers as (...), ..., bins as (...)
 *
 * @param {{ of: string, day: string, subjects: { name: string, bin: string }[], key?: string[] }} watched
 *   bin: SQL of a column of `recent`, as text and never NULL; day: SQL of the same; key: columns by each of which there are periods of their own
 */
function bins({ of, day, subjects, key = [] }) {
  const keys = keysOf(key);
  const unpivoted = (from, columns, where, by) =>
    subjects
      .map(
        ({ name }) => `select ${keys}'${name}' as ${of}, ${name} as bin, ${columns}, count(*) as messages
  from ${from}${where} group by ${keys}bin, ${by}`,
      )
      .join("\n  union all\n  ");
  const same = (left, right, ...names) => matched([...key, ...names], left, right).join(" and ");
  return `customers as (
  select
    ${keys}user_id_hash,
    count(*) as messages,
    countif(not is_current) as reference_messages,
    countif(is_current) as current_messages
  from recent${grouped(...key, "user_id_hash")}
),

sizes as (
  select ${keys}count(*) as customers_in_all from customers${grouped(...key)}
),

-- a sample that any order of rows gives: by the fingerprint of the customer
sampled as (
  select
    ${key.map((name) => `customers.${name}, `).join("")}customers.user_id_hash,
    customers.messages
  from customers
  ${joinedOver(key, "customers", "sizes")}
  where mod(abs(mod(farm_fingerprint(customers.user_id_hash), 1000003)), div(sizes.customers_in_all, ${customerSample}) + 1) = 0
),

-- a day of each period: the edge between the two need not be midnight
days as (
  select
    ${keys}${day} as of_day,
    is_current,
    count(*) as messages
  from recent${grouped(...key, "of_day", "is_current")}
),

binned as (
  select
    ${key.map((name) => `recent.${name}, `).join("")}recent.is_current,
    ${day} as of_day,
    recent.user_id_hash,
    sampled.messages as customer_messages,
    ${subjects.map(({ name, bin }) => `${bin} as ${name}`).join(",\n    ")}
  from recent
  left join sampled on ${same("recent", "sampled", "user_id_hash")}
),

by_day as (
  ${unpivoted("binned", "of_day, is_current", "", "of_day, is_current")}
),

by_customer as (
  ${unpivoted("binned", "max(customer_messages) as customer_messages", " where customer_messages is not null", "user_id_hash")}
),

counted as (
  select
    ${key.map((name) => `by_day.${name}, `).join("")}by_day.${of},
    by_day.bin,
    sum(if(by_day.is_current, 0, by_day.messages)) as reference_messages,
    sum(if(by_day.is_current, by_day.messages, 0)) as current_messages,
    sum(if(by_day.is_current, 0, by_day.messages * by_day.messages)) as reference_day_squares,
    sum(if(by_day.is_current, by_day.messages * by_day.messages, 0)) as current_day_squares,
    sum(if(by_day.is_current, 0, by_day.messages * days.messages)) as reference_day_cross,
    sum(if(by_day.is_current, by_day.messages * days.messages, 0)) as current_day_cross
  from by_day
  join days on ${same("by_day", "days", "of_day", "is_current")}
  group by ${[...key, of, "bin"].map((name) => `by_day.${name}`).join(", ")}
),

-- sums of integers: the same in whatever order they are taken
of_customers as (
  select
    ${keys}${of},
    bin,
    sum(messages * messages) as customer_squares,
    sum(messages * customer_messages) as customer_cross
  from by_customer${grouped(...key, of, "bin")}
),

totals as (
  select
    ${keys}sum(reference_messages) as reference_total,
    sum(current_messages) as current_total,
    sum(reference_messages * reference_messages) as reference_by_customer,
    sum(current_messages * current_messages) as current_by_customer
  from customers${grouped(...key)}
),

sample_totals as (
  select
    ${keys}sum(messages) as customers_messages,
    sum(messages * messages) as customers_squares
  from sampled${grouped(...key)}
),

day_totals as (
  select
    ${keys}countif(not is_current) as reference_days,
    countif(is_current) as current_days,
    sum(if(is_current, 0, messages * messages)) as reference_by_day,
    sum(if(is_current, messages * messages, 0)) as current_by_day,
    cast(sum(if(is_current, 0, cast(messages as numeric) * messages * messages)) as float64) as reference_day_cubes,
    cast(sum(if(is_current, cast(messages as numeric) * messages * messages, 0)) as float64) as current_day_cubes
  from days${grouped(...key)}
),

shared as (
  select
    counted.*,
    coalesce(of_customers.customer_squares, 0) as customer_squares,
    coalesce(of_customers.customer_cross, 0) as customer_cross,
    ${["reference_total", "current_total", "reference_by_customer", "current_by_customer"].map((name) => `totals.${name}`).join(", ")},
    sample_totals.customers_messages,
    sample_totals.customers_squares,
    ${["reference_days", "current_days", "reference_by_day", "current_by_day", "reference_day_cubes", "current_day_cubes"].map((name) => `day_totals.${name}`).join(", ")},
    ${sql.rate("counted.reference_messages", "totals.reference_total")} as reference_share,
    ${sql.rate("counted.current_messages", "totals.current_total")} as current_share,
    safe_divide(counted.reference_messages + counted.current_messages, totals.reference_total + totals.current_total) as share
  from counted
  left join of_customers on ${same("counted", "of_customers", of, "bin")}
  ${joinedOver(key, "counted", "totals")}
  ${key.length === 0 ? "cross join sample_totals" : `left join sample_totals on ${same("counted", "sample_totals")}`}
  ${joinedOver(key, "counted", "day_totals")}
),

correlated as (
  select
    *,
    ${withinCustomers} as within_customers,
    ${withinDays} as within_days
  from shared
),

bins as (
  select
    ${keys}${of},
    bin,
    reference_messages,
    current_messages,
    reference_share,
    current_share,
    ${sql.rate("reference_total * reference_total", "reference_by_customer")} as reference_customers,
    ${sql.rate("current_total * current_total", "current_by_customer")} as current_customers,
    ${worth("reference")} as reference_units,
    ${worth("current")} as current_units
  from correlated
)`;
}

/**
 * CTEs from `bins` to `adjusted`: for each `of` the index, the divergence, what chance gives, p_value and p_adjusted (NULL where nothing is tested),
 * and is_empty where it never had a value.
 *
 * @param {{ of: string, key?: string[], where?: string }} watched where: SQL over a row of the measures, for what is tested at all
 */
function tested({ of, key = [], where = "true" }) {
  const keys = keysOf(key);
  return `-- bins that hold too few units to be tested alone are taken together as one
weighed as (
  select
    *,
    least(reference_units, current_units) * safe_divide(
      reference_units * reference_share + current_units * current_share, reference_units + current_units
    ) < 5 as is_sparse
  from bins
),

merged as (
  select
    ${keys}${of},
    if(is_sparse, 'rest', concat('bin ', bin)) as merged_bin,
    min(reference_units) as n,
    min(current_units) as m,
    sum(cast(reference_share as numeric)) as p,
    sum(cast(current_share as numeric)) as q
  from weighed
  group by ${keys}${of}, merged_bin
),

chi_squares as (
  select
    ${keys}${of},
    count(*) - 1 as freedom,
    -- nine decimals of each part: a sum of NUMERIC is the same in whatever order it is taken
    cast(sum(cast(
      safe_divide(n * m * pow(cast(p - q as float64), 2), n * cast(p as float64) + m * cast(q as float64)) as numeric
    )) as float64) as chi_squared
  from merged
  group by ${keys}${of}
),

measured as (
  select
    ${keys}${of},
    sum(reference_messages) as reference_messages,
    sum(current_messages) as current_messages,
    logical_and(bin = 'null') as is_empty,
    min(reference_customers) as reference_customers,
    min(current_customers) as current_customers,
    cast(sum(cast(reference_units * (reference_share + current_share) / 2 as numeric)) as float64) as reference_units,
    cast(sum(cast(current_units * (reference_share + current_share) / 2 as numeric)) as float64) as current_units,
    cast(sum(cast(
      (1 - safe_divide(reference_units * reference_share + current_units * current_share, reference_units + current_units))
      * (safe_divide(1, reference_units) + safe_divide(1, current_units)) as numeric
    )) as float64) as psi_without_drift,
    cast(sum(cast(${sql.psi("reference_share", "current_share")} as numeric)) as float64) as psi,
    cast(sum(cast(${sql.kl("reference_share", "current_share")} as numeric)) as float64) as kl
  from bins
  group by ${keys}${of}
),

scored as (
  select
    measured.*,
    measured.psi is not null
      and ${where}
      and least(reference_units, current_units, reference_customers, current_customers) >= ${leastUnits} as is_tested,
    ${sql.chiSquaredZ("chi_squares.chi_squared", "chi_squares.freedom")} as z,
    chi_squares.freedom
  from measured
  join chi_squares on ${matched([...key, of], "measured", "chi_squares").join(" and ")}
),

-- what has one bin cannot have moved
with_p as (
  select
    *,
    case
      when not is_tested then null
      when freedom = 0 then 1.0
      else least(1.0, ${sql.normalUpperTail("z")})
    end as p_value
  from scored
),

${adjusted({ from: "with_p", order: [...key, of] })}`;
}

/**
 * CTEs from a table with `p_value` to `adjusted`, which has p_adjusted beside it: over all of its rows that have one (Benjamini and Hochberg 1995).
 *
 *   adjusted({ from: "with_p", order: ["feature"] })
 */
const adjusted = ({ from, order }) => `ranked as (
  select
    *,
    row_number() over (partition by p_value is null order by p_value, ${order.join(", ")}) as position,
    count(*) over (partition by p_value is null) as tests
  from ${from}
),

adjusted as (
  select
    *,
    if(p_value is null, null, min(least(1.0, p_value * tests / position)) over (
      partition by p_value is null order by position desc rows between unbounded preceding and current row
    )) as p_adjusted
  from ranked
)`;

/** The level of a row of `adjusted`: the usual reading of the index, of what is beyond chance. */
const level = () => `case
    when psi is null or p_adjusted is null then 'unknown'
    when p_adjusted > ${falseDiscoveryRate} or psi - psi_without_drift < ${levels.moved} then 'stable'
    when psi - psi_without_drift < ${levels.drifted} then 'moved'
    else 'drifted'
  end`;

module.exports = { leastUnits, customerSample, falseDiscoveryRate, labelWeeks, levels, bins, tested, adjusted, level };
