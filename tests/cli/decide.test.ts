import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { approve, promote, submit } from "../../release/release.ts";
import { openDesk } from "../release/support/desk.ts";
import { writeConstantModel } from "../serve/support/constant-model.ts";

const root = resolve(import.meta.dirname, "../..");
const loader = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
let folder: string;
let home: string;

function run(words: readonly string[], env: Record<string, string> = {}) {
  const done = spawnSync(
    "node",
    ["--import", loader, join(root, "cli/main.ts"), "--home", home, "--quiet", "--json", ...words],
    {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, ...env },
    },
  );
  return { ...done, json: () => JSON.parse(done.stdout || `"${done.stderr}"`) };
}
const people = 90;
const idOf = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-decide-"));
  home = join(folder, "home");
  mkdirSync(join(folder, "policies"));
  const now = new Date();
  const before = (hours: number) => new Date(now.getTime() - hours * 3_600_000).toISOString();
  const lines = Array.from({ length: people }, (_, n) => [
    {
      table: "profiles",
      user_id_hash: idOf(n),
      isp: "gmail",
      region: "de",
      recipient_domain: "gmail.com",
      signed_up_at: before(900),
    },
    {
      table: "consents",
      user_id_hash: idOf(n),
      purpose: "activation",
      is_granted: n % 3 !== 0,
      effective_at: before(800),
    },
    { event_type: "open", event_id: `o${n}`, user_id_hash: idOf(n), message_id: `m${n}`, timestamp_utc: before(50) },
    {
      event_type: "sent",
      event_id: `s${n}`,
      user_id_hash: idOf(n),
      message_id: `m${n}`,
      campaign_id: "old",
      timestamp_utc: before(60),
    },
    ...(n === 1
      ? [
          {
            event_type: "complaint",
            event_id: "c1",
            user_id_hash: idOf(n),
            message_id: "m1",
            timestamp_utc: before(40),
          },
        ]
      : []),
  ]).flat();
  writeFileSync(join(folder, "signals.ndjson"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const policy = (name: string, more: string) =>
    writeFileSync(
      join(folder, `policies/${name}.yaml`),
      `schema: "1"\nname: ${name}\nkind: bulk\nvariants: [{name: offer}, {name: plain}]\n${more}`,
    );
  policy("newsletter", "caps: {global: [{sends: 40, per: month}]}\nhold_out: {global: 0.1}\n");
  policy("winback", "caps: {per_person: [{sends: 2, days: 7}]}\npriority: 5\n");
  expect(run(["ingest", "file", join(folder, "signals.ndjson")]).status).toBe(0);
  const built = run(["build", "--project", root, "--select", "features.decision_inputs", "--include-deps"]);
  expect(built.stderr).toBe("");
  const model = await writeConstantModel(join(home, "models"), "m1", {
    conversion: 0.1,
    complaint: 0.01,
    unsubscribe: 0.02,
  });
  const desk = openDesk(home);
  desk.at = new Date();
  const { artefact } = model;
  await submit(desk.as("ada"), {
    version: "m1",
    model: model.digest,
    artefact,
    snapshot: "s",
    evaluation: { verdict: "pass", champion: null, failed: [], source: { kind: "computed" } },
  });
  await approve(desk.as("ben"), "m1", { artefact });
  await promote(desk.as("ben"), "m1", { artefact, evidence: null });
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
  expect(readdirSync(join(home, "decisions", done.run)).sort()).toEqual(["done.json", "run.json"]);
  expect(run(decide).json()).toMatchObject({ state: "already-decided" });
  const { by_reason } = done.summary;
  expect(by_reason["refused"]).toBe(people / 3);
  expect(by_reason["suppressed"]).toBe(1);
  expect(by_reason["scored"]).toBe(40);
});

test("when one batch has sent to a person, then the next one counts it before it is heard of as sent", () => {
  const again = run(["decide", "--campaign", "back=winback", "--occasion", "o1"]).json();
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
      features_version: "1",
      has_time: true,
    },
  ]);
});

test("when a policy is not there, then the command says which are", () => {
  const refused = run(["decide", "--campaign", "nothing"]);
  expect(refused.status).toBe(2);
  expect(refused.stderr).toMatch(/no policy "nothing"; there is newsletter, winback \[policy\.unknown\]/);
});
