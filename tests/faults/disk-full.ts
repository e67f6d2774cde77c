// npm run test:disk-full
//
// A disk that really fills up: a small memory file system (Linux, as root). `ingest file` and the collector run into its end, say
// so, and go on when there is room: nothing lost, nothing doubled, the ledger whole.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "inboxloop-disk-"));
const disk = join(folder, "disk");
const key = "a-key-that-is-long-enough";
const settings = { ...process.env, INBOXLOOP_API_KEY_APP: key };
const cli = (home: string, ...more: string[]) => [
  "--import",
  "tsx",
  join(root, "cli/main.ts"),
  "--home",
  home,
  ...more,
];
const run = (home: string, ...args: string[]) =>
  spawnSync(process.execPath, cli(home, ...args), { cwd: root, env: settings, encoding: "utf8" });
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const grow = (megabytes: number) => execFileSync("mount", ["-o", `remount,size=${megabytes}m`, disk]);

const failures: string[] = [];
const check = (isSo: boolean, what: string) => {
  say(`${isSo ? "ok  " : "NOT "} ${what}`);
  if (!isSo) failures.push(what);
};

const event = (n: number) => ({
  event_id: `e${n}`,
  event_type: "open",
  user_id: `user${n % 500}@example.com`,
  message_id: `m${n}`,
  timestamp_utc: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
  // Noise, so that a segment takes room.
  metadata: { user_agent: Array.from({ length: 6 }, (_, k) => Math.imul(n + k, 2654435761).toString(36)).join("") },
});

interface Verdict {
  readonly ok: boolean;
  readonly landed: number;
  readonly duplicate: number;
  readonly problems: readonly { readonly kind: string }[];
}

const verify = (home: string): Verdict => JSON.parse(run(home, "ingest", "verify", "--json").stdout) as Verdict;

function files(): void {
  const home = join(disk, "files");
  const events = 60_000;
  const file = join(folder, "events.ndjson");
  writeFileSync(file, Array.from({ length: events }, (_, n) => `${JSON.stringify(event(n))}\n`).join(""));
  const ingest = () => run(home, "ingest", "file", file, "--batch-size", "3000");
  let fullAt = 0;
  for (const megabytes of [2, 3, 4, 5]) {
    grow(megabytes);
    const { status, stderr } = ingest();
    if (status === 0) break;
    fullAt += 1;
    const says = status === 5 && stderr.includes("the disk is full") && stderr.includes("make room");
    check(says, `file: at ${megabytes} MB it says that the disk is full (exit ${status})`);
    if (!says) say(stderr);
    const wrong = verify(home).problems.filter(({ kind }) => kind !== "unpublished");
    check(wrong.length === 0, `file: the ledger is whole at ${megabytes} MB`);
  }
  check(fullAt >= 2, `file: the disk was full ${fullAt} times`);
  grow(256);
  check(ingest().status === 0, "file: with room it goes on to the end");
  const { ok, landed, duplicate } = verify(home);
  check(ok && landed === events && duplicate === 0, `file: ${landed} of ${events} landed, ${duplicate} doubled`);
}

const listening = (server: ChildProcess): Promise<string> =>
  new Promise((found, failed) => {
    let text = "";
    server.stderr!.on("data", (chunk) => {
      text += String(chunk);
      const address = /listening on (\S+)/.exec(text)?.[1];
      if (address) found(address);
    });
    server.once("exit", (code) => failed(new Error(`the collector ended with ${code}: ${text}`)));
  });

async function collector(): Promise<void> {
  const home = join(disk, "collector");
  grow(256);
  const server = spawn(process.execPath, cli(home, "ingest", "serve", "--port", "0", "--rate", "100000"), {
    cwd: root,
    env: settings,
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    const url = await listening(server);
    const used = Number(execFileSync("df", ["--output=used", "-B1M", disk]).toString().split("\n")[1]);
    grow(used + 2);
    let next = 0;
    let accepted = 0;
    const post = async (): Promise<number> => {
      const lines = Array.from({ length: 200 }, () => JSON.stringify(event(next++))).join("\n");
      const answer = await fetch(`${url}/v1/events`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/x-ndjson" },
        body: lines,
      });
      await answer.arrayBuffer();
      if (answer.status === 202) accepted += 200;
      return answer.status;
    };
    let status = 202;
    for (let call = 0; call < 500 && status === 202; call++) status = await post();
    check(status === 503, `collector: a full disk is answered ${status}, after ${accepted} events`);
    const again = [await post(), await post()];
    check(
      again.every((one) => one === 503 || one === 202),
      `collector: it stays up (${again.join(", ")})`,
    );
    grow(256);
    check((await post()) === 202, "collector: with room it accepts again");
    const gone = new Promise((done) => server.once("exit", done));
    server.kill("SIGTERM");
    check((await gone) === 0, "collector: it stops with 0");
    run(home, "ingest", "consume", "--once");
    const { ok, landed, duplicate } = verify(home);
    check(ok && landed === accepted && duplicate === 0, `collector: ${landed} of ${accepted} accepted events landed`);
  } finally {
    server.kill("SIGKILL");
  }
}

mkdirSync(disk);
try {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]);
} catch {
  say("this needs Linux and the right to mount a tmpfs");
  rmSync(folder, { recursive: true, force: true });
  process.exit(2);
}
try {
  files();
  await collector();
} finally {
  execFileSync("umount", ["-l", disk]);
  rmSync(folder, { recursive: true, force: true });
}
say(failures.length === 0 ? "whole" : "NOT WHOLE");
process.exit(failures.length === 0 ? 0 : 1);
