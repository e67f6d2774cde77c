import { UserError } from "../../errors/user-error.ts";
import { addressesIn } from "./addresses.ts";
import { recipientWrittenInto } from "./own-mail.ts";
import type { Mail } from "./read-mail.ts";
import { fieldOf } from "./report-fields.ts";

/** Whether an address is one that readers write to in order to leave. */
export type IsOptOutAddress = (address: string) => boolean;

/** What senders call such an address where they do not say: `unsub@`, `unsubscribe+token@`, `leave-news@`, `remove@`. */
const usualName =
  /^(?:list-?)?(?:unsub(?:scribe)?|remove|opt-?out|leave|abmeld\w*|d[ée]sinscri\w*|desabonn\w*|baja|cancell?azione)(?:[-+._=].*)?$/iu;

/**
 * The addresses of the sender's List-Unsubscribe, from INBOXLOOP_UNSUBSCRIBE_ADDRESSES: commas between them, `*` for any characters. RFC 2369 leaves
 * address and subject of a mailto: to the sender, so whatever comes to one of them is an unsubscribe; without the setting the usual names count.
 *
 *   optOutAddresses("leave@news.example.com, u-*@bounce.example.com")("U-8f2c@bounce.example.com")  =>  true
 */
export function optOutAddresses(setting: string | undefined): IsOptOutAddress {
  const patterns = (setting ?? "")
    .split(",")
    .map((one) => one.trim().replace(/^mailto:/i, ""))
    .filter(Boolean)
    .map((one) => {
      if (!/^[^\s@]+@[^\s@]+$/.test(one))
        throw new UserError(`"${one}" in INBOXLOOP_UNSUBSCRIBE_ADDRESSES is no address`, {
          code: "ingest.bad-opt-out",
          exit: "config",
          where: "INBOXLOOP_UNSUBSCRIBE_ADDRESSES",
          next: "INBOXLOOP_UNSUBSCRIBE_ADDRESSES=unsubscribe@news.example.com,u-*@news.example.com",
        });
      return new RegExp(`^${one.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`, "iu");
    });
  return (address) =>
    patterns.some((pattern) => pattern.test(address)) || usualName.test(address.slice(0, address.lastIndexOf("@")));
}

/** Replies and forwards in the languages of mail clients: `Re: `, `AW: `, `SV: `, `Fwd: `. */
const prefix = "(?:(?:re|aw|antw?|sv|vs|rv|rép|odp|fwd?|wg|tr)\\s*:\\s*)*";
/** What it is called to leave; a name, an address or a token may follow. */
const requests =
  "unsubscribe|abmelden|abbestellen|désinscription|(?:me |se )?désabonner|désabonnement|desuscribir|cancelar (?:la )?suscripción|cancelar (?:a )?inscrição|disiscrizione|uitschrijven|afmelden|wypisz";
/** What means the same only where it is all that the subject says. */
const wholeRequests =
  "stop|remove(?: me)?(?: from (?:your |this |the )?(?:mailing )?list)?|take me off(?: your| this| the)?(?: mailing)? list|opt[ -]?out|abmeldung|austragen|(?:darme de |darse de |dar de )?baja|desuscribirme|desinscrever|descadastrar|cancell?azione|disiscrivi(?:mi)?|cancellami|avregistrera|avprenumerera|avmelding|afmeld|peruuta tilaus|wypisz mnie|odhlásit|leiratkozás|отписаться|отписка|退订|取消订阅|配信停止|購読解除|구독 ?취소";
const asksToLeave = new RegExp(
  `^\\s*${prefix}(?:please\\s+|pls\\s+|bitte\\s+)?(?:(?:list|newsletter|e-?mail)[ -])?(?:(?:${requests})(?:\\s+(?:me|request|from|please|list|newsletter|vom|von|\\S+@\\S+)\\b.*|\\s*[:=#].*)?|(?:${wholeRequests}))\\s*[.!]*\\s*$`,
  "iu",
);

/**
 * Whether a mail asks to be taken off the list: it came to an address for that (RFC 2369), its subject is the request, or Apple's Mail says so.
 * A report or a machine's answer that comes to such an address is none.
 */
export function asksToUnsubscribe(mail: Mail, isOptOutAddress: IsOptOutAddress): boolean {
  if (mail.headers.has("x-apple-unsubscribe")) return true;
  if (asksToLeave.test(fieldOf(mail.headers, "subject") ?? "")) return true;
  return receivedAt(mail).some(isOptOutAddress);
}

const receivedAt = (mail: Mail): readonly string[] =>
  ["to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to"].flatMap((name) =>
    addressesIn(mail.headers.get(name)?.join(", ") ?? ""),
  );

/**
 * Who leaves: the address that the sender itself wrote into the unsubscribe address (`unsub+8f2c=kim=example.org@...`, as VERP does), because a mail may
 * be sent on from another mailbox; otherwise whoever wrote.
 */
export function whoLeaves(mail: Mail, isOptOutAddress: IsOptOutAddress): string | undefined {
  for (const address of receivedAt(mail).filter(isOptOutAddress)) {
    const written = recipientWrittenInto(address);
    if (written) return written;
  }
  return addressesIn(fieldOf(mail.headers, "from") ?? "")[0];
}
