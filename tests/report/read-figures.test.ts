import { afterAll, expect, test } from "vitest";
import { readFigures } from "../../report/read-figures.ts";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";

const warehouse = await openDuckDbWarehouse({ path: ":memory:", threads: 1 });
afterAll(() => warehouse.close());

await warehouse.execute(`
  create schema training; create schema events; create schema monitoring; create schema raw;
  create table events.events as select false as is_machine, 'open' as event_type;
  create table monitoring.kpis_daily as
    select date '2026-01-05' as sent_date, 1 as sends, 1 as opened, 1 as delivered, 1 as human_opened, 0 as clicked, 0 as unsubscribed,
      0 as complained, numeric '1' as revenue;
  create table monitoring.sender_health_daily as
    select 'shop.example' as sender_domain, date '2026-01-05' as activity_date, 10 as sends, 20 as dmarc_messages, 5 as dmarc_unaligned,
      1 as dmarc_refused, 0.001 as provider_spam_rate, 0 as tls_failures, 1 as spam_trap_hits
    union all select 'shop.example', date '2026-01-20', 10, 20, 0, 0, 0.003, 0, 0
    union all select 'shop.example', date '2025-12-01', 99, 99, 99, 99, 0.9, 9, 9;
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
