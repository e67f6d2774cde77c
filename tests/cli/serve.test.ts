import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { rollback } from "../../release/release.ts";
import { featuresAt } from "../../serve/online/acts.ts";
import { openLmdbStore } from "../../serve/online/lmdb-store.ts";
import { type DecidingHome, idOf, makeDecidingHome, people } from "./support/deciding-home.ts";

let at: DecidingHome;
const secret = "0123456789abcdef0123";
const keys = { INBOXLOOP_SERVE_KEY_SHOP: `decide+read+explain:${secret}` };
let service: { readonly child: ChildProcess; readonly url: string; readonly status: string } | undefined;

async function start(env: Record<string, string> = {}): Promise<string> {
  const child = at.start(["serve", "--port", "0"], { ...keys, ...env });
  let said = "";
  child.stderr!.on("data", (chunk) => {
    said += String(chunk);
  });
  const deadline = Date.now() + 200_000;
  for (;;) {
    const url = /listening on (http:\S+)/.exec(said)?.[1];
    const status = /status on (http:\S+)/.exec(said)?.[1];
    if (url && status) {
      service = { child, url, status };
      return url;
    }
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`it does not serve: ${said}`);
    await sleep(50);
  }
}
async function stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
  if (!service) return null;
  const { child } = service;
  service = undefined;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
  return child.exitCode;
}
/** What the tests read of an answer. */
interface Body {
  readonly decision_id: string;
  readonly reason: string;
  readonly model_version: string | null;
  readonly troubles: readonly string[];
  readonly features: readonly { readonly name: string; readonly value: unknown }[];
}
const call = async (path: string, body?: object, of: "url" | "status" = "url") => {
  const answer = await fetch(`${service![of]}${path}`, {
    headers: { authorization: `Bearer ${secret}`, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
  });
  return { status: answer.status, body: (await answer.json()) as Body };
};
const ask = async (n: number, request_id: string, policy = "winback") =>
  (await call("/v1/decisions", { request_id, user_id_hash: idOf(n), policy })).body;
const ready = () => call("/readyz", undefined, "status");
/** Asks again until it is so. */
async function until(what: () => Promise<boolean>, limitMs: number): Promise<void> {
  const began = Date.now();
  while (!(await what())) {
    if (Date.now() - began > limitMs) throw new Error(`not within ${limitMs} ms`);
    await sleep(100);
  }
}

beforeAll(async () => {
  at = await makeDecidingHome();
  expect(at.run(["features", "push"]).json()).toMatchObject({ people });
});
afterEach(() => stop("SIGKILL"));
afterAll(() => at?.close());

test("when the store was just loaded, then it is what the warehouse has, value by value", () => {
  const verified = at.run(["features", "verify"]);
  expect(verified.json()).toMatchObject({ people, missing_online: 0, missing_offline: 0, other_as_of: 0 });
  expect(verified.json().features.filter((one: { differing: number }) => one.differing > 0)).toEqual([]);
  expect(verified.status).toBe(0);
});

test("when the service is killed at any moment, then every decision that it answered lands once", async () => {
  const answered = new Set<string>();
  for (let round = 0; round < 3; round++) {
    await start(round === 1 ? { INBOXLOOP_FAULT_AT: "2" } : {});
    const asking = Promise.all(
      Array.from({ length: 25 }, async (_, i) => {
        const decision = await ask(2 + ((round * 25 + i) % 80), `k${round}-${i}`).catch(() => undefined);
        if (decision?.decision_id) answered.add(decision.decision_id);
      }),
    );
    if (round === 0) await sleep(60);
    else await asking;
    if (round === 2) expect(await stop()).toBe(0);
    else await stop("SIGKILL");
    await asking;
  }
  const rows = at.run(["query", "select decision_id, count(*) as n from raw.decisions group by decision_id"]).json()
    .rows as { decision_id: string; n: number }[];
  expect(rows.filter(({ n }) => n !== 1)).toEqual([]);
  const landed = new Set(rows.map(({ decision_id }) => decision_id));
  expect([...answered].filter((id) => !landed.has(id))).toEqual([]);
  expect(answered.size).toBeGreaterThan(25);
});

test("when signals land, then the store has soon counted them, and as the next build does", async () => {
  await start();
  // Nobody was asked about this one before: whoever is killed may have decided for the others.
  expect(await ask(80, "before")).toMatchObject({ action: "send" });
  const recent = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  const path = at.write("later.ndjson", [
    { event_type: "complaint", event_id: "c4", user_id_hash: idOf(5), message_id: "m5", timestamp_utc: recent(3) },
    { table: "consents", user_id_hash: idOf(7), purpose: "activation", is_granted: false, effective_at: recent(2) },
    ...[1, 2, 3].map((n) => ({
      event_type: "product_view",
      event_id: `v${n}`,
      user_id_hash: idOf(8),
      timestamp_utc: recent(3 * n),
      metadata: { category: "garden" },
    })),
    {
      event_type: "purchase",
      event_id: "p1",
      user_id_hash: idOf(8),
      timestamp_utc: recent(1),
      metadata: { revenue: 30, order_hash: "o1" },
    },
    {
      event_type: "click",
      event_id: "k8",
      user_id_hash: idOf(8),
      message_id: "m8",
      campaign_id: "old",
      timestamp_utc: recent(2),
    },
    // the same signal again, and a repeat of the same act within a minute
    {
      event_type: "click",
      event_id: "k8",
      user_id_hash: idOf(8),
      message_id: "m8",
      campaign_id: "old",
      timestamp_utc: recent(2),
    },
  ]);
  expect(at.run(["ingest", "file", path]).status).toBe(0);
  const viewsOf = async () =>
    (await call(`/v1/customers/${idOf(8)}/features`)).body.features.find((one) => one.name === "views_30d")?.value;
  // Twice a second it looks; how long that takes on a busy machine is no matter of this test.
  await until(async () => (await viewsOf()) === 3, 120_000);
  // What landed together is in files of its own by table, and the store reads one after the other.
  let n = 0;
  await until(async () => (await ask(5, `after-${n++}`)).reason === "suppressed", 120_000);
  await until(async () => (await ask(7, `after-${n++}`)).reason === "refused", 120_000);
  expect(await ask(5, "later")).toMatchObject({ action: "suppress", reason: "suppressed" });
  expect(await ask(7, "later")).toMatchObject({ action: "suppress", reason: "refused" });
  await stop();
  const asOf = new Date(Date.now() + 1000);
  expect(at.build(asOf.toISOString()).stderr).toBe("");
  const built = at.run(["query", `select * from features.decision_inputs where user_id_hash = '${idOf(8)}'`]).json()
    .rows[0];
  const store = openLmdbStore(join(at.home, "online"));
  const person = store.person(idOf(8))!;
  const counted = featuresAt([...person.acts, ...person.fresh], person.before, asOf.getTime() * 1000);
  await store.close();
  for (const [name, value] of Object.entries(counted)) {
    if (value === null) expect(built[name], name).toBeNull();
    else expect(Number(built[name]), name).toBeCloseTo(value, 6);
  }
  expect(counted).toMatchObject({ views_30d: 3, conversions_90d: 1, clicks_90d: 1, revenue_90d: 30 });
  expect(at.run(["features", "push"]).status).toBe(0);
  expect(at.run(["features", "verify"]).status).toBe(0);
});

test("when a version is rolled back while serving, then soon the rules decide; a broken policy leaves the others", async () => {
  await start();
  expect((await ready()).body).toMatchObject({ status: "ready" });
  expect(await ask(82, "m1")).toMatchObject({ arm: "champion", model_version: "m1" });
  await rollback(at.as("ben"), "m1", "complaints");
  await until(async () => (await ready()).body.troubles.includes("model: none"), 120_000);
  expect(await ask(83, "rules")).toMatchObject({ arm: "rules", model_version: null });
  expect((await ready()).body.troubles).toEqual(["model: none"]);
  writeFileSync(join(at.folder, "policies/winback.yaml"), "schema: [");
  await until(async () => (await ready()).body.troubles.includes("policy: policy.invalid"), 120_000);
  expect((await call("/v1/decisions", { request_id: "x", user_id_hash: idOf(20), policy: "winback" })).status).toBe(
    200,
  );
});

test("when nobody's key is set, then the service does not start", () => {
  const refused = at.run(["serve"]);
  expect(refused.status).toBe(3);
  expect(refused.stderr).toMatch(/serve\.nobody-may-call/);
});
