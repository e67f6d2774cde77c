import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Entry, openOutbox } from "../../activation/outbox.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { loopback } from "../support/loopback.ts";
import { decideOn, fillBoth, type TargetName, targets } from "./support/decide-on.ts";
import { ownBigQuery } from "./support/own-bigquery.ts";
import { idOf, type TwoTargets, twoTargets } from "./support/two-targets.ts";

/** `inboxloop activate` and `why` on BigQuery: the mails that this machine hands over of the same decisions, each once, and the same answers about them. */
const bigquery = await ownBigQuery();
const people = 16;
const hour = 3_600_000;
const asOf = new Date(Math.floor(Date.now() / hour) * hour);
const before = (hours: number): string => new Date(asOf.getTime() - hours * hour).toISOString();
let at: TwoTargets;
let hook: Awaited<ReturnType<typeof loopback>>;
/** What a receiver has taken, by target and key, as often as it was asked. */
const taken: Record<TargetName, Map<string, number>> = { local: new Map(), bigquery: new Map() };

/** Views over raw rows that decisions and the hand-over read, and what they are made of. */
const kept = ["events", "campaigns", "consents", "suppressions", "erasure_requests", "decisions"];
const rawViews = [
  ...["retractions", "erased_ids", "campaigns", "decisions"].map((table) => `staging.stg_raw__${table}`),
  ...kept.map((table) => `staging.kept_${table}`),
];

/** A quarter refuses; every other one has left a cart. */
const signals = Array.from({ length: people }, (_, n) => {
  const who = { user_id_hash: idOf(n), received_at: before(700) };
  const act = (event_type: string, hours: number) => ({
    event_type,
    event_id: `${event_type}-${n}`,
    user_id_hash: idOf(n),
    message_id: `m${n}`,
    campaign_id: "old",
    timestamp_utc: before(hours),
    received_at: before(hours),
  });
  return [
    {
      table: "profiles",
      ...who,
      isp: n % 2 === 0 ? "gmail" : "yahoo",
      region: "de",
      recipient_domain: "gmail.com",
      signed_up_at: before(900),
    },
    { table: "consents", ...who, purpose: "activation", is_granted: n % 4 !== 0, effective_at: before(800) },
    act("sent", 60),
    act("open", 50),
    ...(n % 2 === 1
      ? [{ ...act("add_to_cart", 5), message_id: undefined, campaign_id: undefined, metadata: { category: "garden" } }]
      : []),
  ];
}).flat();

/** What is heard after the decisions: one leaves, one complains, one wants to be forgotten, one refuses, one has a mail of another campaign, one has bought. */
const heardLater = () => {
  const now = new Date().toISOString();
  const act = (event_type: string, n: number, more: object = {}) => ({
    event_type,
    event_id: `later-${event_type}-${n}`,
    user_id_hash: idOf(n),
    message_id: `later-${n}`,
    timestamp_utc: now,
    received_at: now,
    ...more,
  });
  return [
    act("unsubscribe", 1),
    act("complaint", 2),
    { table: "erasure_requests", user_id_hash: idOf(3), requested_at: now, received_at: now },
    {
      table: "consents",
      user_id_hash: idOf(5),
      purpose: "activation",
      is_granted: false,
      effective_at: now,
      received_at: now,
    },
    act("sent", 6, { campaign_id: "other" }),
    act("purchase", 7, { message_id: undefined, metadata: { revenue: 9, order_hash: "o7" } }),
  ];
};

