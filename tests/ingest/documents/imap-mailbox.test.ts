// Against hoodiecrow-imap, an IMAP server that nobody here wrote.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import hoodiecrow from "hoodiecrow-imap";
import { describe, expect, onTestFinished, test } from "vitest";
import { imapCredentials, parseImapAddress } from "../../../ingest/documents/imap-address.ts";
import { type ImapOptions, ingestImap } from "../../../ingest/documents/imap-mailbox.ts";
import { writeWhole } from "../../../platform/home-files.ts";
import { giveHomeKeys, makeSealedHome } from "../../../platform/home-seal.ts";
import { cryptoSettings, withoutCrypto } from "../../support/duckdb-crypto.ts";
import { rowsOf, temporaryFolder, testContext } from "../support.ts";
import { loopbackTls } from "./loopback-tls.ts";

const live = new AbortController().signal;

const bounce = (n: number): string =>
  `From: MAILER-DAEMON@mx.example.net
To: sender@example.com
Subject: Undelivered Mail Returned to Sender
Date: Sat, 31 Jan 2026 10:00:00 +0000
Message-ID: <b${n}@mx.example.net>
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; reader${n}@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b--
`.replaceAll("\n", "\r\n");

interface ServerOptions {
  readonly mails?: number;
  readonly uidvalidity?: number;
  readonly secureConnection?: boolean;
  readonly plugins?: readonly string[];
}

