// How a person's label says why that message was put before somebody, in the note that it lands with.

/** uncertain: the label model was unsure; random: by chance, so that the others can be measured; second: another person had labelled it. */
const origins = ["uncertain", "random", "second"];

/** The note of a label that was given to a message of that origin. */
const noteOf = (origin) => {
  if (!origins.includes(origin)) throw new Error(`includes/human_labels.js: unknown origin "${origin}"`);
  return `review: ${origin}`;
};

/**
 * The origin that a note says, NULL for any other note.
 *
 *   originOf("note")  =>  regexp_extract(note, r'^review: (uncertain|random|second)$')
 */
const originOf = (column) => `regexp_extract(${column}, r'^review: (${origins.join("|")})$')`;

module.exports = { origins, noteOf, originOf };
