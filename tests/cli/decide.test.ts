import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, expect, test } from "vitest";
import registry from "../../includes/feature_registry.js";
import { approveChange, propose } from "../../release/changes.ts";
import { digestOf } from "../../scoring/model-record.ts";
import { type DecidingHome, idOf, makeDecidingHome, people } from "./support/deciding-home.ts";

let at: DecidingHome;
const run: DecidingHome["run"] = (...words) => at.run(...words);

beforeAll(async () => {
  at = await makeDecidingHome();
});
afterAll(() => at?.close());

const landed = (campaign: string) =>
  run([
    "query",
    `select count(*) as n, count(distinct decision_id) as d, countif(json_value(attributes, '$.action') = 'send') as sends from raw.decisions where campaign_id = '${campaign}'`,
  ]).json().rows[0];

test("when a batch is killed after each page in turn, then every person is decided for once, and no cap is broken", () => {
  const decide = ["decide", "--campaign", "spring=newsletter", "--occasion", "o1", "--page-rows", "20"];
  const dry = run([...decide, "--dry-run"]).json();
  expect(dry).toMatchObject({ state: "dry-run", summary: { decisions: people, sends: 40 } });
  expect(landed("spring")).toMatchObject({ n: 0 });
  for (const point of ["batch-page:1", "batch-page:2", "batch-landed:1"]) {
    const killed = run(decide, { INBOXLOOP_FAULT_AT: point });
    expect(killed.signal).toBe("SIGKILL");
  }
  const done = run(decide).json();
  expect(done).toMatchObject({ state: "resumed", summary: { ...dry.summary } });
  expect(landed("spring")).toEqual({ n: people, d: people, sends: 40 });
  expect(readdirSync(join(at.home, "decisions", done.run)).sort()).toEqual(["done.json", "run.json"]);
  expect(run(decide).json()).toMatchObject({ state: "already-decided" });
  const { by_reason } = done.summary;
  // who refused, and the one who complained
  expect(by_reason["refused"] + (by_reason["suppressed"] ?? 0)).toBe(people / 3 + 1);
  expect(by_reason["scored"]).toBe(40);
});

test("when one batch has sent to a person, then the next one counts it before it is heard of as sent", () => {
  const again = run(["decide", "--campaign", "back=winback", "--occasion", "o1"]).json();
  // what the policy allows everybody together was used up by the spring campaign
  const used = run(["decide", "--campaign", "summer=newsletter", "--occasion", "o1", "--dry-run"]).json().summary;
  expect(used).toMatchObject({ sends: 0, by_reason: { "cap-global": expect.any(Number) } });
  // one mail of the history and one of the spring campaign are two
  expect(again.summary.by_reason["cap-per-person"]).toBe(40);
});

test("when a decision has landed, then staging has what it saw in columns", () => {
  const { rows } = run([
    "query",
    "select rung, decision_reason, propensity, policy_name, model_version, arm, features_version, send_at is not null as has_time from staging.stg_raw__decisions where campaign_id = 'spring' and action = 'send' limit 1",
  ]).json();
  expect(rows).toEqual([
    {
      rung: "model",
      decision_reason: "scored",
      propensity: 1,
      policy_name: "newsletter",
      model_version: "m1",
      arm: "champion",
      features_version: registry.version,
      has_time: true,
    },
  ]);
});

test("when a decision is asked about, then each step is told, and where it parts from another's", () => {
  const why = run(["why", idOf(4), "--compared-to", idOf(3)]).json();
  expect(why.steps.map((one: { step: string }) => one.step).slice(0, 3)).toEqual(["pause", "consent", "suppression"]);
  expect(why.parts_from.at).toMatchObject({ step: "consent", here: { code: "granted" }, there: { code: "refused" } });
  expect(why.events_before.map((one: { event_type: string }) => one.event_type)).toEqual(["open", "sent"]);
  expect(run(["why", "nothing"]).stderr).toMatch(/why\.unknown/);
});

test("when a page is asked for, then it holds what was decided and each step, in one file that fetches nothing and names nobody", () => {
  const [sent] = run([
    "query",
    "select min(decision_id) as id from staging.stg_raw__decisions where campaign_id = 'spring' and action = 'send'",
  ]).json().rows;
  const { decision_id, page } = run(["why", sent.id, "--compared-to", idOf(3), "--page"]).json();
  expect(page).toBe(join(at.home, "reports", `why-${decision_id}.html`));
  const html = readFileSync(page, "utf8");
  const { document } = parseHTML(html) as unknown as {
    document: { querySelectorAll(what: string): Iterable<{ textContent: string }> };
  };
  const texts = (what: string) => [...document.querySelectorAll(what)].map(({ textContent }) => textContent);
  expect(texts("h2")).toEqual(
    expect.arrayContaining(["What was decided", "Step by step", "What could have been sent", "What came before"]),
  );
  const steps = texts("td");
  expect(steps).toEqual(expect.arrayContaining(["consent", "granted", "refused", "scored"]));
  expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|@example/);
  const own = run(["why", idOf(4), "--page", join(at.folder, "own.html")]).json();
  expect(own.page).toBe(join(at.folder, "own.html"));
});

