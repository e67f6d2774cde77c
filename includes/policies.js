// What data may be used for, once: the purposes that a customer can consent to, and the matrix of governance/policies.yaml as models read it.
const matrix = require("./policy_matrix");

/** raw.consents.purpose. */
const purposes = Object.keys(matrix.purposes).filter((name) => matrix.purposes[name].rests_on === "consent");

/** Throws on a purpose that a customer cannot consent to. */
function purpose(name) {
  if (!purposes.includes(name)) throw new Error(`includes/policies.js: unknown purpose "${name}"`);
  return name;
}

/** The stages in which the matrix names purposes; at the last one, deletion, it names days. */
const stages = ["collection", "storage", "transformation", "activation"];

/**
 * The matrix with a row for each raw column, and for each key of a JSON column that has a class of its own.
 *
 *   rows()[0]  =>  { table: "events", column: "event_id", dataClass: "pseudonym", collection: ["training", ...], ..., keptDays: 1095 }
 */
function rows() {
  return Object.entries(matrix.tables).flatMap(([name, { keptDays, columns }]) =>
    Object.entries(columns).flatMap(([column, stated]) =>
      (typeof stated === "string"
        ? [[column, stated]]
        : Object.entries(stated).map(([key, one]) => [`${column}.${key}`, one])
      ).map(([path, dataClass]) => ({
        table: name.replace(/^raw\./, ""),
        column: path,
        dataClass,
        ...Object.fromEntries(stages.map((stage) => [stage, matrix.classes[dataClass][stage]])),
        keptDays,
      })),
    ),
  );
}

/**
 * For how many days after it was received a row of a raw table is kept; null without an end. Throws on a table that the policy does not speak of.
 *
 *   keptDays("decisions")  =>  1095
 */
function keptDays(table) {
  const found = matrix.tables[`raw.${table}`];
  if (!found) throw new Error(`includes/policies.js: the data policy says nothing of raw.${table}`);
  return found.keptDays;
}

/**
 * The days after which BigQuery may let a partition of a raw table go by itself; null where it may not. Events that stop mail outlive the rest of their
 * partition, so raw.events has no such end: `inboxloop privacy retain` takes its rows.
 */
const partitionDays = (table) => (table === "events" ? null : keptDays(table));

module.exports = { purposes, purpose, stages, rows, keptDays, partitionDays };
