import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import registry from "../../includes/feature_registry.js";
import { otherWorld } from "./other-scanners.ts";
import { inboxloop, inboxloopTold, startInboxloop } from "./run-cli.ts";

const root = mkdtempSync(join(tmpdir(), "inboxloop-labels-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const home = join(root, "home");

beforeAll(() => {
  const { lines } = otherWorld({
    seed: 9,
    recipients: 120,
    mails: 3,
    hasNetworks: true,
    hasFlags: true,
    hasVisits: true,
  });
  const people = ["c0-1", "c0-2", "c0-3"].map((message) =>
    JSON.stringify({
      table: "human_labels",
      message_id: message,
      label: "clicked",
      labelled_by: "ann",
      labelled_at: "2026-02-01T00:00:00Z",
    }),
  );
  const readers = new Set(lines.map((line) => (JSON.parse(line) as { user_id?: string }).user_id));
  const consents = [...readers].map((reader) =>
    JSON.stringify({
      table: "consents",
      user_id_hash: reader,
      purpose: "training",
      is_granted: true,
      effective_at: "2025-12-01T00:00:00Z",
    }),
  );
  writeFileSync(join(root, "events.ndjson"), [...lines, ...people, ...consents].join("\n"));
  inboxloop(home, "ingest", "file", join(root, "events.ndjson"));
  const wanted = ["voters", "review_queue", "human_answers", "votes"].flatMap((name) => [
    "--select",
    `+labels.${name}`,
  ]);
  inboxloop(
    home,
    "build",
    ...wanted,
    ...["--select", "+training.post_ai_validation", "--select", "features.feature_registry"],
    ...["--vars", "as_of=2026-02-05T00:00:00Z"],
  );
});

test("when labels are reported then every labelling function is there with what it is worth, and people are measured against", () => {
  const { voters } = inboxloop(home, "labels", "report", "--question", "engaged") as {
    voters: { voter: string; owner: string; coverage: number; measured_accuracy: number | null; measured_on: number }[];
  };
  expect(voters.map(({ voter }) => voter).sort()).toEqual([
    "answered",
    "bought",
    "clicked",
    "did_not_arrive",
    "unopened",
    "visited",
  ]);
  const clicked = voters.find(({ voter }) => voter === "clicked")!;
  expect(clicked.coverage).toBeGreaterThan(0.9);
  expect(Number(clicked.measured_on)).toBe(3);
});

const labelsBy = (name: string) =>
  inboxloop(
    home,
    "query",
    `select message_id, label, note from raw.human_labels where labelled_by = '${name}' order by labelled_at`,
  ) as {
    rows: { message_id: string; label: string; note: string }[];
  };

test("when a person labels on the terminal then it lands with why it was asked, and what is labelled is not asked again", () => {
  const first = inboxloopTold(
    home,
    "c.zn.q",
    "labels",
    "review",
    "--by",
    "bob",
    "--limit",
    "8",
    "--random",
    "0.5",
    "--second",
    "0.25",
  );
  expect(first).toMatchObject({ reviewer: "bob", labelled: 2, skipped: 1, left: 5, landed: 2 });
  const again = inboxloopTold(home, "o", "labels", "review", "--by", "bob", "--limit", "3", "--second", "0");
  expect(again).toMatchObject({ labelled: 1, left: 2, landed: 1 });
  const { rows } = labelsBy("bob");
  expect(rows.map(({ label }) => label)).toEqual(["clicked", "no_engagement", "opened"]);
  expect(new Set(rows.map(({ message_id }) => message_id)).size).toBe(3);
  for (const { note } of rows) expect(note).toMatch(/^review: (uncertain|random|second)$/);
});

test("when a person labels on the page then only the token opens it, and what was said lands when the person is done", async () => {
  const child = startInboxloop(home, "labels", "review", "--by", "cleo", "--limit", "4", "--page");
  const out = text(child.stdout!);
  let told = "";
  const address = await new Promise<string>((found) => {
    child.stderr!.on("data", (chunk) => {
      told += String(chunk);
      const line = /open (http:\S+)/.exec(told);
      if (line) found(line[1]!);
    });
  });
  const { origin } = new URL(address);
  expect((await fetch(origin)).status).toBe(401);
  const opened = await fetch(address, { redirect: "manual" });
  const headers = {
    cookie: opened.headers.get("set-cookie")!.split(";")[0]!,
    "x-inboxloop": "review",
    "content-type": "application/json",
  };
  expect(await (await fetch(origin, { headers })).text()).toContain("What came of this message?");
  const state = (await (await fetch(`${origin}/api/state`, { headers })).json()) as { evidence: { votes: unknown[] } };
  expect(state.evidence.votes.length).toBeGreaterThan(0);
  const say = (path: string, body: object) =>
    fetch(`${origin}/api/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  expect((await say("label", { place: 0, label: "unknown" })).status).toBe(200);
  expect((await say("quit", {})).status).toBe(200);
  expect(JSON.parse(await out)).toMatchObject({ reviewer: "cleo", labelled: 1, left: 3, landed: 1 });
  expect(labelsBy("cleo").rows.map(({ label }) => label)).toEqual(["unknown"]);
});

test("when two people labelled then their agreement and the worth of the choice are told", () => {
  const found = inboxloop(home, "labels", "agreement") as {
    pairs: { first: string; second: string; of: string; n: number }[];
    origins: { origin: string; overturned: { n: number; low: number; high: number } }[];
  };
  // bob's second message was one of ann's
  expect(found.pairs.filter(({ of }) => of === "class").map(({ first, second }) => [first, second])).toContainEqual([
    "ann",
    "bob",
  ]);
  expect(found.origins.length).toBeGreaterThan(0);
  for (const { overturned } of found.origins) expect(overturned.low).toBeLessThanOrEqual(overturned.high);
});

test("when machine-heavy examples are frozen then the data policy lets them, and the lock says how their features were worked out", () => {
  const made = inboxloop(home, "snapshot", "create", "--table", "training.post_ai_validation", "--name", "post-ai") as {
    kind: string;
    lock: { lock: { rows: number; features: { version: string; list: { name: string; version: string }[] } } };
  };
  expect(made.kind).toBe("created");
  expect(made.lock.lock.rows).toBeGreaterThan(10);
  expect(made.lock.lock.features.version).toBe(registry.version);
  expect(made.lock.lock.features.list).toContainEqual({
    name: "opens_7d",
    version: registry.entry("opens_7d")?.version,
  });
  const { rows } = inboxloop(
    home,
    "query",
    "select countif(sample_weight < 0.5) as doubtful, countif(sample_weight > 0.9) as sure from training.consented_examples",
  ) as { rows: { doubtful: number; sure: number }[] };
  expect(rows[0]!.doubtful).toBeGreaterThan(0);
  expect(rows[0]!.sure).toBeGreaterThan(rows[0]!.doubtful);
});
