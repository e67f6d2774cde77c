import type { Item } from "../door/signal.ts";
import { decodeAggregateReport } from "./aggregate-report.ts";
import { decodeTlsReport } from "./tls-report.ts";
import { unpackReports } from "./unpack.ts";

/** Rows of every authentication report in a file or mail: DMARC aggregate (XML) and SMTP TLS (JSON), however they are wrapped. */
export async function decodeAuthenticationReport(bytes: Uint8Array): Promise<readonly Item[]> {
  const unpacked = await unpackReports(bytes);
  return unpacked.flatMap((item): readonly Item[] => {
    if (item.kind === "refused") return [{ kind: "dead-letter", reason: item.reason, detail: item.detail }];
    return item.format === "xml" ? decodeAggregateReport(item.text) : decodeTlsReport(item.text);
  });
}
