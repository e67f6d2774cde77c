// The append-only raw tables, once: column -> GoogleSQL type. Local segments, BigQuery tables and declarations are made from this.
// Every raw table has received_at, by whose date it is partitioned.

const tables = {
  // One row per signal received. The truth.
  events: {
    event_id: "STRING", // provider's id, or a digest of the canonical event where there is none
    event_type: "STRING",
    user_id_hash: "STRING", // sha256:<hex of a keyed HMAC>
    message_id: "STRING", // one e-mail to one recipient; null for behaviour
    campaign_id: "STRING",
    timestamp_utc: "TIMESTAMP", // when it happened
    received_at: "TIMESTAMP", // when we accepted it
    consent: "BOOL",
    provenance: "STRING",
    metadata: "JSON", // allow-listed keys per type, see events.js
    schema_version: "INT64",
  },
  campaigns: {
    campaign_id: "STRING",
    name: "STRING",
    kind: "STRING", // bulk | trigger | transactional
    topic: "STRING",
    sender_domain: "STRING",
    subject_length: "INT64",
    subject_features: "JSON",
    started_at: "TIMESTAMP",
    received_at: "TIMESTAMP",
  },
  profiles: {
    user_id_hash: "STRING",
    recipient_domain: "STRING",
    isp: "STRING",
    region: "STRING",
    signed_up_at: "TIMESTAMP",
    attributes: "JSON",
    known_at: "TIMESTAMP", // since when another system knew it, where that was before it came to us
    received_at: "TIMESTAMP",
  },
  consents: {
    user_id_hash: "STRING",
    purpose: "STRING", // training | segmentation | activation | measurement
    is_granted: "BOOL",
    effective_at: "TIMESTAMP",
    provenance: "STRING",
    channel: "STRING", // email | sms | push | web | phone | post; null for all of them
    legal_basis: "STRING", // of GDPR Article 6(1), see consents.js; null is consent
    jurisdiction: "STRING", // ISO 3166 code of the country whose law it was given under
    opt_in: "STRING", // single | pending | confirmed: where the statement stands in a double opt-in
    expires_at: "TIMESTAMP", // from when on it no longer holds
    received_at: "TIMESTAMP",
  },
  identity_links: {
    left_id: "STRING",
    right_id: "STRING",
    link_kind: "STRING", // login | form | click_token | crm_id | ...; null with is_linked false takes every kind back
    linked_at: "TIMESTAMP", // when it was made, or taken back
    provenance: "STRING",
    is_linked: "BOOL", // false takes the link back; null is true
    known_at: "TIMESTAMP", // when it was first known, where that is later than linked_at
    left_is_role: "BOOL", // the id is an address of a role, like info@ or sales@
    right_is_role: "BOOL",
    received_at: "TIMESTAMP",
  },
  // Who must not be reached: lists of providers, files, requests of people. What events and consents say stands there.
  suppressions: {
    user_id_hash: "STRING",
    channel: "STRING", // null for all
    reason: "STRING", // see suppressions.js
    scope: "STRING", // all | campaign_kind | list
    scope_key: "STRING", // which kind or list
    is_lifted: "BOOL", // true takes it off again; null is false
    is_machine: "BOOL", // a machine asked for it
    since_at: "TIMESTAMP",
    until_at: "TIMESTAMP",
    provenance: "STRING",
    received_at: "TIMESTAMP",
  },
  seed_tests: {
    seed_test_id: "STRING",
    campaign_id: "STRING",
    isp: "STRING",
    region: "STRING",
    sent: "INT64",
    inbox: "INT64",
    promotions: "INT64",
    spam: "INT64",
    missing: "INT64",
    tested_at: "TIMESTAMP",
    received_at: "TIMESTAMP",
  },
  dmarc_reports: {
    report_id: "STRING",
    org_name: "STRING",
    policy_domain: "STRING",
    policy: "STRING",
    range_begin_at: "TIMESTAMP",
    range_end_at: "TIMESTAMP",
    source_ip_prefix: "STRING",
    messages: "INT64",
    disposition: "STRING",
    dkim: "STRING",
    spf: "STRING",
    header_from: "STRING",
    details: "JSON",
    received_at: "TIMESTAMP",
  },
  tls_reports: {
    report_id: "STRING",
    org_name: "STRING",
    policy_domain: "STRING",
    policy_type: "STRING", // sts | tlsa | no-policy-found
    range_begin_at: "TIMESTAMP",
    range_end_at: "TIMESTAMP",
    succeeded: "INT64",
    failed: "INT64",
    details: "JSON",
    received_at: "TIMESTAMP",
  },
  // What mailbox providers say of a domain of ours: Google Postmaster Tools.
  postmaster_stats: {
    domain: "STRING",
    metric: "STRING", // spam_rate, dkim_success_rate, reject_rate ...
    day_at: "TIMESTAMP", // the day, at its first instant
    value: "JSON", // a number
    source: "STRING",
    received_at: "TIMESTAMP",
  },
  // What devices say under local differential privacy: one randomised answer each, naming neither person nor device nor mail (device_reports.js).
  device_reports: {
    report_id: "STRING", // 128 random bits, drawn for this report alone
    campaign_id: "STRING",
    period_at: "TIMESTAMP", // when the period that it is about began
    mechanism: "STRING",
    epsilon: "STRING", // as the mechanism's table writes it: 0.5, 1 ...
    answer: "INT64", // place of the answer that was drawn
    received_at: "TIMESTAMP",
  },
  // What was decided for whom: serving writes it, and experiments (hold-outs included) are read from it.
  decisions: {
    decision_id: "STRING",
    user_id_hash: "STRING",
    message_id: "STRING",
    campaign_id: "STRING",
    arm: "STRING", // treatment or hold-out the customer was given
    model_version: "STRING",
    decided_at: "TIMESTAMP",
    attributes: "JSON",
    received_at: "TIMESTAMP",
  },
  human_labels: {
    message_id: "STRING",
    label: "STRING",
    labelled_by: "STRING",
    labelled_at: "TIMESTAMP",
    note: "STRING",
    received_at: "TIMESTAMP",
  },
  erasure_requests: {
    user_id_hash: "STRING",
    requested_at: "TIMESTAMP",
    provenance: "STRING",
    received_at: "TIMESTAMP",
  },
  // Receipts of erasures, one for each request that was carried out. They name nobody.
  erasures: {
    erasure_request_id: "STRING",
    erasure_id: "STRING", // many requests may be one erasure
    requested_at: "TIMESTAMP",
    due_at: "TIMESTAMP",
    erased_at: "TIMESTAMP",
    rows_erased: "INT64", // of the whole erasure
    models: "JSON", // of the whole erasure: names of models that learned from one of its people
    retrain_by_at: "TIMESTAMP", // when these must be trained anew; null without any
    received_at: "TIMESTAMP",
  },
  // Who was erased, so that models leave out what gets past the door. It names nobody: an id is a digest that leads nowhere.
  erased_ids: {
    id_digest: "STRING", // see erasures.js
    id_hint: "STRING", // its first digits, by which most rows are told apart without a digest
    is_readmitted: "BOOL", // true lets the person in again from stated_at on; null is false
    erasure_id: "STRING",
    stated_at: "TIMESTAMP",
    received_at: "TIMESTAMP",
  },
  // What was released, changed, approved and paused, an entry of the release log a row. The log is the truth; this is for queries.
  release_entries: {
    log_id: "STRING", // hash of the log's first entry: a log that is begun anew is another
    log_sequence: "INT64",
    entry_hash: "STRING",
    entry_kind: "STRING", // kind of the entry, see release/events.ts
    changed_thing: "STRING", // model, another thing of rights.yaml, or sending where something is paused
    changed_name: "STRING", // version of a model, name of the thing, or what is paused
    changed_digest: "STRING", // of what was decided on; null where an entry says none
    decided_by: "STRING", // fingerprint of the key that signed; null where the machinery decided
    release_stage: "STRING", // where the version stands since; null for other things
    change_verdict: "STRING", // of an evaluation or a look at a canary
    change_reason: "STRING",
    waiver: "STRING", // why it went on although something was not shown; null where nothing was passed over
    decided_at: "TIMESTAMP",
    received_at: "TIMESTAMP",
  },
  // What was landed and must not count: one row for each row taken back, and one without a row_digest where a retraction is undone.
  retractions: {
    retraction_id: "STRING", // one act of taking back, of many rows
    table_name: "STRING", // of the raw table
    row_digest: "STRING", // which row: see retractions.js; it names nobody
    row_id: "STRING", // of an event, its event_id
    row_received_at: "TIMESTAMP",
    is_undone: "BOOL", // true undoes the whole retraction; null is false
    reason: "STRING",
    stated_at: "TIMESTAMP",
    received_at: "TIMESTAMP",
  },
  dead_letters: {
    dead_letter_id: "STRING",
    reason: "STRING", // stable code: malformed-json, unknown-event-type, missing-field ...
    stage: "STRING", // verify | decode | validate | write
    detail: "STRING",
    source: "STRING",
    position: "STRING", // line, row or message id within the source
    payload: "BYTES", // the original bytes, sealed under the dead-letter key; or same-as:<position> of the letter that has them
    batch_id: "STRING",
    schema_version: "INT64",
    received_at: "TIMESTAMP",
  },
  ingest_ledger: {
    batch_id: "STRING",
    sequence: "INT64",
    source: "STRING",
    received: "INT64",
    landed: "INT64",
    duplicate: "INT64",
    dead_letter: "INT64",
    content_digest: "STRING",
    previous_hash: "STRING",
    entry_hash: "STRING",
    left_out: "JSON", // [{ name, rows }]: what the door left out, by table.column.key; null where nothing
    received_at: "TIMESTAMP",
  },
};

const names = Object.keys(tables);
/** The columns of a raw table, in order. Throws on a table that is not ours. */
const columns = (table) => {
  if (!Object.hasOwn(tables, table)) throw new Error(`includes/raw_tables.js: unknown raw table "${table}"`);
  return Object.entries(tables[table]).map(([name, type]) => ({ name, type }));
};

module.exports = { tables, names, columns };
