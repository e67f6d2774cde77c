import { XMLParser, XMLValidator } from "fast-xml-parser";
import { z } from "zod";
import { ipPrefix } from "../door/ip-prefix.ts";
import type { Item } from "../door/signal.ts";

/** Elements that may stand once or many times: always read as lists. */
const repeated = new Set(["record", "reason", "error", "dkim", "spf"]);

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: true,
  // Only the five entities of XML itself: a document that declares others has a DOCTYPE and is refused before.
  processEntities: true,
  isArray: (name, path) =>
    repeated.has(name) && (name !== "dkim" && name !== "spf" ? true : String(path).endsWith(`auth_results.${name}`)),
});

const text = z.preprocess(
  (value) => (value === undefined || value === null || typeof value === "object" ? undefined : String(value)),
  z.string().optional(),
);
const seconds = z.preprocess((value) => Number(value), z.number().int().min(0).max(253_402_300_799));
const group = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.preprocess((value) => (typeof value === "object" && value !== null ? value : {}), z.looseObject(shape));
const list = <Element extends z.ZodType>(element: Element) =>
  z.preprocess(
    (value) => (Array.isArray(value) ? value.filter((item) => typeof item === "object" && item !== null) : []),
    z.array(element),
  );

const reportSchema = z.looseObject({
  report_metadata: z.looseObject({
    org_name: text,
    email: text,
    report_id: text,
    date_range: z.looseObject({ begin: seconds, end: seconds }),
  }),
  policy_published: group({
    domain: text,
    p: text,
    sp: text,
    np: text,
    adkim: text,
    aspf: text,
    pct: text,
    testing: text,
  }),
  record: z.array(
    z.looseObject({
      row: z.looseObject({
        source_ip: text,
        count: z.preprocess((value) => Number(value), z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)),
        policy_evaluated: group({
          disposition: text,
          dkim: text,
          spf: text,
          reason: list(group({ type: text, comment: text })),
        }),
      }),
      identifiers: group({ header_from: text, envelope_from: text }),
      auth_results: group({
        dkim: list(group({ domain: text, selector: text, result: text })),
        spf: list(group({ domain: text, scope: text, result: text })),
      }),
    }),
  ),
});

const lower = (value: string | undefined): string | undefined => value?.toLowerCase() || undefined;
const iso = (epochSeconds: number): string => new Date(epochSeconds * 1000).toISOString();

const deadLetter = (reason: "malformed-input" | "not-a-signal" | "wrong-type", detail: string): Item => ({
  kind: "dead-letter",
  reason,
  detail,
});

/**
 * The report without what some reporters put around it: stray bytes, a schema that is never closed, a second declaration. Nothing
 * that matters stands there; a DOCTYPE does, and stays to be refused.
 */
function feedbackOf(xml: string): string {
  const start = xml.search(/<(?:[\w.-]{1,40}:)?feedback[\s>]/);
  if (start < 0 || /<!DOCTYPE/i.test(xml.slice(0, start))) return xml.replace(/^[^<]*/, "");
  const end = xml.lastIndexOf("feedback>");
  return xml.slice(start, end < start ? undefined : end + "feedback>".length);
}

/**
 * A DMARC aggregate report (RFC 7489 appendix C; RFC 9990, whose documents have a namespace) as rows of raw.dmarc_reports, one per source and
 * result. A document that is not well-formed is quarantined whole: half a report would count as a whole one.
 */
export function decodeAggregateReport(xml: string): readonly Item[] {
  const document = feedbackOf(xml);
  if (/<!DOCTYPE/i.test(document))
    return [deadLetter("malformed-input", "the document has a DOCTYPE, which is never read")];
  const validity = XMLValidator.validate(document);
  if (validity !== true)
    return [deadLetter("malformed-input", `not well-formed XML: ${validity.err.code} at line ${validity.err.line}`)];
  let root: unknown;
  try {
    root = (parser.parse(document) as { feedback?: unknown }).feedback;
  } catch {
    return [deadLetter("malformed-input", "the XML cannot be read")];
  }
  if (root === undefined) return [deadLetter("not-a-signal", "no <feedback> element")];
  const checked = reportSchema.safeParse(
    typeof root === "object" && root !== null && !("record" in root) ? { ...root, record: [] } : root,
  );
  if (!checked.success) return [deadLetter("wrong-type", checked.error.issues[0]?.path.join(".") ?? "feedback")];

  const { report_metadata: metadata, policy_published: policy, record: records } = checked.data;
  if (records.length === 0) return [deadLetter("not-a-signal", "the report has no record")];
  return records.map(
    ({ row, identifiers, auth_results: auth }, index): Item => ({
      kind: "row",
      table: "dmarc_reports",
      values: {
        report_id: metadata.report_id ?? null,
        org_name: metadata.org_name ?? null,
        policy_domain: lower(policy.domain) ?? null,
        policy: lower(policy.p) ?? null,
        range_begin_at: iso(metadata.date_range.begin),
        range_end_at: iso(metadata.date_range.end),
        source_ip_prefix: (row.source_ip && ipPrefix(row.source_ip)) ?? null,
        messages: row.count,
        disposition: lower(row.policy_evaluated.disposition) ?? null,
        dkim: lower(row.policy_evaluated.dkim) ?? null,
        spf: lower(row.policy_evaluated.spf) ?? null,
        header_from: lower(identifiers.header_from) ?? null,
        details: {
          record: index + 1,
          subdomain_policy: lower(policy.sp),
          percent: policy.pct,
          adkim: policy.adkim,
          aspf: policy.aspf,
          overrides: row.policy_evaluated.reason.map(({ type }) => type).filter((type) => type !== undefined),
          dkim: auth.dkim.map(({ domain, selector, result }) => ({
            domain: lower(domain),
            selector,
            result: lower(result),
          })),
          spf: auth.spf.map(({ domain, scope, result }) => ({ domain: lower(domain), scope, result: lower(result) })),
        },
      },
    }),
  );
}
