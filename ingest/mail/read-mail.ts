import PostalMime, { type Attachment, type Email } from "postal-mime";
import { firstLines } from "./first-lines.ts";
import { type ReportFields, readReportFields } from "./report-fields.ts";

/** A mail as far as a report needs it: what people wrote, what machines wrote, and the mail it is about. */
export interface Mail {
  /** Lower-case name => values in order. */
  readonly headers: ReportFields;
  /** The readable parts as text, before any copy of the original mail that stands inline. */
  readonly text: string;
  /** message/delivery-status (RFC 3464): the first block is about the message, the others one a recipient. */
  readonly deliveryStatus: readonly ReportFields[];
  /** message/feedback-report (RFC 5965). */
  readonly feedbackReport: ReportFields | undefined;
  /** message/disposition-notification (RFC 8098): a receipt. */
  readonly dispositionNotification: ReportFields | undefined;
  /** The header of the mail that is reported on: attached, or found inline. */
  readonly original: ReportFields | undefined;
  /** The attached mail as it came, where there is one: it may be a report itself, forwarded. */
  readonly attached: Uint8Array | undefined;
}

/** A report comes before the mail that it returns: what is beyond this is not read. */
export const maximumMailBytes = 512 * 1024;
/** Lines read of a mail. */
const maximumMailLines = 20_000;

/** Patterns look at no more than this of a mail's words, and at no longer line than RFC 5322 allows: time stays bounded. */
const maximumTextLength = 64 * 1024;
const longLine = /^(.{998}).+$/gm;
const bounded = (text: string): string =>
  text
    .slice(0, maximumTextLength)
    .replace(/\r\n?/g, "\n")
    .replace(/\n(?:[ \t]*\n){2,}/g, "\n\n")
    .replace(longLine, "$1");

const utf8 = new TextDecoder("utf-8");

const textOf = (attachment: Attachment): string =>
  typeof attachment.content === "string" ? attachment.content : utf8.decode(attachment.content as ArrayBuffer);

const bytesOf = ({ content }: Attachment): Uint8Array =>
  typeof content === "string" ? Buffer.from(content) : new Uint8Array(content as ArrayBuffer);

const headerMap = (email: Email): ReportFields => {
  const map = new Map<string, string[]>();
  for (const { key, value } of email.headers)
    map.set(key.toLowerCase(), [...(map.get(key.toLowerCase()) ?? []), value ?? ""]);
  // What people write there may come as encoded words (RFC 2047): `=?utf-8?q?D=C3=A9sinscription?=`.
  if (email.subject) map.set("subject", [email.subject]);
  return map;
};

