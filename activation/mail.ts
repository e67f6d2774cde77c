/** A decided send, as raw.decisions has it. Nothing in it says who somebody is but the keyed id. */
export interface DecidedSend {
  /** The idempotency key: whatever is handed over is handed over once for it. */
  readonly decision_id: string;
  readonly message_id: string;
  readonly user_id_hash: string;
  readonly campaign_id: string;
  readonly campaign_kind: string;
  readonly policy: string;
  readonly variant: string;
  readonly offer: string | null;
  /** Milliseconds since the epoch. */
  readonly send_at: number;
  /** When the event happened that it answers, in milliseconds since the epoch; null where it answers none. */
  readonly triggered_at: number | null;
}

/** Where a person's mail goes. Lives as long as the request that it is rendered into. */
export interface Address {
  readonly address: string;
  readonly name: string | null;
}

/** A send as a receiver gets it. Never written anywhere by us. */
export interface Mail extends DecidedSend {
  /** The receiver's own id of the template; null for receivers that have none. */
  readonly template: string | null;
  readonly to: Address;
  /** For List-Unsubscribe; null where the settings name no collector. */
  readonly unsubscribe_url: string | null;
}

/** What a receiver made of a mail. `reason` is a status or a code, never a receiver's free text: that may quote the address. */
export type Answer =
  | { readonly kind: "accepted"; readonly provider_id: string | null }
  /** This mail, for good. */
  | { readonly kind: "refused"; readonly reason: string }
  /** It was surely not taken, and may be later. */
  | { readonly kind: "not-now"; readonly reason: string; readonly retry_after_ms: number | null }
  /** Nobody answered: it may have been taken or not. */
  | { readonly kind: "in-doubt"; readonly reason: string }
  /** Nothing will be taken before somebody mends the set-up. */
  | { readonly kind: "set-up"; readonly reason: string };

interface AnyReceiver {
  readonly name: string;
  /** As events from there are marked in `metadata.provider`; null where no source of ours speaks for it. */
  readonly provider: string | null;
  /** Whether it takes a key only once: then a mail whose answer was lost is handed over again. */
  readonly isIdempotent: boolean;
  /** Whether a mail that it took counts as sent. */
  readonly countsAsSent: boolean;
  /** The request of a mail, for people to look at. */
  render(mail: Mail): unknown;
  close(): void;
}

export interface EachReceiver extends AnyReceiver {
  readonly takes: "each";
  hand(mail: Mail): Promise<Answer>;
}

export interface BatchReceiver extends AnyReceiver {
  readonly takes: "batch";
  /** All of them under the batch's name, or none. */
  handAll(batch: string, mails: readonly Mail[]): Promise<Answer>;
  /** Whether a batch of that name arrived. */
  isThere(batch: string): Promise<boolean>;
}

export type Receiver = EachReceiver | BatchReceiver;

/** A status or a code of a receiver: kept where it cannot be anything else, an address least of all. */
export const plainCode = (text: unknown): string | undefined =>
  typeof text === "string" && /^[A-Za-z][A-Za-z0-9_.-]{0,79}$/.test(text) ? text : undefined;
