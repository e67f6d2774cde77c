import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentOf, ownBigQuery } from "./support/own-bigquery.ts";
import { inboxloop, inboxloopOrThrow } from "./support/run-node.ts";

/** Two machines that share a BigQuery target, and what somebody decides on one of them. */
const bigquery = await ownBigQuery();
let folder: string;
const env = { ...environmentOf(bigquery), GOOGLE_CLOUD_PROJECT: "releases" };
const at = (machine: string) => ["--target", "bigquery", "--home", join(folder, machine), "--json"];
const run = async (machine: string, ...args: string[]) =>
  JSON.parse(await inboxloopOrThrow([...args, ...at(machine)], { env })) as Record<string, unknown>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-releases-"));
  for (const [person, role] of [["ada", "on-call"], ["ben", "on-call"]] as const) // biome-ignore format: a list
    await run("here", "keys", "person", person, "--role", role, "--keys", folder);
  await cp(join(folder, "here", "governance"), join(folder, "there", "governance"), { recursive: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const keyOf = (person: string) => ["--key", join(folder, `${person}.key`)];

test("when somebody pauses on one machine then the other knows, and of two who decide on one head one succeeds", async () => {
  const { head } = (await run("there", "release", "status")) as { head: string };
  await run("here", "pause", "all", "--reason", "blocked", "--seen", head, ...keyOf("ada"));
  expect(await run("there", "release", "status")).toMatchObject({ paused: { all: "blocked" } });
  const late = await inboxloop(
    ["pause", "spring", "--reason", "late", "--seen", head, ...keyOf("ben"), ...at("there")],
    { env },
  );
  expect(late.code).toBe(4);
  expect(late.stderr).toContain("release.stale");
  expect(await run("there", "change", "verify")).toMatchObject({ entries: 1, signed: 1 });
  for (const machine of ["here", "there"])
    expect(existsSync(join(folder, machine, "release_log.ndjson")), machine).toBe(false);
});

test("when a home holds a log from before then an empty table beside it refuses until it was adopted, whole", async () => {
  const own = ["--home", join(folder, "before"), "--json"];
  await cp(join(folder, "here", "governance"), join(folder, "before", "governance"), { recursive: true });
  await inboxloopOrThrow(["pause", "model", "--reason", "strange scores", ...keyOf("ada"), ...own], { env });
  const file = join(folder, "before", "release_log.ndjson");
  const yaml = "targets: {cloud: {kind: bigquery, ops_dataset: ops_before}}\n";
  const project = await mkdtemp(join(folder, "project-"));
  writeFileSync(join(project, "inboxloop.yaml"), yaml);
  const there = (...args: string[]) =>
    inboxloop([...args, "--target", "cloud", ...own], { env: { ...env, INBOXLOOP_TARGET: "cloud" }, cwd: project });
  const refused = await there("release", "status");
  expect(refused.stderr).toContain("release.log-elsewhere");
  const adopted = await there("change", "adopt", file);
  expect(JSON.parse(adopted.stdout)).toMatchObject({ entries: 1, where: "ops_before.release_log" });
  const status = await there("release", "status");
  expect(JSON.parse(status.stdout)).toMatchObject({
    head: JSON.parse(readFileSync(file, "utf8")).entry_hash,
    paused: { model: "strange scores" },
  });
});
