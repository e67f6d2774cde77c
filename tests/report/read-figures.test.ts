import { afterAll, expect, test } from "vitest";
import { readFigures } from "../../report/read-figures.ts";
import { devicesSection, driftSection, liftSection, releasesSection, scoresSection } from "../../report/sections.ts";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";

const warehouse = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
afterAll(() => warehouse.close());

await warehouse.execute(`
  create schema training; create schema events; create schema monitoring; create schema raw; create schema features;
  create table events.events as select false as is_machine, 'open' as event_type;
  create table monitoring.kpis_daily as
    select date '2026-01-05' as sent_date, 1 as sends, 1 as opened, 1 as delivered, 1 as human_opened, 0 as clicked, 0 as unsubscribed,
      0 as complained, numeric '1' as revenue;
  create table monitoring.sender_health_daily as
    select 'shop.example' as sender_domain, date '2026-01-05' as activity_date, 10 as sends, 20 as dmarc_messages, 5 as dmarc_unaligned,
      1 as dmarc_refused, 0.001 as provider_spam_rate, 0 as tls_failures, 1 as spam_trap_hits
    union all select 'shop.example', date '2026-01-20', 10, 20, 0, 0, 0.003, 0, 0
    union all select 'shop.example', date '2025-12-01', 99, 99, 99, 99, 0.9, 9, 9;
  create table features.category_affinities as
    select 'u1' as user_id_hash, 'shoes' as category, 2.0 as affinity
    union all select 'u1', 'bags', 0.5
    union all select 'u2', 'bags', 1.0
    union all select 'u3', 'shoes', 1.0
    union all select 'u3', 'bags', 1.0;
  create table features.site_acts as
    select 'e1' as event_id, 'page_view' as event_type, 'u1' as subject_key, 'u1' as past_key, true as begins_session,
      timestamp '2026-01-11 23:50:00+00' as occurred_at
    union all select 'e1', 'page_view', 'u1', 'p1', true, timestamp '2026-01-11 23:50:00+00'
    union all select 'e2', 'page_view', 'u2', 'u2', true, timestamp '2026-01-12 00:05:00+00'
    union all select 'e2', 'page_view', 'u2', 'p1', false, timestamp '2026-01-12 00:05:00+00'
    union all select 'e3', 'page_view', 'u3', 'u3', true, timestamp '2026-01-13 00:00:00+00'
    union all select 'e4', 'page_view', 'u3', 'u3', false, timestamp '2026-01-13 00:01:00+00';
  create table monitoring.label_drift as
    select date '2026-01-12' as sent_week, 0.2 as label_psi, 'moved' as drift_level
    union all select date '2026-01-05', 0.01, 'stable'
    union all select date '2026-01-19', null, 'unknown';
  create table monitoring.prediction_drift as
    select 'm1' as model_version, 'click' as outcome, 5 as current_decisions, 0.3 as psi, 'drifted' as drift_level
    union all select 'm0', 'click', 0, null, 'unknown';
  create table monitoring.estimated_performance as
    select 'm1' as model_version, 'click' as outcome, 'auc' as metric, date '2026-01-12' as sent_week, false as is_mature, 9 as messages,
      0.7 as estimated, 0.6 as estimated_low, 0.8 as estimated_high, cast(null as float64) as realised, 'not_borne_out' as estimate_verdict
    union all select 'm1', 'click', 'auc', date '2026-01-05', true, 10, 0.7, 0.6, 0.8, 0.5, 'worse';
  create table monitoring.device_answers as
    select 'c1' as campaign_id, date '2026-01-26' as period_date, 'read_time' as device_question, numeric '1' as epsilon, '16' as device_answer,
      300 as device_reports, 0.25 as answer_share, 0.1 as answer_share_error
    union all select 'c1', date '2026-01-26', 'read_time', numeric '1', '8', 300, -0.1, 0.1
    union all select 'c2', date '2026-01-26', 'read_time', numeric '1', '8', 9, null, null;
  create table monitoring.device_read_times as
    select 'c1' as campaign_id, date '2026-01-26' as period_date, numeric '1' as epsilon, 300 as device_reports, 12.5 as read_seconds_mean,
      2.0 as read_seconds_error
    union all select 'c2', date '2026-01-26', numeric '1', 9, null, null;
  create table monitoring.release_counts as
    select date '2026-01-01' as decided_month, 3 as submissions, 2 as canaries, 1 as releases, 1 as rollbacks, 0.5 as rollback_rate, 1 as waivers,
      0 as changes_approved
    union all select date '2026-02-01', 0, 0, 0, 1, null, 0, 4;
  create table monitoring.lift as
    select 'spring' as experiment_id, 'visit' as metric, 'mail' as arm, 200 as customers, 0.5 as mean, 100 as hold_out_customers, 0.4 as hold_out_mean,
      0.1 as difference, 0.02 as anytime_low, 0.18 as anytime_high, 0.07 as detectable_difference, 'enough' as evidence, false as has_sample_ratio_mismatch
    union all select 'spring', 'complaint', 'mail', 200, 0.0, 100, 0.0, 0.0, null, null, null, 'enough', false
    union all select 'spring', 'visit', 'none', 100, 0.4, null, null, null, null, null, null, null, false
    union all select 'autumn', 'visit', 'mail', 90, 0.5, 50, 0.4, 0.1, -0.1, 0.3, 0.2, 'enough', true;
  create table raw.ingest_ledger as select 1 as received, 1 as landed, 0 as duplicate, 0 as dead_letter;
  create table raw.dead_letters as select 'x' as reason`);