/** HTML to the text that a reader sees, well enough to look for codes and addresses in it. */
const textOfHtml = (html: string): string =>
  html
    .replace(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, " ")
    .replace(/<(br|\/p|\/div|\/tr|\/li|\/h\d)\b[^>]*>/gi, "\n")
    .replace(/<[^@<>]*>/g, " ")
    .replace(/&lt;/gi, "<")
    .replace(/&gt;/gi, ">")
    .replace(/&nbsp;|&#160;/gi, " ")
    .replace(/&quot;/gi, '"')
    .replace(/&#(\d{2,5});/g, (_all, code) => String.fromCharCode(Number(code)))
    .replace(/&amp;/gi, "&");

/**
 * Where the copy of the original mail begins in a bounce that is plain text. Each mail system has its own words; what they
 * share is a line that announces a copy, or a run of header lines that starts with Received or Return-Path.
 */
const copyBegins: readonly RegExp[] = [
  /^[- ]*(this is a copy of|below (this line )?is a copy of|included is a copy|the header of the original message|the body of the message|your message,? headers? follow|a copy of (the|your) (original )?message|message headers? follow)/im,
  /^[-=_* ]*(original|returned|unsent|undelivered) (message|mail)( header| headers)?( follows?| below)?[.:]?[-=_* ]*$/im,
  /^[- ]*(original|unsent|returned|undeliverable) message (follows|header|headers|below)/im,
  /^(received|return-path|x-originating-ip|delivered-to|dkim-signature|x-google-smtp-source|x-received|arc-seal):[ \t]*\S/im,
];

/** Splits an inline bounce into what the mail system said and the header of the mail that it could not deliver. */
export function splitInlineCopy(text: string): { readonly said: string; readonly copy: string } {
  const starts = copyBegins
    .map((pattern) => pattern.exec(text)?.index)
    .filter((index): index is number => index !== undefined);
  if (starts.length === 0) return { said: text, copy: "" };
  const start = Math.min(...starts);
  return { said: text.slice(0, start), copy: text.slice(start) };
}

/** The first run of header lines in a text, for an original mail that was pasted in. */
function headerInside(copy: string): ReportFields | undefined {
  const blocks = readReportFields(copy);
  return blocks.find(
    (block) => block.has("from") || block.has("to") || block.has("message-id") || block.has("received"),
  );
}

/** Mails that were kept on old systems end their lines with a carriage return alone. */
const withLineFeeds = (bytes: Uint8Array): Uint8Array =>
  bytes.includes(13) && !bytes.includes(10) ? bytes.map((byte) => (byte === 13 ? 10 : byte)) : bytes;

/** `Content-Type: multipart/report report-type=delivery-status boundary="b"`: some systems forget the semicolons (RFC 2045 section 5.1). */
function withSemicolons(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  const mended = text.replace(
    /^(content-type:[ \t]*[\w.+-]+\/[\w.+-]+)((?:[ \t]+|\r?\n[ \t]+)[\w-]+=(?:[^\r\n]|\r?\n[ \t])*)/gim,
    (_all, type: string, parameters: string) =>
      type + parameters.replace(/(^|[^;\s])(?=\s+(?:boundary|report-type|charset|name|format|delsp)=)/gi, "$1;"),
  );
  return mended === text ? bytes : Buffer.from(mended, "latin1");
}

const headerOnly = (text: string): string => text.slice(0, Math.max(0, `${text}\n\n`.search(/\r?\n\r?\n/)));

/** Takes a mail apart. Throws nothing of its own; a mail that MIME cannot make sense of is read as plain text. */
export async function readMail(mail: Uint8Array): Promise<Mail> {
  const bytes = firstLines(withLineFeeds(mail.subarray(0, maximumMailBytes)), maximumMailLines);
  const email = await PostalMime.parse(withSemicolons(bytes), {
    forceRfc822Attachments: true,
    maxNestingDepth: 32,
    maxHeadersSize: 64 * 1024,
  });
  const deliveryStatus: ReportFields[] = [];
  let feedbackReport: ReportFields | undefined;
  let dispositionNotification: ReportFields | undefined;
  let original: ReportFields | undefined;
  let attached: Uint8Array | undefined;
  const texts: string[] = [];
  if (email.text?.trim()) texts.push(email.text);
  else if (email.html) texts.push(textOfHtml(bounded(email.html)));

  for (const attachment of email.attachments) {
    const type = attachment.mimeType.toLowerCase();
    if (type === "message/delivery-status" || type === "message/global-delivery-status") {
      deliveryStatus.push(...readReportFields(textOf(attachment)));
    } else if (type === "message/disposition-notification" || type === "message/global-disposition-notification") {
      dispositionNotification = mergeBlocks(readReportFields(textOf(attachment)));
    } else if (type === "message/feedback-report") {
      feedbackReport = mergeBlocks(readReportFields(textOf(attachment)));
    } else if (/^(message\/(rfc822|partial|global)|text\/rfc822-headers?|message\/global-headers)$/.test(type)) {
      if (type === "message/rfc822") attached ??= bytesOf(attachment);
      original ??= readReportFields(headerOnly(textOf(attachment).replace(/^\s+/, "")))[0];
    } else if (/^text\/plain$/.test(type)) {
      texts.push(textOf(attachment));
    }
  }
  // A mail whose structure is broken still has words: they are read as they stand.
  const body = utf8
    .decode(bytes)
    .split(/\r?\n\r?\n/)
    .slice(1)
    .join("\n\n");
  const isReport = deliveryStatus.length > 0 || feedbackReport || dispositionNotification;
  const whole = texts.length > 0 || isReport ? texts.join("\n") : body;
  // One line of JSON is a provider's notification (SNS by mail), not prose.
  const { said, copy } = /^\s*\{/.test(whole)
    ? { said: whole.slice(0, maximumTextLength), copy: "" }
    : splitInlineCopy(bounded(whole));
  // Some systems print the delivery status into the text instead of attaching it.
  const inlineStatus =
    deliveryStatus.length === 0 ? readReportFields(said).filter((block) => block.has("final-recipient")) : [];
  return {
    headers: headerMap(email),
    text: said.trim() ? said : bounded(whole),
    deliveryStatus: deliveryStatus.length > 0 ? deliveryStatus : inlineStatus,
    feedbackReport,
    dispositionNotification,
    original: original ?? headerInside(copy),
    attached,
  };
}

function mergeBlocks(blocks: readonly ReportFields[]): ReportFields {
  const merged = new Map<string, string[]>();
  for (const block of blocks)
    for (const [name, values] of block) merged.set(name, [...(merged.get(name) ?? []), ...values]);
  return merged;
}
