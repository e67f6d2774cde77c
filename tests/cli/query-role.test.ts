import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { hashed, writeLines } from "../ingest/support.ts";
import { runIn } from "./support/in-process.ts";

let folder: string;

/** Runs a command line on the project's own data policy; gives what it printed as JSON. */
async function run(...words: string[]): Promise<Record<string, unknown>> {
  const text = await runIn(folder, ["--home", join(folder, "home"), "--quiet", "--json", ...words]);
  return text === "" ? {} : JSON.parse(text);
}
const query = (role: string, sql: string) => run("query", "--role", role, sql);
const rowsOf = async (role: string, sql: string) => (await query(role, sql))["rows"] as Record<string, unknown>[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "inboxloop-role-"));
  const [ann, ben] = [hashed("ann"), hashed("ben")];
  const file = writeLines(join(folder, "in.ndjson"), [
    ...[ann, ben].map((user_id_hash, n) => ({
      table: "profiles",
      user_id_hash,
      isp: "gmail",
      attributes: { plan: "pro", lifetime_value: 1234.5 + n, language: "de" },
    })),
    ...[ann, ann, ben].map((user_id_hash, n) => ({
      event_type: "open",
      event_id: `e${n}`,
      user_id_hash,
      message_id: `m${n}`,
      timestamp_utc: "2026-01-05T00:00:00Z",
      metadata: { isp: "gmail", custom_id: `c${n}` },
    })),
  ]);
  await run("ingest", "file", file);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sameToken = expect.stringMatching(/^id_[0-9a-f]{12}$/);

test("when an analyst selects an id under another name, through functions and subqueries, then it is a token, the same for the same id", async () => {
  const rows = await rowsOf(
    "analyst",
    "with a as (select user_id_hash as x, event_id from raw.events) select x as who, upper(x) as big, substr(x, 8, 4) as part, event_id from a order by event_id",
  );
  expect(rows).toEqual([0, 1, 2].map(() => ({ who: sameToken, big: sameToken, part: sameToken, event_id: sameToken })));
  expect(rows[0]!["who"]).toBe(rows[1]!["who"]);
  expect(rows[0]!["who"]).not.toBe(rows[2]!["who"]);
  expect(JSON.stringify(rows)).not.toContain(hashed("ann").slice(7, 20));
  const profiles = await rowsOf("analyst", "select user_id_hash as p from raw.profiles");
  expect(profiles.map(({ p }) => p)).toContain(rows[0]!["who"]);
});

test("when an analyst joins, filters, groups and counts by ids then that is allowed, and numbers made of ids are not shown", async () => {
  const [row] = await rowsOf(
    "analyst",
    `select count(distinct events.user_id_hash) as people, count(*) as n from raw.events join raw.profiles using (user_id_hash) where user_id_hash != '${hashed("nobody")}'`,
  );
  expect(row).toEqual({ people: 2, n: 3 });
  for (const made of [
    "farm_fingerprint(user_id_hash)",
    "max(cast(concat('0x', substr(user_id_hash, 8, 12)) as int64))",
    "length(user_id_hash)",
    "to_code_points(user_id_hash)",
    "struct(user_id_hash as a)",
    "array_agg(user_id_hash)",
    "to_json_string(metadata)",
  ]) {
    const [found] = await rowsOf(
      "analyst",
      `select ${made} as made from raw.events ${/max|agg/.test(made) ? "" : "limit 1"}`,
    );
    expect([made, found!["made"]]).toEqual([made, null]);
  }
});

test("when a role does not see amounts then they are rounded, and what it may see is shown", async () => {
  const sql =
    "select user_id_hash as who, cast(json_value(attributes, '$.lifetime_value') as float64) as worth, json_value(attributes, '$.plan') as plan, json_value(attributes, '$.language') as language from raw.profiles order by worth";
  expect((await rowsOf("operator", sql))[0]).toEqual({ who: hashed("ann"), worth: 1000, plan: null, language: "de" });
  expect((await rowsOf("analyst", sql))[0]).toEqual({ who: sameToken, worth: 1234.5, plan: "pro", language: "de" });
  expect((await rowsOf("privacy_officer", sql))[0]).toMatchObject({ who: hashed("ann"), worth: 1234.5, plan: "pro" });
});

