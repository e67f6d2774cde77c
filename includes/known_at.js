// When what a table says becomes known, where a query cannot tell: the sources, and the tables whose keys stand for something. From
// these `inboxloop check leakage` reckons when every feature is known. A table that is not here is followed through its query.
//
//   act     a row is known from the time in `at` on, all of it
//   send    what we did ourselves: known as we decide it
//   state   as it stood when the build ran; nothing says since when
//   fixed   was so before any message that it belongs to was sent
//   query   followed through its query, but for what is said here
//
// `ids`: what a column is the id of. `sentAt`: when the mail that `ids` calls "mail" was sent. `times`: columns that are instants and
// known as they pass, or with the row; `ends`: only as they pass. `unique`: no two rows have these alike.

const events = require("./events");
const rawTables = require("./raw_tables");

const people = { user_id_hash: "user", person_id: "person", campaign_id: "campaign" };
const mails = { ...people, message_id: "mail" };

// A mail is sent, delivered or bounced to an address of a mailbox provider in a region: what its handling says of these was so before.
const handling = events.ofFamily("delivery");
const saidByHandling = ["isp", "region", "recipient_domain", "sender_domain", "variant", "campaign_id"];

const signals = {
  kind: "act",
  at: "occurred_at",
  times: ["received_at"],
  sentAt: "sent_at",
  ids: mails,
  unique: [["event_id", "event_type", "subject_key"]],
  early: { type: "event_type", within: handling, and: "sent", columns: saidByHandling },
};

const received = Object.fromEntries(
  rawTables.names.map((name) => [`raw.${name}`, { kind: "act", at: "received_at", times: [], ids: mails }]),
);

const tables = {
  ...received,
  "raw.events": { kind: "act", at: "timestamp_utc", times: ["received_at"], ids: mails },
  "raw.campaigns": { kind: "fixed", times: ["started_at", "received_at"], ids: people },
  "raw.decisions": { kind: "send", at: "decided_at", times: ["received_at"], ids: mails },
  "raw.seed_tests": { kind: "act", at: "tested_at", times: ["received_at"], ids: people },
  "raw.human_labels": { kind: "act", at: "labelled_at", times: ["received_at"], ids: mails },

  "staging.stg_raw__events": { ...signals, sentAt: undefined, early: undefined },
  "staging.stg_raw__profiles": {
    kind: "state",
    times: ["signed_up_at"],
    ids: people,
    unique: [["user_id_hash"]],
  },
  // a row says what was known after known_at and until it was superseded
  "staging.stg_raw__profile_versions": {
    kind: "act",
    at: "known_at",
    times: ["signed_up_at"],
    ends: ["superseded_at"],
    ids: people,
    unique: [["user_id_hash", "known_at"]],
  },
  "staging.stg_raw__campaigns": { kind: "fixed", times: ["started_at"], ids: people, unique: [["campaign_id"]] },
  "staging.stg_raw__seed_tests": { kind: "act", at: "tested_at", times: [], ids: people },
  "staging.stg_raw__decisions": {
    kind: "send",
    at: "decided_at",
    times: ["send_at"],
    ids: mails,
    unique: [["decision_id"]],
  },
  "staging.stg_raw__human_labels": { kind: "act", at: "labelled_at", times: [], ids: mails },
  "staging.stg_raw__consents": { kind: "state", times: ["effective_at", "expires_at", "known_at"], ids: people },
  "staging.stg_raw__suppressions": { kind: "state", times: ["since_at", "until_at", "known_at"], ids: people },
  "staging.stg_raw__postmaster_stats": { kind: "state", times: [], ids: people },

  "identity.persons": { kind: "state", times: ["known_at"], ids: people, unique: [["user_id_hash"]] },
  "identity.conflicts": { kind: "state", times: [], ids: people },
  // a row says what was known between begins_at and ends_at
  "identity.stretches": { kind: "fixed", times: ["begins_at", "ends_at"], ids: people },

  "governance.consents": { kind: "state", times: [], ids: people, unique: [["user_id_hash", "channel"]] },
  "governance.recipient_eligibility": {
    kind: "state",
    times: [],
    ids: people,
    unique: [["user_id_hash", "channel", "campaign_kind"]],
  },

  "events.distinct_events": signals,
  "events.events": signals,
  // an order is reported by the shop and again by attribution; it was one when it was first
  "events.orders": { kind: "act", at: "occurred_at", times: [], ids: mails, unique: [["order_id"]] },
  "labels.rule_labels": { kind: "query", ids: mails, unique: [["message_id"]] },
  // every day on which a mail was sent has its row: that a mail finds one tells nothing
  "features.feed_ages": { kind: "query", sentAt: "activity_date", rows: "sent", ids: {}, unique: [["activity_date"]] },
  "events.messages": {
    kind: "query",
    sentAt: "sent_at",
    ids: mails,
    // a row is there because we sent; how we learned of it says nothing of the reader
    rows: "sent",
    known: ["person_id", "sent_at", "sent_date", "closes_at", "is_mature"],
    unique: [["message_id"]],
  },
};

// What may be known late, and why it is taken all the same: `from` are columns on the way to `column`.
const accepted = [
  ...["label", "label_so_far", "label_confidence"].map((column) => ({
    column: `labels.rule_labels.${column}`,
    from: ["events.messages.delivered_at", "events.messages.campaign_id", "events.messages.*"],
    why: "whether a provider reports deliveries at all is a property of its feed, though it is read off the whole campaign",
  })),
];

module.exports = { tables, accepted };
