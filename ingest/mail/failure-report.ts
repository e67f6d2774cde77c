import type { Item } from "../door/signal.ts";
import { isoOfMailDate } from "./mail-date.ts";
import type { Mail } from "./read-mail.ts";
import { fieldOf, type ReportFields } from "./report-fields.ts";

/** What is known of one message that failed authentication. Who it was for stays outside. */
interface Failure {
  readonly domain: string | undefined;
  readonly sourceIp: string | undefined;
  readonly at: string | undefined;
  readonly disposition: string | undefined;
  readonly dkim: string | undefined;
  readonly spf: string | undefined;
  readonly failed: string | undefined;
  readonly dkimDomain?: string | undefined;
  readonly selector?: string | undefined;
}

/**
 * A failure report (RUF: RFC 6591, RFC 7489 section 7.3) as a row of raw.dmarc_reports: one message, `details.kind` is `failure`. Undefined where the
 * mail says nothing of a domain or a source.
 */
export function decodeFailureReport(mail: Mail): Item | undefined {
  const failure = mail.feedbackReport ? fromReport(mail.feedbackReport) : fromProse(mail.text);
  if (!failure || (failure.domain === undefined && failure.sourceIp === undefined)) return undefined;
  const at = failure.at ?? isoOfMailDate(fieldOf(mail.headers, "date")) ?? null;
  const reporter = /@([^\s<>@]+?)>?\s*$/.exec(fieldOf(mail.headers, "from") ?? "")?.[1]?.toLowerCase();
  return {
    kind: "row",
    table: "dmarc_reports",
    values: {
      report_id:
        /<?([^<>\s]+)>?/.exec(fieldOf(mail.headers, "message-id") ?? "")?.[1] ??
        `${reporter} ${at} ${failure.sourceIp}`,
      org_name: reporter ?? null,
      policy_domain: failure.domain?.toLowerCase() ?? null,
      range_begin_at: at,
      range_end_at: at,
      source_ip_prefix: failure.sourceIp ?? null,
      messages: 1,
      disposition: failure.disposition?.toLowerCase() ?? null,
      dkim: failure.dkim ?? null,
      spf: failure.spf ?? null,
      header_from: failure.domain?.toLowerCase() ?? null,
      details: {
        kind: "failure",
        failed: failure.failed,
        dkim: failure.dkimDomain ? [{ domain: failure.dkimDomain.toLowerCase(), selector: failure.selector }] : [],
      },
    },
  };
}

/** The ARF part, RFC 6591 section 3. */
function fromReport(report: ReportFields): Failure {
  const results = report.get("authentication-results")?.join(" ") ?? "";
  const failed = fieldOf(report, "auth-failure")?.toLowerCase();
  const resultOf = (method: string) => new RegExp(`\\b${method}=([a-z]+)`, "i").exec(results)?.[1]?.toLowerCase();
  return {
    domain: fieldOf(report, "reported-domain")?.split(/\s/)[0],
    sourceIp: fieldOf(report, "source-ip")?.split(/\s/)[0],
    at: isoOfMailDate(fieldOf(report, "arrival-date") ?? fieldOf(report, "received-date")),
    disposition: fieldOf(report, "delivery-result"),
    dkim: resultOf("dkim") ?? (/^(?:dkim|bodyhash|signature|revoked|adsp)$/.test(failed ?? "") ? "fail" : undefined),
    spf: resultOf("spf") ?? (failed === "spf" ? "fail" : undefined),
    failed,
    dkimDomain: fieldOf(report, "dkim-domain"),
    selector: fieldOf(report, "dkim-selector"),
  };
}

const proseOfFailure =
  /a message claiming to be from you has failed the published dmarc policy|this is an? (?:email )?(?:authentication|dmarc|spf|dkim)[- ]failure report/i;

/** Whether a mail without an ARF part is a failure report, as some large mailbox providers send it. */
export const isFailureReportInProse = (mail: Mail): boolean =>
  mail.feedbackReport === undefined && proseOfFailure.test(mail.text);

/** `Sender Domain: example.com`, `Sender IP Address: 192.0.2.1`, `SPF Alignment: no`, a line each. */
function fromProse(text: string): Failure {
  const field = (names: string) =>
    new RegExp(`^[ \\t>*-]*(?:${names})[ \\t]*:[ \\t]*(\\S.*?)[ \\t]*$`, "im").exec(text)?.[1];
  const aligned = (value: string | undefined) =>
    value === undefined ? undefined : /^(?:yes|pass|true)/i.test(value) ? "pass" : "fail";
  return {
    domain: field("sender domain|reported[- ]domain|from domain|domain")?.replace(/^[<"@]+|[>",]+$/g, ""),
    sourceIp:
      field("sender ip(?: address)?|source[- ]ip(?: address)?|ip address") ??
      /\breceived from ip (?:address )?([0-9a-f.:]{3,45})/i.exec(text)?.[1],
    at: isoOfMailDate(field("received date|arrival[- ]date|date")),
    disposition: field("dmarc results|delivery[- ]result|disposition")?.split(/[,\s]/)[0],
    dkim: aligned(field("dkim alignment")),
    spf: aligned(field("spf alignment")),
    failed: "dmarc",
  };
}