test("when something sensitive is selected then nothing is shown, and rows may not be chosen, joined, grouped or sorted by it", async () => {
  const dose = "json_value(attributes, '$.dose')";
  expect(await rowsOf("analyst", `select ${dose} as d, attributes from raw.profiles limit 1`)).toEqual([
    { d: null, attributes: null },
  ]);
  for (const sql of [
    `select isp from raw.profiles where ${dose} = '2'`,
    `select ${dose} as d, count(*) as n from raw.profiles group by d`,
    `select isp from raw.profiles order by ${dose}`,
    `select if(${dose} is null, 1, 0) as has from raw.profiles`,
  ]) {
    await expect(query("analyst", sql)).rejects.toMatchObject({ code: "query.unseen-decides", exit: "check" });
    await query("privacy_officer", sql);
  }
});

test("when somebody in a role makes a table, reads what nobody knows, or names another role then it is refused", async () => {
  await expect(query("analyst", "create table raw.x as select * from raw.events")).rejects.toMatchObject({
    code: "query.role-changes",
  });
  await run("query", "create schema if not exists mine");
  await run("query", "create or replace table mine.copy as select user_id_hash as z from raw.events");
  await expect(query("analyst", "select z from mine.copy")).rejects.toMatchObject({ exit: "check" });
  await expect(query("king", "select 1 as one")).rejects.toMatchObject({ code: "role.unknown", exit: "usage" });
  await expect(run("privacy", "export", hashed("ann"), "--role", "operator")).rejects.toMatchObject({
    code: "role.unseen",
    exit: "check",
  });
  await expect(run("why", hashed("ann"), "--role", "analyst")).rejects.toMatchObject({ code: "role.unseen" });
});

test("when a target has a role then everybody reads in it, a narrower one may be named, and a wider one is refused", async () => {
  const home = join(folder, "home");
  const settings = (role: string) =>
    writeFileSync(
      join(folder, "inboxloop.yaml"),
      `targets: {desk: {kind: local, home: ${JSON.stringify(home)}, role: ${role}}}\n`,
    );
  const ids = "select user_id_hash as who, json_value(metadata, '$.isp') as isp from raw.events order by 1";
  const first = async (...more: string[]) => {
    const { rows } = JSON.parse(await runIn(folder, ["--quiet", "--json", "--target", "desk", ...more])) as {
      rows: Record<string, unknown>[];
    };
    return rows[0];
  };
  const refused = (code: string) => expect.objectContaining({ code });
  try {
    settings("analyst");
    expect(await first("query", ids)).toEqual({ who: sameToken, isp: "gmail" });
    expect(await first("query", "--role", "approver", ids)).toEqual({ who: sameToken, isp: "gmail" });
    for (const wider of ["operator", "privacy_officer"])
      await expect(first("query", "--role", wider, ids)).rejects.toEqual(refused("role.wider"));
    vi.stubEnv("INBOXLOOP_ROLE", "privacy_officer");
    await expect(first("query", ids)).rejects.toEqual(refused("role.wider"));
    vi.stubEnv("INBOXLOOP_ROLE", "");
    expect(await first("query", ids)).toEqual({ who: sameToken, isp: "gmail" });
    await expect(first("why", hashed("ann"))).rejects.toEqual(refused("role.unseen"));
    await expect(first("privacy", "export", hashed("ann"))).rejects.toEqual(refused("role.unseen"));
    settings("privacy_officer");
    expect(await first("query", ids)).toMatchObject({ who: expect.stringMatching(/^sha256:/) });
    expect(await first("query", "--role", "analyst", ids)).toEqual({ who: sameToken, isp: "gmail" });
    settings("nobody");
    await expect(first("query", ids)).rejects.toEqual(refused("role.unknown"));
  } finally {
    vi.unstubAllEnvs();
    rmSync(join(folder, "inboxloop.yaml"));
  }
});
