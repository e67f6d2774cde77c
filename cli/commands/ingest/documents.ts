import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { UserError } from "../../../errors/user-error.ts";
import { type DocumentRef, documentsInBytes, findDocuments } from "../../../ingest/documents/find-documents.ts";
import { ingestDocuments } from "../../../ingest/documents/ingest-documents.ts";
import { homeTrouble } from "../../../ingest/home-trouble.ts";
import type { SetAside } from "../../../ingest/unreadable.ts";
import type { Environment } from "../../environment.ts";
import { asideIn, isMissing } from "./aside.ts";
import { ingestContext } from "./context.ts";
import type { DestinationOptions } from "./destination.ts";
import { endWith } from "./file.ts";
import { sumOf, table, unreadableLines } from "./render.ts";

/** Where mails and reports come from beside paths. */
export interface DocumentSources extends DestinationOptions {
  readonly imap?: string;
  readonly seen?: boolean;
  readonly moveTo?: string;
  readonly dryRun?: boolean;
}

/** `inboxloop ingest mail` and `inboxloop ingest dmarc`. */
export async function ingestDocumentsCommand(
  environment: Environment,
  kind: "mail" | "dmarc",
  paths: readonly string[],
  input: AsyncIterable<Uint8Array>,
  { seen, moveTo, dryRun, ...destination }: DocumentSources = {},
): Promise<void> {
  const { console, home, signal } = environment;
  if (seen || moveTo !== undefined || dryRun)
    throw new UserError("--seen, --move-to and --dry-run are about a mailbox, and no --imap is given", {
      code: "ingest.no-imap",
      exit: "usage",
      next: `inboxloop ingest ${kind} --imap imaps://user@host/INBOX --dry-run`,
    });
  if (paths.length === 0)
    throw new UserError("nothing to ingest: name a path, or a mailbox with --imap", {
      code: "ingest.no-source",
      exit: "usage",
      next: `inboxloop ingest ${kind} --help`,
    });
  const progress = console.progress(`ingest ${kind}`);
  const unit = kind === "mail" ? "mails" : "reports";
  try {
    const context = { ...ingestContext(environment, { ...destination, trustReceivedAt: false }), state: home.state };
    const { unreadable, setAside } = asideIn(environment, paths);
    const found = documentsAt(paths, environment.cwd, input, setAside);
    const tell = ({ records }: { readonly records: number }) => progress.update(records, undefined, unit);
    const outcome = { ...(await ingestDocuments(kind, found, context, signal, tell, setAside)), unreadable };
    progress.done(`${outcome.records.toLocaleString("en-US")} ${unit}`);
    const reasons = Object.entries(outcome.dead_letters_by_reason).map(([reason, count]) => `${count} ${reason}`);
    if (reasons.length > 0) console.warn(`dead letters: ${reasons.join(", ")}`);
    console.result(outcome, () => {
      const rows = Object.entries(outcome.rows_by_table).map(([name, count]) => [`raw.${name}`, count] as const);
      const { documents, already_ingested } = outcome;
      return [
        `${documents} ${unit}, ${already_ingested} of them ingested before`,
        ...(rows.length > 0 ? ["", table(["table", "rows landed"], rows), ""] : []),
        sumOf(outcome),
        ...unreadableLines(unreadable),
      ].join("\n");
    });
    endWith(environment, outcome);
  } catch (error) {
    throw homeTrouble(error, home.raw);
  }
}

async function* documentsAt(
  patterns: readonly string[],
  cwd: string,
  input: AsyncIterable<Uint8Array>,
  setAside: SetAside | undefined,
): AsyncIterable<DocumentRef> {
  for (const pattern of patterns) {
    if (pattern === "-") {
      const chunks: Uint8Array[] = [];
      for await (const chunk of input) chunks.push(chunk);
      yield* documentsInBytes(Buffer.concat(chunks));
      continue;
    }
    const path = resolve(cwd, pattern);
    const isGlob = !existsSync(path) && isDynamicPattern(pattern);
    const found = isGlob ? (await glob(pattern, { cwd, absolute: true })).sort() : [path];
    if (found.length === 0 || (!isGlob && isMissing(path))) {
      throw new UserError(`no file is there: ${pattern}`, {
        code: "ingest.no-file",
        exit: "usage",
        where: pattern,
        next: "ls",
      });
    }
    for (const one of found) yield* findDocuments(one, setAside);
  }
}
