import { createHash } from "node:crypto";
import events from "../../includes/events.js";
import { addressDomain, isHashedId, normaliseAddress } from "./address.ts";
import type { IdHasher } from "./id-hasher.ts";
import { type Micros, parseInstant } from "./instant.ts";
import type { IspOfDomain } from "./isp-lookup.ts";
import { allowedMetadata, cleanText, isEventType, type Scrubbing } from "./metadata.ts";
import type { RawRow } from "./raw-row.ts";
import { scrubId, scrubText } from "./scrub.ts";
import type { DeadLetterReason, Signal } from "./signal.ts";

/** What happened may lie this far after its arrival: the sender's clock is ahead, which is flagged and kept. */
export const futureToleranceSeconds = 300;
/** Ids longer than this are refused. */
export const maxIdLength = 1024;

export type Refusal = {
  readonly kind: "dead-letter";
  readonly reason: DeadLetterReason;
  readonly detail: string;
  /** The bytes of the record are not kept, not even sealed. */
  readonly isNotKept?: boolean | undefined;
};

export type Pseudonymised =
  /** `leftOut`: fields that no event has, and paths of what its metadata held and may not. */
  { readonly kind: "row"; readonly row: RawRow; readonly leftOut: readonly string[] } | Refusal;

const placementTypes = new Set<string>(events.ofFamily("placement"));
const schemaVersion: number = events.schemaVersion;

/**
 * A signal as a row of raw.events: the recipient's id keyed and hashed, metadata cut to the allow-list, ids that spell
 * a person keyed, what names a person taken out of every text (scrub.ts), IP addresses cut to prefixes. What cannot be a row is refused with a reason that names no person.
 *
 * An event must name a user or a message (seeds and traps name neither). It may lie up to five minutes after its
 * arrival, with the difference in `metadata.clock_skew_seconds`; further on it is refused. Where the source gives no
 * time, the arrival stands in and `metadata.is_time_assumed` says so. The event id is the source's, or `digest:` and
 * the SHA-256 of the event itself, so that a redelivery of the same event has the same id.
 */
export function pseudonymise(
  signal: Signal,
  arrival: Micros,
  hashId: IdHasher,
  ispOfDomain?: IspOfDomain | undefined,
): Pseudonymised {
  const { eventType } = signal;
  if (typeof eventType !== "string") return refuse("wrong-type", "event_type");
  if (!isEventType(eventType)) return refuse("unknown-event-type", `"${cleanText(eventType).slice(0, 80)}"`);
  const recipient = signal.recipient?.trim();
  const messageId = signal.messageId?.trim();
  if (!recipient && !messageId && !placementTypes.has(eventType)) {
    return refuse("missing-field", "neither a user nor a message is named");
  }
  const happened = signal.occurredAt === undefined ? arrival : parseInstant(signal.occurredAt);
  if (happened === undefined) return refuse("time-unreadable", "timestamp_utc");
  const aheadSeconds = (happened - arrival) / 1e6;
  if (aheadSeconds > futureToleranceSeconds) {
    return refuse("time-in-future", `${Math.round(aheadSeconds)} s after its arrival`);
  }
  if (isTooLong(signal.eventId) || isTooLong(recipient) || isTooLong(messageId) || isTooLong(signal.campaignId)) {
    return refuse("too-large", `an id is longer than ${maxIdLength} characters`);
  }

  const userId = recipient ? hashId(recipient) : null;
  let address: string | undefined;
  if (recipient?.includes("@") && !isHashedId(recipient)) address = normaliseAddress(recipient);
  const localPart = address?.slice(0, address.lastIndexOf("@"));
  const leftOut: string[] = [...(signal.unknownFields ?? [])];
  const metadata = allowedMetadata(eventType, signal.metadata, { hashId, localPart }, leftOut);
  if (address !== undefined) {
    // One spelling of a domain, whatever the source calls it beside the address.
    const domain = addressDomain(address);
    if (domain) metadata["recipient_domain"] = domain;
  }
  const money = readMetadataMoney(metadata);
  if (money !== undefined) return refuse("money-unreadable", money);
  if (aheadSeconds > 0 && signal.occurredAt !== undefined) metadata["clock_skew_seconds"] = Math.ceil(aheadSeconds);
  if (signal.occurredAt === undefined) metadata["is_time_assumed"] = true;
  let message = messageId ? scrubId(messageId, hashId) : null;
  if (message !== null && (signal.isMessageIdShared || metadata["provider"] !== undefined)) {
    metadata["provider_message_id"] ??= message;
    if (signal.isMessageIdShared) {
      if (userId !== null) message = `${message}:${userId.slice(7, 23)}`;
      else metadata["is_recipient_unknown"] = true;
    }
  }
  const eventId = signal.eventId?.trim();
  const campaignId = signal.campaignId?.trim();
  const row: Record<string, string | number | boolean | object | null> = {
    event_id: eventId ? scrubId(eventId, hashId) : "",
    event_type: eventType,
    user_id_hash: userId,
    message_id: message,
    campaign_id: campaignId ? scrubId(campaignId, hashId) : null,
    timestamp_utc: happened,
    received_at: arrival,
    consent: signal.consent ?? null,
    provenance: scrubText(signal.provenance).slice(0, 200),
    metadata,
    schema_version: schemaVersion,
  };
  if (!eventId) row["event_id"] = digestOf(row, signal.occurredAt === undefined);
  if (signal.declared) addDeclared(row, metadata, signal, { hashId, localPart });
  const listed = metadata["isp"] === undefined ? ispOfDomain?.(String(metadata["recipient_domain"] ?? "")) : undefined;
  if (listed !== undefined) metadata["isp"] = listed;
  return { kind: "row", row, leftOut };
}

