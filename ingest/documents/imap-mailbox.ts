import { createHash, createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import type { FetchMessageObject, ImapFlow } from "imapflow";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { syncDirectory } from "../../platform/files.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import { sealOf } from "../../platform/home-seal.ts";
import type { IngestContext } from "../ingest-files.ts";
import { addTotals, type IngestTotals, noTotals } from "../totals.ts";
import type { DocumentRef } from "./find-documents.ts";
import { type ImapAddress, type ImapCredentials, isLoopback } from "./imap-address.ts";
import { ingestDocuments } from "./ingest-documents.ts";

export interface ImapOptions {
  readonly address: ImapAddress;
  readonly credentials: ImapCredentials;
  /** Marks what has landed as read. Without it and `moveTo` the mailbox is opened read-only. */
  readonly markSeen: boolean;
  /** Moves what has landed into this mailbox of the same account. */
  readonly moveTo?: string | undefined;
  readonly dryRun: boolean;
  /** Trust beyond the system's: a private certificate authority. */
  readonly tls?: ConnectionOptions | undefined;
}

export interface ImapOutcome extends IngestTotals {
  readonly mailbox: string;
  readonly uid_validity: string;
  /** Mails above the last one that an earlier run had landed. */
  readonly documents: number;
  readonly already_ingested: number;
  /** The last mail that has landed; a later run begins behind it. */
  readonly last_uid: number;
  readonly marked_seen: number;
  readonly moved: number;
  readonly dry_run: boolean;
  readonly state: "ingested" | "already-ingested" | "interrupted";
}

/** Mails that are held at once: what they say is committed before more are fetched. */
const chunkMails = 200;
const chunkBytes = 32 << 20;
/** Of one mail, no more is fetched; reports stand at the beginning. */
const mailBytes = 64 << 20;

const place = z.object({ uid_validity: z.string(), last_uid: z.number().int().min(0) });

/**
 * Ingests the mails of a mailbox that came after the last one landed, each exactly once by its content. How far a mailbox was
 * read (its UIDVALIDITY and the last UID) is written down after the commit; a server that gives its mails new UIDs is read from
 * the beginning, which lands nothing twice. The mailbox is changed only on request, and only for mails that have landed.
 */
export async function ingestImap(
  kind: "mail" | "dmarc",
  options: ImapOptions,
  context: IngestContext & { readonly state: string },
  signal: AbortSignal,
  progress?: (records: number) => void,
): Promise<ImapOutcome> {
  const { address, markSeen, moveTo, dryRun } = options;
  const client = await connect(options);
  // What happens to the connection is told by the command that is waiting for it.
  client.on("error", () => {});
  const stop = () => client.close();
  signal.addEventListener("abort", stop, { once: true });
  const placeFile = placeOf(context.state, kind, address);
  const sums = { totals: noTotals(), documents: 0, already: 0, seen: 0, moved: 0 };
  try {
    for (const mailbox of moveTo === undefined ? [address.mailbox] : [address.mailbox, moveTo])
      if (!(await client.status(mailbox, { messages: true }).catch(() => false))) throw noSuchMailbox(mailbox, address);
    const box = await client.mailboxOpen(address.mailbox, { readOnly: dryRun || (!markSeen && moveTo === undefined) });
    const uidValidity = String(box.uidValidity);
    const before = await readPlace(placeFile);
    let lastUid = before?.uid_validity === uidValidity ? before.last_uid : 0;
    // A range that begins behind the last mail still gives that one: `*` is never less than it.
    const found = box.exists === 0 ? [] : await client.search({ uid: `${lastUid + 1}:*` }, { uid: true });
    const uids = (found || []).filter((uid) => uid > lastUid).sort((a, b) => a - b);
    const outcome = (state: ImapOutcome["state"]): ImapOutcome => ({
      ...sums.totals,
      mailbox: address.mailbox,
      uid_validity: uidValidity,
      documents: dryRun ? uids.length : sums.documents,
      already_ingested: sums.already,
      last_uid: lastUid,
      marked_seen: sums.seen,
      moved: sums.moved,
      dry_run: dryRun,
      state,
    });
    if (dryRun || uids.length === 0) return outcome("already-ingested");
    for await (const chunk of chunksOf(client, uids, mailBytes)) {
      if (signal.aborted) break;
      const done = await ingestDocuments(kind, listed(chunk.documents), context, signal);
      addTotals(sums.totals, done);
      sums.documents += done.documents;
      sums.already += done.already_ingested;
      if (done.state === "interrupted") return outcome("interrupted");
      const range = chunk.uids.join(",");
      if (markSeen && (await client.messageFlagsAdd(range, ["\\Seen"], { uid: true }))) sums.seen += chunk.uids.length;
      if (moveTo !== undefined) {
        if (!(await client.messageMove(range, moveTo, { uid: true }))) throw noSuchMailbox(moveTo, address);
        sums.moved += chunk.uids.length;
      }
      lastUid = chunk.uids.at(-1) ?? lastUid;
      await writePlace(placeFile, { uid_validity: uidValidity, last_uid: lastUid });
      progress?.(sums.documents);
    }
    return outcome(signal.aborted ? "interrupted" : "ingested");
  } catch (error) {
    throw imapTrouble(error, options);
  } finally {
    signal.removeEventListener("abort", stop);
    if (client.usable) await client.logout().catch(() => {});
    else client.close();
  }
}

async function connect(options: ImapOptions): Promise<ImapFlow> {
  const { address, credentials, tls } = options;
  const { ImapFlow } = await import("imapflow");
  const client = new ImapFlow({
    host: address.host,
    port: address.port,
    secure: address.isTls,
    // STARTTLS is demanded where the way leads over a network; a server of this machine may do without.
    ...(address.isTls || isLoopback(address.host) ? {} : { doSTARTTLS: true }),
    auth:
      "password" in credentials
        ? { user: address.user, pass: credentials.password }
        : { user: address.user, accessToken: credentials.accessToken },
    logger: false,
    disableAutoIdle: true,
    connectionTimeout: 30_000,
    socketTimeout: 120_000,
    ...(tls ? { tls } : {}),
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.close();
    throw imapTrouble(error, options);
  }
}

interface Chunk {
  readonly uids: readonly number[];
  readonly documents: readonly DocumentRef[];
}

/** Fetches the mails in order of their UIDs, without marking them as read, a bounded amount at a time. */
async function* chunksOf(client: ImapFlow, uids: readonly number[], maxLength: number): AsyncIterable<Chunk> {
  for (let at = 0; at < uids.length; ) {
    const range = uids.slice(at, at + chunkMails);
    const sizes = new Map<number, number>();
    for await (const { uid, size } of client.fetch(range.join(","), { uid: true, size: true }, { uid: true }))
      sizes.set(uid, size ?? 0);
    const sizeOf = (uid: number): number => sizes.get(uid) ?? 0;
    let bytes = 0;
    const end = range.findIndex((uid, index) => {
      bytes += sizeOf(uid);
      return index > 0 && bytes > chunkBytes;
    });
    const wanted = end < 0 ? range : range.slice(0, end);
    const documents = new Map<number, DocumentRef>();
    const keep = ({ uid, source: data }: FetchMessageObject): void => {
      if (data?.length)
        documents.set(uid, { digest: createHash("sha256").update(data).digest("hex"), read: async () => data });
    };
    // A mail that was deleted since the search has no size, and is not missed.
    const [small, large] = [
      wanted.filter((uid) => sizeOf(uid) <= maxLength),
      wanted.filter((uid) => sizeOf(uid) > maxLength),
    ];
    const given = small.filter((uid) => sizes.has(uid)).join(",");
    if (given) for await (const mail of client.fetch(given, { uid: true, source: true }, { uid: true })) keep(mail);
    for (const uid of large) {
      const mail = await client.fetchOne(String(uid), { uid: true, source: { maxLength } }, { uid: true });
      if (mail) keep(mail);
    }
    const lost = wanted.find((uid) => sizeOf(uid) > 0 && !documents.has(uid));
    if (lost !== undefined) throw incomplete(lost);
    yield { uids: wanted, documents: [...documents.values()] };
    at += wanted.length;
  }
}

async function* listed(documents: readonly DocumentRef[]): AsyncIterable<DocumentRef> {
  yield* documents;
}

interface PlaceFile {
  readonly path: string;
  /** Where it was written before its home was encrypted. */
  readonly former: string;
}

/**
 * A file for each mailbox and kind; its name gives neither the user nor the host away. In an encrypted home not even to somebody who tries names out: there it is made
 * under a key.
 */
function placeOf(state: string, kind: string, { user, host, port, mailbox }: ImapAddress): PlaceFile {
  const folder = join(state, "imap");
  const about = [kind, user, host, port, mailbox].join("\0");
  const plain = createHash("sha256").update(about).digest("hex");
  const key = sealOf(folder)?.key("files");
  const name = key ? createHmac("sha256", key).update(`imap\0${about}`).digest("hex") : plain;
  return { path: join(folder, `${name.slice(0, 32)}.json`), former: join(folder, `${plain.slice(0, 32)}.json`) };
}

async function readPlace({ path, former }: PlaceFile): Promise<z.output<typeof place> | undefined> {
  try {
    return place.parse(JSON.parse(await readHomeText(existsSync(path) ? path : former)));
  } catch {
    // Not there yet, or not readable: the mailbox is read from its beginning, and nothing lands twice.
    return undefined;
  }
}

async function writePlace({ path, former }: PlaceFile, where: z.input<typeof place>): Promise<void> {
  await writeWhole(path, `${JSON.stringify(where)}\n`);
  if (former !== path) await rm(former, { force: true });
  await syncDirectory(join(path, ".."));
}

const noSuchMailbox = (mailbox: string, { host }: ImapAddress): UserError =>
  new UserError(`the account has no mailbox "${mailbox}" that can be used`, {
    code: "ingest.no-imap-mailbox",
    exit: "usage",
    where: host,
    next: "name one that is there: --imap imaps://user@host/INBOX, --move-to Archive",
  });

/** A mail that is passed over would never be asked for again. */
const incomplete = (uid: number): UserError =>
  new UserError("the mail server listed a mail and did not give it", {
    code: "ingest.imap-unreachable",
    exit: "remote",
    where: `UID ${uid}`,
    next: "what has landed stays; run it again, it goes on from there",
  });

/** What a server or the network says, in words that a person can act on; never with the credentials. */
function imapTrouble(error: unknown, { address }: ImapOptions): unknown {
  if (error instanceof UserError) return error;
  const said = error as { authenticationFailed?: boolean; code?: string; message?: string };
  const where = `${address.host}:${address.port}`;
  if (said.authenticationFailed)
    return new UserError("the server refuses the user or the password", {
      code: "ingest.imap-refused",
      exit: "config",
      where,
      next: "check the user in --imap and INBOXLOOP_IMAP_PASSWORD (many servers want an app password, or INBOXLOOP_IMAP_TOKEN)",
    });
  if (/STARTTLS/.test(said.message ?? ""))
    return new UserError("the server offers no encryption, and this way leads over a network", {
      code: "ingest.imap-insecure",
      exit: "config",
      where,
      next: "imaps://user@host/mailbox",
    });
  const { responseStatus } = error as { responseStatus?: string };
  if (!(error instanceof Error) || (said.code === undefined && responseStatus === undefined)) return error;
  return new UserError(`the mail server cannot be read (${said.code ?? responseStatus})`, {
    code: "ingest.imap-unreachable",
    exit: "remote",
    where,
    next: "what has landed stays; run it again, it goes on from there",
  });
}
