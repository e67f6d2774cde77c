import { expect, test } from "vitest";
import { decodeMail } from "../../../ingest/mail/decode-mail.ts";
import { firstLines } from "../../../ingest/mail/first-lines.ts";

const head =
  "From: MAILER-DAEMON@mx.example.net\nTo: s@example.com\nSubject: Undelivered Mail Returned to Sender\nContent-Type: ";

test("when lines are counted then the bytes end with the last one that is read", () => {
  expect(String(Buffer.from(firstLines(Buffer.from("a\nb\nc"), 2)))).toBe("a\nb\n");
  expect(String(Buffer.from(firstLines(Buffer.from("a\nb"), 2)))).toBe("a\nb");
});

test.each(["\n", "\t\n", "a:\n", "--\n", "From: a\n", " ", "<", "a@", "550 5.1.1 <"])(
  "when a mail is half a megabyte of %j then it is read once through",
  // What looks at a line again for each that follows needs minutes for this, a single reading a second: the time limit is the check.
  { timeout: 60_000 },
  async (text) => {
    const body = text.repeat(Math.ceil((1 << 19) / text.length));
    for (const type of ["text/plain", "text/html", "multipart/report; report-type=delivery-status; boundary=b"]) {
      const items = await decodeMail(Buffer.from(`${head}${type}\n\n${body}`));
      expect(items.length, type).toBeGreaterThan(0);
    }
  },
);
