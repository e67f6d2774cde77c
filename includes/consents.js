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

/**
 * What the consent signals of browsers and consent banners say, by our purposes. They speak of what happens on sites, so their channel is web: none of
 * them lets an e-mail go or stops one, but for what is said otherwise. A purpose that is not listed is not spoken of.
 *
 *   tcf   purpose -> purposes of the IAB Transparency and Consent Framework 2.2 that must all be consented to (IAB Europe, TCF Policies, appendix A: 5 create profiles to
 *         personalise content, 6 use them, 8 measure content performance, 9 understand audiences, 10 develop and improve services). `vendor` is our id
 *         on the Global Vendor List, where we have one; without it only what is said to the publisher itself counts. Legitimate interest grants nothing.
 *   gcm   purpose -> keys of Google Consent Mode 2 that must all be granted by the person, not by default
 *   gpc   what Global Privacy Control refuses (W3C: do not sell or share); its absence says nothing
 */
const signals = {
  tcf: {
    vendor: null,
    channel: "web",
    purposes: { segmentation: [5], activation: [6], measurement: [8, 9], training: [10] },
  },
  gcm: {
    channel: "web",
    purposes: {
      segmentation: ["ad_personalization"],
      activation: ["ad_user_data", "ad_personalization"],
      measurement: ["analytics_storage"],
    },
  },
  // Where the person is known the refusal is the person's, whatever the channel (California Code of Regulations, title 11, section 7025(c)(1)); leave to mail is none of its business.
  gpc: {
    refuses: [
      { purpose: "segmentation", channel: null },
      { purpose: "training", channel: null },
      { purpose: "activation", channel: "web" },
    ],
  },
};

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

const word = (value) => (typeof value === "string" ? value.trim().toLowerCase() : null);

/** What `isPending` says of one grant, in JavaScript. */
const isPendingHeard = ({ opt_in, jurisdiction, purpose, channel, legal_basis }) =>
  opt_in === "pending" ||
  ((opt_in ?? "single") === "single" &&
    doubleOptIn.includes(jurisdiction) &&
    purpose === "activation" &&
    (channel ?? "email") === "email" &&
    legal_basis === "consent");

/**
 * What a row of raw.consents says of a purpose and a channel, as the models read it, for whoever hears of it before the next build: undefined where it
 * says nothing, or waits for its confirmation. `effective_at` and `expires_at` in milliseconds.
 *
 *   statementHeard({ purpose: "activation", is_granted: false, effective_at: 0 }, "activation", "email")
 *     =>  { is_granted: false, at: 0, until: null }
 */
function statementHeard(row, purpose, channel) {
  if (row.purpose !== purpose) return undefined;
  const isGranted = row.is_granted === true;
  const said = word(row.channel);
  const isKnown = said === null || channels.includes(said);
  // a refusal for a channel that is none of ours is taken for all channels, a grant for none
  if (isKnown ? said !== null && said !== channel : isGranted) return undefined;
  const statement = {
    purpose,
    channel: isKnown ? said : null,
    opt_in: word(row.opt_in),
    jurisdiction: word(row.jurisdiction),
    legal_basis: word(row.legal_basis) ?? "consent",
  };
  if (isGranted && isPendingHeard(statement)) return undefined;
  const law = expiries.find(
    (one) => one.legalBasis === statement.legal_basis && one.jurisdiction === statement.jurisdiction,
  );
  const until = row.expires_at ?? (law ? row.effective_at + law.days * 86_400_000 : null);
  return { is_granted: isGranted, at: row.effective_at, until: isGranted ? until : null };
}

/** What an event's flag says of a purpose, by its source's declaration: "granted", "refused", or undefined. */
function flagHeard(provenance, flag, purpose, list = sources) {
  const source =
    list.slice(0, -1).find((one) => new RegExp(one.provenance).test(provenance ?? "")) ?? list[list.length - 1];
  if (flag === true) return source.granted.includes(purpose) ? "granted" : undefined;
  if (flag === false) return source.refused.includes(purpose) ? "refused" : undefined;
  const isAsked = source.granted.includes(purpose) || source.refused.includes(purpose);
  return source.absent === "refused" && isAsked ? "refused" : undefined;
}

/** Whether the flag of any source can take a purpose back. */
const flagsRefuse = (purpose, list = sources) =>
  [false, null].some((flag) => list.some((one) => flagHeard("", flag, purpose, [one]) === "refused"));

for (const purpose of [
  ...Object.keys(signals.tcf.purposes),
  ...Object.keys(signals.gcm.purposes),
  ...signals.gpc.refuses.map((one) => one.purpose),
])
  policies.purpose(purpose);

module.exports = {
  sources,
  signals,
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
  statementHeard,
  flagHeard,
  flagsRefuse,
};
