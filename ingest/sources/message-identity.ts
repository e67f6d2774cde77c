// What a provider's id of a message names, once for every provider. Our message_id is one e-mail to one person: an id that several people share
// is never taken for it, and an event that names nobody counts for nobody.

import returnPath from "../../includes/return_path.js";
import { normaliseAddress } from "../door/address.ts";
import type { Signal } from "../door/signal.ts";

/** `person`: each addressee has an id of their own. `mailing`: one call or one mail to several addressees has one. */
export type IdScope = "person" | "mailing";

interface Identity {
  /** The field of the event that is taken for the id. */
  readonly field: string;
  readonly scope: IdScope;
  /** Where the provider says so. */
  readonly documentedAt: string;
  /** What it says, in our words; docs/reference/message-ids.md is made from it. */
  readonly means: string;
}

/**
 * By the provider's name. Where the documentation does not promise an id per addressee the id is a mailing's: the door then adds who it was
 * for, which is right in either case.
 */
export const messageIdentities = {
  amazon_ses: {
    field: "mail.messageId",
    scope: "mailing",
    documentedAt: "https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html",
    means:
      "One id for each call of SendEmail, whoever is in To, Cc and Bcc; `mail.destination` lists them all. Sends, deliveries, bounces and delays name their own recipients; opens, clicks and subscriptions name nobody; `complainedRecipients` are those who may have complained. The tag `inboxloop_message_id` of mails that we handed over goes before it.",
  },
  brevo: {
    field: "message-id",
    scope: "mailing",
    documentedAt: "https://developers.brevo.com/docs/transactional-webhooks",
    means: "The Message-ID of one call, for each addressee of it; every event names one e-mail address.",
  },
  mail: {
    field: "Message-ID",
    scope: "mailing",
    documentedAt: "https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4",
    means:
      "Names one version of one mail, not a copy of it: every recipient has the same. A delivery status names its recipients one by one; a feedback report with several recipients does not say who complained.",
  },
  mailersend: {
    field: "data.email.message.id",
    scope: "mailing",
    documentedAt: "https://developers.mailersend.com/api/v1/webhooks.html",
    means: "One id for each call; `data.email.recipient` is the one person whom the event is about.",
  },
  mailgun: {
    field: "message.headers.message-id",
    scope: "mailing",
    documentedAt: "https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure",
    means: "The Message-ID header, the same for every recipient of a batch; `recipient` is the one person.",
  },
  mailjet: {
    field: "MessageID",
    scope: "person",
    documentedAt: "https://dev.mailjet.com/email/guides/send-api-v31/#api-response",
    means:
      "An id for each recipient of a call: the answer of Send API v3.1 lists one beside every address in To, Cc and Bcc.",
  },
  mailomat: {
    field: "messageId",
    scope: "mailing",
    documentedAt: "https://api.mailomat.swiss/docs/#tag/webhook",
    means: "One id for each call, taken from its Message-ID; `recipient` is the one person.",
  },
  mailtrap: {
    field: "message_id",
    scope: "mailing",
    documentedAt: "https://docs.mailtrap.io/email-api-smtp/advanced/webhooks",
    means: "An id of the message; that no two addressees share one is not promised. `email` is the one person.",
  },
  mandrill: {
    field: "msg._id",
    scope: "person",
    documentedAt: "https://mailchimp.com/developer/transactional/api/messages/send-new-message/",
    means: "An id for each recipient: the answer of messages/send has one beside every address.",
  },
  postal: {
    field: "payload.message.id",
    scope: "person",
    documentedAt: "https://docs.postalserver.io/developer/payloads",
    means:
      "Postal makes a message of its own for each recipient of a call; its answer lists an id beside every address.",
  },
  postmark: {
    field: "MessageID",
    scope: "mailing",
    documentedAt: "https://postmarkapp.com/developer/webhooks/delivery-webhook",
    means:
      "One id for each call, for as many as 50 recipients in To, Cc and Bcc; a webhook comes for each of them, with `Recipient` (bounces and complaints: `Email`).",
  },
  resend: {
    field: "data.email_id",
    scope: "mailing",
    documentedAt: "https://resend.com/docs/dashboard/webhooks/event-types",
    means:
      "One id for each call, for as many as 50 addressees; `data.to` lists them all, in every event. Only that it was sent is said of all of them; of a bounce the server's words may name one; opens, clicks, deliveries and complaints of a mail to several name nobody.",
  },
  sendgrid: {
    field: "sg_message_id, up to its first .filter or .recv",
    scope: "mailing",
    documentedAt: "https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",
    means:
      "The first part is one call's, for as many as 1,000 recipients; `email` is the one person. What the sender passed along (`unique_args`, custom arguments) stands in line with SendGrid's own keys and is never taken for an id, but for `inboxloop_message_id` of mails that we handed over: one to each person.",
  },
  sparkpost: {
    field: "transmission_id",
    scope: "mailing",
    documentedAt: "https://support.sparkpost.com/docs/tech-resources/webhook-event-reference",
    means: "One id for each transmission, for all of its recipients; `rcpt_to` is the one person.",
  },
  sweego: {
    field: "swg_uid",
    scope: "mailing",
    documentedAt: "https://learn.sweego.io/docs/webhooks/webhook_intro",
    means:
      "Sweego's id of the e-mail; that no two addressees share one is not promised. `recipient` is the one person.",
  },
  unisender_go: {
    field: "metadata.message_id, else job_id",
    scope: "mailing",
    documentedAt: "https://godocs.unisender.ru/web-api-ref#callback-format",
    means: "`job_id` is one call's, for as many as 500 recipients; `email` is the one person.",
  },
} as const satisfies Readonly<Record<string, Identity>>;

