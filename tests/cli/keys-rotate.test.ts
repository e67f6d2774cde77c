import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DecidingHome, makeDecidingHome } from "./support/deciding-home.ts";

const v2 = "v2:the second secret of ids";
/** The home's own keys, as settings: under the first id key alone, with a second one before it, and with that one alone. */
let before: Record<string, string>;
let after: Record<string, string>;
let onlyNew: Record<string, string>;
const address = (name: string): string => `${name}@example.com`;
const ago = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();

let at: DecidingHome;
const check = (name: string, env: Record<string, string>) =>
  at.run(["suppressions", "check", address(name)], env).json()[0] as {
    readonly user_id_hash: string;
    readonly is_known: boolean;
    readonly rules: readonly { channel: string; campaign_kind: string; is_eligible: boolean; reasons: string[] }[];
  };
const bulk = (name: string, env: Record<string, string>) =>
  check(name, env).rules.find(({ channel, campaign_kind }) => channel === "email" && campaign_kind === "bulk");
const build = (env: Record<string, string>) =>
  at.run(
    [
      "build",
      "--project",
      join(import.meta.dirname, "../.."),
      "--select",
      "features.decision_inputs",
      "--include-deps",
    ],
    env,
  );

beforeAll(async () => {
  at = await makeDecidingHome();
  const own = JSON.parse(readFileSync(join(at.home, "state/ingest-keys.json"), "utf8"));
  const settings = (ids: string) => ({
    INBOXLOOP_ID_KEY: ids,
    INBOXLOOP_DEAD_LETTER_KEY: `v1:hex:${own.dead_letters.v1}`,
  });
  before = settings(`v1:hex:${own.ids.v1}`);
  after = settings(`${v2},${before["INBOXLOOP_ID_KEY"]}`);
  onlyNew = settings(v2);
  const people = ["left", "gone", "reader", "info"];
  const rows = people.flatMap((name) => [
    { table: "profiles", user_id: address(name), isp: "gmail", region: "de", signed_up_at: ago(900) },
    { table: "consents", user_id: address(name), purpose: "activation", is_granted: true, effective_at: ago(900) },
    {
      event_type: "sent",
      event_id: `s-${name}`,
      user_id: address(name),
      message_id: `m-${name}`,
      campaign_id: "old",
      timestamp_utc: ago(80),
    },
  ]);
  const ends = [
    {
      event_type: "unsubscribe",
      event_id: "u1",
      user_id: address("left"),
      message_id: "m-left",
      timestamp_utc: ago(70),
    },
    {
      event_type: "unsubscribe",
      event_id: "u2",
      user_id: address("info"),
      message_id: "m-info",
      timestamp_utc: ago(70),
    },
    {
      event_type: "bounce",
      event_id: "b1",
      user_id: address("gone"),
      message_id: "m-gone",
      timestamp_utc: ago(79),
      metadata: { class: "hard", enhanced_code: "5.1.1" },
    },
  ];
  expect(at.run(["ingest", "file", at.write("addressed.ndjson", [...rows, ...ends])], before).status).toBe(0);
  expect(build(before).stderr).toBe("");
});
afterAll(() => at?.close());

test("when there is one key alone, then nobody has another id, and the error says how a new key is set", () => {
  const refused = at.run(["keys", "rotate", "--addresses", at.write("none.txt", [])], before);
  expect(refused.stderr).toMatch(/keys\.one-key/);
  expect(refused.stderr).toMatch(/INBOXLOOP_ID_KEY=v2:/);
});

test("when a new key is put first, then whoever is looked up by address is still known, and what forbids mail still does", () => {
  for (const [name, reason] of [
    ["left", "unsubscribe"],
    ["gone", "hard_bounce"],
    ["info", "unsubscribe"],
  ] as const) {
    expect(bulk(name, after), name).toEqual(bulk(name, before));
    expect(bulk(name, after), name).toMatchObject({ is_eligible: false });
    expect(bulk(name, after)?.reasons).toContain(reason);
  }
  expect(check("left", after).user_id_hash).not.toBe(check("left", before).user_id_hash);
  expect(bulk("reader", after)).toMatchObject({ is_eligible: true });
  expect(at.run(["why", address("reader")], after).stderr).toMatch(/why\.unknown/);
});

test("when people are heard of under the new key after it was rotated, then they are who they were, and no unsubscribe is forgotten", () => {
  // a file of addresses, of whom one has never been heard of, and one stands there in two spellings
  const list = join(at.folder, "all.txt");
  writeFileSync(list, ["left", "gone", "reader", "info", "nobody"].map(address).concat("Left@Example.com").join("\n"));
  const planned = at.run(["keys", "rotate", "--addresses", list, "--dry-run"], after).json();
  expect(planned).toMatchObject({ addresses: 6, known: 4, links: 4, suppressions: 3, state: "planned" });
  const landed = at.run(["keys", "rotate", "--addresses", list], after).json();
  expect(landed).toEqual({ ...planned, state: "landed" });

  // Each comes back under the new key, with a new consent that a stranger would be mailed for.
  const back = ["left", "gone", "reader", "info"].map((name) => ({
    event_type: "product_view",
    event_id: `back-${name}`,
    user_id: address(name),
    timestamp_utc: ago(1),
    metadata: { category: "garden" },
  }));
  expect(at.run(["ingest", "file", at.write("back.ndjson", back)], after).status).toBe(0);
  // A link counts from when it is known; the hour that a build is of by default ends before it.
  expect(at.build(new Date(Date.now() + 1000).toISOString()).stderr).toBe("");
  expect(bulk("reader", after)).toMatchObject({ is_eligible: true });
  expect(bulk("left", onlyNew)).toMatchObject({ is_eligible: false });
  expect(bulk("left", onlyNew)?.reasons).toContain("unsubscribe");
  expect(bulk("gone", onlyNew)?.reasons).toContain("hard_bounce");
  expect(bulk("info", onlyNew)?.reasons).toContain("unsubscribe");
  // What is known under the new id counts for the person, who is decided for under the id that has the consent.
  const [formerId, newId] = [check("reader", before).user_id_hash, check("reader", onlyNew).user_id_hash];
  const { rows } = at
    .run(
      [
        "query",
        `select inputs.has_activation_consent, inputs.is_eligible, inputs.views_30d, persons.person_id
from identity.persons join features.decision_inputs as inputs on inputs.person_id = persons.person_id
where persons.user_id_hash = '${newId}' and inputs.user_id_hash = '${formerId}'`,
      ],
      after,
    )
    .json();
  expect(rows).toMatchObject([{ person_id: formerId, has_activation_consent: true, is_eligible: true }]);
  expect(Number(rows[0].views_30d)).toBe(1);

  const again = at.run(["keys", "rotate", "--addresses", list], after).json();
  expect(again).toMatchObject({ known: 4, links: 0, suppressions: 0 });
});

test("when everything has landed, then no address is in the home", () => {
  const rows = at.run(["query", "select left_id, right_id, link_kind from raw.identity_links"], after).json().rows;
  expect(rows).toHaveLength(4);
  expect(JSON.stringify(rows)).not.toMatch(/example/i);
});
