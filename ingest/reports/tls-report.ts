import { z } from "zod";
import type { Item } from "../door/signal.ts";

/** Some reporters print their counts as text. */
const count = z.preprocess(
  (value) => (typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value),
  z.number().int().min(0),
);

const reportSchema = z.looseObject({
  "organization-name": z.string().nullish(),
  "report-id": z.string().nullish(),
  "date-range": z.looseObject({ "start-datetime": z.string(), "end-datetime": z.string() }),
  policies: z.array(
    z.looseObject({
      policy: z.looseObject({ "policy-type": z.string(), "policy-domain": z.string().nullish() }),
      summary: z.looseObject({
        "total-successful-session-count": count,
        "total-failure-session-count": count,
      }),
      "failure-details": z
        .array(
          z.looseObject({
            "result-type": z.string(),
            "failed-session-count": count,
            "receiving-mx-hostname": z.string().nullish(),
            "failure-reason-code": z.string().nullish(),
          }),
        )
        .nullish(),
    }),
  ),
});

/** An SMTP TLS report (RFC 8460 section 4) as rows of raw.tls_reports, one per policy. */
export function decodeTlsReport(json: string): readonly Item[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return [{ kind: "dead-letter", reason: "malformed-json", detail: "the report is not JSON" }];
  }
  const checked = reportSchema.safeParse(value);
  if (!checked.success)
    return [{ kind: "dead-letter", reason: "wrong-type", detail: checked.error.issues[0]?.path.join(".") ?? "report" }];
  const report = checked.data;
  return report.policies.map(
    ({ policy, summary, "failure-details": failures }): Item => ({
      kind: "row",
      table: "tls_reports",
      values: {
        report_id: report["report-id"] ?? null,
        org_name: report["organization-name"] ?? null,
        policy_domain: policy["policy-domain"]?.toLowerCase() ?? null,
        policy_type: policy["policy-type"],
        range_begin_at: report["date-range"]["start-datetime"],
        range_end_at: report["date-range"]["end-datetime"],
        succeeded: summary["total-successful-session-count"],
        failed: summary["total-failure-session-count"],
        details: {
          failures: (failures ?? []).map((failure) => ({
            result_type: failure["result-type"],
            sessions: failure["failed-session-count"],
            mx: failure["receiving-mx-hostname"] ?? undefined,
            reason: failure["failure-reason-code"] ?? undefined,
          })),
        },
      },
    }),
  );
}
