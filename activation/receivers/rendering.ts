import type { Mail } from "../mail.ts";

/** What a template may use. The name is the only thing in it that the sender's look-up said. */
export const templateData = (mail: Mail): Readonly<Record<string, string>> => ({
  message_id: mail.message_id,
  campaign_id: mail.campaign_id,
  variant: mail.variant,
  ...(mail.offer === null ? {} : { offer: mail.offer }),
  ...(mail.to.name === null ? {} : { name: mail.to.name }),
  ...(mail.unsubscribe_url === null ? {} : { unsubscribe_url: mail.unsubscribe_url }),
});

/** A mail as files and webhooks tell of it, but for whom it is to. */
export const mailRecord = (mail: Mail) => ({
  decision_id: mail.decision_id,
  message_id: mail.message_id,
  campaign_id: mail.campaign_id,
  campaign_kind: mail.campaign_kind,
  variant: mail.variant,
  offer: mail.offer,
  template: mail.template,
  send_at: new Date(mail.send_at).toISOString(),
  unsubscribe_url: mail.unsubscribe_url,
});

/** RFC 8058: one click, and the link for whoever follows it. */
export const mailHeaders = (mail: Mail): { readonly Name: string; readonly Value: string }[] =>
  mail.unsubscribe_url === null
    ? []
    : [
        { Name: "List-Unsubscribe", Value: `<${mail.unsubscribe_url}>` },
        { Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click" },
      ];

/** `News <news@example.com>` in its parts. */
export function partsOfSender(text: string): { readonly email: string; readonly name?: string } {
  const named = /^\s*"?([^"<]*?)"?\s*<([^>]+)>\s*$/.exec(text);
  if (!named) return { email: text.trim() };
  const [, name, email] = named as unknown as [string, string, string];
  return name === "" ? { email } : { email, name };
}

/** An addressee as RFC 5322 writes one; a name that is not ASCII as an encoded word (RFC 2047). */
export function mailbox({ address, name }: Mail["to"]): string {
  if (name === null) return address;
  const isPlain = /^[\x20-\x7e]*$/.test(name);
  if (isPlain) return `"${name.replace(/[\\"]/g, "\\$&")}" <${address}>`;
  // An encoded word is 75 characters at most, and no character is cut in two.
  const words: string[] = [];
  let word = "";
  for (const character of name) {
    if (Buffer.byteLength(word + character) > 42) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  const encoded = [...words, word].map((one) => `=?UTF-8?B?${Buffer.from(one).toString("base64")}?=`);
  return `${encoded.join(" ")} <${address}>`;
}
