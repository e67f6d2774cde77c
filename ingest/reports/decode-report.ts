import type { Item } from "../door/signal.ts";
import { decodeFailureReport } from "../mail/failure-report.ts";
import { mailKind } from "../mail/mail-kind.ts";
import { optOutAddresses } from "../mail/opt-out.ts";
import { readMail } from "../mail/read-mail.ts";
import { decodeAggregateReport } from "./aggregate-report.ts";
import { decodeTlsReport } from "./tls-report.ts";
import { unpackReports } from "./unpack.ts";

/**
 * Rows of every authentication report in a file or mail: DMARC aggregate (XML) and SMTP TLS (JSON), however they are wrapped; and failure reports,
 * which are mails themselves.
 */
export async function decodeAuthenticationReport(bytes: Uint8Array): Promise<readonly Item[]> {
  const unpacked = await unpackReports(bytes);
  const [first] = unpacked;
  if (unpacked.length === 1 && first?.kind === "refused" && first.reason === "not-a-signal") {
    const failure = await failureReport(bytes);
    if (failure) return [failure];
  }
  return unpacked.flatMap((item): readonly Item[] => {
    if (item.kind === "refused") return [{ kind: "dead-letter", reason: item.reason, detail: item.detail }];
    return item.format === "xml" ? decodeAggregateReport(item.text) : decodeTlsReport(item.text);
  });
}

async function failureReport(bytes: Uint8Array): Promise<Item | undefined> {
  try {
    const mail = await readMail(bytes);
    return mailKind(mail, optOutAddresses(undefined)) === "failure-report" ? decodeFailureReport(mail) : undefined;
  } catch {
    return undefined;
  }
}
