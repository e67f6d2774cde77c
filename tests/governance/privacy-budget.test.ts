import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  nextPeriod,
  type PrivacyBudget,
  parsePrivacyBudget,
  periodOf,
} from "../../governance/privacy-budget/budget.ts";
import { privacyBudgetJournal } from "../../governance/privacy-budget/budget-journal.ts";
import { spend, standing } from "../../governance/privacy-budget/spend.ts";
import { fileJournal } from "../../targets/local.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-budget-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const yaml = (more: Record<string, string> = {}): string => {
  const lines = {
    means: "a test",
    period: "month",
    allowance: "{ epsilon: 1, delta: 0.0001 }",
    per_query: "{ epsilon: 0.5, delta: 0.00001 }",
    tables: "{ events.messages: person_id }",
    ...more,
  };
  return `version: 1\naudiences:\n  partners:\n${Object.entries(lines)
    .map(([key, value]) => `    ${key}: ${value}\n`)
    .join("")}`;
};
const audienceOf = (budget: PrivacyBudget) => budget.audiences["partners"]!;
const audience = audienceOf(parsePrivacyBudget(yaml(), "budget.yaml"));
const journalAt = (name = "journal.ndjson") => fileJournal(join(folder, name), privacyBudgetJournal);
const asked = (epsilon: number, delta = 0) => ({ epsilon, delta, table: "events.messages", statement: "a".repeat(64) });
const november = new Date("2026-11-30T23:59:59Z");

test.each([
  [{ period: "week" }, "audiences.partners.period", 5],
  [{ per_query: "{ epsilon: 2, delta: 0 }" }, "more than the allowance", 7],
  [{ per_query: "{ epsilon: 0, delta: 0 }" }, "audiences.partners.per_query.epsilon", 7],
  [{ allowance: "{ epsilon: 1, delta: 1 }" }, "audiences.partners.allowance.delta", 6],
  [{ tables: "{}" }, "names no table to ask", 8],
  [{ tables: "{ messages: person_id }" }, "tables.messages: is not written as schema.table", 8],
  [{ refund: "true" }, "refund", 4],
])("when a budget says %j, then it is refused with what is wrong and its line", (more, message, line) => {
  expect(() => parsePrivacyBudget(yaml(more as Record<string, string>), "budget.yaml")).toThrow(
    expect.objectContaining({
      code: "privacy-budget.shape",
      message: expect.stringContaining(message),
      where: `budget.yaml:${line}`,
    }),
  );
});

test("when a period ends, then the next begins at midnight in UTC", () => {
  const names = (["day", "month", "quarter", "year"] as const).map((period) => [
    periodOf(period, november),
    nextPeriod(period, november),
  ]);
  expect(names).toEqual([
    ["2026-11-30", "2026-12-01"],
    ["2026-11", "2026-12-01"],
    ["2026-Q4", "2027-01-01"],
    ["2026", "2027-01-01"],
  ]);
});

test("when answers add up to the allowance, then the next is refused with what is left and until when, and next month there is all of it", async () => {
  const journal = journalAt();
  for (let i = 0; i < 10; i++) await spend(journal, "partners", audience, asked(0.1, 1e-5), november, "budget.yaml");
  const state = standing("partners", audience, (await journal.read()).entries, november);
  expect(state).toEqual({
    audience: "partners",
    period: "2026-11",
    allowance: { epsilon: 1, delta: 0.0001 },
    spent: { epsilon: 1, delta: 0.0001 },
    left: { epsilon: 0, delta: 0 },
    queries: 10,
    renewed_on: "2026-12-01",
  });
  await expect(spend(journal, "partners", audience, asked(0.1), november, "budget.yaml")).rejects.toMatchObject({
    code: "privacy-budget.empty",
    exitCode: 4,
    message: "the privacy budget of partners for 2026-11 has epsilon 0 of 1 left, and the query asks for 0.1",
    where: "audience partners, period 2026-11",
    next: "wait until 2026-12-01: inboxloop privacy budget",
  });
  expect((await journal.read()).entries.length).toBe(10);
  const after = await spend(journal, "partners", audience, asked(0.4), new Date("2026-12-01T00:00:00Z"), "budget.yaml");
  expect(after).toMatchObject({ period: "2026-12", left: { epsilon: 0.6, delta: 0.0001 }, queries: 1 });
});

test("when delta is gone or another audience asks, then each is counted by itself", async () => {
  const journal = journalAt();
  const small = audienceOf(parsePrivacyBudget(yaml({ allowance: "{ epsilon: 1, delta: 0.00001 }" }), "budget.yaml"));
  await spend(journal, "partners", small, asked(0.1, 1e-5), november, "budget.yaml");
  await expect(spend(journal, "partners", small, asked(0.1, 1e-6), november, "budget.yaml")).rejects.toMatchObject({
    code: "privacy-budget.empty",
    message: "the privacy budget of partners for 2026-11 has delta 0 of 0.00001 left, and the query asks for 0.000001",
  });
  expect(await spend(journal, "press", small, asked(0.1, 1e-5), november, "budget.yaml")).toMatchObject({ queries: 1 });
});

test("when one query asks for more than one may have, then it is refused with what to write", async () => {
  await expect(spend(journalAt(), "partners", audience, asked(0.6), november, "budget.yaml")).rejects.toMatchObject({
    code: "privacy-budget.per-query",
    message: "the query asks for epsilon 0.6, and one of partners may have 0.5",
    where: "audiences.partners.per_query in budget.yaml",
    next: "write epsilon = 0.5 in its OPTIONS",
  });
});

test("when the journal was changed, then nothing is spent by it", async () => {
  const journal = journalAt();
  await spend(journal, "partners", audience, asked(0.5), november, "budget.yaml");
  const path = join(folder, "journal.ndjson");
  await writeFile(path, (await readFile(path, "utf8")).replace('"epsilon":0.5', '"epsilon":0.1'));
  await expect(spend(journal, "partners", audience, asked(0.5), november, "budget.yaml")).rejects.toMatchObject({
    code: "privacy-budget.journal-broken",
  });
});

test("when two processes spend at once, then together they get what there is, and neither the last of it twice", async () => {
  const path = join(folder, "shared.ndjson");
  const script = join(import.meta.dirname, "spend-once.ts");
  const at = String(Date.now() + 4000);
  const run = async (): Promise<{ times: number; code: string }> => {
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", script, path, "3", "0.1", at], {
      env: { ...process.env, NODE_OPTIONS: "--conditions=source" },
    });
    return JSON.parse(stdout);
  };
  const outcomes = await Promise.all([run(), run()]);
  expect(outcomes.map(({ code }) => code)).toEqual(["privacy-budget.empty", "privacy-budget.empty"]);
  expect(outcomes[0]!.times + outcomes[1]!.times).toBe(30);
  const { entries } = await fileJournal(path, privacyBudgetJournal).read();
  expect(entries.length).toBe(30);
});