beforeAll(async () => {
  at = await twoTargets(bigquery, "activate");
  hook = await loopback(({ path, headers }) => {
    const of = taken[path.slice(1) as TargetName];
    const id = String(headers["webhook-id"]);
    of.set(id, (of.get(id) ?? 0) + 1);
    return { status: 200 };
  });
  const rules =
    "rules: [{name: all, variant: plain, approved: {by: ada, at: '2026-11-01'}}]\nladder: [model, rule, suppress]\n";
  at.writePolicy("plain", `priority: 10\ncaps: {per_person: [{sends: 1, days: 2}]}\n${rules}`);
  at.writePolicy("file", rules);
  at.writePolicy(
    "cart",
    `trigger: {on: event, events: [add_to_cart], delay_minutes: 60, cancelled_by: [purchase]}\n${rules}`,
  );
  const csv = Array.from({ length: people }, (_, n) => `${idOf(n)},reader-${n}@mailbox.example\n`).join("");
  writeFileSync(join(at.folder, "people.csv"), `id,address\n${csv}`);
  for (const target of targets)
    writeFileSync(
      join(at.folder, `${target}.yaml`),
      `schema: "1"
addresses: {kind: file, path: people.csv}
receivers:
  hook: {kind: webhook, url: "${hook.url}/${target}", secret_env: HOOK_SECRET, rate_per_second: 500, concurrency: 1}
  drop: {kind: file, folder: out-${target}, rows: 5, counts_as_sent: true}
`,
    );
  vi.stubEnv("HOOK_SECRET", secret);
  await fillBoth(at, signals, asOf, rawViews);
  const decided = { asOf, campaigns: ["spring=plain", "drop=file", "cart=cart"], pageRows: 100 };
  for (const target of targets) await decideOn(at, target, decided);
  const later = at.write("later.ndjson", heardLater());
  for (const target of targets) await at.run(target, ["ingest", "file", later, "--trust-received-at"]);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hook?.close();
  if (at) rmSync(at.folder, { recursive: true, force: true });
});

const secret = `whsec_${Buffer.alloc(32, 5).toString("base64")}`;

async function query(target: TargetName, sql: string) {
  const warehouse: Warehouse = await at.warehouse(target);
  try {
    return (await warehouse.query(sql)).rows;
  } finally {
    await warehouse.close();
  }
}

const wordsOf = (target: TargetName, campaign: string, to: string) => [
  "activate",
  "--campaign",
  campaign,
  "--to",
  to,
  "--settings",
  `${target}.yaml`,
];

