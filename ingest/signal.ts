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
  /** One e-mail to one recipient; a provider's id that names several recipients is made unique with the recipient. */
  readonly messageId?: string | undefined;
  readonly campaignId?: string | undefined;
  /** When it happened, by the event's own clock: ISO 8601, or epoch milliseconds. */
  readonly occurredAt: string | number;
  /** Undefined when the source does not say. */
  readonly consent?: boolean | undefined;
  readonly provenance: string;
  /** Keys outside the allow-list of the type (includes/events.js) are dropped at the door. */
  readonly metadata: Readonly<Record<string, unknown>>;
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
  | "missing-column"
  | "too-large"
  | "not-authentic"
  | "not-a-signal"
  | "row-refused";

/** What a decoder makes of one item of its input: never an exception. */
export type Decoded =
  | { readonly kind: "signal"; readonly signal: Signal }
  | { readonly kind: "dead-letter"; readonly reason: DeadLetterReason; readonly detail: string };
