import { gunzipSync } from "node:zlib";
import { unzipSync } from "fflate";
import PostalMime from "postal-mime";
import { firstLines } from "../mail/first-lines.ts";

/** A report as it lay inside its wrappings, or why it could not be taken out. */
export type Unpacked =
  | { readonly kind: "document"; readonly format: "xml" | "json"; readonly text: string }
  | {
      readonly kind: "refused";
      readonly reason: "malformed-input" | "too-large" | "not-a-signal";
      readonly detail: string;
    };

/** The largest report that is read, unpacked. The big mailbox providers stay under 10 MB (RFC 9990 section 3.1). */
export const maximumReportBytes = 32 * 1024 * 1024;
/** Of a mail: the largest report in base64, 76 characters a line. */
const maximumMailLines = 600_000;
const maximumEntries = 16;
const maximumWrappings = 3;

/**
 * Takes aggregate and TLS reports out of what they are sent in: plain XML or JSON, gzip, zip, or a mail with those attached. Sizes are checked before
 * and while unpacking, so that an archive bomb costs no memory.
 */
export async function unpackReports(bytes: Uint8Array, wrappings = 0): Promise<readonly Unpacked[]> {
  if (wrappings > maximumWrappings) return [refused("malformed-input", "wrapped too many times")];
  if (bytes.length > maximumReportBytes) return [refused("too-large", `over ${maximumReportBytes} bytes`)];
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzip(bytes, wrappings);
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return unzip(bytes, wrappings);
  const head = textOf(bytes.subarray(0, 2048))
    .replace(/^\ufeff/, "")
    .trimStart();
  if (/^[^<]{0,16}<(?:\?xml|feedback)|^</.test(head)) return [{ kind: "document", format: "xml", text: textOf(bytes) }];
  if (head.startsWith("{")) return [{ kind: "document", format: "json", text: textOf(bytes) }];
  if (/^(?:From .*\r?\n)?[!-9;-~]{1,76}:[ \t]/.test(head)) return fromMail(bytes, wrappings);
  return [refused("malformed-input", "neither XML, JSON, gzip, zip nor a mail")];
}

const refused = (reason: "malformed-input" | "too-large" | "not-a-signal", detail: string): Unpacked => ({
  kind: "refused",
  reason,
  detail,
});

/** UTF-16 announces itself with a byte order mark; the rest is UTF-8, or read as if it were. */
function textOf(bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

async function gunzip(bytes: Uint8Array, wrappings: number): Promise<readonly Unpacked[]> {
  try {
    // Mail gateways put a line end behind the data; a gzip member never ends so, for that would be a size of 160 MB and more.
    const end = bytes.findLastIndex((byte) => byte !== 0x0d && byte !== 0x0a) + 1;
    const unpacked = gunzipSync(bytes.subarray(0, end), { maxOutputLength: maximumReportBytes });
    return await unpackReports(unpacked, wrappings + 1);
  } catch (error) {
    const isTooLarge = (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
    return [
      isTooLarge
        ? refused("too-large", "unpacks to more than is read")
        : refused("malformed-input", "the gzip data is broken"),
    ];
  }
}

async function unzip(bytes: Uint8Array, wrappings: number): Promise<readonly Unpacked[]> {
  let total = 0;
  let entries = 0;
  let isTooLarge = false;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      // Sizes stand in the directory; what lies about them is cut off by the entry's own declared size.
      filter: ({ name, originalSize }) => {
        if (name.endsWith("/") || entries >= maximumEntries) return false;
        total += originalSize;
        if (total > maximumReportBytes) {
          isTooLarge = true;
          return false;
        }
        entries++;
        return true;
      },
    });
  } catch {
    return [refused("malformed-input", "the zip data is broken")];
  }
  if (isTooLarge) return [refused("too-large", "unpacks to more than is read")];
  const documents: Unpacked[] = [];
  for (const file of Object.values(files)) documents.push(...(await unpackReports(file, wrappings + 1)));
  return documents.length > 0 ? documents : [refused("malformed-input", "the zip file is empty")];
}

async function fromMail(bytes: Uint8Array, wrappings: number): Promise<readonly Unpacked[]> {
  let attachments: readonly { mimeType: string; filename: string | null; content: ArrayBuffer | string | Uint8Array }[];
  try {
    const mail = await PostalMime.parse(firstLines(bytes, maximumMailLines), {
      maxNestingDepth: 16,
      maxHeadersSize: 64 * 1024,
    });
    attachments = mail.attachments;
  } catch {
    return [refused("malformed-input", "the mail cannot be read")];
  }
  const documents: Unpacked[] = [];
  for (const { mimeType, filename, content } of attachments) {
    if (!/zip|gzip|xml|octet-stream|json|tlsrpt/i.test(mimeType) && !/\.(xml|json|gz|zip)$/i.test(filename ?? ""))
      continue;
    const inner = typeof content === "string" ? Buffer.from(content) : new Uint8Array(content as ArrayBuffer);
    documents.push(...(await unpackReports(inner, wrappings + 1)));
  }
  return documents.length > 0 ? documents : [refused("not-a-signal", "the mail carries no report")];
}
