import { expect, test } from "vitest";
import retractions from "../../includes/retractions.js";

/**
 * What a kept retraction's digest was made of. A column that comes to a raw table later must not be in it (`laterColumns`): else a row that was taken
 * back has another digest from that day on, and counts again.
 */
const madeOf: Readonly<Record<string, string>> = {
  events:
    "event_id event_type user_id_hash message_id campaign_id timestamp_utc received_at consent provenance schema_version",
  campaigns: "campaign_id name kind topic sender_domain subject_length started_at received_at",
  profiles: "user_id_hash recipient_domain isp region signed_up_at received_at",
  consents:
    "user_id_hash purpose is_granted effective_at provenance channel legal_basis jurisdiction opt_in expires_at received_at",
  identity_links:
    "left_id right_id link_kind linked_at provenance is_linked known_at left_is_role right_is_role received_at",
  suppressions:
    "user_id_hash channel reason scope scope_key is_lifted is_machine since_at until_at provenance received_at",
  seed_tests: "seed_test_id campaign_id isp region sent inbox promotions spam missing tested_at received_at",
  dmarc_reports:
    "report_id org_name policy_domain policy range_begin_at range_end_at source_ip_prefix messages disposition dkim spf header_from received_at",
  tls_reports: "report_id org_name policy_domain policy_type range_begin_at range_end_at succeeded failed received_at",
  postmaster_stats: "domain metric day_at source received_at",
  device_reports: "report_id campaign_id period_at mechanism epsilon answer received_at",
  decisions: "decision_id user_id_hash message_id campaign_id arm model_version decided_at received_at",
  human_labels: "message_id label labelled_by labelled_at note received_at",
  erasure_requests: "user_id_hash requested_at provenance received_at",
  dead_letters: "dead_letter_id reason stage detail source position batch_id schema_version received_at",
};

test("when a raw table gets a column then the digests of rows that were taken back go on meaning them", () => {
  const now = (retractions.tables as readonly string[]).map((table) => [
    table,
    (retractions.digestColumns(table) as readonly { readonly name: string }[]).map(({ name }) => name).join(" "),
  ]);
  expect(Object.fromEntries(now)).toEqual(madeOf);
});
