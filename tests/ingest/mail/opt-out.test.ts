import { expect, test } from "vitest";
import { decodeMail } from "../../../ingest/mail/decode-mail.ts";
import { optOutAddresses } from "../../../ingest/mail/opt-out.ts";

const written = (to: string, subject: string, more = "") =>
  Buffer.from(`From: Kim <kim@example.org>\r\nTo: ${to}\r\nSubject: ${subject}\r\n${more}\r\n.\r\n`);
const told = async (bytes: Uint8Array, setting?: string) => {
  const [one] = await decodeMail(bytes, { isOptOutAddress: optOutAddresses(setting) });
  return one?.kind === "signal"
    ? `${one.signal.eventType} ${one.signal.recipient}`
    : one?.kind === "dead-letter"
      ? one.reason
      : one?.table;
};

test.each([
  ["unsub@lists.sender.test", "unsubscribe"],
  ["unsub@lists.sender.test", "unsubscribe:8f2c-77aa"],
  ["unsub+8f2c77aa=kim=example.org@lists.sender.test", ""],
  ["unsub@lists.sender.test", "Unsubscribe kim@example.org from Weekly"],
  ["news@sender.test", "Please unsubscribe me"],
  ["unsubscribe@lists.sender.test", "I never signed up"],
  ["remove@lists.sender.test", "AW: unsubscribe"],
  ["news@sender.test", "Re: Fwd: Unsubscribe."],
  ["news@sender.test", "Unsubscribe request"],
  ["news@sender.test", "list unsubscribe"],
  ["news@sender.test", "STOP"],
  ["news@sender.test", "Opt out!"],
  ["news@sender.test", "Re: remove me from your mailing list"],
  ["news@sender.test", "Newsletter abbestellen"],
  ["news@sender.test", "AW: Abmeldung"],
  ["news@sender.test", "=?utf-8?q?Me_d=C3=A9sabonner?="],
  ["news@sender.test", "Darme de baja"],
  ["news@sender.test", "Disiscrizione"],
  ["news@sender.test", "=?utf-8?b?0J7RgtC/0LjRgdCw0YLRjNGB0Y8=?="],
])("when a reader writes to %s with the subject %j then they leave", async (to, subject) => {
  expect(await told(written(to, subject))).toBe("unsubscribe kim@example.org");
});

test.each([
  ["news@sender.test", "How to unsubscribe from your competitor"],
  ["news@sender.test", "Question"],
  ["news@sender.test", "Stop by our booth"],
  ["news@sender.test", "Remove before flight"],
  ["news@sender.test", "Abmeldung zur Konferenz"],
  ["news@sender.test", "Baja California"],
  ["unsubtle@sender.test.example", "hello"],
])("when a reader writes to %s with the subject %j then it is no opt-out", async (to, subject) => {
  expect(await told(written(to, subject))).toBe("not-a-signal");
});

test("when the sender names its addresses then whatever comes to one is an unsubscribe", async () => {
  const setting = "mailto:bye@news.example.com, u-*@news.example.com";
  expect(await told(written("bye@news.example.com", "x"), setting)).toBe("unsubscribe kim@example.org");
  expect(await told(written("Kim <U-77AA@News.example.com>", ""), setting)).toBe("unsubscribe kim@example.org");
  expect(await told(written("list@x.test", "", "Delivered-To: u-1@news.example.com\r\n"), setting)).toBe(
    "unsubscribe kim@example.org",
  );
  expect(await told(written("bye@news.example.com", "x"))).toBe("not-a-signal");
  expect(() => optOutAddresses("news.example.com")).toThrow(/no address/);
});

test("when the unsubscribe address names the reader then they leave, whoever sent the mail on", async () => {
  expect(await told(written("unsub+1=ann=example.com@lists.sender.test", ""))).toBe("unsubscribe ann@example.com");
});

test("when a machine answers such an address or its own mail comes back then nobody leaves", async () => {
  expect(await told(written("unsub@x.test", "away", "Auto-Submitted: auto-replied\r\n"))).toBe("reply kim@example.org");
  const bounce = Buffer.from(
    "From: MAILER-DAEMON@mx.test\r\nTo: unsub@x.test\r\nSubject: Undelivered mail\r\n\r\n<kim@example.org>: 550 5.1.1 user unknown\r\n",
  );
  expect(await told(bounce)).toBe("bounce kim@example.org");
});
