// Two processes that cannot see each other, as two containers on one volume: neither may have the home, the spool or the log while the other has it.
// In a pid namespace of its own each is process 1 or 2, so that an id alone says nothing.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { verifyLedger } from "../../ingest/segments/verify.ts";
import { journalFile } from "../../platform/journal/journal-file.ts";
import { releaseLogKind } from "../../release/log.ts";
import { eventRecord, rowsOf, temporaryFolder } from "./support.ts";

const root = resolve(import.meta.dirname, "../..");
const canUnshare = spawnSync("unshare", ["--pid", "--fork", "--kill-child", "true"]).status === 0;

interface Contained {
  readonly process: ChildProcess;
  readonly said: () => string;
  readonly code: Promise<number | null>;
}

/** Starts a program of ours in a pid namespace of its own. */
function contained(program: string, ...args: readonly string[]): Contained {
  const child = spawn(
    "unshare",
    ["--pid", "--fork", "--kill-child", process.execPath, "--import", "tsx", program, ...args],
    {
      cwd: root,
      env: { ...process.env, INBOXLOOP_API_KEY_APP: "a-key-that-is-long-enough" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream!.on("data", (chunk) => {
      said += String(chunk);
    });
  return { process: child, said: () => said, code: new Promise((done) => child.once("close", done)) };
}
const command = (home: string, ...words: readonly string[]) => contained("cli/main.ts", "--home", home, ...words);
const until = async (what: () => boolean) => {
  while (!what()) await new Promise((done) => setTimeout(done, 20));
};

test.runIf(canUnshare)(
  "when two containers ingest one file into one home at once then each record lands once and the ledger is whole",
  async () => {
    const home = temporaryFolder();
    const file = join(home, "events.ndjson");
    writeFileSync(file, Array.from({ length: 400 }, (_, n) => `${JSON.stringify(eventRecord(n))}\n`).join(""));
    const runs = [1, 2].map(() => command(home, "ingest", "file", file, "--batch-size", "40"));
    const codes = await Promise.all(runs.map(({ code }) => code));
    // Whoever finds the other ahead of it stops and says so; both may also take turns to the end.
    for (const [at, code] of codes.entries()) expect([0, 5], runs[at]!.said()).toContain(code);
    expect(codes, runs.map(({ said }) => said()).join("\n")).toContain(0);
    const again = command(home, "ingest", "file", file, "--batch-size", "40");
    expect(await again.code, again.said()).toBe(0);
    const rows = await rowsOf(join(home, "raw"), "events");
    expect(rows).toHaveLength(400);
    expect(new Set(rows.map((row) => row["event_id"])).size).toBe(400);
    expect(await verifyLedger(join(home, "raw"))).toMatchObject({ ok: true });
  },
  180_000,
);

test.runIf(canUnshare)(
  "when a collector in one container has the spool then one in another is refused, and gets in once the first is gone",
  async () => {
    const home = temporaryFolder();
    const serve = () => command(home, "ingest", "serve", "--port", "0");
    const first = serve();
    await until(() => first.said().includes("listening on"));
    const second = serve();
    expect(await second.code, second.said()).toBe(5);
    expect(second.said()).toContain("ingest.locked");
    first.process.kill("SIGKILL");
    await first.code;
    const third = serve();
    await until(() => third.said().includes("listening on") || third.process.exitCode !== null);
    expect(third.said()).toContain("listening on");
  },
  180_000,
);

test.runIf(canUnshare)(
  "when two containers decide on one release log then every decision stands on the one before it",
  async () => {
    const path = join(temporaryFolder(), "release_log.ndjson");
    const runs = ["a", "b"].map((name) => contained("tests/platform/support/log-writer.ts", path, name));
    for (const { code, said } of runs) expect(await code, said()).toBe(0);
    const log = journalFile(path, releaseLogKind, { pid: process.pid, sleep: async () => {}, patienceMs: 0 });
    const { entries } = await log.read();
    expect(entries).toHaveLength(16);
    expect(new Set(entries.map(({ event }) => (event.kind === "paused" ? event.what : ""))).size).toBe(16);
    expect(readFileSync(path, "utf8").trim().split("\n")).toHaveLength(16);
    expect(readdirSync(join(path, "..")).filter((name) => name.includes("lock"))).toEqual([]);
  },
  180_000,
);
