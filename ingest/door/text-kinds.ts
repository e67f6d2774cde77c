/**
 * What kind of text each column and each metadata key holds; scrub.ts says what becomes of it. What is not listed is `text`.
 *
 *   id      names a thing and is compared: a keyed token where it names a person     url     without its query
 *   phrase  written by people or servers: names go too                               agent   versions stay
 *   person  an address or a raw id: hashed                                           ip      its network
 *   region  no finer than a country's state, or nothing
 */
export type TextKind = "text" | "id" | "url" | "phrase" | "agent" | "person" | "ip" | "region";

const columnKinds: ReadonlyMap<string, TextKind> = new Map([
  ["user_id_hash", "person"],
  ["left_id", "person"],
  ["right_id", "person"],
  ["event_id", "id"],
  ["message_id", "id"],
  ["campaign_id", "id"],
  ["decision_id", "id"],
  ["seed_test_id", "id"],
  ["report_id", "id"],
  ["row_id", "id"],
  ["row_digest", "id"],
  ["id_digest", "id"],
  ["log_id", "id"],
  ["entry_hash", "id"],
  ["changed_name", "id"],
  ["changed_digest", "id"],
  ["decided_by", "id"],
  ["change_reason", "phrase"],
  ["waiver", "phrase"],
  ["source_ip_prefix", "ip"],
  ["note", "phrase"],
  ["region", "region"],
]);

const metadataKinds: ReadonlyMap<string, TextKind> = new Map([
  ["provider_message_id", "id"],
  ["feedback_id", "id"],
  ["custom_id", "id"],
  ["session_id", "id"],
  ["order_hash", "id"],
  ["template_id", "id"],
  ["list_id", "id"],
  ["product_id", "id"],
  ["content_id", "id"],
  ["subject_id", "id"],
  ["seed_id", "id"],
  ["seed_test_id", "id"],
  ["link_id", "url"],
  ["url", "url"],
  ["page", "url"],
  ["reason", "phrase"],
  ["diagnostic", "phrase"],
  ["user_agent", "agent"],
  ["ip", "ip"],
  ["ip_prefix", "ip"],
  ["region", "region"],
]);

export const columnKind = (column: string): TextKind => columnKinds.get(column) ?? "text";
export const metadataKind = (key: string): TextKind => metadataKinds.get(key) ?? "text";