/** What became of each decided send, by the outbox of a home; times and the names of files are a run's own. */
async function handedOver(target: TargetName): Promise<ReadonlyMap<string, Pick<Entry, "state" | "reason" | "to">>> {
  const decided = await query(
    target,
    "select decision_id from raw.decisions where json_value(attributes, '$.action') = 'send'",
  );
  const outbox = openOutbox(join(at.folder, target, "outbox"));
  try {
    return new Map(
      decided
        .flatMap(({ decision_id }) => {
          const entry = outbox.entry(String(decision_id));
          return entry
            ? [[String(decision_id), { state: entry.state, reason: entry.reason, to: entry.to }] as const]
            : [];
        })
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  } finally {
    await outbox.close();
  }
}

const sentOn = (target: TargetName, campaign: string) =>
  query(
    target,
    `select event_id, user_id_hash, message_id, provenance, json_value(metadata, '$.variant') as variant from raw.events where event_type = 'sent' and campaign_id = '${campaign}' order by event_id`,
  );

test("when the hand-over from BigQuery is killed at each step, then each mail goes out once, and the same ones as from this machine", async () => {
  const rehearse = (target: TargetName) => at.run(target, [...wordsOf(target, "spring", "hook"), "--dry-run"]);
  const dry = await rehearse("local");
  // The first request goes to each target's own place, at its own time.
  const shown = ({ request, ...rest }: { request: { body: { data: object } } }) => ({
    ...rest,
    data: request.body.data,
  });
  expect(shown(await rehearse("bigquery"))).toEqual(shown(dry));
  expect(dry.by_reason).toMatchObject({
    "withhold: suppressed": expect.any(Number),
    "withhold: cap-per-person": 1,
    "withhold: refused": 1,
  });
  const words = wordsOf("bigquery", "spring", "hook");
  const points = [
    "outbox-checked:1",
    "outbox-claimed:2",
    "outbox-answered:2",
    "outbox-settled:2",
    // sent to raw.events, and not counted
    "append-answered:1",
    "outbox-landed:1",
  ];
  for (const point of points) {
    const killed = await at.start("bigquery", words, { HOOK_SECRET: secret, INBOXLOOP_FAULT_AT: point });
    expect(killed.signal, `${point} ${killed.stderr}`).toBe("SIGKILL");
  }
  expect(await at.run("bigquery", words)).toMatchObject({ state: "done", next_at: null });
  expect(await at.run("bigquery", words)).toMatchObject({ state: "done", counts: {} });
  expect(await at.run("local", wordsOf("local", "spring", "hook"))).toMatchObject({ state: "done" });

  expect([...taken.bigquery.keys()].sort()).toEqual([...taken.local.keys()].sort());
  expect(taken.local.size).toBeGreaterThan(5);
  // Only the one whose answer was lost was asked twice, under the key that a receiver takes once.
  expect([...taken.bigquery.values()].filter((n) => n > 1).length).toBeLessThanOrEqual(2);
  const sent = await sentOn("local", "spring");
  expect(sent).toHaveLength(taken.local.size);
  expect(await sentOn("bigquery", "spring")).toEqual(sent);
  expect(await at.run("bigquery", ["ingest", "verify"])).toMatchObject({ ok: true });
});

test("when mails answer an event and one has bought meanwhile, then it is called off on both", async () => {
  for (const target of targets)
    expect(await at.run(target, wordsOf(target, "cart", "hook"))).toMatchObject({
      state: "done",
      by_reason: expect.objectContaining({ "withheld: called-off": 1 }),
    });
  expect(await sentOn("bigquery", "cart")).toEqual(await sentOn("local", "cart"));
});

test("when mails go to files and the run dies at each step, then each stands in one file, and the same ones as from this machine", async () => {
  const words = wordsOf("bigquery", "drop", "drop");
  for (const point of ["outbox-claimed:1", "outbox-answered:1", "append-answered:1"])
    expect((await at.start("bigquery", words, { INBOXLOOP_FAULT_AT: point })).signal).toBe("SIGKILL");
  for (const target of targets)
    expect(await at.run(target, wordsOf(target, "drop", "drop"))).toMatchObject({ state: "done" });
  const idsIn = (target: TargetName) => {
    const folder = join(at.folder, `out-${target}`);
    return readdirSync(folder)
      .flatMap((file) => readFileSync(join(folder, file), "utf8").trim().split("\r\n").slice(1))
      .map((row) => row.slice(0, row.indexOf(",")))
      .sort();
  };
  expect(idsIn("bigquery")).toEqual(idsIn("local"));
  expect(new Set(idsIn("local")).size).toBe(idsIn("local").length);
  expect(idsIn("local").length).toBeGreaterThan(5);
  expect(await sentOn("bigquery", "drop")).toEqual(await sentOn("local", "drop"));
  expect(await handedOver("bigquery")).toEqual(await handedOver("local"));
});

test("when somebody asks why, then both targets answer the same about a decision, a message and a customer", async () => {
  const [one] = await query(
    "bigquery",
    `select decision_id, message_id from raw.decisions where campaign_id = 'spring' and user_id_hash = '${idOf(9)}'`,
  );
  const [other] = await query(
    "bigquery",
    `select decision_id from raw.decisions where campaign_id = 'spring' and user_id_hash = '${idOf(4)}'`,
  );
  // The instants of the hand-over are each run's own; how often it was tried is what the kills made of it.
  const about = (found: { hand_over: object | null }) => ({
    ...found,
    hand_over: found.hand_over && { ...found.hand_over, at: null, attempts: null },
  });
  for (const words of [
    [String(one!["decision_id"])],
    [String(one!["message_id"])],
    [idOf(9)],
    [idOf(1)],
    [String(one!["decision_id"]), "--compared-to", String(other!["decision_id"])],
  ]) {
    const [here, there] = [await at.run("local", ["why", ...words]), await at.run("bigquery", ["why", ...words])];
    expect(about(there), words.join(" ")).toEqual(about(here));
  }
  const told = await at.run("bigquery", ["why", String(one!["decision_id"])]);
  expect(told).toMatchObject({
    hand_over: { state: "handed_over", to: "hook" },
    scores: { is_as_decided: true },
    model: { version: "m1" },
  });
  expect(told.events_before.length).toBeGreaterThan(1);
});
