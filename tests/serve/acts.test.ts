import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import pit from "../../includes/pit.js";
import { type Act, featuresAt, topicsAt } from "../../serve/online/acts.ts";
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
    return { id: `u${String(n).padStart(3, "0")}`, acts };
  });
  const dir = mkdtempSync(join(tmpdir(), "inboxloop-acts-"));
  const warehouse = await openDuckDbWarehouse({ path: ":memory:", rawDir: dir, rawTables: {} });
  try {
    const literal = (text: string | null): string => (text === null ? "cast(null as string)" : `'${text}'`);
    const rows = people.flatMap(({ id, acts }) => [
      ...acts.map(
        ({ at: when, act, amount, topic, revenue }) =>
          `('${id}', timestamp_micros(${when}), '${act}', ${amount}, ${literal(topic)}, ${revenue === null ? "cast(null as numeric)" : `numeric '${revenue}'`})`,
      ),
      `('${id}', timestamp_micros(${at}), 'now', 0, cast(null as string), cast(null as numeric))`,
    ]);
    await warehouse.execute(
      "create schema if not exists t; create table t.acts (user_id_hash string, as_of_at timestamp, act string, amount int64, topic string, revenue numeric)",
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
  } finally {
    await warehouse.close();
    rmSync(dir, { recursive: true, force: true });
  }
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
