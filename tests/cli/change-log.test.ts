import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { appendEntries, readLog } from "../../release/log.ts";
import { openDesk, withCanary } from "../release/support/desk.ts";
import { runIn } from "./support/in-process.ts";

const root = resolve(import.meta.dirname, "../..");
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "inboxloop-change-log-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const run = (...words: string[]) => runIn(root, ["--home", home, "--quiet", "--json", ...words]);
const rows = async (statement: string) =>
  (JSON.parse(await run("query", statement)) as { rows: Record<string, unknown>[] }).rows;

test("when the tables are built then every entry of the release log is in ops.change_log once, by keys and not by names", async () => {
  const desk = openDesk(home);
  await withCanary(desk);
  const build = () => run("build", "--select", "+monitoring.release_counts");
  await build();
  const columns = "log_sequence, entry_kind, changed_name, release_stage, waiver, approvals, decided_by, approved_by";
  const first = await rows(`select ${columns} from ops.change_log order by log_sequence`);
  const [ada, ben] = (["ada", "ben"] as const).map((name) => desk.keys[name]!.publicKey.fingerprint);
  const ofV1 = { changed_name: "v1", waiver: null };
  expect(first.slice(0, 3)).toEqual([
    {
      ...ofV1,
      log_sequence: 0,
      entry_kind: "submitted",
      release_stage: "submitted",
      approvals: 0,
      decided_by: ada,
      approved_by: null,
    },
    {
      ...ofV1,
      log_sequence: 1,
      entry_kind: "approved",
      release_stage: "approved",
      approvals: 1,
      decided_by: ben,
      approved_by: ben,
    },
    {
      ...ofV1,
      log_sequence: 2,
      entry_kind: "promoted",
      release_stage: "champion",
      approvals: 1,
      decided_by: ben,
      approved_by: ben,
    },
  ]);
  const begun = first.find(({ entry_kind }) => entry_kind === "canary_started");
  expect(begun).toMatchObject({
    changed_name: "v2",
    release_stage: "canary",
    waiver: expect.stringContaining("a test"),
  });

  await appendEntries(desk.log, {
    by: "inboxloop",
    at: desk.at,
    sign: null,
    seen: (await readLog(desk.log)).head,
    events: [{ kind: "rolled_back", version: "v2", active: "v1", reason: "complaints rose" }],
  });
  await build();
  await build();
  const then = await rows(`select ${columns}, change_reason from ops.change_log order by log_sequence`);
  expect(then).toHaveLength(first.length + 1);
  expect(then.at(-1)).toMatchObject({
    entry_kind: "rolled_back",
    release_stage: "deactivated",
    decided_by: null,
    approved_by: ben,
    change_reason: "complaints rose",
  });
  expect(
    await rows(
      "select decided_month, releases, canaries, rollbacks, rollback_rate, waivers from monitoring.release_counts",
    ),
  ).toEqual([{ decided_month: "2026-03-01", releases: 1, canaries: 1, rollbacks: 1, rollback_rate: 1, waivers: 1 }]);
});

test("when the log is damaged then nothing of it lands and the build goes on", async () => {
  const desk = openDesk(home);
  await withCanary(desk);
  await writeFile(desk.log.where, "{}\n");
  await run("build", "--select", "+monitoring.release_counts");
  expect(await rows("select count(*) as entries from ops.change_log")).toEqual([{ entries: 0 }]);
});
