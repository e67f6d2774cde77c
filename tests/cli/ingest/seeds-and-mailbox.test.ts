import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import hoodiecrow from "hoodiecrow-imap";
import { expect, onTestFinished, test } from "vitest";
import { ingestDocumentsCommand } from "../../../cli/commands/ingest/documents.ts";
import { ingestImapCommand } from "../../../cli/commands/ingest/imap.ts";
import { ingestSeedsCommand } from "../../../cli/commands/ingest/seeds.ts";
import { createConsole } from "../../../cli/console.ts";
import type { Environment } from "../../../cli/environment.ts";
import { releaseLogIn } from "../../../cli/release-log.ts";
import { localTarget } from "../../../targets/local.ts";
import { temporaryFolder } from "../../ingest/support.ts";

function sink() {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  return { stream, text: () => text };
}

/** A command's world: its home in a folder of its own, its streams kept. */
function world(folder: string, settings: Record<string, string> = {}) {
  const [stdout, stderr] = [sink(), sink()];
  const at = { json: false, quiet: false, env: {}, now: () => 0 };
  const { signal } = new AbortController();
  const target = localTarget("local", { kind: "local" }, { cwd: folder, settings, signal }, join(folder, "home"));
  const environment = (json: boolean): Environment => ({
    target,
    trainsOnVertex: false,
    releaseLog: releaseLogIn(target),
    home: target.home,
    cwd: folder,
    console: createConsole({ stdout: stdout.stream, stderr: stderr.stream }, { ...at, json }),
    settings,
    now: () => new Date("2026-02-01T12:00:00Z"),
    signal,
  });
  return { text: environment(false), json: environment(true), stdout: stdout.text, stderr: stderr.text };
}

test("when seeds are ingested then a dry run says what would land, and a run what has", async () => {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, "s.csv"),
    "Test ID,Seed,Folder,Date\nt1,a@gmail.com,Inbox,2026-01-31\nt1,b@gmail.com,Elsewhere,2026-01-31\n",
  );
  const dry = world(folder);
  await ingestSeedsCommand(dry.text, ["s.csv"], { dryRun: true });
  expect(dry.stdout()).toMatch(/s\.csv\s+2\s+1 events\s+1 wrong-type/);
  const wet = world(folder);
  await ingestSeedsCommand(wet.json, ["s.csv"], {});
  expect(JSON.parse(wet.stdout())).toMatchObject({ files: { totals: { received: 2, landed: 1, dead_letter: 1 } } });
  expect(wet.stderr()).toContain("dead letters: 1 wrong-type");
});

test("when Postmaster is asked without a range then it is about the 30 days that are over", async () => {
  const ranges: unknown[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    ranges.push(JSON.parse(text).timeQuery.dateRanges.dateRanges[0]);
    const date = { year: 2026, month: 1, day: 31 };
    response.end(JSON.stringify({ domainStats: [{ metric: "spam_rate", date, value: { doubleValue: 0.001 } }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const settings = {
    INBOXLOOP_POSTMASTER_TOKEN: "t",
    INBOXLOOP_POSTMASTER_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  };
  const one = world(temporaryFolder(), settings);
  await ingestSeedsCommand(one.json, [], { postmaster: ["Example.com"] });
  expect(ranges).toEqual([{ start: { year: 2026, month: 1, day: 2 }, end: { year: 2026, month: 1, day: 31 } }]);
  expect(JSON.parse(one.stdout())).toMatchObject({
    postmaster: { landed: 1, domains: [{ domain: "example.com", days_asked: 30, days_landed: 1 }] },
  });
});

test.each([
  ["nothing to ingest", [], {}, "ingest.no-source"],
  ["a day that is none", [], { postmaster: ["example.com"], from: "2026-02-30x" }, "ingest.bad-range"],
  [
    "a range that ends before it begins",
    [],
    { postmaster: ["e.com"], from: "2026-03-01", until: "2026-02-01" },
    "ingest.bad-range",
  ],
  ["a file that is not there", ["none.csv"], {}, "ingest.no-file"],
])("when there is %s then one error says so", async (_what, paths, options, code) => {
  await expect(ingestSeedsCommand(world(temporaryFolder()).text, paths, options)).rejects.toMatchObject({ code });
});

test("when a token would be said to a server without encryption then it is not", async () => {
  const { text } = world(temporaryFolder(), {
    INBOXLOOP_POSTMASTER_TOKEN: "t",
    INBOXLOOP_POSTMASTER_ENDPOINT: "http://postmaster.example.com",
  });
  await expect(ingestSeedsCommand(text, [], { postmaster: ["example.com"] })).rejects.toMatchObject({
    code: "google.insecure-endpoint",
  });
});

test("when a mailbox is read then the result says how many mails were new and what came of them", async () => {
  const server = hoodiecrow({
    plugins: ["ID", "UIDPLUS", "NAMESPACE", "ENABLE"],
    users: { kim: { password: "pw" } },
    storage: { INBOX: { messages: [{ raw: "From: kim@example.org\r\nSubject: unsubscribe\r\n\r\nplease" }] } },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.server.close());
  const imap = `imap://kim@127.0.0.1:${(server.server.address() as AddressInfo).port}/INBOX`;
  const folder = temporaryFolder();
  const settings = { INBOXLOOP_IMAP_PASSWORD: "pw" };
  const dry = world(folder, settings);
  await ingestImapCommand(dry.text, "mail", [], { imap, dryRun: true });
  expect(dry.stdout()).toBe("INBOX: 1 mails to ingest\n");
  const wet = world(folder, settings);
  await ingestImapCommand(wet.text, "mail", [], { imap, seen: true });
  expect(wet.stdout()).toContain("INBOX: 1 new mails, 0 of them ingested before; 1 marked as read");
  expect(wet.stdout()).toContain("received 1 = landed 1 + duplicate 0 + dead letter 0");
  await expect(ingestImapCommand(world(folder).text, "mail", [], { imap })).rejects.toMatchObject({
    code: "ingest.no-imap-password",
  });
  await expect(ingestImapCommand(wet.text, "mail", ["x"], { imap })).rejects.toMatchObject({
    code: "ingest.two-sources",
  });
});

test("when neither a path nor a mailbox is named, or a mailbox's option without one, then that is said", async () => {
  const { text } = world(temporaryFolder());
  const nothing = (async function* () {})();
  await expect(ingestDocumentsCommand(text, "mail", [], nothing)).rejects.toMatchObject({ code: "ingest.no-source" });
  await expect(ingestDocumentsCommand(text, "mail", ["x"], nothing, { seen: true })).rejects.toMatchObject({
    code: "ingest.no-imap",
  });
});
