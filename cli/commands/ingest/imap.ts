import { exitCodes, UserError } from "../../../errors/user-error.ts";
import { imapCredentials, parseImapAddress } from "../../../ingest/documents/imap-address.ts";
import { type ImapOutcome, ingestImap } from "../../../ingest/documents/imap-mailbox.ts";
import { homeTrouble } from "../../../ingest/home-trouble.ts";
import type { Environment } from "../../environment.ts";
import { ingestContext } from "./context.ts";
import type { DocumentSources } from "./documents.ts";
import { sumOf, table } from "./render.ts";

/** `inboxloop ingest mail --imap` and `inboxloop ingest dmarc --imap`. */
export async function ingestImapCommand(
  environment: Environment,
  kind: "mail" | "dmarc",
  paths: readonly string[],
  options: DocumentSources & { readonly imap: string },
): Promise<void> {
  const { console, home, settings, signal } = environment;
  if (paths.length > 0)
    throw new UserError("--imap reads a mailbox, and paths are read without it", {
      code: "ingest.two-sources",
      exit: "usage",
      where: paths[0],
      next: `inboxloop ingest ${kind} --imap <address>   and then   inboxloop ingest ${kind} <paths>`,
    });
  const address = parseImapAddress(options.imap);
  const credentials = imapCredentials(settings);
  const progress = console.progress(`ingest ${kind}`);
  try {
    const context = { ...ingestContext(environment, { ...options, trustReceivedAt: false }), state: home.state };
    const outcome = await ingestImap(
      kind,
      {
        address,
        credentials,
        markSeen: options.seen === true,
        moveTo: options.moveTo,
        dryRun: options.dryRun === true,
      },
      context,
      signal,
      (mails) => progress.update(mails, undefined, "mails"),
    );
    progress.done(`${outcome.documents.toLocaleString("en-US")} mails`);
    const reasons = Object.entries(outcome.dead_letters_by_reason).map(([reason, count]) => `${count} ${reason}`);
    if (reasons.length > 0) console.warn(`dead letters: ${reasons.join(", ")}`);
    console.result(outcome, () => render(outcome));
    if (outcome.state === "interrupted") process.exitCode = exitCodes.interrupted;
  } catch (error) {
    throw homeTrouble(error, home.raw);
  }
}

function render(outcome: ImapOutcome): string {
  const { mailbox, documents, already_ingested } = outcome;
  if (outcome.dry_run) return `${mailbox}: ${documents} mails to ingest`;
  const rows = Object.entries(outcome.rows_by_table).map(([name, count]) => [`raw.${name}`, count] as const);
  const did = [
    outcome.marked_seen > 0 ? `${outcome.marked_seen} marked as read` : "",
    outcome.moved > 0 ? `${outcome.moved} moved` : "",
  ].filter((text) => text !== "");
  return [
    `${mailbox}: ${documents} new mails, ${already_ingested} of them ingested before${did.length > 0 ? `; ${did.join(", ")}` : ""}`,
    ...(rows.length > 0 ? ["", table(["table", "rows landed"], rows), ""] : []),
    sumOf(outcome),
  ].join("\n");
}