test("when a cart was left, then its person is answered once, and who has bought is not", () => {
  const recent = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  const cart = (n: number, user_id_hash = idOf(n)) => ({
    event_type: "add_to_cart",
    event_id: `cart${n}`,
    user_id_hash,
    timestamp_utc: recent(90),
    metadata: { category: "garden" },
  });
  const purchase = (n: number, user_id_hash = idOf(n)) => ({
    event_type: "purchase",
    event_id: `bought${n}`,
    user_id_hash,
    timestamp_utc: recent(30),
    metadata: { revenue: 9, order_hash: `o${n}` },
  });
  const cookie = (n: number) => idOf(1000 + n);
  const login = (n: number) => ({
    table: "identity_links",
    left_id: cookie(n),
    right_id: idOf(n),
    link_kind: "login",
    linked_at: recent(80),
  });
  at.write("carts.ndjson", [
    cart(4),
    cart(5),
    purchase(5),
    // who filled it before the login, and who bought under another id
    cart(8, cookie(8)),
    login(8),
    cart(7),
    purchase(7, cookie(7)),
    login(7),
  ]);
  expect(run(["ingest", "file", join(at.folder, "carts.ndjson")]).status).toBe(0);
  expect(at.build(new Date().toISOString()).stderr).toBe("");
  at.writePolicy(
    "cart",
    "trigger: {on: event, events: [add_to_cart], delay_minutes: 60, cancelled_by: [purchase]}\nrules: [{name: all, variant: plain, approved: {by: ada, at: '2026-11-01'}}]\nladder: [rule, suppress]\n",
  );
  expect(run(["decide", "--campaign", "cart"]).json()).toMatchObject({
    summary: { decisions: 2, by_rung: { rule: 2 } },
  });
  const whom = "select user_id_hash from staging.stg_raw__decisions where campaign_id = 'cart'";
  expect(
    run(["query", whom])
      .json()
      .rows.map((row: { user_id_hash: string }) => row.user_id_hash)
      .sort(),
  ).toEqual([idOf(4), idOf(8)].sort());
  expect(run(["decide", "--campaign", "cart", "--occasion", "again"]).json()).toMatchObject({
    summary: { decisions: 0 },
  });
});

test("when a policy is not there, then the command says which are", () => {
  const refused = run(["decide", "--campaign", "nothing"]);
  expect(refused.status).toBe(2);
  expect(refused.stderr).toMatch(/no policy "nothing"; there is cart, newsletter, winback \[policy\.unknown\]/);
});

test("when people who can be named were taken in, decided for and asked about, then the home names none of them", () => {
  const who = { user_id: "Jane.Doe@Example.org", region: "Hauptstr. 1, 10115 Berlin" };
  const signed_up_at = "2026-01-01T00:00:00Z";
  const attributes = { plan: "pro", phone: "+49 170 1234567", first_name: "Jane", spot: "52.52000, 13.40500" };
  const file = at.write("named.ndjson", [
    { table: "profiles", ...who, signed_up_at, attributes },
    { table: "consents", ...who, purpose: "activation", is_granted: true, effective_at: signed_up_at },
    {
      event_type: "bounce",
      ...who,
      message_id: "jane.doe@example.org/7",
      timestamp_utc: signed_up_at,
      metadata: {
        reason: "550 user jane.doe@example.org unknown at 198.51.100.7",
        ip: "198.51.100.7",
        phone: "+49 30 5550100",
      },
    },
    { event_type: "no such type", ...who },
  ]);
  expect(run(["ingest", "file", file]).json()).toMatchObject({ totals: { landed: 3, dead_letter: 1 } });
  expect(at.build().stderr).toBe("");
  expect(run(["decide", "--campaign", "named=winback", "--occasion", "o2"]).status).toBe(0);
  expect(landed("named").n).toBe(people + 1);
  const audit = run(["audit", "pii"]);
  expect(audit.json()).toMatchObject({ findings: [], unread: [] });
  expect(audit.status).toBe(0);
});

test("when policies need approvals, then nobody decides under one that nobody approved, and after two people agreed it decides", async () => {
  at.enforce();
  const decide = ["decide", "--campaign", "approved=winback", "--dry-run"];
  const refused = run(decide);
  expect(refused.status).not.toBe(0);
  expect(refused.stderr).toMatch(/decide is refused: not approved is policies winback .*\[change\.unapproved\]/s);
  const text = () => readFileSync(join(at.folder, "policies", "winback.yaml"), "utf8");
  const change = { thing: "policies" as const, name: "winback", digest: digestOf(text()) };
  await propose(at.as("dot"), change);
  await approveChange(at.as("ben"), change);
  expect(run(decide).json()).toMatchObject({ state: "dry-run" });
  at.writePolicy("winback", "caps: {per_person: [{sends: 9, days: 7}]}\npriority: 5\n");
  expect(run(decide).stderr).toMatch(/change\.unapproved/);
  const serve = run(["serve", "--port", "0"], { INBOXLOOP_SERVE_KEY_SHOP: "decide:0123456789abcdef0123" });
  expect(serve.stderr).toMatch(/serve is refused: not approved are .*policies newsletter .*\[change\.unapproved\]/s);
});
