import type { Command } from "commander";
import type { Environment } from "../../environment.ts";
import { countedNumber } from "../../whole-number.ts";
import type { DestinationOptions } from "./destination.ts";
import { addDestinationOptions } from "./destination-options.ts";
import type { DocumentSources } from "./documents.ts";
import type { DraftMappingOptions } from "./draft-mapping.ts";
import type { IngestSeedsOptions } from "./seeds.ts";
import type { IngestServeOptions } from "./serve.ts";
import type { UnsubscribeLinkOptions } from "./unsubscribe-link.ts";

/** The verbs of `inboxloop ingest` for mails, reports and the collector. */
export function registerMoreIngest(ingest: Command, environment: () => Environment): void {
  const documents = (kind: "mail" | "dmarc", description: string, paths: string) =>
    addDestinationOptions(
      ingest
        .command(kind)
        .description(description)
        .argument("[paths...]", paths)
        .option("--imap <address>", "a mailbox, imaps://user@host/INBOX; its password is INBOXLOOP_IMAP_PASSWORD")
        .option("--seen", "mark mails of --imap as read once they have landed (otherwise the mailbox is left as it is)")
        .option("--move-to <mailbox>", "move mails of --imap there once they have landed")
        .option("--dry-run", "say how many mails of --imap are new, and change nothing"),
    ).action(async (given: string[], options: DocumentSources) => {
      if (options.imap !== undefined) {
        const { ingestImapCommand } = await import("./imap.ts");
        await ingestImapCommand(environment(), kind, given, { ...options, imap: options.imap });
        return;
      }
      const { ingestDocumentsCommand } = await import("./documents.ts");
      await ingestDocumentsCommand(environment(), kind, given, process.stdin, options);
    });
  documents(
    "mail",
    "Ingest bounce mails, complaints and automatic replies, each mail exactly once",
    "mails, mboxes, Maildirs, folders or globs of them; `-` reads standard input (a mail pipe)",
  );
  documents(
    "dmarc",
    "Ingest DMARC aggregate and SMTP TLS reports, each exactly once: XML, JSON, gzip, zip, or mails with them",
    "reports, mails, mboxes, Maildirs, folders or globs of them; `-` reads standard input",
  );

  ingest
    .command("unsubscribe-link")
    .description("Print List-Unsubscribe headers for one e-mail to one reader: a signed one-click link (RFC 8058)")
    .requiredOption("--user <address>", "the reader's address or id; the link holds its hash alone")
    .requiredOption("--base <url>", "where `ingest serve` is reached, https://mail.example.com")
    .option("--message <id>", "the e-mail's message_id, so that the click counts for it")
    .option("--campaign <id>", "its campaign")
    .option("--list <name>", "the list that is left")
    .action(async (options: UnsubscribeLinkOptions) => {
      const { unsubscribeLinkCommand } = await import("./unsubscribe-link.ts");
      unsubscribeLinkCommand(environment(), options);
    });

  addDestinationOptions(
    ingest
      .command("seeds")
      .description("Ingest results of seed tests (CSV, NDJSON, JSON), and Google Postmaster's statistics of domains")
      .argument(
        "[paths...]",
        "files of results, folders or globs of them; plain or gzip (docs/reference/ingest-seeds.md)",
      )
      .option("--map <mapping>", "how another tool's export becomes rows: a YAML file (docs/reference/mapping.md)")
      .option(
        "--postmaster <domain...>",
        "domains to ask Google Postmaster Tools about; needs INBOXLOOP_POSTMASTER_TOKEN",
      )
      .option("--from <day>", "first day to ask for, 2026-01-01")
      .option("--until <day>", "last day to ask for (default: yesterday)")
      .option("--days <n>", "so many days up to the last one (default: 30)", countedNumber)
      .option("--dry-run", "say what would land and which days would be asked for, and change nothing"),
  ).action(async (paths: string[], options: IngestSeedsOptions) => {
    const { ingestSeedsCommand } = await import("./seeds.ts");
    await ingestSeedsCommand(environment(), paths, options);
  });

  ingest
    .command("map")
    .description(
      "Which of our event types each source can deliver, and which nobody does; --from proposes a mapping for a file",
    )
    .option("--from <file>", "propose a mapping from this file's header and first records, and say what is unsure")
    .option("--out <mapping.yaml>", "write the proposal there instead of printing it")
    .action(async (options: DraftMappingOptions) => {
      if (options.from !== undefined) {
        const { draftMappingCommand } = await import("./draft-mapping.ts");
        await draftMappingCommand(environment(), { ...options, from: options.from });
        return;
      }
      const { ingestMapCommand } = await import("./map.ts");
      ingestMapCommand(environment());
    });

  addDestinationOptions(
    ingest
      .command("serve")
      .description(
        "Collect webhooks and events over HTTP; 202 only once they are durable (docs/reference/collector.md)",
      )
      .option("--host <address>", "where to listen", "127.0.0.1")
      .option("--port <n>", "where to listen; 0 takes any free port", countedNumber, 8080)
      .option("--status-host <address>", "where readiness, metrics and the interface are", "127.0.0.1")
      .option(
        "--status-port <n>",
        "where readiness, metrics and the interface are (default: the port after --port)",
        countedNumber,
      )
      .option(
        "--trust-proxy <networks>",
        "proxies whose X-Forwarded-For says who calls: addresses or networks, with commas",
      )
      .option("--with-pipeline", "land what is accepted in this process too (otherwise: inboxloop ingest consume)")
      .option("--max-body <bytes>", "largest body (default: 10485760)", countedNumber)
      .option("--max-behind <n>", "messages that may wait for the pipeline (default: 1000000)", countedNumber)
      .option(
        "--max-stall <seconds>",
        "not ready when messages wait so long and none lands (default: 120)",
        countedNumber,
      )
      .option("--rate <n>", "calls a second and source (default: 5000)", countedNumber)
      .option("--replay-window <seconds>", "how far a signed time may lie from now (default: 300)", countedNumber)
      .option(
        "--pubsub-topic <name>",
        "put what is accepted on projects/<p>/topics/<t> (default: the target's `pubsub_topic`, else the spool)",
      )
      .option(
        "--pubsub-subscription <name>",
        "whose backlog is told, projects/<p>/subscriptions/<s>: the one that `ingest consume` reads (default: the target's)",
      ),
  ).action(async (options: IngestServeOptions) => {
    const { ingestServeCommand } = await import("./serve.ts");
    await ingestServeCommand(environment(), options);
  });

  addDestinationOptions(
    ingest
      .command("consume")
      .description("Land what the collector accepted, until told to stop")
      .option("--once", "end at the end of the spool")
      .option(
        "--pubsub-subscription <name>",
        "read projects/<p>/subscriptions/<s> (default: the target's `pubsub_subscription`, else the spool)",
      ),
  ).action(async (options: { once?: boolean; pubsubSubscription?: string } & DestinationOptions) => {
    const { ingestConsumeCommand } = await import("./serve.ts");
    await ingestConsumeCommand(environment(), options);
  });
}
