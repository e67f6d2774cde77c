import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { giveHomeKeys } from "../../platform/home-seal.ts";
import { rollback } from "../../release/release.ts";
import { inClear } from "../governance/support/homes.ts";
import { cryptoSettings, withoutCrypto } from "../support/duckdb-crypto.ts";
import { type DecidingHome, idOf, makeDecidingHome, people } from "./support/deciding-home.ts";

let at: DecidingHome;
const secret = "0123456789abcdef0123";
const planted = [idOf(4), idOf(8), "zq-spring"];
/** With the home's key, and whatever else. */
const run = (words: readonly string[], env: Record<string, string> = {}) =>
  at.run(words, { ...cryptoSettings, ...env });
const rowsOf = (sql: string) => run(["query", sql]).json().rows as readonly Record<string, unknown>[];

async function serve(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = at.start(["serve", "--port", "0"], {
    ...cryptoSettings,
    INBOXLOOP_SERVE_KEY_SHOP: `decide+read+explain:${secret}`,
  });
  let said = "";
  child.stderr!.on("data", (chunk) => {
    said += String(chunk);
  });
  for (const deadline = Date.now() + 200_000; ; await sleep(50)) {
    const url = /listening on (http:\S+)/.exec(said)?.[1];
    if (url) return { child, url };
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`it does not serve: ${said}`);
  }
}

