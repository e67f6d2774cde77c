import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseCanaryEvidence, readCanaryEvidence } from "../../release/canary/read-evidence.ts";
import { readPlacement } from "../../release/canary/read-placement.ts";
import { readTraffic } from "../../release/canary/read-traffic.ts";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";

let folder: string;
let warehouse: Awaited<ReturnType<typeof openDuckDbWarehouse>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-evidence-"));
  warehouse = await openDuckDbWarehouse({ path: join(folder, "warehouse.duckdb") });
  await warehouse.execute(`
create schema monitoring;
create schema events;
create schema staging;
create table monitoring.canary_cohorts as
select release_id, model_version, timestamp '2026-01-10 08:00:00+00' as cohort_at, planned_share, isp, 'DE' as region, is_mature, 10 as people_new, 10 as sends,
  10 as delivered, 3 as opens, 1 as clicks, 0 as conversions, complaints, 0 as unsubscribes, 0 as deferrals, 0 as negatives
from unnest([
  struct('v2' as release_id, 'v2' as model_version, 0.5 as planned_share, 'gmail' as isp, true as is_mature, 1 as complaints),
  ('v2', 'v2', 0.5, 'yahoo', true, 2),
  ('v2', 'v1', 0.5, 'gmail', true, 0),
  ('other', 'v1', 0.5, 'gmail', true, 9)
]);
create table monitoring.canary_placements as
select 'v2' as release_id, model_version, timestamp '2026-01-10 08:00:00+00' as cohort_at, isp, seed_reports, seeds_misplaced
from unnest([struct('v2' as model_version, 'gmail' as isp, 10 as seed_reports, 4 as seeds_misplaced), ('v1', 'gmail', 12, 1), ('v1', 'yahoo', 3, 0)]);
create table monitoring.canary_people as
select 'v2' as release_id, 'v2' as model_version, 20 as people, 20 as sends, 20 as sends_squared, 5.0 as revenue, 9.0 as revenue_squared,
  5.0 as revenue_sends, 1.0 as revenue_before, 1.0 as revenue_before_squared, 1.0 as revenue_before_sends, 1.0 as revenue_before_revenue;
create table monitoring.canary as
select 'v2' as release_id, 'v2' as model_version, 20 as sends_24h, 3 as complaints_24h, timestamp '2026-01-10 08:00:00+00' as first_decided_at,
  timestamp '2026-01-10 08:30:00+00' as last_decided_at;
create table events.messages as
select timestamp_add(timestamp '2026-01-01 00:00:00+00', interval i hour) as sent_at, date(timestamp_add(timestamp '2026-01-01 00:00:00+00', interval i hour)) as sent_date,
  if(mod(i, 10) = 0, timestamp_add(timestamp '2026-01-01 06:00:00+00', interval i hour), null) as complained_at, cast(null as timestamp) as unsubscribed_at,
  numeric '1.5' as revenue, 'gmail' as isp, 'DE' as region, timestamp '2026-01-01 00:00:00+00' as delivered_at,
  if(mod(i, 4) = 0, timestamp_add(timestamp '2026-01-01 01:00:00+00', interval i hour), null) as first_open_at
from unnest(generate_array(0, 239)) as i;
create table staging.stg_raw__seed_tests as
select 'gmail' as isp, 'DE' as region, 10 as seeds, inbox as seeds_inbox, 1 as seeds_promotions, tested_at
from unnest([struct(8 as inbox, timestamp '2026-01-05 00:00:00+00' as tested_at), (3, timestamp '2026-01-11 00:00:00+00')])`);
});
afterAll(async () => {
  await warehouse.close();
  await rm(folder, { recursive: true, force: true });
});

test("when a canary's evidence is read, then mailbox providers are summed and the arms stand beside each other by cohort", async () => {
  const found = await readCanaryEvidence(warehouse, { release: "v2", candidate: "v2", champion: "v1" });
  expect(found.cohorts).toHaveLength(1);
  expect(found.cohorts[0]).toMatchObject({
    at: "2026-01-10T08:00:00.000Z",
    share: 0.5,
    is_mature: true,
    candidate: { sends: 20, complaints: 3 },
    champion: { sends: 10, complaints: 0 },
  });
  const at = "2026-01-10T08:00:00.000Z";
  expect(found.placements).toEqual([
    { at, isp: "gmail", candidate: { reports: 10, misplaced: 4 }, champion: { reports: 12, misplaced: 1 } },
    { at, isp: "yahoo", candidate: { reports: 0, misplaced: 0 }, champion: { reports: 3, misplaced: 0 } },
  ]);
  expect(found.people).toMatchObject({ candidate: { people: 20, revenue: 5, before: 1 }, champion: { people: 0 } });
  expect(found.first_hours?.candidate).toEqual({ sends: 20, complaints: 3 });
  expect(parseCanaryEvidence(JSON.stringify(found), "evidence.json")).toEqual(found);
});

test("when a release has no decision, then the error says what to run", async () => {
  await expect(readCanaryEvidence(warehouse, { release: "v9", candidate: "v9", champion: "v1" })).rejects.toMatchObject(
    { code: "canary.no-evidence" },
  );
  expect(() => parseCanaryEvidence("{}", "evidence.json")).toThrow(/not the evidence/);
});

test("when placement is read, then both arms, the time before and the seeds stand side by side by provider and region", async () => {
  const cells = await readPlacement(warehouse, { release: "v2", candidate: "v2", champion: "v1" });
  expect(cells).toEqual([
    {
      isp: "gmail",
      region: "DE",
      before: { of: 224, count: 56 },
      control: { of: 10, count: 3 },
      canary: { of: 10, count: 3 },
      seeds: { before: { of: 10, count: 9 }, now: { of: 10, count: 4 } },
    },
    expect.objectContaining({ isp: "yahoo", seeds: null, before: { of: 0, count: 0 } }),
  ]);
});

test("when traffic is read, then it is sends a day, rates, and how late complaints come", async () => {
  expect(await readTraffic(warehouse)).toEqual({
    sendsPerDay: 24,
    rates: { complaints: 0.1, unsubscribes: 0 },
    revenue: undefined,
    delayHours: 6,
  });
});
