import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import rawTables from "../../includes/raw_tables.js";
import suppressions from "../../includes/suppressions.js";
import { seededRandom } from "../../platform/seeded-random.ts";
import { readHeard } from "../../serve/batch/read-heard.ts";
import { inputsAsOf, nextInputs } from "../../serve/decision-inputs.ts";
import { withHeard } from "../../serve/heard.ts";
import { openLmdbStore } from "../../serve/online/lmdb-store.ts";
import { personNow } from "../../serve/online/stored-person.ts";
import { streamOnce } from "../../serve/online/stream.ts";
import { type Person, personOf } from "../../serve/person.ts";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import { SegmentStore } from "../../warehouse/duckdb/segment-store.ts";
import { type DecidingHome, idOf, makeDecidingHome, people } from "./support/deciding-home.ts";

const seed = 20261129;
let at: DecidingHome;
/** Ids without a profile, each linked to one that has: person n is also cookie n. */
const cookieOf = (n: number): string => idOf(1000 + n);
const linked = Array.from({ length: people / 2 }, (_, n) => n);

beforeAll(async () => {
  at = await makeDecidingHome((before) => [
    ...linked.map((n) => ({
      table: "identity_links",
      left_id: cookieOf(n),
      right_id: idOf(n),
      link_kind: "login",
      linked_at: before(700),
    })),
    {
      event_type: "sent",
      event_id: "sent-85",
      user_id_hash: idOf(85),
      message_id: "news-85@sender.test",
      timestamp_utc: before(600),
    },
  ]);
  expect(at.run(["features", "push"]).json()).toMatchObject({ people });
});
afterAll(() => at?.close());

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

/** A signal that may or may not forbid mail to somebody, of any kind that the door takes. */
function signalOf(n: number, random: () => number): object {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const who = Math.floor(random() * (people - 10));
  const user_id_hash = linked.includes(who) && random() < 0.4 ? cookieOf(who) : idOf(who);
  // Word of some comes late: it happened before the features were worked out.
  const when = minutesAgo(pick([2, 5, 30, 60 * 30, 60 * 700]));
  const event = (event_type: string, metadata: object = {}) => ({
    event_type,
    event_id: `heard-${n}`,
    user_id_hash,
    message_id: `heard-m${n}`,
    timestamp_utc: when,
    metadata,
  });
  return pick([
    () => event("unsubscribe", pick([{}, { method: "one-click" }, { list_id: "news" }])),
    () => event("complaint", pick([{}, { feedback_type: "abuse" }, { feedback_type: "not-spam" }])),
    () => event("bounce", { class: pick(["hard", "soft", "block"]) }),
    () => event("spam_trap_hit"),
    () => ({ ...event("page_view"), consent: pick([false, true]) }),
    () => event("open"),
    () => ({
      table: "consents",
      user_id_hash,
      purpose: pick(["activation", "training"]),
      is_granted: pick([false, false, true]),
      channel: pick([null, "email", "sms"]),
      jurisdiction: pick([null, "de", "us"]),
      opt_in: pick([null, "confirmed", "pending"]),
      effective_at: when,
    }),
    () => ({
      table: "suppressions",
      user_id_hash,
      reason: pick(["manual", "legal_hold", "invalid_address", "unsubscribe", "whatever"]),
      scope: pick(["all", "campaign_kind"]),
      scope_key: pick(["bulk", "trigger"]),
      channel: pick([null, "email", "sms"]),
      since_at: when,
      ...pick([{}, { until_at: new Date(Date.now() + 86_400_000).toISOString() }]),
    }),
    () => ({ table: "erasure_requests", user_id_hash, requested_at: when }),
  ])();
}

const standing = (person: Person): Set<string> =>
  new Set(person.suppressions.map(({ campaign_kind, reason }) => `${campaign_kind} ${reason}`));

const mayBeMailed = (person: Person, kind: string): boolean =>
  person.has_consent && !person.suppressions.some(({ campaign_kind }) => campaign_kind === kind);