/** What the sender declared, after the event has its id: the same event stays the same whatever is declared later. */
function addDeclared(
  row: Record<string, unknown>,
  metadata: Record<string, unknown>,
  { eventType, declared = {} }: Signal,
  scrubbing: Scrubbing,
): void {
  const { campaignId, variant, senderDomain, isp } = declared;
  if (campaignId && campaignId.length <= maxIdLength) row["campaign_id"] = scrubId(campaignId, scrubbing.hashId);
  const told = { variant, sender_domain: senderDomain, isp: metadata["isp"] ?? isp };
  // An event of a type that has no variant is told of one all the same: that is nothing left out.
  Object.assign(metadata, allowedMetadata(eventType, told, scrubbing, []));
}

const moneyKeys = ["revenue", "cart_value"] as const;

/** Codes of ISO 4217: currencies that Node knows, and beside them units of account, metals, and those that were given up of late and stand in older records. */
const currencies: ReadonlySet<string> = new Set([
  ...Intl.supportedValuesOf("currency"),
  ..."BOV CHE CHW CLF COU MXV USN UYI UYW XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XUA".split(" "),
  ..."ANG BGN BYR CUC DEM EEK FRF HRK ITL LTL LVL MRO SLL STD VEF ZMK ZWG ZWL".split(" "),
]);

/**
 * Amounts as numbers, currencies as ISO 4217 writes them, in place. What is wrong, where an amount cannot be read: `1,234.50` is one thing here and
 * another there, and a purchase without its worth would look like one that brought nothing.
 */
function readMetadataMoney(metadata: Record<string, unknown>): string | undefined {
  const { currency } = metadata;
  for (const key of moneyKeys) {
    const amount = metadata[key];
    if (amount === undefined) continue;
    if (typeof amount === "number" && Number.isFinite(amount)) continue;
    if (typeof amount !== "string" || !/^\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)\s*$/.test(amount)) {
      return `metadata.${key} is not digits with a point; a mapping reads it with cast: money, decimal: ","`;
    }
  }
  if (currency === undefined || moneyKeys.every((key) => metadata[key] === undefined)) return undefined;
  if (typeof currency !== "string" || !currencies.has(currency.trim().toUpperCase()))
    return "metadata.currency is no code of ISO 4217";
  metadata["currency"] = currency.trim().toUpperCase();
  return undefined;
}

const refuse = (reason: DeadLetterReason, detail: string): Refusal => ({ kind: "dead-letter", reason, detail });

const isTooLong = (id: string | undefined): boolean => id !== undefined && id.length > maxIdLength;

/** The id of an event that has none: what it says, apart from when it came and by what clock we judged it. */
function digestOf(row: Readonly<Record<string, unknown>>, isTimeAssumed: boolean): string {
  const { received_at: _received, event_id: _id, schema_version: _version, metadata, timestamp_utc, ...rest } = row;
  const { clock_skew_seconds: _skew, ...said } = metadata as Record<string, unknown>;
  const canonical = { ...rest, timestamp_utc: isTimeAssumed ? null : timestamp_utc, metadata: sorted(said) };
  return `digest:${createHash("sha256").update(JSON.stringify(canonical)).digest("hex")}`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
