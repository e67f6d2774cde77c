import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { decideOn, fillBoth } from "./support/decide-on.ts";
import { ownBigQuery } from "./support/own-bigquery.ts";
import { idOf, type TwoTargets, twoTargets } from "./support/two-targets.ts";

/** `inboxloop decide --target bigquery`: the decisions that this machine makes of the same rows, each there once. */
const bigquery = await ownBigQuery();
const people = 24;
const hour = 3_600_000;
const asOf = new Date(Math.floor(Date.now() / hour) * hour);
const before = (hours: number): string => new Date(asOf.getTime() - hours * hour).toISOString();
let at: TwoTargets;
let warehouse: Warehouse;

/** A quarter refuses, one has complained, one had two mails this week; every other one has been here for longer. */
const signals = Array.from({ length: people }, (_, n) => {
  const who = { user_id_hash: idOf(n), received_at: before(700) };
  const mail = (id: string, hours: number) => ({
    event_type: "sent",
    event_id: `s-${id}`,
    user_id_hash: idOf(n),
    message_id: id,
    campaign_id: "old",
    timestamp_utc: before(hours),
    received_at: before(hours),
  });
  return [
    {
      table: "profiles",
      ...who,
      isp: n % 2 === 0 ? "gmail" : "yahoo",
      region: n % 5 === 0 ? "fr" : "de",
      recipient_domain: "gmail.com",
      signed_up_at: before(n % 2 === 0 ? 900 : 9000),
    },
    { table: "consents", ...who, purpose: "activation", is_granted: n % 4 !== 0, effective_at: before(800) },
    mail(`m${n}`, 60),
    { ...mail(`m${n}`, 50), event_type: "open", event_id: `o${n}` },
    ...(n === 1 ? [{ ...mail("m1", 40), event_type: "complaint", event_id: "c1" }] : []),
    ...(n === 2 ? [mail("m2-2", 30)] : []),
  ];
}).flat();

beforeAll(async () => {
  at = await twoTargets(bigquery, "decide");
  at.writePolicy(
    "plain",
    "caps: {global: [{sends: 12, per: month}], per_person: [{sends: 2, days: 7}]}\nrules: [{name: all, variant: plain, approved: {by: ada, at: '2026-11-01'}}]\nladder: [rule, suppress]\n",
  );
  at.writePolicy(
    "spring",
    "caps: {global: [{sends: 8, per: month}], per_person: [{sends: 4, days: 7}]}\nrules: [{name: all, variant: plain, approved: {by: ada, at: '2026-11-01'}}]\nladder: [rule, suppress]\n",
  );
  at.writePolicy(
    "scored",
    `caps: {per_person: [{sends: 2, days: 7}]}
hold_out: {global: 0.2}
exploration: {share: 0.5}
jurisdictions: [{name: france, regions: [fr], personalisation: none}]
quiet_hours: {from: "21:00", to: "08:00"}
`,
  );
  await fillBoth(at, signals, asOf, ["staging.*"]);
  warehouse = await at.warehouse("bigquery");
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await warehouse?.close();
  if (at) rmSync(at.folder, { recursive: true, force: true });
});

const query = async (sql: string) => (await warehouse.query(sql)).rows;

const decided = { asOf, campaigns: ["winter=scored", "late=plain"], pageRows: 7 };

test("when the same people are decided for on both targets then every decision is the same, with all that it saw", async () => {
  const [here, there] = [await decideOn(at, "local", decided), await decideOn(at, "bigquery", decided)];
  expect(there).toEqual(here);
  expect(Object.keys(here.by_reason).length).toBeGreaterThan(4);
  const all =
    "select decision_id, user_id_hash, message_id, campaign_id, arm, model_version, decided_at, received_at, to_json_string(attributes) as attributes from raw.decisions where campaign_id in ('winter', 'late') order by decision_id";
  const local = await at.warehouse("local");
  const ours = (await local.query(all)).rows;
  await local.close();
  const theirs = await query(all);
  expect(ours).toHaveLength(2 * people);
  const read = (row: (typeof ours)[number]) => ({ ...row, attributes: JSON.parse(String(row["attributes"])) });
  expect(theirs.map(read)).toEqual(ours.map(read));
});

test("when a batch is killed after its rows were sent and before they were counted then each decision is in BigQuery once", async () => {
  const decide = ["decide", "--campaign", "spring", "--occasion", "o1", "--page-rows", "9"];
  expect((await at.start("bigquery", decide, { INBOXLOOP_FAULT_AT: "append-answered:1" })).signal).toBe("SIGKILL");
  expect(Number((await query("select count(*) as n from raw.decisions where campaign_id = 'spring'"))[0]!["n"])).toBe(
    9,
  );
  const done = await at.run("bigquery", decide);
  expect(done).toMatchObject({ state: "resumed", summary: { decisions: people, sends: 8 } });
  expect(await at.run("bigquery", decide)).toMatchObject({ state: "already-decided", summary: done.summary });
  expect(
    await query(
      "select count(*) as n, count(distinct decision_id) as d, countif(json_value(attributes, '$.action') = 'send') as sends from raw.decisions where campaign_id = 'spring'",
    ),
  ).toEqual([{ n: BigInt(people), d: BigInt(people), sends: 8n }]);
  expect(await at.run("bigquery", ["ingest", "verify"])).toMatchObject({ ok: true });
});
