import { isIP } from "node:net";
import { UserError } from "../../errors/user-error.ts";

/** A mailbox as `imaps://user@host[:port]/Mailbox` names it. The password is not in it. */
export interface ImapAddress {
  readonly user: string;
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; otherwise STARTTLS, which only a loopback host may lack. */
  readonly isTls: boolean;
  readonly mailbox: string;
}

/** What proves who reads: a password, or an OAuth 2.0 access token. */
export type ImapCredentials = { readonly password: string } | { readonly accessToken: string };

/** Reads `imaps://user@host/INBOX`; anything that is none, or that carries a password, is a UserError. */
export function parseImapAddress(text: string): ImapAddress {
  const wrong = (what: string): UserError =>
    new UserError(what, {
      code: "ingest.bad-imap-address",
      exit: "usage",
      next: "inboxloop ingest mail --imap imaps://bounces%40example.com@imap.example.com/INBOX",
    });
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong("--imap wants an address like imaps://user@host/INBOX");
  }
  const isTls = url.protocol === "imaps:";
  if (!isTls && url.protocol !== "imap:") throw wrong(`--imap knows imaps:// and imap://, not ${url.protocol}//`);
  // It would stand in the shell's history and in the list of processes.
  if (url.password) throw wrong("the password does not belong in --imap: set INBOXLOOP_IMAP_PASSWORD");
  const [user, mailbox] = [decodeURIComponent(url.username), decodeURIComponent(url.pathname.replace(/^\//, ""))];
  if (!user || !url.hostname) throw wrong("--imap names no user or no host");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { user, host, port: Number(url.port) || (isTls ? 993 : 143), isTls, mailbox: mailbox || "INBOX" };
}

/** `INBOXLOOP_IMAP_PASSWORD`, or `INBOXLOOP_IMAP_TOKEN` where the server wants OAuth 2.0. */
export function imapCredentials(settings: Readonly<Record<string, string | undefined>>): ImapCredentials {
  const { INBOXLOOP_IMAP_PASSWORD: password, INBOXLOOP_IMAP_TOKEN: accessToken } = settings;
  if (accessToken) return { accessToken };
  if (password) return { password };
  throw new UserError("no password for the mailbox", {
    code: "ingest.no-imap-password",
    exit: "config",
    where: "INBOXLOOP_IMAP_PASSWORD, or INBOXLOOP_IMAP_TOKEN for OAuth 2.0",
    next: "export INBOXLOOP_IMAP_PASSWORD",
  });
}

/** Whether a host is this machine by its name: nothing that is said to it crosses a network. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