async function openWarehouse() {
  return openDuckDbWarehouse({
    path: join(at.home, "warehouse.duckdb"),
    rawDir: join(at.home, "raw"),
    rawTables: Object.fromEntries(rawTables.names.map((table: string) => [table, rawTables.columns(table)])),
  });
}

async function peopleIn(warehouse: Awaited<ReturnType<typeof openWarehouse>>): Promise<readonly Person[]> {
  return (await nextInputs(warehouse, { after: null, rows: 1000 }, new AbortController().signal)).map(personOf);
}

test(`when signals land after the build, then the batch and the service forbid at once all that the next build forbids, by any id of the person (seed ${seed})`, async () => {
  const random = seededRandom(seed);
  const signals = Array.from({ length: 150 }, (_, n) => signalOf(n, random));
  expect(at.run(["ingest", "file", at.write("heard.ndjson", signals)]).status).toBe(0);
  const { signal } = new AbortController();
  const now = Date.now() + 1000;

  let warehouse = await openWarehouse();
  const heard = await readHeard(warehouse, (await inputsAsOf(warehouse, signal))!, signal);
  const before = await peopleIn(warehouse);
  const inBatch = new Map(
    before.map((person) => [person.user_id_hash, withHeard(person, (id) => heard.get(id) ?? [], now)]),
  );
  await warehouse.close();

  const store = openLmdbStore(join(at.home, "online"));
  const segments = await SegmentStore.open();
  await streamOnce(join(at.home, "raw"), segments, store, signal);
  segments.close();
  const inService = new Map(
    [...store.people()].map(([id, stored]) => [id, personNow(stored, now, (one) => store.heard(one))]),
  );
  await store.close();

  expect(at.build(new Date(now).toISOString()).stderr).toBe("");
  warehouse = await openWarehouse();
  const built = await peopleIn(warehouse);
  await warehouse.close();
  expect(built).toHaveLength(people);
  let forbidden = 0;
  for (const person of built) {
    const id = person.user_id_hash;
    const batch = inBatch.get(id)!;
    const service = inService.get(id)!;
    expect([...standing(service)].sort(), id).toEqual([...standing(batch)].sort());
    expect(service.has_consent, id).toBe(batch.has_consent);
    expect([...standing(batch)], id).toEqual(expect.arrayContaining([...standing(person)]));
    for (const kind of suppressions.marketingKinds)
      if (mayBeMailed(batch, kind)) expect(mayBeMailed(person, kind), `${id} ${kind}`).toBe(true);
    // Only a later word of the person takes anything back, and who is forgotten has no other ids any more: both wait for the build.
    const ids = [id, ...inBatch.get(id)!.other_ids];
    const own = signals.filter((one) => "user_id_hash" in one && ids.includes(String(one.user_id_hash)));
    const isLetGo = own.some(
      (one) => ("is_granted" in one && one.is_granted === true) || ("table" in one && one.table === "erasure_requests"),
    );
    if (!isLetGo) expect([...standing(batch)].sort(), id).toEqual([...standing(person)].sort());
    forbidden += standing(person).size;
  }
  expect(forbidden).toBeGreaterThan(50);
});

