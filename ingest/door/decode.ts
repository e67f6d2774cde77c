import { isUtf8 } from "node:buffer";
import { writtenKey } from "./json-columns.ts";
import { cleanText } from "./metadata.ts";
import { isAbsent, isRawTable } from "./raw-row.ts";
import type { DeadLetterReason, Item } from "./signal.ts";

/** A line longer than this is refused unread. */
export const maxLineBytes = 1 << 20;
/** A document nested deeper than this is refused. */
export const maxDepth = 32;

/** Tables that only the ingester writes. */
const ownTables = new Set(["dead_letters", "ingest_ledger"]);

const refuse = (reason: DeadLetterReason, detail: string): Item => ({ kind: "dead-letter", reason, detail });

type Fields = Readonly<Record<string, unknown>>;

/**
 * One line of NDJSON as an item: an event in our own shape, or with `"table"` a row of another raw table. Never throws.
 *
 *   {"event_type":"open","user_id_hash":"sha256:...","message_id":"...","campaign_id":"promo-202601",
 *    "timestamp_utc":"2026-01-31T09:12:00Z","consent":true,"provenance":"app-v2","metadata":{"client":"ios"}}
 *
 * `event_metadata`, `consent_flag` and `provenance_id` are accepted for `metadata`, `consent` and `provenance`;
 * `user_id` (an address or an id, hashed at the door) for `user_id_hash`.
 */
export function decodeLine(bytes: Uint8Array, defaultProvenance: string): Item {
  if (bytes.byteLength > maxLineBytes) return refuse("too-large", `${bytes.byteLength} bytes`);
  if (!isUtf8(bytes)) return refuse("malformed-input", "not UTF-8");
  return decodeJson(asBuffer(bytes).toString("utf8"), defaultProvenance);
}

/** The same of a line that a reader has made text of already. */
export function decodeText(text: string, defaultProvenance: string): Item {
  if (text.length > maxLineBytes / 3) {
    const bytes = Buffer.byteLength(text, "utf8");
    if (bytes > maxLineBytes) return refuse("too-large", `${bytes} bytes`);
  }
  return decodeJson(text, defaultProvenance);
}

function decodeJson(text: string, defaultProvenance: string): Item {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the input, and the input may hold an address.
    return refuse("malformed-json", "not one JSON document");
  }
  return decodeRecord(value, defaultProvenance);
}

/**
 * A parsed record as an item; see `decodeLine`. `mayLackUser` where a mapping says what a record is: details of an
 * event whose user stands elsewhere.
 */
export function decodeRecord(value: unknown, defaultProvenance: string, mayLackUser = false): Item {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return refuse("wrong-type", "the record is not an object");
  }
  const fields = value as Fields;
  if (isDeeperThan(fields, maxDepth)) return refuse("too-deep", `nested deeper than ${maxDepth}`);
  const table = fields["table"];
  if (table === undefined || table === "events") return decodeEvent(fields, defaultProvenance, mayLackUser);
  if (typeof table !== "string") return refuse("wrong-type", "table");
  if (!isRawTable(table) || ownTables.has(table)) {
    return refuse("not-a-signal", `no table "${cleanText(table).slice(0, 80)}" to write to`);
  }
  return { kind: "row", table, values: fields };
}

function decodeEvent(fields: Fields, defaultProvenance: string, mayLackUser: boolean): Item {
  const eventType = fields["event_type"];
  if (isAbsent(eventType)) return refuse("missing-field", "event_type");
  if (typeof eventType !== "string") return refuse("wrong-type", "event_type");
  const occurredAt = fields["timestamp_utc"];
  if (isAbsent(occurredAt)) return refuse("missing-field", "timestamp_utc");
  if (typeof occurredAt !== "string" && typeof occurredAt !== "number") return refuse("wrong-type", "timestamp_utc");
  const user = isAbsent(fields["user_id_hash"]) ? fields["user_id"] : fields["user_id_hash"];
  if (!isId(user)) return refuse("wrong-type", "user_id_hash");
  const messageId = fields["message_id"];
  if (!isId(messageId)) return refuse("wrong-type", "message_id");
  const campaignId = fields["campaign_id"];
  if (!isId(campaignId)) return refuse("wrong-type", "campaign_id");
  const eventId = fields["event_id"];
  if (!isId(eventId)) return refuse("wrong-type", "event_id");
  const consent = fields["consent"] ?? fields["consent_flag"];
  if (consent !== undefined && consent !== null && typeof consent !== "boolean") return refuse("wrong-type", "consent");
  const provenance = fields["provenance"] ?? fields["provenance_id"];
  if (provenance !== undefined && provenance !== null && typeof provenance !== "string") {
    return refuse("wrong-type", "provenance");
  }
  const metadata = fields["metadata"] ?? fields["event_metadata"];
  if (metadata !== undefined && metadata !== null && (typeof metadata !== "object" || Array.isArray(metadata))) {
    return refuse("wrong-type", "metadata");
  }
  if (isAbsent(user) && !namesNobody.has(eventType) && !(mayLackUser && !isAbsent(messageId)))
    return refuse("missing-field", "user_id_hash");
  return {
    kind: "signal",
    receivedAt: fields["received_at"],
    signal: {
      eventId: idText(eventId),
      eventType,
      recipient: idText(user),
      messageId: idText(messageId),
      campaignId: idText(campaignId),
      occurredAt,
      consent: consent ?? undefined,
      provenance: provenance || defaultProvenance,
      metadata: (metadata as Fields | null | undefined) ?? {},
      unknownFields: unknownFields(fields),
    },
  };
}

const eventFields = new Set(
  "table event_id event_type user_id_hash user_id message_id campaign_id timestamp_utc received_at consent consent_flag provenance provenance_id metadata event_metadata schema_version".split(
    " ",
  ),
);

function unknownFields(fields: Fields): readonly string[] | undefined {
  let found: readonly string[] | undefined;
  for (const key in fields)
    if (!eventFields.has(key) && !isAbsent(fields[key])) found = [...(found ?? []), writtenKey(key)];
  return found;
}

/** Signals about a seed or a trap, not about a customer. */
const namesNobody = new Set(["inbox_placement", "spam_trap_hit"]);

const isId = (value: unknown): value is string | number | null | undefined =>
  value === undefined || value === null || typeof value === "string" || Number.isSafeInteger(value);

const idText = (value: string | number | null | undefined): string | undefined =>
  value === null || value === undefined || value === "" ? undefined : typeof value === "string" ? value : String(value);

/** Whether a parsed JSON value is nested deeper than `limit`. Without recursion past the limit. */
export function isDeeperThan(value: unknown, limit: number): boolean {
  if (value === null || typeof value !== "object") return false;
  if (limit === 0) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object" && isDeeperThan(item, limit - 1)) return true;
    return false;
  }
  for (const key in value) {
    const item = (value as Fields)[key];
    if (typeof item === "object" && isDeeperThan(item, limit - 1)) return true;
  }
  return false;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
