import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { writeConstantModel } from "../serve/support/constant-model.ts";
import { evidence, type Name, openDesk, withCanary } from "./support/desk.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "inboxloop-commands-"));
  process.exitCode = undefined;
});
afterEach(async () => {
  process.exitCode = undefined;
  await rm(home, { recursive: true, force: true });
});

/** Runs one command line; gives what it printed on stdout. */
async function run(...words: string[]): Promise<string> {
  let text = "";
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await createProgram(new AbortController().signal).parseAsync(["--home", home, "--quiet", ...words], {
      from: "user",
    });
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
  return text;
}

/** v1 champion, v2 canary, people with keys. */
async function desk(rights = {}): Promise<(name: Name) => string> {
  const made = openDesk(home, rights);
  const keyOf = made.write(join(home, "governance"));
  await withCanary(made);
  return keyOf;
}

test("when a canary fails its check, then the exit code is 4, the story tells why, and the log verifies", async () => {
  const keyOf = await desk();
  const file = join(home, "evidence.json");
  await writeFile(file, JSON.stringify(evidence(10_000, 100, 10)));
  const words = ["release", "check", "v2", "--key", keyOf("ben"), "--evidence", file];
  await expect(run(...words)).rejects.toMatchObject({ code: "release.waiver" });
  const dry = await run(...words, "--waive", "a test", "--dry-run");
  expect(dry).toContain("would write  v2 is deactivated");
  expect(await run(...words, "--waive", "a test")).toMatch(/canary-complaints +fail/);
  expect(process.exitCode).toBe(4);
  expect(await run("release", "status")).not.toContain("PAUSED");
  const story = await run("release", "explain", "v2");
  expect(story).toMatch(
    /v2 is deactivated \(canary-complaints: complaints_per_send 0.01 where 0.0012 is allowed\); v1 decides/,
  );
  expect(story).toContain("not planned");
  const anchor = join(home, "anchor.ndjson");
  await writeFile(anchor, await run("change", "anchor"));
  expect(await run("change", "verify", "--anchor", anchor)).toMatch(/whole\nholds 1 anchor/);
  const log = join(home, "release_log.ndjson");
  const lines = (await readFile(log, "utf8")).trimEnd().split("\n");
  await writeFile(log, `${lines.slice(0, -1).join("\n")}\n`);
  await expect(run("change", "verify", "--anchor", anchor)).rejects.toMatchObject({ code: "release.log-broken" });
});

test("when the warehouse does not answer, then a rollback by hand works all the same", async () => {
  const keyOf = await desk();
  await writeFile(join(home, "warehouse.duckdb"), "not a database");
  const done = await run("release", "rollback", "v2", "--reason", "readers wrote in", "--key", keyOf("ben"));
  expect(done).toContain("v2 is deactivated (readers wrote in); v1 decides");
});

test("when a guardrail that cannot be measured was waived, then the submission says which and why, for whoever approves", async () => {
  const keyOf = await desk();
  const model = await writeConstantModel(join(home, "models"), "v3", { conversion: 0.1 });
  const file = join(home, "evaluation.json");
  const guardrail = {
    id: "click-calibration",
    metric: "click.ece",
    verdict: "not-measurable",
    actual: null,
    champion: null,
    expected: null,
    interval: [null, null],
    evidence: 0,
    minimum_evidence: 100,
    blocks: "until-pass",
    note: "no clicks; waived: sells by telephone",
    waived: "sells by telephone",
  };
  await writeFile(
    file,
    JSON.stringify({
      schema: "1",
      candidate: { name: "v3", digest: model.digest },
      champion: null,
      verdict: "insufficient-evidence",
      guardrails: [guardrail],
    }),
  );
  const words = ["release", "submit", "v3", "--key", keyOf("ada"), "--evaluation", file];
  await expect(run(...words, "--waive-guardrail", "click-calibration=late")).rejects.toMatchObject({
    code: "release.waiver",
  });
  expect(await run(...words, "--waive", "a test")).toContain("click-calibration waived: sells by telephone");
  expect(await run("release", "log")).toContain("click-calibration waived: sells by telephone");
});

test("when somebody pauses, then status says so until it is resumed, and who may not is refused", async () => {
  const keyOf = await desk();
  await expect(run("pause", "all", "--reason", "spam trap", "--key", keyOf("dot"))).rejects.toMatchObject({
    code: "rights.refused",
  });
  await run("pause", "all", "--reason", "spam trap", "--key", keyOf("ben"));
  expect(await run("release", "status")).toContain("PAUSED   all: spam trap");
  await run("pause", "all", "--resume", "--reason", "delisted", "--key", keyOf("ben"));
  expect(await run("release", "status")).not.toContain("PAUSED");
});

test("when consent rules run that nobody approved, then a build is refused by their name, and runs after two people agreed", async () => {
  const keyOf = await desk({ enforce: ["high"] });
  await expect(run("build", "--dry-run")).rejects.toMatchObject({
    code: "change.unapproved",
    message: expect.stringContaining("consent-rules governance.consents"),
  });
  const rights = await readFile(join(home, "governance", "rights.yaml"), "utf8");
  expect(rights).toContain("enforce");
  await run("change", "propose", "consent-rules", "governance.consents", "--key", keyOf("ada"));
  await expect(
    run("change", "approve", "consent-rules", "governance.consents", "--key", keyOf("ada")),
  ).rejects.toMatchObject({ code: "rights.refused" });
  await run("change", "approve", "consent-rules", "governance.consents", "--key", keyOf("ben"));
  const things = JSON.parse(await run("--json", "change", "list")) as { name: string; status: string }[];
  expect(things.find(({ name }) => name === "governance.consents")?.status).toBe("approved");
  // The guardrails are of high risk too, and nobody spoke for them.
  await expect(run("build", "--dry-run")).rejects.toMatchObject({
    message: expect.not.stringContaining("consent-rules"),
  });
});

test("when a person is made known, then their key is theirs alone and a second one is refused", async () => {
  expect(await run("keys", "person", "ada", "--role", "modeller")).toMatch(/ada SHA256:.*\nroles +modeller/);
  await expect(run("keys", "person", "Ada", "--role", "approver")).rejects.toMatchObject({ code: "people.exists" });
  expect(await run("keys", "person", "ben", "--role", "approver", "--role", "on-call")).toContain("approver, on-call");
});

test("when a plan is blind, then it says so with exit code 4", async () => {
  const plan = await run("release", "plan", "--sends-per-day", "2000", "--complaint-rate", "0.001", "--canaries", "50");
  expect(plan).toMatch(/BLIND a model with 2 times the champion's rate is rolled back/);
  expect(process.exitCode).toBe(4);
});
