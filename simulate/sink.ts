/** Who really did what an open, a click or an unsubscribe reports: people, by what hides that they are, and machines, by their habits. */
export type Actor =
  | "person"
  | "person-from-notification"
  | "person-in-office"
  | "person-behind-cdn"
  | "apple-privacy-proxy"
  | "apple-privacy-proxy-full-agent"
  | "gmail-prefetch"
  | "gateway"
  | "browser-gateway"
  | "patient-gateway"
  | "single-link-gateway"
  | "pre-delivery-gateway"
  | "unsubscribing-gateway";

export const isPerson = (actor: Actor): boolean => actor.startsWith("person");

/** Where a world's happenings go: a stream with transport defects, or nowhere when only the state matters. */
export interface Sink {
  /** `metadata` is the JSON text of an object. `actor` is given for opens, clicks and unsubscribes. */
  event(
    type: string,
    u: number,
    messageId: string | undefined,
    campaignId: string | undefined,
    at: number,
    provenance: string,
    metadata: string,
    actor?: Actor,
  ): void;
  /** An event about an address that is no customer's: a seed, a trap. */
  strangerEvent(
    type: string,
    address: string,
    messageId: string,
    campaignId: string,
    at: number,
    provenance: string,
    metadata: string,
  ): void;
  /** A row of another raw table; `fields` is the inside of a JSON object. */
  row(table: string, fields: string, at: number): void;
  /** One line of the truth about a message. */
  message(truth: MessageTruth): void;
}

export interface MessageTruth {
  readonly messageId: string;
  readonly userId: string;
  readonly campaignId: string;
  readonly variant: string;
  readonly arm: string;
  readonly isDelivered: boolean;
  readonly isInbox: boolean;
  readonly isRead: boolean;
  readonly isClicked: boolean;
  readonly isComplaintFelt: boolean;
  readonly isUnsubscribed: boolean;
  readonly isConverted: boolean;
  readonly revenueCents: number;
  /** Unconditional, before anything was drawn. */
  readonly pRead: number;
  readonly pClick: number;
  readonly pComplaint: number;
  readonly pUnsubscribe: number;
  readonly pConversion: number;
}

/** For running a world only to know its state. */
export const silentSink: Sink = { event() {}, strangerEvent() {}, row() {}, message() {} };
