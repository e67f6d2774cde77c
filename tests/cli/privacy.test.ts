import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder, writeLines } from "../ingest/support.ts";

const root = resolve(import.meta.dirname, "../..");
const jane = "jane.doe@example.org";

/** Runs the product as its user does; everything that it says anywhere is looked through for the address. */
function inboxloop(home: string, words: readonly string[], input = "") {
  const entry = ["--import", import.meta.resolve("tsx"), join(root, "cli/main.ts")];
  const ran = spawnSync(process.execPath, [...entry, "--home", home, "--json", ...words], {
    cwd: root,
    encoding: "utf8",
    input,
  });
  expect(`${ran.stdout}${ran.stderr}`).not.toContain("jane");
  return { exit: ran.status, out: ran.stdout, error: ran.stderr };
}

test("when a person is erased by address then the address comes from standard input and is repeated nowhere", () => {
  const folder = temporaryFolder();
  const home = join(folder, "home");
  const event = (id: string, user: string) => ({
    event_id: id,
    event_type: "open",
    user_id: user,
    message_id: id,
    timestamp_utc: "2026-01-05T00:00:00Z",
    provenance: "test",
  });
  const file = writeLines(join(folder, "in.ndjson"), [
    event("a", jane),
    event("b", "joe@example.org"),
    { table: "erasure_requests", user_id: jane, requested_at: "2026-01-20T00:00:00Z" },
  ]);
  expect(inboxloop(home, ["ingest", "file", file]).exit).toBe(0);

  expect(inboxloop(home, ["privacy", "erase", jane])).toMatchObject({ exit: 2, out: "" });

  const late = inboxloop(home, ["privacy", "status"]);
  expect(late.exit).toBe(4);
  expect(JSON.parse(late.out)).toMatchObject({ pending: 1, overdue: 1, due_at: "2026-02-19T00:00:00.000Z" });

  const out = join(folder, "person.ndjson");
  expect(inboxloop(home, ["privacy", "export", "-", "--out", out], `${jane}\n`).exit).toBe(0);
  const held = readFileSync(out, "utf8").trim().split("\n");
  expect(held.map((line) => JSON.parse(line).table)).toEqual(["raw.events", "raw.erasure_requests"]);
  expect(statSync(out).mode & 0o777).toBe(0o600);

  const planned = JSON.parse(inboxloop(home, ["privacy", "erase", "-", "--dry-run"], `${jane}\n`).out);
  expect(planned).toMatchObject([{ kind: "planned", people: 1, ids: 1, linked_ids: 0 }]);
  const erased = JSON.parse(inboxloop(home, ["privacy", "erase", "-"], `${jane}\n`).out);
  expect(erased).toMatchObject([{ kind: "done", receipt: { rows: 2 } }]);
  expect(JSON.stringify(erased)).not.toContain("sha256:");
  expect(JSON.parse(inboxloop(home, ["privacy", "erase", "--pending"]).out)).toEqual([]);
  expect(inboxloop(home, ["privacy", "status"]).exit).toBe(0);
  expect(JSON.parse(inboxloop(home, ["ingest", "verify"]).out)).toMatchObject({ ok: true, erased: 2 });
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    expect(readFileSync(join(entry.parentPath, entry.name)).includes(jane), entry.name).toBe(false);
  }
});
