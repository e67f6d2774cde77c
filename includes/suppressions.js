// Who must not be reached, and by what; once.

/** Kinds of campaigns, and those of them that are marketing: they need leave, and an unsubscribe ends them. */
const campaignKinds = ["bulk", "trigger", "transactional"];
const marketingKinds = ["bulk", "trigger"];

/**
 * reason -> which kinds of campaigns it stops, whether it is about the person or about the one address, and whether a later
 * statement of consent lifts it. Whatever else stops is lifted by raw.suppressions alone.
 */
const reasons = {
  unsubscribe: { stops: marketingKinds, reach: "person", endsWithConsent: true },
  one_click: { stops: marketingKinds, reach: "person", endsWithConsent: true }, // RFC 8058, List-Unsubscribe-Post
  refusal: { stops: marketingKinds, reach: "person", endsWithConsent: true },
  complaint: { stops: marketingKinds, reach: "person", endsWithConsent: false },
  hard_bounce: { stops: campaignKinds, reach: "address", endsWithConsent: false },
  invalid_address: { stops: campaignKinds, reach: "address", endsWithConsent: false },
  spam_trap: { stops: campaignKinds, reach: "address", endsWithConsent: false },
  erasure: { stops: campaignKinds, reach: "person", endsWithConsent: false },
  legal_hold: { stops: campaignKinds, reach: "person", endsWithConsent: false },
  manual: { stops: campaignKinds, reach: "person", endsWithConsent: false },
};
const names = Object.keys(reasons);

/** How far a suppression goes. */
const scopes = ["all", "campaign_kind", "list"];

/**
 * list -> the kinds of campaigns that go to it. An unsubscribe from a list that is not here ends all marketing: where nobody says
 * what a list is for, leaving it is leaving.
 */
const lists = {};

/** Arms of a decision that send nothing, beside hold-outs. */
const quietArms = ["suppress", "suppressed", "none", "no-send", "skip"];

const quoted = (wanted) => wanted.map((name) => `'${name}'`).join(", ");
const arrayOf = (kinds) => `[${quoted(kinds)}]`;

/**
 * The kinds of campaigns that a suppression stops, as an array.
 *
 *   kindsOf("reason", "scope", "scope_key")
 */
function kindsOf(reason, scope, scopeKey) {
  const listed = Object.entries(lists).map(
    ([list, kinds]) => `when ${scope} = 'list' and ${scopeKey} = '${list}' then ${arrayOf(kinds)}`,
  );
  const byKind = campaignKinds.map(
    (kind) => `when ${scope} = 'campaign_kind' and ${scopeKey} = '${kind}' then ${arrayOf([kind])}`,
  );
  return `case ${[...byKind, ...listed].join(" ")} when ${reason} in (${quoted(
    names.filter((name) => reasons[name].stops === marketingKinds),
  )}) then ${arrayOf(marketingKinds)} else ${arrayOf(campaignKinds)} end`;
}

/** Types of events that suppress, or may. */
const eventTypes = ["unsubscribe", "complaint", "bounce", "spam_trap_hit"];
const oneClickMethods = ["one-click", "one_click", "oneclick"];

/**
 * The reason that an event gives, NULL where it gives none; and the same of one event in JavaScript, for whoever hears of it before the next build.
 *
 *   reasonOfEvent("event_type", "bounce_class", "unsubscribe_method")
 */
const reasonOfEvent = (type, bounceClass, method) =>
  `case ${type} when 'unsubscribe' then if(lower(${method}) in (${quoted(oneClickMethods)}), 'one_click', 'unsubscribe') when 'complaint' then 'complaint' when 'bounce' then if(${bounceClass} = 'hard', 'hard_bounce', null) when 'spam_trap_hit' then 'spam_trap' end`;

function reasonHeard(type, { bounceClass, method, feedbackType }) {
  switch (type) {
    case "unsubscribe":
      return oneClickMethods.includes(String(method ?? "").toLowerCase()) ? "one_click" : "unsubscribe";
    case "complaint": // "this is not spam" takes one back
      return feedbackType === "not-spam" ? undefined : "complaint";
    case "bounce":
      return bounceClass === "hard" ? "hard_bounce" : undefined;
    case "spam_trap_hit":
      return "spam_trap";
    default:
      return undefined;
  }
}

/** What `kindsOf` says of one suppression, in JavaScript. */
function kindsHeard(reason, scope, scopeKey) {
  if (scope === "campaign_kind" && campaignKinds.includes(scopeKey)) return [scopeKey];
  if (scope === "list" && Object.hasOwn(lists, scopeKey)) return lists[scopeKey];
  return reasons[reason]?.stops ?? campaignKinds;
}

/** Whether a reason is about the person, whichever of their ids it was said of; one that nobody knows is. */
const isOfPerson = (reason) => reasons[reason]?.reach !== "address";

/** Quoted names of the reasons for which `test` holds, for an IN. */
const reasonsWhere = (test) => quoted(names.filter((name) => test(reasons[name])));

/** Whether a list, or an unsubscribe without one, ends all marketing. */
const endsAllMarketing = (listId) =>
  Object.keys(lists).length === 0 ? "true" : `coalesce(${listId} not in (${quoted(Object.keys(lists))}), true)`;

module.exports = {
  campaignKinds,
  marketingKinds,
  reasons,
  names,
  scopes,
  lists,
  quietArms,
  quoted,
  eventTypes,
  reasonOfEvent,
  reasonHeard,
  kindsOf,
  kindsHeard,
  isOfPerson,
  reasonsWhere,
  endsAllMarketing,
};
