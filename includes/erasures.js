// How long the law and we give ourselves when somebody asks to be forgotten; once.

/** Days from a request until it must be carried out: the month of GDPR Article 12(3), its shortest. */
const dueDays = 30;
/** Days from an erasure until a model that learned from the person must be trained anew. */
const retrainDays = 30;

module.exports = { dueDays, retrainDays };
