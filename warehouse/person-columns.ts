/** Whose rows are looked for: every pseudonymous id of some people, and the ids of the messages that only they were sent. */
export interface Subject {
  readonly ids: readonly string[];
  readonly messages: readonly string[];
}

/** Columns whose whole value may be an id. */
const idColumn = /(^|_)(id|ids|hash|key|by)$/i;
/** Ids of things, which are never a person's or a message's as a whole. */
const thingColumn = /^(event|campaign|decision|list|link|batch|report|dead_letter|seed_test|request|erasure)_id$/i;
/** A message of one recipient may carry the first 16 digits of the recipient's id behind a colon. */
const messageColumn = /^(provider_)?message_id$/i;

/** Whether a whole value of a column may be the id of a person or of a message. */
export const mayBeId = (column: string): boolean => idColumn.test(column) && !thingColumn.test(column);
export const mayBeMessage = (column: string): boolean => messageColumn.test(column);

/** A pseudonymous id within a text, as a regular expression of any engine. */
export const pseudonymPattern = "sha256:[0-9a-f]{64}";
