// How long the law and we give ourselves when somebody asks to be forgotten; once.

/** Days from a request until it must be carried out: the month of GDPR Article 12(3), its shortest. */
const dueDays = 30;
/** Days from an erasure until a model that learned from the person must be trained anew. */
const retrainDays = 30;

/** Columns of raw tables that say whom a row is about: an id of a person, or of a message to one. */
const personColumns = ["user_id_hash", "left_id", "right_id", "labelled_by", "message_id"];

/** What stands before an id in its digest. */
const digestPrefix = "inboxloop erased ";

/**
 * The digest by which raw.erased_ids knows an id.
 *
 *   digestOf("id")  =>  to_hex(sha256(concat('inboxloop erased ', id)))
 */
const digestOf = (id) => `to_hex(sha256(concat('${digestPrefix}', ${id})))`;

/**
 * The hint of an id: four of a pseudonym's 64 digits, one in 65,536. An id that is no pseudonym has the hint of all of those.
 *
 *   hintOf("id")  =>  if(starts_with(id, 'sha256:'), substr(id, 8, 4), 'other')
 */
const hintOf = (id) => `if(starts_with(${id}, 'sha256:'), substr(${id}, 8, 4), 'other')`;

module.exports = { dueDays, retrainDays, personColumns, digestPrefix, digestOf, hintOf };