/** A server with one account, kim, whose INBOX has bounces 1 to n, and a mailbox Done. */
async function serve({ mails = 3, uidvalidity = 7, secureConnection = false, plugins = [] }: ServerOptions = {}) {
  const messages = Array.from({ length: mails }, (_, at) => ({ raw: bounce(at + 1), uid: at + 1 }));
  const server = hoodiecrow({
    plugins: ["ID", "UIDPLUS", "NAMESPACE", "SPECIAL-USE", "ENABLE", ...plugins],
    users: { kim: { password: "correct horse", xoauth2: { accessToken: "a token", sessionTimeout: 3_600_000 } } },
    storage: {
      INBOX: { messages, uidvalidity, uidnext: mails + 1 },
      "": { separator: "/", folders: { Done: {} } },
    },
    secureConnection,
    credentials: { ...loopbackTls },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.server.close());
  const { port } = server.server.address() as { port: number };
  return {
    port,
    deliver: (n: number) => server.appendMessage("INBOX", [], new Date(), bounce(n)),
    inbox: () => server.getMailbox("INBOX").messages as readonly { flags: readonly string[]; uid: number }[],
    done: () => server.getMailbox("Done").messages as readonly unknown[],
  };
}

const options = (port: number, more: Partial<ImapOptions> = {}): ImapOptions => ({
  address: { user: "kim", host: "127.0.0.1", port, isTls: false, mailbox: "INBOX" },
  credentials: { password: "correct horse" },
  markSeen: false,
  dryRun: false,
  ...more,
});

const contextOf = (home: string) => {
  mkdirSync(join(home, "state"), { recursive: true });
  return { ...testContext(join(home, "raw")), state: join(home, "state") };
};
const run = (home: string, wanted: ImapOptions, signal = live) => ingestImap("mail", wanted, contextOf(home), signal);

test("when a mailbox is read again then only what came since is ingested, and the mailbox is left as it was", async () => {
  const home = temporaryFolder();
  const server = await serve();
  expect(await run(home, options(server.port))).toMatchObject({
    documents: 3,
    landed: 3,
    last_uid: 3,
    state: "ingested",
    marked_seen: 0,
  });
  expect(server.inbox().flatMap(({ flags }) => flags)).not.toContain("\\Seen");
  expect(await run(home, options(server.port))).toMatchObject({ documents: 0, landed: 0, state: "already-ingested" });
  server.deliver(4);
  expect(await run(home, options(server.port))).toMatchObject({ documents: 1, landed: 1, last_uid: 4 });
  const rows = await rowsOf(join(home, "raw"), "events");
  expect(rows).toHaveLength(4);
  expect(rows[0]).toMatchObject({ event_type: "bounce", metadata: { class: "hard" } });
  // Neither who reads nor where is told by what is written down.
  const [name] = readdirSync(join(home, "state", "imap"));
  expect(`${name} ${readFileSync(join(home, "state", "imap", name!), "utf8")}`).not.toMatch(/kim|127\.0\.0\.1|horse/);
});

test.skipIf(withoutCrypto)(
  "when the home is encrypted then what is noted of a mailbox and of its mails is sealed, under names that nobody can try out",
  async () => {
    giveHomeKeys(cryptoSettings);
    onTestFinished(() => giveHomeKeys({}));
    const [home, clear] = [join(temporaryFolder(), "home"), temporaryFolder()];
    await makeSealedHome(home);
    const server = await serve();
    expect(await run(home, options(server.port))).toMatchObject({ landed: 3, last_uid: 3 });
    server.deliver(4);
    expect(await run(home, options(server.port))).toMatchObject({ documents: 1, landed: 1, last_uid: 4 });
    await run(clear, options(server.port));
    const filesOf = (at: string) =>
      readdirSync(join(at, "state"), { recursive: true, withFileTypes: true })
        .filter((one) => one.isFile() && one.name !== "ingest-keys.json")
        .map((one) => join(one.parentPath, one.name));
    expect(filesOf(home).length).toBe(3); // of the mailbox one, of each run's mails another
    for (const path of filesOf(home)) expect(readFileSync(path).subarray(0, 8).toString()).toBe("IBXSEAL1");
    const [plain, own] = [clear, home].map((at) => readdirSync(join(at, "state", "imap")));
    expect(own).not.toEqual(plain);

    // As a home that was in clear has it: the mailbox goes on where it was.
    rmSync(join(home, "state", "imap", own![0]!));
    await writeWhole(join(home, "state", "imap", plain![0]!), JSON.stringify({ uid_validity: "7", last_uid: 3 }));
    expect(await run(home, options(server.port))).toMatchObject({ documents: 1, already_ingested: 1, last_uid: 4 });
    expect(readdirSync(join(home, "state", "imap"))).toEqual(own);
  },
);

test("when the server numbers its mails anew then they are read again and none lands twice", async () => {
  const home = temporaryFolder();
  const before = await serve({ uidvalidity: 7 });
  await run(home, options(before.port));
  // The same mailbox behind the same address: only its UIDVALIDITY is another.
  const [name] = readdirSync(join(home, "state", "imap"));
  writeFileSync(join(home, "state", "imap", name!), JSON.stringify({ uid_validity: "6", last_uid: 900 }));
  expect(await run(home, options(before.port))).toMatchObject({
    uid_validity: "7",
    documents: 3,
    already_ingested: 3,
    landed: 0,
    last_uid: 3,
  });
  expect(await rowsOf(join(home, "raw"), "events")).toHaveLength(3);
});

test("when asked to then mails that have landed are marked as read, or moved", async () => {
  const home = temporaryFolder();
  const server = await serve();
  expect(await run(home, options(server.port, { markSeen: true }))).toMatchObject({ landed: 3, marked_seen: 3 });
  expect(server.inbox().every(({ flags }) => flags.includes("\\Seen"))).toBe(true);
  server.deliver(4);
  expect(await run(home, options(server.port, { moveTo: "Done" }))).toMatchObject({ landed: 1, moved: 1 });
  expect(server.inbox().map(({ uid }) => uid)).toEqual([1, 2, 3]);
  expect(server.done()).toHaveLength(1);
});

test("when the server wants OAuth 2.0 then the token is what proves who reads", async () => {
  const server = await serve({ plugins: ["XOAUTH2", "SASL-IR"] });
  const home = temporaryFolder();
  expect(await run(home, options(server.port, { credentials: { accessToken: "a token" } }))).toMatchObject({
    landed: 3,
  });
  await expect(
    run(temporaryFolder(), options(server.port, { credentials: { accessToken: "another" } })),
  ).rejects.toMatchObject({ code: "ingest.imap-refused" });
});

test("when a run is dry then it says how many mails there are and changes nothing", async () => {
  const home = temporaryFolder();
  const server = await serve();
  expect(await run(home, options(server.port, { dryRun: true, markSeen: true }))).toMatchObject({
    documents: 3,
    landed: 0,
    dry_run: true,
  });
  expect(server.inbox().flatMap(({ flags }) => flags)).not.toContain("\\Seen");
  expect(await run(home, options(server.port))).toMatchObject({ landed: 3 });
});

test("when a run was killed before it wrote its place down then the next one lands nothing twice", async () => {
  const home = temporaryFolder();
  const server = await serve();
  await run(home, options(server.port));
  for (const name of readdirSync(join(home, "state", "imap")))
    writeFileSync(join(home, "state", "imap", name), '{"uid_validity":"7","last_');
  expect(await run(home, options(server.port))).toMatchObject({ documents: 3, already_ingested: 3, landed: 0 });
  expect(await run(home, options(server.port))).toMatchObject({ documents: 0, last_uid: 3 });
});

test("when a mailbox is larger than what is held at once then all of it lands", async () => {
  const home = temporaryFolder();
  const server = await serve({ mails: 450 });
  const told: number[] = [];
  const outcome = await ingestImap("mail", options(server.port), contextOf(home), live, (n) => told.push(n));
  expect(outcome).toMatchObject({ documents: 450, landed: 450, last_uid: 450 });
  expect(told).toEqual([200, 400, 450]);
});

describe("when something is wrong then one error says what", () => {
  test("the password", async () => {
    const server = await serve();
    const wanted = options(server.port, { credentials: { password: "battery staple" } });
    const error = await run(temporaryFolder(), wanted).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "ingest.imap-refused", exit: "config" });
    expect(`${error}`).not.toContain("staple");
  });

  test("the mailbox", async () => {
    const server = await serve();
    const address = { ...options(server.port).address, mailbox: "Nowhere" };
    await expect(run(temporaryFolder(), options(server.port, { address }))).rejects.toMatchObject({
      code: "ingest.no-imap-mailbox",
    });
    await expect(run(temporaryFolder(), options(server.port, { moveTo: "Nowhere" }))).rejects.toMatchObject({
      code: "ingest.no-imap-mailbox",
    });
  });

  test("nobody listens", async () => {
    await expect(run(temporaryFolder(), options(1))).rejects.toMatchObject({
      code: "ingest.imap-unreachable",
      exit: "remote",
    });
  });
});