test("when one id of a person is mailed, then the caps count it for the others, in one run and after", async () => {
  // person 83 has a second address with a profile of its own
  const twin = idOf(2083);
  const long = new Date(at.now.getTime() - 700 * 3_600_000).toISOString();
  const path = at.write("twin.ndjson", [
    {
      table: "profiles",
      user_id_hash: twin,
      isp: "gmail",
      region: "de",
      recipient_domain: "gmail.com",
      signed_up_at: long,
    },
    { table: "identity_links", left_id: twin, right_id: idOf(83), link_kind: "login", linked_at: long },
  ]);
  expect(at.run(["ingest", "file", path]).status).toBe(0);
  expect(at.build(new Date(Date.now() + 2000).toISOString()).stderr).toBe("");
  at.writePolicy(
    "once",
    "caps: {per_person: [{sends: 2, days: 7}]}\nrules: [{name: all, variant: plain, approved: {by: ada, at: '2026-11-01'}}]\nladder: [rule, suppress]\n",
  );
  const reasons = (campaign: string) =>
    at
      .run([
        "query",
        `select json_value(attributes, '$.reason') as reason from raw.decisions where campaign_id = '${campaign}' and user_id_hash in ('${twin}', '${idOf(83)}') order by reason`,
      ])
      .json()
      .rows.map((row: { reason: string }) => row.reason);
  // each has had one mail of the history: the first of the two is the person's second
  expect(at.run(["decide", "--campaign", "a=once"]).status).toBe(0);
  expect(reasons("a")).toEqual(["cap-per-person", "rule"]);
  expect(at.run(["decide", "--campaign", "b=once"]).status).toBe(0);
  expect(reasons("b")).toEqual(["cap-per-person", "cap-per-person"]);

  // killed between the two, and begun again
  at.writePolicy(
    "thrice",
    "caps: {per_person: [{sends: 3, days: 7}]}\nrules: [{name: all, variant: plain, approved: {by: ada, at: '2026-11-01'}}]\nladder: [rule, suppress]\n",
  );
  const { rows } = at
    .run([
      "query",
      `select user_id_hash, row_number() over (order by person_id, user_id_hash) as n from features.decision_inputs qualify user_id_hash in ('${twin}', '${idOf(83)}') order by n`,
    ])
    .json() as { rows: { n: number }[] };
  expect(Number(rows[1]!.n)).toBe(Number(rows[0]!.n) + 1);
  const decide = ["decide", "--campaign", "c=thrice", "--page-rows", "1"];
  expect(at.run(decide, { INBOXLOOP_FAULT_AT: `batch-page:${rows[0]!.n}` }).signal).toBe("SIGKILL");
  expect(at.run(decide).json()).toMatchObject({ state: "resumed" });
  expect(reasons("c")).toEqual(["cap-per-person", "rule"]);
});

test("when a feedback report hides the reader of a mail that went to one person, then it forbids mail to them", async () => {
  const report = `From: feedback@mailbox.test
Date: ${new Date().toUTCString()}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Reporter/1.0
Version: 1
Original-Rcpt-To: redacted@mailbox.test

--b
Content-Type: message/rfc822

From: news@sender.test
To: redacted@mailbox.test
Message-ID: <news-85@sender.test>

Hello
--b--
`;
  const path = join(at.home, "../report.eml");
  writeFileSync(path, report);
  expect(at.run(["ingest", "mail", path]).status).toBe(0);
  const { signal } = new AbortController();
  const warehouse = await openWarehouse();
  try {
    const heard = await readHeard(warehouse, (await inputsAsOf(warehouse, signal))!, signal);
    expect(heard.get(idOf(85))).toMatchObject([{ kind: "suppression", reason: "complaint" }]);
  } finally {
    await warehouse.close();
  }
  expect(at.build(new Date(Date.now() + 3000).toISOString()).stderr).toBe("");
  const stands = at.run(["suppressions", "check", idOf(85)]).json()[0].rules as { reasons: string[] }[];
  expect(stands.filter(({ reasons }) => reasons.includes("complaint"))).toHaveLength(2);
});

test("when an unsubscribe that landed since the build is taken back, then the batch hears it no more", async () => {
  const who = idOf(people - 5);
  const path = at.write("mistaken.ndjson", [
    {
      event_type: "unsubscribe",
      event_id: "mistaken-1",
      user_id_hash: who,
      message_id: "mistaken-m1",
      timestamp_utc: new Date().toISOString(),
    },
  ]);
  expect(at.run(["ingest", "file", path]).status).toBe(0);
  const heard = async () => {
    const { signal } = new AbortController();
    const warehouse = await openWarehouse();
    try {
      return (await readHeard(warehouse, (await inputsAsOf(warehouse, signal))!, signal)).get(who) ?? [];
    } finally {
      await warehouse.close();
    }
  };
  expect((await heard()).length).toBeGreaterThan(0);
  expect(at.run(["ingest", "retract", "--where", "id = mistaken-1", "--reason", "a test mail"]).status).toBe(0);
  expect(await heard()).toEqual([]);
});
