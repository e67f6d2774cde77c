/**
 * One signal as a source tells it, decoded but still outside the door: it may carry a raw address. Only `pseudonymise`
 * turns it into a row; nothing before that writes or logs it.
 */
export interface Signal {
  /** The provider's id of this event, where it has one that is stable across redeliveries. */
  readonly eventId?: string | undefined;
  readonly eventType: string;
  /** An address, or an id that arrives already hashed (`sha256:` + 64 hex), which is kept. */
  readonly recipient?: string | undefined;
  /** The provider's id of the e-mail, verbatim; the door also keeps it as `metadata.provider_message_id`. */
  readonly messageId?: string | undefined;
  /**
   * True where the provider's id may name one mailing to several recipients. Our message_id is one e-mail to one
   * recipient, so the door then makes it unique: `<id>:<first 16 hex digits of the recipient's hashed id>`.
   */
  readonly isMessageIdShared?: boolean | undefined;
  readonly campaignId?: string | undefined;
  /**
   * When it happened, by the event's own clock: ISO 8601, or epoch milliseconds. Undefined when the source does not
   * say: then the time of arrival stands, flagged `metadata.is_time_assumed`.
   */
  readonly occurredAt: string | number | undefined;
  /** Undefined when the source does not say. */
  readonly consent?: boolean | undefined;
  readonly provenance: string;
  /** Keys outside the allow-list of the type (includes/events.js) are dropped at the door. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** What else the provider said beside the event, for the sender's declaration to read (sources/declared.ts); the door keeps none of it. */
  readonly beside?: Beside | undefined;
  /** Fields of a record in our own shape that no event has, as accounts write them; left out and counted. */
  readonly unknownFields?: readonly string[] | undefined;
  /** What the sender declares that the event means. No part of what makes two events the same: a declaration may change. */
  readonly declared?: Declared | undefined;
}

/** What a provider hands back with an event: the sender's own arguments, who sent the mail, which host took it. */
export interface Beside {
  /** The sender's own arguments by their names; the provider's word for them is custom arguments, user variables, metadata, tags with values ... */
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
  /** The address or mailbox of From or of the envelope. */
  readonly from?: string | null | undefined;
  /** The host that took or refused the mail for the recipient's domain, as its MX record names it. */
  readonly mxHost?: string | null | undefined;
}

/** Dimensions that a declaration read out of an event. */
export interface Declared {
  readonly campaignId?: string | undefined;
  readonly variant?: string | undefined;
  readonly senderDomain?: string | undefined;
  readonly isp?: string | undefined;
}

/** Why something did not land. Stable codes: people filter and replay by them. */
export type DeadLetterReason =
  | "malformed-json"
  | "malformed-input"
  | "unknown-event-type"
  | "missing-field"
  | "wrong-type"
  | "time-in-future"
  | "time-unreadable"
  | "money-unreadable"
  | "unknown-purpose"
  | "unknown-mechanism"
  | "unknown-epsilon"
  | "unexpected-field"
  | "not-asked"
  | "consent-signal"
  | "missing-column"
  | "too-large"
  | "too-deep"
  | "not-authentic"
  | "not-a-signal"
  | "damaged-frame"
  | "decoder-failed"
  | "row-refused"
  | "erased"
  | "retracted";

/** What a decoder makes of one item of its input: never an exception. */
export type Decoded =
  | { readonly kind: "signal"; readonly signal: Signal }
  | { readonly kind: "dead-letter"; readonly reason: DeadLetterReason; readonly detail: string };

/** One item of an input: what a decoder made of it, or a row for another raw table than events. */
export type Item =
  | {
      readonly kind: "signal";
      readonly signal: Signal;
      /** When another system accepted it; believed only where the caller says so (simulation, backfill). */
      readonly receivedAt?: unknown;
    }
  | {
      readonly kind: "row";
      readonly table: string;
      readonly values: Readonly<Record<string, unknown>>;
      /** Whose list of attributes holds: `api/<caller>`; `file` where it is not said. */
      readonly source?: string | undefined;
    }
  | {
      readonly kind: "dead-letter";
      readonly reason: DeadLetterReason;
      readonly detail: string;
      /** Its bytes are not kept, not even sealed: it came where nothing of a person may come. */
      readonly isNotKept?: boolean | undefined;
    };
