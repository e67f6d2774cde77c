import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { temporaryFolder, writeLines } from "../../ingest/support.ts";
import { openDesk } from "../../release/support/desk.ts";
import { runIn } from "../support/in-process.ts";

const policyFile = resolve(import.meta.dirname, "../../../governance/policies.yaml");
let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});

/** Runs a command line where the settings are; gives what it printed as JSON. */
async function run(...words: string[]): Promise<Record<string, unknown>> {
  const text = await runIn(folder, ["--home", join(folder, "home"), "--quiet", "--json", ...words]);
  return text === "" ? {} : JSON.parse(text);
}

const declare = (attributes: object): void =>
  writeFileSync(join(folder, "inboxloop.yaml"), stringify({ attributes: { file: attributes } }));
const people = (): string =>
  writeLines(join(folder, "people.ndjson"), [
    {
      table: "profiles",
      user_id: "jane@example.org",
      region: "10115",
      attributes: { plan: "pro", visits: 3, dose: 2 },
    },
  ]);
const policy = (more: object): void => {
  writeFileSync(join(folder, "dataform.json"), "{}");
  mkdirSync(join(folder, "governance"), { recursive: true });
  const stated = parse(readFileSync(policyFile, "utf8"));
  Object.assign(stated.columns["raw.profiles"].attributes, { medication: "sensitive" });
  writeFileSync(join(folder, "governance/policies.yaml"), stringify({ ...stated, ...more }));
};
const grant = {
  name: "medication-care",
  of: ['raw.profiles.attributes."medication"'],
  stages: ["collection"],
  purposes: ["safeguarding"],
  lawful_basis: { article: "9(2)(a)", reference: "consent form 7" },
  until: "2099-12-31",
};

test("when attributes are declared then they land, the rest is counted, and the model of the account has it", async () => {
  declare({ visits: "integer" });
  const left = { "profiles.attributes.dose": 1, "profiles.region": 1 };
  expect(await run("ingest", "file", people())).toMatchObject({ totals: { landed: 1, left_out: left } });
  const { rows } = await run("query", "select to_json_string(attributes) as said, region from raw.profiles");
  expect(rows).toEqual([{ said: '{"plan":"pro","visits":3}', region: null }]);
  const { rows: ledger } = await run("query", "select to_json_string(left_out) as left_out from raw.ingest_ledger");
  expect(JSON.parse((ledger as { left_out: string }[])[0]!.left_out)).toEqual(
    Object.entries(left).map(([name, count]) => ({ name, rows: count })),
  );
  await run("ingest", "verify");
  expect(process.exitCode).toBeUndefined();
});

test("when a sensitive attribute is declared then it is refused until its grant has its signed approvals", async () => {
  declare({ medication: "text" });
  const file = writeLines(join(folder, "ill.ndjson"), [
    { table: "profiles", user_id: "jane@example.org", attributes: { medication: "insulin" } },
  ]);
  const refused = { code: "attributes.sensitive", exit: "config" };
  await expect(run("ingest", "file", file)).rejects.toMatchObject({
    ...refused,
    message: expect.stringMatching(/its name tells of health, and the data policy does not call it sensitive/),
  });
  policy({});
  await expect(run("ingest", "file", file)).rejects.toMatchObject({
    ...refused,
    message: expect.stringMatching(/no grant that still holds/),
  });
  policy({ grants: [{ ...grant, until: "2020-01-01" }] });
  await expect(run("ingest", "file", file)).rejects.toMatchObject(refused);
  policy({ grants: [grant] });
  await expect(run("ingest", "file", file)).rejects.toMatchObject({
    ...refused,
    message: expect.stringMatching(/the grant medication-care has not its signed approvals/),
  });

  const home = join(folder, "home");
  const keyOf = openDesk(folder).write(join(home, "governance"));
  await run("change", "propose", "data-policies", grant.name, "--key", keyOf("ada"));
  await run("change", "approve", "data-policies", grant.name, "--key", keyOf("ben"));
  expect(await run("ingest", "file", file)).toMatchObject({ totals: { landed: 1, left_out: {} } });
  const { rows } = await run("query", "select json_value(attributes, '$.medication') as medication from raw.profiles");
  expect(rows).toEqual([{ medication: "insulin" }]);
  // Another text is another grant.
  policy({ grants: [{ ...grant, stages: ["collection", "storage"] }] });
  await expect(run("ingest", "file", file)).rejects.toMatchObject(refused);
});
