import { sql } from "kysely";
import { z } from "zod";
import { queryBuilder } from "../warehouse/kysely/googlesql-dialect.ts";
import type { Tables } from "../warehouse/kysely/tables.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";

/** INT64 and NUMERIC cross the port as bigint and text; a report draws numbers. */
const number = z.union([z.number(), z.bigint(), z.string()]).transform(Number);
const share = z.union([number, z.null().transform(() => 0)]);

const figures = z.object({
  labels: z.array(z.object({ label: z.string(), messages: number })),
  opens: z.object({ human: number, machine: number }),
  kpis: z.array(
    z.object({
      week: z.string(),
      sends: number,
      open_rate: share,
      human_open_rate: share,
      click_rate: share,
      unsubscribe_rate: share,
      complaint_rate: share,
      revenue_per_send: share,
    }),
  ),
  drift: z.array(z.object({ feature: z.string(), psi: number, kl: number, verdict: z.string() })),
  /** The mix of labels of each week that could be compared with the four before. */
  labelDrift: z.array(z.object({ week: z.string(), psi: number, verdict: z.string() })),
  /** Scores of each model that decided in the last week beside the weeks before. */
  scores: z.array(
    z.object({ model: z.string(), outcome: z.string(), psi: z.union([number, z.null()]), verdict: z.string() }),
  ),
  /** What the scores let expect of each week, and what came of it. */
  estimates: z.array(
    z.object({
      model: z.string(),
      outcome: z.string(),
      metric: z.string(),
      week: z.string(),
      messages: number,
      estimated: number,
      low: number,
      high: number,
      realised: z.union([number, z.null()]),
      verdict: z.string(),
    }),
  ),
  /** What arms of experiments did beside the hold-out, the largest experiments first. */
  lift: z.array(
    z.object({
      experiment: z.string(),
      metric: z.string(),
      arm: z.string(),
      customers: number,
      mean: number,
      hold_out_customers: number,
      hold_out_mean: number,
      difference: number,
      low: z.union([number, z.null()]),
      high: z.union([number, z.null()]),
      detectable: z.union([number, z.null()]),
      evidence: z.string(),
      is_skewed: z.boolean(),
    }),
  ),
  /** Addresses by the category that is dearest to their person. */
  affinities: z.array(z.object({ category: z.string(), addresses: number })),
  /** Visits to site and app, by the week in which they began. */
  sessions: z.array(z.object({ week: z.string(), sessions: number })),
  senders: z.array(
    z.object({
      sender_domain: z.string(),
      sends: number,
      dmarc_messages: number,
      dmarc_unaligned_rate: z.union([number, z.null()]),
      dmarc_refused: number,
      provider_spam_rate: z.union([number, z.null()]),
      tls_failures: number,
      spam_trap_hits: number,
    }),
  ),
  /** What devices reported of the campaigns asked about last, as far as it can be estimated. */
  deviceAnswers: z.array(
    z.object({
      campaign: z.string(),
      period: z.string(),
      question: z.string(),
      answer: z.string(),
      epsilon: number,
      reports: number,
      share: number,
      error: number,
    }),
  ),
  deviceReadTimes: z.array(
    z.object({
      campaign: z.string(),
      period: z.string(),
      epsilon: number,
      reports: number,
      seconds: number,
      error: number,
    }),
  ),
  /** What was decided, by month, the latest twelve. */
  releases: z.array(
    z.object({
      month: z.string(),
      submissions: number,
      canaries: number,
      releases: number,
      rollbacks: number,
      rollback_rate: z.union([number, z.null()]),
      waivers: number,
      changes_approved: number,
    }),
  ),
  accounts: z.object({ received: number, landed: number, duplicate: number, dead_letter: number }),
  deadLetters: z.array(z.object({ reason: z.string(), letters: number })),
});
export type Figures = z.infer<typeof figures>;

