import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import affinity from "../../includes/affinity.js";
import pit from "../../includes/pit.js";
import sessions from "../../includes/sessions.js";
import { type Act, affinitiesAt, featuresAt, topicsAt } from "../../serve/online/acts.ts";
import { microsOf } from "../../serve/online/push.ts";
import { personNow, type StoredPerson } from "../../serve/online/stored-person.ts";
import { customerOf } from "../../serve/person.ts";
import { featuresView } from "../../serve/service/features-view.ts";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import { person } from "./support/bench.ts";

const day = 86_400_000_000;
const at = Date.UTC(2026, 0, 31) * 1000;
const kinds = [
  "send",
  "open",
  "click",
  "view",
  "order",
  "cart",
  "complaint",
  "hard_bounce",
  "bounce",
  "read_time",
  "machine_open",
  "pricing_view",
];

/** Deterministic numbers in [0, 1). */
function* numbers(seed: number): Generator<number> {
  let x = seed;
  for (;;) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    yield x / 2 ** 32;
  }
}

test("when the store counts features from acts, then they are what the warehouse's windows say of the same acts, at their very edges too", async () => {
  const random = numbers(7);
  const draw = (n: number): number => Math.floor((random.next().value as number) * n);
  const edges = [7, 30, 90].flatMap((n) => [at - n * day, at - n * day - 1, at - n * day + 1]);
  const people = Array.from({ length: 50 }, (_, n) => {
    const acts: Act[] = Array.from({ length: draw(40) }, () => ({
      at: draw(4) === 0 ? edges[draw(edges.length)]! : at - 1 - draw(95) * day - draw(day / 1000) * 1000,
      act: kinds[draw(kinds.length)]!,
      amount: draw(3) + 1,
      topic: draw(3) === 0 ? null : ["garden", "books"][draw(2)]!,
      revenue: null,
    })).map((act) => (act.act === "order" ? { ...act, revenue: draw(9000) / 100 } : act));
    const onSite = acts.filter(({ act }) => pit.siteActs.includes(act)).sort((a, b) => a.at - b.at);
    const beginners = new Set<Act>(sessions.beginners(onSite));
    return { id: `u${String(n).padStart(3, "0")}`, acts: acts.map((one) => ({ ...one, begins: beginners.has(one) })) };
  });
  const dir = mkdtempSync(join(tmpdir(), "inboxloop-acts-"));
  const warehouse = await openDuckDbWarehouse({ path: ":memory:", rawDir: dir, rawTables: {} });
  try {
    const literal = (text: string | null): string => (text === null ? "cast(null as string)" : `'${text}'`);
    const rows = people.flatMap(({ id, acts }) => [
      ...acts.map(
        ({ at: when, act, amount, topic, revenue, begins }) =>
          `('${id}', timestamp_micros(${when}), '${act}', ${amount}, ${literal(topic)}, ${revenue === null ? "cast(null as numeric)" : `numeric '${revenue}'`}, ${begins ?? false})`,
      ),
      `('${id}', timestamp_micros(${at}), 'now', 0, cast(null as string), cast(null as numeric), false)`,
    ]);
    await warehouse.execute(
      "create schema if not exists t; create table t.acts (user_id_hash string, as_of_at timestamp, act string, amount int64, topic string, revenue numeric, begins_session bool)",
    );
    for (let i = 0; i < rows.length; i += 500)
      await warehouse.execute(`insert into t.acts values ${rows.slice(i, i + 500).join(", ")}`);
    const found = await warehouse.query(
      `with clocked as (select *, user_id_hash as past_key, unix_micros(as_of_at) as _micros from t.acts), counted as (select *, ${pit.windows().join(", ")} from clocked)
       select user_id_hash, ${(pit.selected() as string[]).filter((one) => !one.includes("topic_clicks")).join(", ")} from counted where act = 'now' order by user_id_hash`,
    );
    expect(found.rows).toHaveLength(people.length);
    for (const [i, { id, acts }] of people.entries()) {
      const offline = found.rows[i]!;
      expect(offline["user_id_hash"]).toBe(id);
      const online = featuresAt(acts, { counts: {}, lasts: {} }, at);
      for (const name of pit.customerNames as string[]) {
        const value = offline[name] === null ? null : Number(offline[name]);
        if (value === null) expect(online[name], `${id} ${name}`).toBeNull();
        else expect(online[name], `${id} ${name}`).toBeCloseTo(value, 8);
      }
    }
    const faded = affinity.fadedSql("as_of_at", (days: number) => `timestamp_micros(${at - days * day})`);
    const cared = await warehouse.query(
      `select user_id_hash, topic, sum(${affinity.weightSql("act")} * ${faded}) as affinity
       from t.acts
       where topic is not null and act in (${affinity.acts.map((act: string) => `'${act}'`).join(", ")}) and unix_micros(as_of_at) between ${at - affinity.windowDays * day} and ${at - 1}
       group by user_id_hash, topic`,
    );
    const offline = Object.fromEntries(
      cared.rows.map((row) => [`${row["user_id_hash"]} ${row["topic"]}`, Number(row["affinity"])]),
    );
    const online = people.flatMap(({ id, acts }) =>
      Object.entries(affinitiesAt(acts, at)).map(([topic, worth]) => [`${id} ${topic}`, worth] as const),
    );
    expect(online.length).toBeGreaterThan(30);
    expect(Object.fromEntries(online)).toEqual(offline);
  } finally {
    await warehouse.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

test("when acts stream in, in whatever order, then those begin a session that the next build says", async () => {
  const random = numbers(11);
  const draw = (n: number): number => Math.floor((random.next().value as number) * n);
  const minute = 60_000_000;
  const steps = [0, 1, minute, 29 * minute, 30 * minute - 1, 30 * minute, 24 * 60 * minute - 1, 24 * 60 * minute];
  const people = Array.from({ length: 60 }, (_, n) => {
    let when = at - 20 * day;
    const acts = Array.from({ length: 1 + draw(12) }, (_, i): Act & { readonly key: string } => {
      when += steps[draw(steps.length)]!;
      const session = [null, null, "s1", "s2"][draw(4)]!;
      return {
        key: `e${String(i).padStart(2, "0")}`,
        at: when,
        act: "view",
        amount: 1,
        topic: null,
        revenue: null,
        session,
      };
    });
    return { id: `u${n}`, acts };
  });
  const warehouse = await openDuckDbWarehouse({ path: ":memory:" });
  const built = async (some: readonly { readonly id: string; readonly acts: readonly (Act & { key: string })[] }[]) => {
    const rows = some.flatMap(({ id, acts }) =>
      acts.map(
        ({ key, at: when, session }) => `('${id}', '${key}', '', '', ${when}, ${session ? `'${session}'` : "null"})`,
      ),
    );
    await warehouse.execute(
      "create or replace table acts (past_key string, event_id string, event_type string, subject_key string, _micros int64, session_id string)",
    );
    await warehouse.execute(`insert into acts values ${rows.join(", ")}`);
    const { rows: said } = await warehouse.query(`select past_key, event_id, ${pit.beginsSql} as begins from acts`);
    return new Map(said.map((row) => [`${row["past_key"]} ${row["event_id"]}`, row["begins"] === true]));
  };
  try {
    const whole = await built(people);
    expect(new Set(whole.values()).size).toBe(2);
    // some of them are in the store as the warehouse had them, the others came since, from before and after
    const loaded = people.map(({ id, acts }) => ({ id, acts: acts.filter(() => draw(2) === 0) }));
    const then = await built(loaded.filter(({ acts }) => acts.length > 0));
    for (const [i, { id, acts }] of people.entries()) {
      const kept = new Set(loaded[i]!.acts);
      const known = acts.map((one) => (kept.has(one) ? { ...one, begins: then.get(`${id} ${one.key}`)! } : one));
      const begun = sessions.beginners(known).map(({ key }: { key: string }) => key);
      expect(begun, id).toEqual(acts.filter(({ key }) => whole.get(`${id} ${key}`)).map(({ key }) => key));
    }
  } finally {
    await warehouse.close();
  }
});

test("when a page is viewed half an hour after the last one then it counts as another session, and within it as the same", () => {
  const stored = (minutes: number): StoredPerson => ({
    base: person("u1", { as_of: at / 1000 }),
    acts: [{ at: at - 1, act: "view", amount: 1, topic: null, revenue: null, session: null, begins: true }],
    before: { counts: {}, lasts: {} },
    fresh: [
      {
        at: at - 1 + minutes * 60_000_000,
        act: "view",
        amount: 1,
        topic: null,
        revenue: null,
        session: null,
        key: "w2",
        signature: "w2",
        received_at: at / 1000,
      },
    ],
    set: {},
  });
  const seen = (minutes: number) => personNow(stored(minutes), at / 1000 + 3_600_000, () => []).values;
  expect(seen(29)).toMatchObject({ sessions_7d: 1, views_per_session_30d: 2 });
  expect(seen(30)).toMatchObject({ sessions_7d: 2, views_per_session_30d: 1 });
  // what it goes on from may be too old to be kept
  const [goingOn] = [{ ...stored(30).acts[0]!, begins: false }];
  expect(featuresAt([goingOn], { counts: {}, lasts: {} }, at)).toMatchObject({ sessions_7d: 0, views_30d: 1 });
});

test("when somebody buys then that is the category they care for, at once", () => {
  const look: Act = { at: at - 40 * day, act: "view", amount: 1, topic: "garden", revenue: null };
  const stored: StoredPerson = {
    base: person("u1", {
      as_of: at / 1000,
      values: { favourite_category: "garden", categories_90d: 1 },
      category_affinities: { garden: 0.5 },
    }),
    acts: [look],
    before: { counts: {}, lasts: {} },
    fresh: [
      {
        at: at + 1,
        act: "order",
        amount: 1,
        topic: "books",
        revenue: 5,
        key: "p1",
        signature: "p1",
        received_at: at / 1000,
      },
    ],
    set: {},
  };
  const now = personNow(stored, at / 1000 + 1000, () => []);
  expect(now.category_affinities).toEqual({ garden: 0.5, books: 4 });
  expect(now.values).toMatchObject({ favourite_category: "books", categories_90d: 2 });
  const campaign = { campaign_kind: "bulk", campaign_topic: null, subject_length: 30, sender_complaint_rate_30d: null };
  expect(customerOf(now, campaign).categories).toEqual(["books", "garden"]);
});

test("when topics are counted, then clicks and views of 90 days are, and nothing else", () => {
  const act = (act: string, topic: string | null, when = at - 1): Act => ({
    at: when,
    act,
    amount: 1,
    topic,
    revenue: null,
  });
  const acts = [
    act("click", "garden"),
    act("view", "garden"),
    act("open", "garden"),
    act("click", null),
    act("click", "books", at),
    act("click", "books", at - 90 * day),
  ];
  expect(topicsAt(acts, at)).toEqual({ garden: 2, books: 1 });
});

test("when the warehouse tells a time, then no microsecond of it is lost", () => {
  expect(microsOf("2026-01-31T00:00:00.123456Z")).toBe(at + 123456);
  expect(microsOf("2026-01-31T00:00:00.120Z")).toBe(at + 120000);
  expect(microsOf("2026-01-31T00:00:00Z")).toBe(at);
});

test("when a source had been silent as the store was loaded, then what is counted of it stays missing, though an act comes in", () => {
  const base = person("u1", {
    as_of: at / 1000,
    values: { opens_90d: null, complaints_before: 1 },
    silent_feeds: ["signals"],
  });
  const open = { at: at + 1, act: "open", amount: 1, topic: "garden", revenue: null };
  const stored: StoredPerson = {
    base,
    acts: [],
    before: { counts: { complaints_before: 1 }, lasts: {} },
    fresh: [{ ...open, key: "o1", signature: "open o1", received_at: at / 1000 }],
    set: {},
  };
  const now = personNow(stored, at / 1000 + 1000, () => []);
  expect(now.values).toMatchObject({
    opens_90d: null,
    clicks_7d: null,
    sends_90d: 0,
    views_30d: 0,
    complaints_before: 1,
  });
  const told = customerOf(now, {
    campaign_kind: "bulk",
    campaign_topic: "garden",
    subject_length: 30,
    sender_complaint_rate_30d: 0.1,
  });
  expect(told.features?.values).not.toHaveProperty("opens_90d");
  expect(told.features?.values).not.toHaveProperty("topic_clicks_90d");
  expect(told.features?.values).toMatchObject({ complaints_before: 1 });
  const shown = featuresView(stored, at / 1000 + 1000).features;
  expect(shown.find(({ name }) => name === "opens_90d")).toMatchObject({ value: null, status: "stale" });
  expect(shown.find(({ name }) => name === "complaints_before")).toMatchObject({ value: 1, status: "present" });
});
