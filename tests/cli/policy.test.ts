import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { openDesk } from "../release/support/desk.ts";
import { runIn } from "./support/in-process.ts";

let home: string;
let project: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "inboxloop-policy-"));
  project = join(home, "project");
  process.exitCode = undefined;
});
afterEach(async () => {
  process.exitCode = undefined;
  await rm(home, { recursive: true, force: true });
});

const put = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(join(project, path)), { recursive: true });
  await writeFile(join(project, path), text);
};

/** Runs one command line on the project; gives what it printed on stdout. */
const run = (...words: string[]): Promise<string> => runIn(project, ["--home", home, "--quiet", ...words]);

const purposes = ["training", "activation"];
const ofClass = (allowed: readonly string[], days: number | null = null) => ({
  means: "a test",
  collection: allowed,
  storage: allowed,
  transformation: allowed,
  activation: allowed,
  deletion: { after_days: days },
});
const policy = (more: object = {}) => ({
  version: 1,
  purposes: Object.fromEntries(purposes.map((name) => [name, { rests_on: "consent", means: "a test" }])),
  classes: {
    direct_identifier: ofClass([]),
    sensitive: ofClass([]),
    pseudonym: ofClass(purposes),
    commercial: { ...ofClass(purposes), activation: [] },
    behaviour: ofClass(purposes),
    reference: ofClass(purposes),
  },
  columns: {
    "raw.people": { id: "pseudonym", paid: "commercial", seen: "behaviour", said: { "*": "sensitive" } },
  },
  uses: [
    { name: "inputs", stage: "transformation", purposes: ["training"], of: ["features.decision_inputs"] },
    { name: "kept", stage: "storage", purposes: ["training"], of: ["features.decision_inputs"] },
  ],
  ...more,
});

async function write(select: string, more: object = {}): Promise<void> {
  await put("dataform.json", JSON.stringify({ warehouse: "bigquery", defaultDatabase: "p", defaultSchema: "s" }));
  await put("definitions/raw.js", 'declare({ schema: "raw", name: "people" });');
  await put("tests/models/types.yaml", "raw.people: { id: STRING, paid: NUMERIC, seen: INT64, said: JSON }\n");
  await put(
    "definitions/decision_inputs.sqlx",
    `config { type: "table", schema: "features" }\nselect ${select} from \${ref("raw", "people")}\n`,
  );
  await put("governance/policies.yaml", stringify(policy(more)));
}

test("when a feature is made of something sensitive, then build is refused with the way to it, until two people signed its grant", async () => {
  const keyOf = openDesk(home).write(join(home, "governance"));
  await write("id, json_value(said, '$.illness') as illness");
  expect(await run("policy", "check")).toContain(`         features.decision_inputs.illness
           <- raw.people.said.*
         at definitions/decision_inputs.sqlx`);
  expect(process.exitCode).toBe(4);
  process.exitCode = undefined;
  await expect(run("build")).rejects.toMatchObject({
    code: "data-policy.refused",
    exit: "check",
    message: expect.stringContaining("features.decision_inputs.illness <- raw.people.said.*"),
    next: expect.stringContaining("grants"),
  });
  const grant = {
    name: "health-mails",
    of: ['raw.people.said."*"'],
    stages: ["transformation", "storage"],
    purposes: ["training"],
    lawful_basis: { article: "9(2)(a)", reference: "consent form 3" },
    until: "9999-12-31",
  };
  await write("id, json_value(said, '$.illness') as illness", { grants: [grant] });
  await expect(run("build", "--dry-run")).rejects.toMatchObject({
    next: expect.stringContaining("inboxloop change propose data-policies health-mails"),
  });
  await run("change", "propose", "data-policies", "health-mails", "--key", keyOf("ada"));
  await expect(run("build", "--dry-run")).rejects.toMatchObject({ code: "data-policy.refused" });
  await run("change", "approve", "data-policies", "health-mails", "--key", keyOf("ben"));
  expect(await run("policy", "check")).toContain("ok    2 uses of 4 columns");
  expect(process.exitCode).toBeUndefined();
  expect(await run("build", "--dry-run")).toContain("features.decision_inputs");
  // What was approved is this text: another purpose is another grant.
  await write("id, json_value(said, '$.illness') as illness", { grants: [{ ...grant, purposes }] });
  await expect(run("build", "--dry-run")).rejects.toMatchObject({ code: "data-policy.refused" });
});

test("when a decision policy asks for a class that may not decide, then it is refused by its file; what a request says is no column", async () => {
  await write("id, paid, seen");
  const rules = (input: string) => `schema: "1"
name: buyers
kind: bulk
variants: [{ name: a, when: { input: ${input}, at_least: 10 } }]
`;
  await put("policies/buyers.yaml", rules("paid"));
  const found = JSON.parse(await run("--json", "policy", "check")) as { findings: object[]; verdict: string };
  expect(found.verdict).toBe("fail");
  expect(found.findings).toEqual([
    expect.objectContaining({
      kind: "not-allowed",
      use: "policy buyers",
      class: "commercial",
      stage: "activation",
      purposes: ["activation"],
      path: ["features.decision_inputs.paid", "raw.people.paid"],
      where: expect.stringMatching(/policies\/buyers\.yaml$/),
    }),
  ]);
  process.exitCode = undefined;
  for (const input of ["seen", "basket_size"]) {
    await put("policies/buyers.yaml", rules(input));
    expect(await run("policy", "check")).toContain("ok ");
    expect(process.exitCode).toBeUndefined();
  }
});

test("when a table is to be frozen that is made of what models must not learn from, then no snapshot is made of it", async () => {
  await write("id, json_value(said, '$.illness') as illness");
  await expect(run("snapshot", "create", "--table", "features.decision_inputs")).rejects.toMatchObject({
    code: "data-policy.refused",
    message: expect.stringContaining("snapshot"),
  });
});

test("when a project states no policy, then the check says where it would stand, and a build goes on", async () => {
  await write("id, json_value(said, '$.illness') as illness");
  await rm(join(project, "governance"), { recursive: true });
  await expect(run("policy", "check")).rejects.toMatchObject({ code: "data-policy.none", exit: "config" });
  expect(await run("build", "--dry-run")).toContain("illness");
});

test("when the own project is checked, then no use has a class that its purpose does not allow", async () => {
  await mkdir(project, { recursive: true });
  expect(await run("policy", "check")).toMatch(/ok {4}\d+ uses of \d{4} columns: none/);
});
