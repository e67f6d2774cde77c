import { z } from "zod";
import type { Item } from "../door/signal.ts";

/** A metric as Google Postmaster Tools computes it, under the name that we keep it by. */
export interface PostmasterMetric {
  /** As in raw.postmaster_stats.metric. */
  readonly name: string;
  readonly standardMetric: string;
  readonly filter?: string;
}

/** What is asked for each day: https://developers.google.com/workspace/gmail/postmaster/reference/rest/v2/domains.domainStats/query */
export const postmasterMetrics: readonly PostmasterMetric[] = [
  { name: "spam_rate", standardMetric: "SPAM_RATE" },
  { name: "spf_success_rate", standardMetric: "AUTH_SUCCESS_RATE", filter: 'auth_type = "spf"' },
  { name: "dkim_success_rate", standardMetric: "AUTH_SUCCESS_RATE", filter: 'auth_type = "dkim"' },
  { name: "dmarc_success_rate", standardMetric: "AUTH_SUCCESS_RATE", filter: 'auth_type = "dmarc"' },
  { name: "tls_inbound_rate", standardMetric: "TLS_ENCRYPTION_RATE", filter: 'traffic_direction = "inbound"' },
  { name: "tls_outbound_rate", standardMetric: "TLS_ENCRYPTION_RATE", filter: 'traffic_direction = "outbound"' },
  { name: "reject_rate", standardMetric: "DELIVERY_ERROR_RATE", filter: 'error_type = "reject"' },
  { name: "temp_fail_rate", standardMetric: "DELIVERY_ERROR_RATE", filter: 'error_type = "temp_fail"' },
];

/** One number of one day. */
export interface PostmasterStat {
  readonly metric: string;
  readonly value: number | string;
}

/** A day of one domain, as it goes into the pipeline. */
const day = z.strictObject({
  domain: z.string(),
  /** YYYY-MM-DD. */
  date: z.string().regex(/^\d{4}-\d\d-\d\d$/),
  stats: z.array(z.strictObject({ metric: z.string(), value: z.union([z.number(), z.string()]) })),
});
export type PostmasterDay = z.output<typeof day>;

/** A day of statistics as rows of raw.postmaster_stats, one a metric. */
export function decodePostmasterDay(bytes: Uint8Array): readonly Item[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return [{ kind: "dead-letter", reason: "malformed-json", detail: "not one JSON document" }];
  }
  const checked = day.safeParse(value);
  if (!checked.success)
    return [{ kind: "dead-letter", reason: "wrong-type", detail: checked.error.issues[0]?.path.join(".") || "day" }];
  const { domain, date, stats } = checked.data;
  return stats.map(
    ({ metric, value: number }): Item => ({
      kind: "row",
      table: "postmaster_stats",
      values: { domain, metric, day_at: `${date}T00:00:00Z`, value: number, source: "google_postmaster_v2" },
    }),
  );
}