/** The figures when labels and drift were written in this order; every count and every PSI is a tie. */
async function figuresOf(names: readonly string[]) {
  const rows = (row: (name: string) => string) => names.map(row).join(" union all ");
  await warehouse.execute(`
    create or replace table training.examples as ${rows((name) => `select '${name}' as label, true as is_mature`)};
    create or replace table monitoring.drift as
      ${rows((name) => `select '${name}' as feature, 0.1 as psi, 0.1 as kl, 'ok' as drift_level, 'customer' as feature_origin`)}`);
  return readFigures(warehouse);
}

test("when counts are ties then the figures do not depend on the order in which rows were written", async () => {
  const names = ["spam_complaint", "blocked", "converted", "not_delivered"];
  const said = await figuresOf(names);
  expect(await figuresOf(names.toReversed())).toEqual(said);
  expect(said.labels.map(({ label }) => label)).toEqual(names.toSorted());
  expect(said.drift.map(({ feature }) => feature)).toEqual(names.toSorted());
});

test("when a domain is spoken of for longer than four weeks then the figures are of the last four", async () => {
  const { senders } = await figuresOf(["converted"]);
  expect(senders).toEqual([
    {
      sender_domain: "shop.example",
      sends: 20,
      dmarc_messages: 40,
      dmarc_unaligned_rate: 0.125,
      dmarc_refused: 1,
      provider_spam_rate: 0.003,
      tls_failures: 0,
      spam_trap_hits: 1,
    },
  ]);
});

test("when a person has several categories then the dearest counts, and a visit over a login is one", async () => {
  const { affinities, sessions } = await figuresOf(["converted"]);
  expect(affinities).toEqual([
    { category: "bags", addresses: 2 },
    { category: "shoes", addresses: 1 },
  ]);
  // e1 began on a Sunday; to whoever knew both ids e2 went on with it
  expect(sessions).toEqual([
    { week: "2026-01-05", sessions: 1 },
    { week: "2026-01-12", sessions: 1 },
  ]);
});

test("when models decided then their scores are there, the latest week first, and what was wrong stands out", async () => {
  const figures = await figuresOf(["converted"]);
  expect(figures.scores).toEqual([
    { model: "m1", outcome: "click", psi: 0.3, verdict: "drifted" },
    { model: "m0", outcome: "click", psi: null, verdict: "unknown" },
  ]);
  expect(figures.estimates.map(({ week, realised }) => [week, realised])).toEqual([
    ["2026-01-12", null],
    ["2026-01-05", 0.5],
  ]);
  const [bars, table] = scoresSection(figures).blocks;
  expect(bars).toMatchObject({ items: [{ label: "m1, click (drifted)", value: 0.3 }] });
  expect(table).toMatchObject({
    tones: ["bad", "bad"],
    rows: [
      ["2026-01-12", "m1"],
      ["2026-01-05", "m1"],
    ].map((row) => expect.arrayContaining(row)),
  });
});

test("when weeks of labels were compared then each that was has its bar, in the order of the weeks", async () => {
  const [, bars] = driftSection(await figuresOf(["converted"])).blocks;
  expect(bars).toMatchObject({
    items: [
      { label: "2026-01-05 (stable)", value: 0.01 },
      { label: "2026-01-12 (moved)", value: 0.2 },
    ],
  });
});

test("when devices reported then their shares and times stand with their intervals, and what cannot be estimated is left out", async () => {
  const said = await figuresOf(["blocked"]);
  const [section] = devicesSection(said);
  expect(section?.blocks).toMatchObject([
    {
      rows: [
        ["c1", "2026-01-26", "read_time", "8", 1, 300, -0.1, expect.closeTo(-0.296), expect.closeTo(0.096)],
        ["c1", "2026-01-26", "read_time", "16", 1, 300, 0.25, expect.closeTo(0.054), expect.closeTo(0.446)],
      ],
    },
    { rows: [["c1", "2026-01-26", 1, 300, 12.5, expect.closeTo(8.58), expect.closeTo(16.42)]] },
  ]);
  expect(devicesSection({ deviceAnswers: [], deviceReadTimes: [] })).toEqual([]);
});

test("when versions were released and rolled back then the report counts them by month, the latest first", async () => {
  const { releases } = await figuresOf(["converted"]);
  const [block] = releasesSection(releases).blocks;
  expect(block).toMatchObject({
    kind: "table",
    rows: [
      ["2026-02", 0, 0, 0, 1, null, 0, 4],
      ["2026-01", 3, 2, 1, 1, 0.5, 1, 0],
    ],
  });
});

test("when arms are beside a hold-out then what was shown is drawn, and an experiment of other sizes than planned is named and not drawn", async () => {
  const figures = await figuresOf(["converted"]);
  expect(figures.lift.map(({ experiment, metric }) => `${experiment} ${metric}`)).toEqual([
    "spring complaint",
    "spring visit",
    "autumn visit",
  ]);
  const [bars, table] = liftSection(figures).blocks;
  expect(bars).toMatchObject({ items: [{ label: "spring, mail: visit", value: 0.1, low: 0.02, high: 0.18 }] });
  expect(table).toMatchObject({ tones: [undefined, undefined, "bad"] });
  expect(table?.kind === "table" && table.rows[2]?.at(-1)).toBe("arms are not of the planned sizes");
});
