// How consent is read, once: what a flag on an event speaks for, which statements count, and when they end.
const policies = require("./policies");

/**
 * What the consent flag on a source's events speaks for; the first whose pattern (RE2) the event's provenance matches. A flag is one
 * bit beside a behaviour: it grants and refuses no more than its source is known to have asked for.
 *
 *   granted   purposes that a true flag grants, where the person stated nothing about them
 *   refused   purposes that a false flag takes back, from the event on
 *   absent    what an event without a flag says of them: nothing, or refused
 *
 * The last entry is for every source that nobody declared.
 */
const sources = [
  {
    name: "undeclared",
    provenance: ".*",
    granted: ["training"],
    refused: ["training"],
    absent: "nothing",
  },
];

/** Ways that a message can take. A statement without one is about all of them. */
const channels = ["email", "sms", "push", "web", "phone", "post"];

/**
 * What makes processing lawful, GDPR Article 6(1), with implied consent of the Canadian anti-spam law beside it. A statement
 * that names none is consent.
 */
const legalBases = [
  "consent",
  "contract",
  "legal_obligation",
  "vital_interest",
  "public_task",
  "legitimate_interest",
  "implied_consent",
];

/** Where the law ends a basis that the statement itself gives no end. */
const expiries = [
  // CASL, S.C. 2010, c. 23, section 10(10): an existing business relationship carries two years.
  { legalBasis: "implied_consent", jurisdiction: "ca", days: 730 },
];

/** Where a grant of activation by e-mail counts only once it was confirmed (Germany and Austria: the sender has to prove whose it was). */
const doubleOptIn = ["de", "at"];

const quoted = (names) => names.map((name) => `'${name}'`).join(", ");

for (const { name, granted, refused, absent } of sources) {
  for (const purpose of [...granted, ...refused]) policies.purpose(purpose);
  if (absent !== "nothing" && absent !== "refused")
    throw new Error(`includes/consents.js: absence means nothing or refused, not "${absent}", for ${name}`);
}

/**
 * The number of the declaration that an event falls under.
 *
 *   declarationOf("provenance")  =>  case when regexp_contains(...) then 0 else 1 end
 */
function declarationOf(column, list = sources) {
  const branches = list
    .slice(0, -1)
    .map(({ provenance }, i) => `when regexp_contains(coalesce(${column}, ''), r'${provenance}') then ${i}`);
  return branches.length === 0 ? "0" : `case ${branches.join(" ")} else ${list.length - 1} end`;
}

/**
 * What the declarations' flags say, as rows of literals: declaration, purpose, whether a true flag grants it, whether a false one
 * refuses it, whether no flag does.
 */
function flagMeanings(list = sources) {
  return list
    .flatMap(({ granted, refused, absent }, i) =>
      policies.purposes
        .filter((purpose) => granted.includes(purpose) || refused.includes(purpose))
        .map(
          (purpose) =>
            `select ${i} as declaration, '${purpose}' as purpose, ${granted.includes(purpose)} as grants, ${refused.includes(purpose)} as refuses, ${absent === "refused"} as needs_flag`,
        ),
    )
    .join("\n  union all\n  ");
}

/** Whether any source's flag says something by its absence. */
const hasSilentRefusals = (list = sources) => list.some(({ absent }) => absent === "refused");

/**
 * When a statement ends by law; NULL where the law names no end.
 *
 *   lawfulUntil("legal_basis", "jurisdiction", "effective_at")
 */
const lawfulUntil = (basis, jurisdiction, from) =>
  `case ${expiries
    .map(
      (one) =>
        `when ${basis} = '${one.legalBasis}' and ${jurisdiction} = '${one.jurisdiction}' then timestamp_add(${from}, interval ${one.days} day)`,
    )
    .join(" ")} end`;

/**
 * Whether a grant still waits for its confirmation.
 *
 *   isPending("opt_in", "jurisdiction", "purpose", "channel", "legal_basis")
 */
const isPending = (optIn, jurisdiction, purpose, channel, basis) =>
  `(coalesce(${optIn} = 'pending', false) or (coalesce(${optIn}, 'single') = 'single' and coalesce(${jurisdiction} in (${quoted(doubleOptIn)}), false) and ${purpose} = 'activation' and coalesce(${channel}, 'email') = 'email' and ${basis} = 'consent'))`;

module.exports = {
  sources,
  channels,
  legalBases,
  expiries,
  doubleOptIn,
  quoted,
  declarationOf,
  flagMeanings,
  hasSilentRefusals,
  lawfulUntil,
  isPending,
};