describe("encryption", () => {
  const secure = (port: number, more: Partial<ImapOptions> = {}) =>
    options(port, { address: { user: "kim", host: "127.0.0.1", port, isTls: true, mailbox: "INBOX" }, ...more });

  test("when imaps is spoken then a certificate that is trusted will do, and no other", async () => {
    const home = temporaryFolder();
    const server = await serve({ secureConnection: true });
    await expect(run(home, secure(server.port))).rejects.toMatchObject({ code: "ingest.imap-unreachable" });
    expect(await run(home, secure(server.port, { tls: { ca: loopbackTls.cert } }))).toMatchObject({ landed: 3 });
  });

  test("when imap meets a server with STARTTLS then it is taken, and its certificate is checked", async () => {
    const home = temporaryFolder();
    const server = await serve({ plugins: ["STARTTLS"] });
    await expect(run(home, options(server.port))).rejects.toMatchObject({ code: "ingest.imap-unreachable" });
    expect(await run(home, options(server.port, { tls: { ca: loopbackTls.cert } }))).toMatchObject({ landed: 3 });
  });

  test("when a server beyond this machine has no STARTTLS then nothing is said to it", async () => {
    const server = await serve();
    // A name of this machine that is not one of the loopback's own.
    const address = { ...options(server.port).address, host: "ip4.localhost.test" };
    const error = await run(
      temporaryFolder(),
      options(server.port, { address, tls: { lookup: loopbackLookup } as ImapOptions["tls"] }),
    ).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "ingest.imap-insecure", exit: "config" });
  });
});

const loopbackLookup = (
  _host: string,
  wanted: unknown,
  done: (error: null, address: unknown, family?: number) => void,
): void =>
  (wanted as { all?: boolean }).all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);

test.each([
  [
    "imaps://bounces%40example.com@imap.example.com/INBOX",
    { user: "bounces@example.com", port: 993, isTls: true, mailbox: "INBOX" },
  ],
  ["imaps://kim@imap.example.com", { host: "imap.example.com", mailbox: "INBOX" }],
  ["imap://kim@[::1]:1143/Reports%2FBounces", { host: "::1", port: 1143, isTls: false, mailbox: "Reports/Bounces" }],
])("when --imap is %s then it is read as such", (text, address) => {
  expect(parseImapAddress(text)).toMatchObject(address);
});

test.each([
  "imaps://kim:secret@imap.example.com/INBOX",
  "https://kim@imap.example.com",
  "imap.example.com",
  "imaps://imap.example.com/INBOX",
])("when --imap is %s then it is refused without repeating a password", (text) => {
  let message = "";
  try {
    parseImapAddress(text);
  } catch (error) {
    message = String(error);
    expect(error).toMatchObject({ code: "ingest.bad-imap-address" });
  }
  expect(message).not.toBe("");
  expect(message).not.toContain("secret");
});

test("when no password is set then the settings to set are named", () => {
  expect(() => imapCredentials({})).toThrowError(expect.objectContaining({ code: "ingest.no-imap-password" }));
  expect(imapCredentials({ INBOXLOOP_IMAP_TOKEN: "t", INBOXLOOP_IMAP_PASSWORD: "p" })).toEqual({ accessToken: "t" });
});
