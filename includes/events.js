// The event types of Inboxloop, once. SQLX models read them as the global `events`; TypeScript imports this file.

/** Keys that any event may carry in `metadata`, whoever sent it. */
const commonKeys = [
  "provider", // who told us: sendgrid, amazon_ses, mail, file, app, simulator ...
  "provider_event", // the provider's own word for it: dropped, proxy_open, hard_bounce
  "provider_message_id", // the provider's id of the e-mail, where message_id is ours
  "custom_id", // the sender's own id of the e-mail, as the provider hands it back; never taken for message_id
  "recipient_domain", // domain of the recipient's address
  "isp", // mailbox provider group, see includes/isps.js
  "region", // coarse region, never finer than a country's state
  "tags", // the sender's own tags, array of text
  "user_agent",
  "client", // mail client or browser family
  "ip_prefix", // /24 or /48, never the whole address
  "clock_skew_seconds", // set when the sender's clock was not to be trusted
  "reported_at", // when a report about the event was made, where it differs
  "is_recipient_unknown", // true where the message has several recipients and nobody says which of them it was: it counts for none
  "fields_left_out", // paths of what the provider sent in another type than it documents, array of text
  "is_time_assumed", // true where the source gave no time and the time of arrival stands
  "is_zone_assumed", // true where the source gave a local time and no zone, and UTC was taken
  "source_system",
];

/**
 * type -> family and the metadata keys it may carry beside `commonKeys`. A key that is not listed is dropped at the door.
 *
 *   delivery    what the receiving side did          engagement  what the reader (or a machine) did
 *   placement   where seeds and traps saw it         behaviour   what the customer did elsewhere
 */
const types = {
  sent: {
    family: "delivery",
    keys: ["variant", "template_id", "sender_domain", "sending_ip_pool", "subject_id", "scheduled_at"],
  },
  delivered: {
    family: "delivery",
    keys: [
      "smtp_code",
      "enhanced_code",
      "diagnostic",
      "seconds_to_deliver",
      "variant",
      "sender_domain",
      "attempt",
      "reporting_mta",
    ],
  },
  deferred: {
    family: "delivery",
    keys: [
      "smtp_code",
      "enhanced_code",
      "reason",
      "diagnostic",
      "attempt",
      "category",
      "class",
      "reporting_mta",
      "refused_party",
      "variant",
      "sender_domain",
    ],
  },
  // refused_party: recipient | sender | content | host | rate | system, see ingest/bounces/classify.ts
  // class: hard (no such mailbox) | soft (this one, for now) | block (policy, reputation, or the provider did not even try)
  bounce: {
    family: "delivery",
    keys: [
      "class",
      "smtp_code",
      "enhanced_code",
      "reason",
      "diagnostic",
      "category",
      "reporting_mta",
      "attempt",
      "refused_party",
      "variant",
      "sender_domain",
    ],
  },
  complaint: {
    family: "engagement",
    keys: ["feedback_type", "feedback_id", "arrival_at", "reason", "smtp_code", "enhanced_code", "diagnostic"],
  },
  open: { family: "engagement", keys: ["machine", "machine_reason", "first"] },
  click: { family: "engagement", keys: ["link_id", "url", "machine", "machine_reason"] },
  reply: { family: "engagement", keys: ["automatic"] },
  forward: { family: "engagement", keys: [] },
  unsubscribe: { family: "engagement", keys: ["method", "list_id", "reason"] },
  conversion: { family: "engagement", keys: ["revenue", "currency", "conversion_type", "order_hash"] },
  read_time: { family: "engagement", keys: ["seconds"] },
  summary_view: { family: "engagement", keys: ["surface", "expanded"] },
  inbox_placement: { family: "placement", keys: ["folder", "seed_id", "seed_test_id"] },
  spam_trap_hit: { family: "placement", keys: ["trap_type", "feed", "sender_domain"] },
  page_view: { family: "behaviour", keys: ["page", "category", "session_id"] },
  category_view: { family: "behaviour", keys: ["category", "session_id"] },
  product_view: { family: "behaviour", keys: ["product_id", "category", "session_id"] },
  pricing_view: { family: "behaviour", keys: ["page", "session_id"] },
  content_download: { family: "behaviour", keys: ["content_id", "category", "session_id"] },
  add_to_cart: { family: "behaviour", keys: ["product_id", "category", "quantity", "session_id"] },
  checkout_started: { family: "behaviour", keys: ["cart_value", "currency", "session_id"] },
  purchase: { family: "behaviour", keys: ["revenue", "currency", "order_hash", "category", "session_id"] },
  subscription_canceled: { family: "behaviour", keys: ["plan", "reason"] },
  support_case: { family: "behaviour", keys: ["topic", "severity"] },
};

/**
 * Sources (by provenance) whose ids of events are unique within a day only. Mailgun: "id: a unique identifier within a day"
 * (documentation.mailgun.com, Events, event structure).
 */
const idsOfADay = ["webhook/mailgun"];

const bounceClasses = ["hard", "soft", "block"];
/** Folders a seed may report. */
const placementFolders = ["inbox", "promotions", "spam", "missing"];
/** The version written to raw.events.schema_version. */
const schemaVersion = 1;

const names = Object.keys(types);
const ofFamily = (family) => {
  const found = names.filter((name) => types[name].family === family);
  if (found.length === 0) throw new Error(`includes/events.js: no event type of family "${family}"`);
  return found;
};
/** The metadata keys allowed on an event type. Throws on a type that is not ours. */
const metadataKeys = (type) => {
  if (!Object.hasOwn(types, type)) throw new Error(`includes/events.js: unknown event type "${type}"`);
  return [...commonKeys, ...types[type].keys];
};
/** The types that may carry a metadata key of their own. Throws where none does. */
const carrying = (key) => {
  const found = names.filter((name) => types[name].keys.includes(key));
  if (found.length === 0) throw new Error(`includes/events.js: no event type carries "${key}"`);
  return found;
};
/**
 * A SQL list of quoted event types.
 *
 *   sqlList("open", "click")  =>  'open', 'click'
 */
const sqlList = (...wanted) =>
  wanted
    .map((name) => {
      if (!Object.hasOwn(types, name)) throw new Error(`includes/events.js: unknown event type "${name}"`);
      return `'${name}'`;
    })
    .join(", ");

module.exports = {
  types,
  names,
  ofFamily,
  commonKeys,
  metadataKeys,
  carrying,
  bounceClasses,
  idsOfADay,
  placementFolders,
  schemaVersion,
  sqlList,
};
