import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentOf, ownBigQuery } from "./support/own-bigquery.ts";
import { inboxloop, inboxloopOrThrow } from "./support/run-node.ts";

/** The loop of one small world, from its events to a judged model: on this machine, and with `--target bigquery`. Nothing else differs. */
const asOf = "2025-11-05T00:00:00Z";
const bigquery = await ownBigQuery();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-cloud-"));
  await inboxloopOrThrow(["simulate", "--out", join(folder, "world"), "--events", "6000", "--days", "60"]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cloud = { ...environmentOf(bigquery), GOOGLE_CLOUD_PROJECT: "loop", INBOXLOOP_ID_KEY: "a1".repeat(32), INBOXLOOP_DEAD_LETTER_KEY: "b2".repeat(32) }; // biome-ignore format: short
const at = (target: string) => ["--target", target, "--home", join(folder, target), "--json"];
const run = async (target: string, ...args: string[]) =>
  JSON.parse(await inboxloopOrThrow([...args, ...at(target)], { env: cloud })) as Record<string, unknown>;

async function upToSnapshot(target: string) {
  const landed = await run(target, "ingest", "file", join(folder, "world", "*.ndjson"), "--trust-received-at");
  const ended = await inboxloop(["build", "--vars", `as_of=${asOf}`, ...at(target)], { env: cloud });
  const built = JSON.parse(ended.stdout) as { actions: { id: string; outcome: string; severity?: string }[] };
  const isTrouble = ({ outcome, severity }: (typeof built.actions)[number]) =>
    outcome === "failed" || (outcome === "violated" && severity !== "warn");
  expect(built.actions.filter(isTrouble), target).toEqual([]);
  const labels = await run(target, "query", "select count(*) as n from labels.rule_labels where label is not null");
  const snapshot = await run(target, "snapshot", "create", "--name", "first");
  return { landed, labels: (labels["rows"] as { n: string }[])[0]?.n, snapshot };
}

test("when the target is BigQuery then the loop gives the snapshot that this machine gives, and a model learns from it", async () => {
  const here = await upToSnapshot("local");
  const there = await upToSnapshot("bigquery");
  expect((there.landed["totals"] as object) ?? there.landed).toEqual(here.landed["totals"] ?? here.landed);
  expect(Number(there.labels)).toBeGreaterThan(300);
  expect(there.labels).toEqual(here.labels);
  const contentOf = ({ lock }: Record<string, unknown>) => (lock as { lock: { rows: number; content: object } }).lock;
  expect(contentOf(there.snapshot).rows).toBeGreaterThan(100);
  expect(contentOf(there.snapshot).content).toEqual(contentOf(here.snapshot).content);
  expect(await run("bigquery", "snapshot", "verify", "first")).toMatchObject({ verdict: "pass" });

  await run("bigquery", "train", "--snapshot", "first", "--name", "m1", "--rows", "400");
  const judged = await inboxloop(["evaluate", "--candidate", "m1", ...at("bigquery")], { env: cloud });
  expect([0, 4], judged.stderr).toContain(judged.code);
  expect(JSON.parse(judged.stdout)).toMatchObject({ candidate: { name: "m1" } });

  // Who releases: two people, and the log is a table, not a file of this machine.
  const home = join(folder, "bigquery");
  const keyOf = async (person: string, role: string) => {
    await run("bigquery", "keys", "person", person, "--role", role, "--keys", folder);
    return ["--key", join(folder, `${person}.key`)];
  };
  const ada = await keyOf("ada", "modeller");
  const ben = await keyOf("ben", "approver");
  const waivers = (JSON.parse(judged.stdout) as { guardrails: { name: string; verdict: string }[] }).guardrails
    .filter(({ verdict }) => verdict === "not-measurable")
    .flatMap(({ name }) => ["--waive-guardrail", `${name}=a small world`]);
  await run("bigquery", "release", "submit", "m1", ...ada, ...waivers);
  await run("bigquery", "release", "approve", "m1", ...ben, "--despite", "a small world");
  await run("bigquery", "release", "promote", "m1", ...ben);
  expect(await run("bigquery", "release", "status")).toMatchObject({ champion: "m1" });
  const logged = await run("bigquery", "query", "select count(*) as n from ops.release_log where sequence >= 0");
  expect(logged["rows"]).toMatchObject([{ n: 3 }]);
  expect(existsSync(join(home, "release_log.ndjson"))).toBe(false);
  expect(await run("bigquery", "change", "verify")).toMatchObject({ entries: 3, signed: 3 });
  await run("bigquery", "release", "rollback", "m1", ...ben, "--reason", "readers wrote in");
  expect(await run("bigquery", "release", "status")).toMatchObject({ champion: null });
});
