import type { Command } from "commander";
import type { Environment } from "../../environment.ts";

/** The verbs of `inboxloop ingest` for mails, reports and the collector. */
export function registerMoreIngest(ingest: Command, environment: () => Environment): void {
  ingest
    .command("mail")
    .description("Ingest bounce mails, complaints and automatic replies, each mail exactly once")
    .argument("<paths...>", "mails, mboxes, Maildirs, folders or globs of them; `-` reads standard input (a mail pipe)")
    .action(async (paths: string[]) => {
      const { ingestDocumentsCommand } = await import("./documents.ts");
      await ingestDocumentsCommand(environment(), "mail", paths, process.stdin);
    });

  ingest
    .command("dmarc")
    .description(
      "Ingest DMARC aggregate and SMTP TLS reports, each exactly once: XML, JSON, gzip, zip, or mails with them",
    )
    .argument("<paths...>", "reports, mails, mboxes, Maildirs, folders or globs of them; `-` reads standard input")
    .action(async (paths: string[]) => {
      const { ingestDocumentsCommand } = await import("./documents.ts");
      await ingestDocumentsCommand(environment(), "dmarc", paths, process.stdin);
    });
}
