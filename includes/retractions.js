// Which landed rows may be taken back, how one is told from all others, and what counts of a raw table; once.
const erasures = require("./erasures");
const rawTables = require("./raw_tables");

/** Our own accounts and receipts: they say what we did, and stay. */
const accounts = ["ingest_ledger", "retractions", "erasures", "erased_ids", "release_entries"];

/** Raw tables of which rows can be taken back. */
const tables = rawTables.names.filter((name) => !accounts.includes(name));

/** What stands between two columns in what a digest is made of. */
const separator = "|";

/** Columns that came after rows had been taken back: a digest that is kept does not know them, and must go on meaning its row. */
const laterColumns = { profiles: ["known_at"] };

/**
 * The columns that a row's digest is made of, in order: all but documents and bytes, which engines write in their own way, and those that
 * are younger than the digest.
 *
 *   digestColumns("erasure_requests")  =>  user_id_hash, requested_at, provenance, received_at
 */
const digestColumns = (table) =>
  rawTables
    .columns(table)
    .filter(({ name, type }) => type !== "JSON" && type !== "BYTES" && !(laterColumns[table] ?? []).includes(name));

const asText = ({ name, type }, alias) => {
  const column = `${alias}.${name}`;
  if (type === "STRING") return `coalesce(${column}, '')`;
  return `coalesce(cast(${type === "TIMESTAMP" ? `unix_micros(${column})` : column} as string), '')`;
};

/**
 * The digest of a row of a raw table: SHA-256 over the table's name and the columns' texts, instants in microseconds. Two rows that agree in
 * all of these are one for a retraction.
 *
 *   digestOf("erasure_requests", "landed")
 *   =>  to_hex(sha256(concat('erasure_requests', '|', coalesce(landed.user_id_hash, ''), '|', …)))
 */
const digestOf = (table, alias) =>
  `to_hex(sha256(concat('${table}', ${digestColumns(table)
    .map((column) => `'${separator}', ${asText(column, alias)}`)
    .join(", ")})))`;

/**
 * Rows of a raw table that count: neither taken back nor of somebody who was erased and has got past the door. Digests are made only of
 * rows that arrived in the very microsecond of a row taken back, or whose id begins as an erased one does. What was received after a person
 * was let in again counts.
 */
function kept(table, { landed, retracted, erased }) {
  const people = erasures.personColumns.filter((name) => Object.hasOwn(rawTables.tables[table], name));
  // a row that names a person is theirs, whatever message it is about
  const ids = people.includes("user_id_hash")
    ? [people.includes("message_id") ? "coalesce(landed.user_id_hash, landed.message_id)" : "landed.user_id_hash"]
    : people.map((name) => `landed.${name}`);
  // no common table: an engine that materialises one no longer sees through the view to the rows that are asked for
  return `
select landed.*
from ${landed} as landed
left join (select distinct row_received_at from ${retracted} where table_name = '${table}') as moments
  on landed.received_at = moments.row_received_at
left join (select row_digest from ${retracted} where table_name = '${table}') as retracted
  on if(moments.row_received_at is null, null, ${digestOf(table, "landed")}) = retracted.row_digest
${ids
  .map(
    (id, at) => `left join (select distinct id_hint from ${erased}) as hints_${at}
  on ${erasures.hintOf(id)} = hints_${at}.id_hint
left join ${erased} as erased_${at}
  on if(hints_${at}.id_hint is null, null, ${erasures.digestOf(id)}) = erased_${at}.id_digest`,
  )
  .join("\n")}
where retracted.row_digest is null${ids
    .map(
      (_, at) =>
        ` and (erased_${at}.id_digest is null or coalesce(landed.received_at > erased_${at}.readmitted_at, false))`,
    )
    .join("")}
`;
}

module.exports = { tables, separator, digestColumns, digestOf, kept };