/** What the warehouse's own tables say, for the report and the summaries. */
export async function readFigures(warehouse: Pick<Warehouse, "query">): Promise<Figures> {
  const tables = queryBuilder<Tables>(warehouse);
  const rate = (part: string, whole: string) =>
    sql<number | null>`safe_divide(sum(${sql.ref(part)}), sum(${sql.ref(whole)}))`;
  return figures.parse({
    labels: await tables
      .selectFrom("training.examples")
      .select(["label", (e) => e.fn.countAll<bigint>().as("messages")])
      .where("is_mature", "=", true)
      .groupBy("label")
      .orderBy("messages", "desc")
      .orderBy("label") // ties, so that the same tables always read the same
      .execute(),
    opens: await tables
      .selectFrom("events.events")
      .select([sql<bigint>`countif(not is_machine)`.as("human"), sql<bigint>`countif(is_machine)`.as("machine")])
      .where("event_type", "=", "open")
      .executeTakeFirstOrThrow(),
    kpis: await tables
      .selectFrom("monitoring.kpis_daily")
      .select([
        sql<string>`format_date('%F', date_trunc(sent_date, isoweek))`.as("week"),
        (e) => e.fn.sum<bigint>("sends").as("sends"),
        rate("opened", "delivered").as("open_rate"),
        rate("human_opened", "delivered").as("human_open_rate"),
        rate("clicked", "delivered").as("click_rate"),
        rate("unsubscribed", "delivered").as("unsubscribe_rate"),
        rate("complained", "delivered").as("complaint_rate"),
        sql<number | null>`safe_divide(cast(sum(revenue) as float64), sum(sends))`.as("revenue_per_send"),
      ])
      .groupBy("week")
      .orderBy("week")
      .execute(),
    drift: await tables
      .selectFrom("monitoring.drift")
      .select(["feature", "psi", "kl", "drift_level as verdict"])
      .where("psi", "is not", null)
      // What the sender chooses moves every week; what customers do and what becomes of the mail should not.
      .where("feature_origin", "in", ["customer", "delivery"])
      .orderBy("psi", "desc")
      .orderBy("feature")
      .limit(12)
      .execute(),
    labelDrift: await tables
      .selectFrom("monitoring.label_drift")
      .select([sql<string>`format_date('%F', sent_week)`.as("week"), "label_psi as psi", "drift_level as verdict"])
      .where("label_psi", "is not", null)
      .orderBy("sent_week")
      .execute(),
    scores: await tables
      .selectFrom("monitoring.prediction_drift")
      .select(["model_version as model", "outcome", "psi", "drift_level as verdict"])
      .orderBy("current_decisions", "desc")
      .orderBy("model")
      .orderBy("outcome")
      .limit(12)
      .execute(),
    estimates: await tables
      .selectFrom("monitoring.estimated_performance")
      .select([
        "model_version as model",
        "outcome",
        "metric",
        sql<string>`format_date('%F', sent_week)`.as("week"),
        "messages",
        "estimated",
        "estimated_low as low",
        "estimated_high as high",
        "realised",
        "estimate_verdict as verdict",
      ])
      .where("estimated", "is not", null)
      .orderBy("sent_week", "desc")
      .orderBy("model")
      .orderBy("outcome")
      .orderBy("metric")
      .orderBy("is_mature")
      .limit(60)
      .execute(),
    lift: await tables
      .selectFrom("monitoring.lift")
      .select([
        "experiment_id as experiment",
        "metric",
        "arm",
        "customers",
        "mean",
        "hold_out_customers",
        "hold_out_mean",
        "difference",
        // A report is looked at again and again, and somebody stops when it suits.
        "anytime_low as low",
        "anytime_high as high",
        "detectable_difference as detectable",
        "evidence",
        "has_sample_ratio_mismatch as is_skewed",
      ])
      .where("evidence", "is not", null)
      .orderBy("hold_out_customers", "desc")
      .orderBy("experiment")
      .orderBy("arm")
      .orderBy("metric")
      .limit(60)
      .execute(),
    affinities: await tables
      .selectFrom(
        tables
          .selectFrom("features.category_affinities")
          .select([
            "category",
            sql<bigint>`row_number() over (partition by user_id_hash order by affinity desc, category)`.as("place"),
          ])
          .as("placed"),
      )
      .select(["category", (e) => e.fn.countAll<bigint>().as("addresses")])
      .where("place", "=", 1n)
      .groupBy("category")
      .orderBy("addresses", "desc")
      .orderBy("category")
      .limit(12)
      .execute(),
    sessions: await tables
      .selectFrom(
        // An act is in the past of every id of its person. Who knew all of them saw one visit where others saw two.
        tables
          .selectFrom("features.site_acts")
          .select([
            sql<string>`format_timestamp('%F', timestamp_trunc(min(occurred_at), isoweek))`.as("week"),
            sql<boolean>`logical_and(begins_session)`.as("begins"),
          ])
          .groupBy(["event_id", "event_type", "subject_key"])
          .as("acts"),
      )
      .select(["week", (e) => e.fn.countAll<bigint>().as("sessions")])
      .where("begins", "=", true)
      .groupBy("week")
      .orderBy("week")
      .execute(),
    senders: await tables
      .selectFrom("monitoring.sender_health_daily")
      .select([
        "sender_domain",
        ...(["sends", "dmarc_messages", "dmarc_refused", "tls_failures", "spam_trap_hits"] as const).map((name) =>
          sql<bigint>`sum(${sql.ref(name)})`.as(name),
        ),
        rate("dmarc_unaligned", "dmarc_messages").as("dmarc_unaligned_rate"),
        (e) => e.fn.max("provider_spam_rate").as("provider_spam_rate"),
      ])
      // The four weeks that end with the last day of which anything is said.
      .where(
        sql<boolean>`activity_date > (select date_sub(max(activity_date), interval 28 day) from monitoring.sender_health_daily)`,
      )
      .groupBy("sender_domain")
      .orderBy("sends", "desc")
      .orderBy("sender_domain")
      .limit(20)
      .execute(),
    deviceAnswers: await tables
      .selectFrom("monitoring.device_answers")
      .select([
        "campaign_id as campaign",
        sql<string>`format_date('%F', period_date)`.as("period"),
        "device_question as question",
        "device_answer as answer",
        "epsilon",
        "device_reports as reports",
        "answer_share as share",
        "answer_share_error as error",
      ])
      .where("answer_share", "is not", null)
      .orderBy("period_date", "desc")
      .orderBy("campaign")
      .orderBy("question", "desc")
      .orderBy("epsilon")
      // Answers are few: times by their seconds, readings by their names.
      .orderBy(sql`safe_cast(device_answer as int64)`)
      .orderBy("answer")
      .limit(66)
      .execute(),
    deviceReadTimes: await tables
      .selectFrom("monitoring.device_read_times")
      .select([
        "campaign_id as campaign",
        sql<string>`format_date('%F', period_date)`.as("period"),
        "epsilon",
        "device_reports as reports",
        "read_seconds_mean as seconds",
        "read_seconds_error as error",
      ])
      .where("read_seconds_mean", "is not", null)
      .orderBy("period_date", "desc")
      .orderBy("campaign")
      .orderBy("epsilon")
      .limit(12)
      .execute(),
    releases: await tables
      .selectFrom("monitoring.release_counts")
      .select([
        sql<string>`format_date('%Y-%m', decided_month)`.as("month"),
        "submissions",
        "canaries",
        "releases",
        "rollbacks",
        "rollback_rate",
        "waivers",
        "changes_approved",
      ])
      .orderBy("decided_month", "desc")
      .limit(12)
      .execute(),
    accounts: await tables
      .selectFrom("raw.ingest_ledger")
      .select(
        (["received", "landed", "duplicate", "dead_letter"] as const).map((name) =>
          sql<bigint>`coalesce(sum(${sql.ref(name)}), 0)`.as(name),
        ),
      )
      .executeTakeFirstOrThrow(),
    deadLetters: await tables
      .selectFrom("raw.dead_letters")
      .select(["reason", (e) => e.fn.countAll<bigint>().as("letters")])
      .groupBy("reason")
      .orderBy("reason")
      .execute(),
  });
}