describe.skipIf(withoutCrypto)("the life of an encrypted home", () => {
  beforeAll(async () => {
    at = await makeDecidingHome((before) =>
      Array.from({ length: people }, (_, n) => [
        { table: "consents", user_id_hash: idOf(n), purpose: "training", is_granted: true, effective_at: before(1200) },
        ...[0, 1, 2, 3, 4].flatMap((k) => {
          const [message_id, user_id_hash] = [`t${n}-${k}`, idOf(n)];
          const about = (event_type: string, hours: number) => ({
            ...{ event_type, event_id: `${event_type} ${message_id}`, user_id_hash, message_id },
            ...{ campaign_id: "old", timestamp_utc: before(hours) },
          });
          const sent = 240 + 120 * k;
          const more = (n + k) % 2 === 0 ? [about("open", sent - 2), about("click", sent - 3)] : [];
          return [about("sent", sent), ...more];
        }),
      ]).flat(),
    );
    at.writePolicy(
      "plain",
      "rules: [{name: all, variant: plain, approved: {by: ada, at: '2026-11-01'}}]\nladder: [rule, suppress]\n",
    );
  });
  afterAll(() => at?.close());

  test("when a home with a champion is encrypted by the command then it says what it wrote, and a command without the key is refused", () => {
    expect(at.run(["features", "push"]).json()).toMatchObject({ people });
    expect(inClear(at.home, planted).length).toBeGreaterThan(1);
    expect(run(["keys", "home", "seal", "--dry-run"]).json()).toMatchObject({ kind: "planned", unknown: [] });
    const done = run(["keys", "home", "seal"]);
    expect([done.stderr, done.json().kind]).toEqual(["", "sealed"]);
    expect(inClear(at.home, planted)).toEqual([]);
    expect(at.run(["query", "select 1 as one"]).stderr).toContain("home.no-key");
    expect(rowsOf("select count(*) as n from features.decision_inputs")).toEqual([{ n: people }]);
  });

  test("when an ingest is killed at each of its durable steps then each signal lands once", () => {
    const recent = new Date(Date.now() - 60_000).toISOString();
    const path = at.write(
      "more.ndjson",
      Array.from({ length: 40 }, (_, n) => ({
        event_type: "click",
        event_id: `k${n}`,
        user_id_hash: idOf(n + 2),
        message_id: `m${n + 2}`,
        campaign_id: "old",
        timestamp_utc: recent,
      })),
    );
    for (const point of ["lines-written:1", "encoded-events:1", "ready:1", "ledger-appended:1", "published-events:1"])
      expect([point, run(["ingest", "file", path], { INBOXLOOP_FAULT_AT: point }).signal]).toEqual([point, "SIGKILL"]);
    expect(inClear(at.home, planted)).toEqual([]);
    expect(run(["ingest", "file", path]).status).toBe(0);
    expect(
      rowsOf("select count(*) as n, count(distinct event_id) as d from raw.events where event_type = 'click'"),
    ).toEqual([{ n: (people * 5) / 2 + 40, d: (people * 5) / 2 + 40 }]);
    expect(run(["ingest", "verify"]).status).toBe(0);
  });

  test("when a batch of decisions is killed after each page then everybody is decided for once", () => {
    const decide = ["decide", "--campaign", "zq-spring=plain", "--occasion", "o1", "--page-rows", "30"];
    for (const point of ["batch-page:1", "batch-page:2", "batch-landed:1"])
      expect([point, run(decide, { INBOXLOOP_FAULT_AT: point }).signal]).toEqual([point, "SIGKILL"]);
    expect(run(decide).json()).toMatchObject({ state: "resumed", summary: { decisions: people } });
    expect(
      rowsOf(
        "select count(*) as n, count(distinct decision_id) as d from raw.decisions where campaign_id = 'zq-spring'",
      ),
    ).toEqual([{ n: people, d: people }]);
  });

  test("when decisions are asked for over HTTP and the service is killed then each answer has landed once", async () => {
    const answered: string[] = [];
    for (const round of [0, 1]) {
      const { child, url } = await serve();
      for (let n = 4; n < 14; n++) {
        const answer = await fetch(`${url}/v1/decisions`, {
          method: "POST",
          headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
          body: JSON.stringify({ request_id: `r${round}-${n}`, user_id_hash: idOf(n), policy: "winback" }),
        });
        expect(answer.status).toBe(200);
        answered.push(((await answer.json()) as { decision_id: string }).decision_id);
      }
      const ended = once(child, "exit");
      child.kill(round === 0 ? "SIGKILL" : "SIGTERM");
      await ended;
    }
    const landed = rowsOf("select decision_id, count(*) as n from raw.decisions group by decision_id");
    const byId = new Map(landed.map(({ decision_id, n }) => [decision_id, n]));
    expect(answered.map((id) => byId.get(id))).toEqual(answered.map(() => 1));
    expect(inClear(at.home, planted)).toEqual([]);
  });

  test("when what was decided is handed over, killed once, then each mail is in a file once, and the outbox tells nothing", () => {
    writeFileSync(
      join(at.folder, "people.csv"),
      `id,address,name\n${Array.from({ length: people }, (_, n) => `${idOf(n)},reader-${n}@mailbox.example,"Reader, ${n}"\n`).join("")}`,
    );
    writeFileSync(
      join(at.folder, "activation.yaml"),
      'schema: "1"\naddresses: {kind: file, path: people.csv}\nunsubscribe_base: https://mail.example.com\nreceivers:\n  drop: {kind: file, folder: out, rows: 25}\n',
    );
    const words = ["activate", "--campaign", "zq-spring", "--to", "drop"];
    expect(run(words, { INBOXLOOP_FAULT_AT: "outbox-claimed:1" }).signal).toBe("SIGKILL");
    const done = run(words);
    expect([done.stderr, done.status]).toEqual(["", 0]);
    const mails = readdirSync(join(at.folder, "out")).flatMap((name) =>
      readFileSync(join(at.folder, "out", name), "utf8").match(/reader-\d+@mailbox/g),
    );
    expect(new Set(mails).size).toBe(mails.length);
    // All but those who refuse, and the one who has complained.
    expect(mails).toHaveLength(people - people / 3 - 1);
    expect(inClear(at.home, [...planted, "mailbox.example"])).toEqual([]);
  });

  test("when a turn of the cycle runs then its steps work on the home, and its state is sealed", async () => {
    // The test's model knows an outcome that the examples do not have: nobody is compared with it.
    giveHomeKeys(cryptoSettings);
    await rollback(at.as("ben"), "m1", "of the test");
    giveHomeKeys({});
    const turn = run(["cycle", "--project", join(import.meta.dirname, "../..")]);
    expect([turn.status, turn.stderr]).toEqual([0, ""]);
    const steps = turn.json().steps as readonly { readonly step: string; readonly code: number }[];
    expect(steps.map(({ step, code }) => [step, code])).toEqual(
      ["build", "snapshot", "train", "evaluate"].map((step) => [step, 0]),
    );
    expect(
      readFileSync(join(at.home, "state", "cycle.json"))
        .subarray(0, 8)
        .toString(),
    ).toBe("IBXSEAL1");
    expect(run(["snapshot", "verify", turn.json().name]).status).toBe(0);
    expect(inClear(at.home, planted)).toEqual([]);
  });

  test("when a person is erased then nothing opened or not names them, and the audit finds nothing of anybody", () => {
    const erased = run(["privacy", "erase", idOf(8)]);
    expect([erased.stderr, erased.status]).toEqual(["", 0]);
    expect(rowsOf(`select count(*) as n from raw.events where user_id_hash = '${idOf(8)}'`)).toEqual([{ n: 0 }]);
    expect(run(["ingest", "verify"]).status).toBe(0);
    const audit = run(["audit", "pii"]);
    expect(audit.json()).toMatchObject({ findings: [], unread: [] });
  });
});
