import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder, writeLines } from "../../ingest/support.ts";

const root = resolve(import.meta.dirname, "../../..");

function inboxloop(home: string, words: readonly string[]) {
  const entry = ["--import", import.meta.resolve("tsx"), join(root, "cli/main.ts")];
  const ran = spawnSync(process.execPath, [...entry, "--home", home, "--json", ...words], {
    cwd: root,
    encoding: "utf8",
  });
  return { exit: ran.status, out: ran.stdout === "" ? undefined : JSON.parse(ran.stdout), error: ran.stderr };
}

test("when a selection is taken back and undone on the command line then each says what it did, and the ledger holds", () => {
  const folder = temporaryFolder();
  const home = join(folder, "home");
  const event = (id: string, type: string) => ({
    event_id: id,
    event_type: type,
    user_id: "jane@example.org",
    message_id: id,
    timestamp_utc: "2026-01-05T00:00:00Z",
    provenance: "test",
  });
  const file = writeLines(join(folder, "in.ndjson"), [event("a", "open"), event("b", "click"), event("c", "open")]);
  expect(inboxloop(home, ["ingest", "file", file]).exit).toBe(0);

  const where = ["ingest", "retract", "--where", "type = open"];
  expect(inboxloop(home, where)).toMatchObject({ exit: 2 });
  expect(inboxloop(home, [...where, "--reason", "x", "--undo", "y"])).toMatchObject({ exit: 2 });
  expect(inboxloop(home, ["ingest", "retract", "--batch", "none", "--reason", "x"])).toMatchObject({ exit: 2 });

  const planned = inboxloop(home, [...where, "--reason", "x", "--dry-run"]);
  expect(planned).toMatchObject({ exit: 0, out: { retraction_id: null, dry_run: true, rows: { events: 2 } } });
  const done = inboxloop(home, [...where, "--reason", "a test system, told by jane@example.org"]);
  expect(done).toMatchObject({ exit: 0, out: { dry_run: false, rows: { events: 2 }, already: 0 } });
  const { retraction_id: id } = done.out;
  const said = inboxloop(home, ["query", "select * from raw.retractions"]);
  expect(said.out.rows).toHaveLength(2);
  expect(JSON.stringify(said.out)).not.toContain("jane");

  expect(inboxloop(home, ["ingest", "retract", "--undo", id, "--reason", "real"])).toMatchObject({
    exit: 0,
    out: { retraction_id: id, rows: 2 },
  });
  expect(inboxloop(home, ["ingest", "retract", "--undo", id, "--reason", "real"])).toMatchObject({ exit: 2 });
  expect(inboxloop(home, ["ingest", "verify"])).toMatchObject({ exit: 0 });
});