export type Source = keyof typeof messageIdentities;

/** The id of a signal, and whether the door has to add whom it is for. */
export const messageIdentity = (
  source: Source,
  id: string | null | undefined,
): Pick<Signal, "messageId" | "isMessageIdShared"> => ({
  messageId: id || undefined,
  isMessageIdShared: messageIdentities[source].scope === "mailing",
});

/** The same of a mail that we handed over, one to each person, where its event brings our own id of it back. */
export const returnedIdentity = (
  source: Source,
  ours: unknown,
  id: string | null | undefined,
): Pick<Signal, "messageId" | "isMessageIdShared"> =>
  returnPath.isMessageId(ours) ? { messageId: String(ours), isMessageIdShared: false } : messageIdentity(source, id);

/**
 * Whom an event about a mail to `addressees` is about, when the event itself does not say: the only one there is; or those whom the server's
 * own words name. Otherwise `[undefined]`: it happened to the message, and to nobody that we know.
 */
export function personsMeant(
  addressees: readonly string[],
  said: string | null | undefined = undefined,
): readonly (string | undefined)[] {
  const distinct = [...new Map(addressees.map((address) => [normaliseAddress(address), address])).entries()];
  if (distinct.length === 1) return distinct.map(([, address]) => address);
  if (said) {
    const words = said.normalize("NFC").toLowerCase();
    const named = distinct.filter(([address]) => isNamed(words, address));
    if (named.length > 0) return named.map(([, address]) => address);
  }
  return [undefined];
}

/** Whether an address stands in a text by itself: `ann@example.com` does not in `joann@example.com`, nor in `ann@example.com.au`. */
function isNamed(words: string, address: string): boolean {
  for (let at = words.indexOf(address); at >= 0; at = words.indexOf(address, at + 1)) {
    const before = words.slice(0, at);
    const after = words.slice(at + address.length);
    if (
      !/[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~.-]$/u.test(before) &&
      !/^(?:[\p{L}\p{M}\p{N}_-]|\.[\p{L}\p{N}])/u.test(after)
    )
      return true;
  }
  return false;
}
