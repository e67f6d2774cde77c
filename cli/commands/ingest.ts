import type { RegisterCommand } from "../command.ts";
import { wholeNumber } from "../whole-number.ts";
import type { DestinationOptions } from "./ingest/destination.ts";
import { addDestinationOptions, addPlaceOptions } from "./ingest/destination-options.ts";
import type { IngestFileOptions } from "./ingest/file.ts";
import { registerMoreIngest } from "./ingest/more-commands.ts";
import type { IngestRepairOptions } from "./ingest/repair.ts";
import type { IngestReplayOptions } from "./ingest/replay.ts";
import type { IngestRetractOptions } from "./ingest/retract.ts";

export const register: RegisterCommand = (program, environment) => {
  const ingest = program.command("ingest").description("Take signals in, and account for each one");

  addDestinationOptions(
    ingest
      .command("file")
      .description(
        "Ingest files, each record exactly once: NDJSON in our own shape, provider payloads, or an export with a mapping",
      )
      .argument("<paths...>", "files, folders or globs; plain or gzip")
      .option(
        "--map <mapping>",
        "how an export becomes rows: activecampaign, braze, brevo, customerio, hubspot, iterable, klaviyo, mailchimp, marketo, salesforce-marketing-cloud, or a YAML file (docs/reference/mapping.md)",
      )
      .option("--source <provider>", "the files hold this provider's webhook payloads: sendgrid, amazon_ses ...")
      .option("--table <name>", "raw table of NDJSON records that name none (default: events)")
      .option("--batch-size <n>", "records a batch (default: 100000)", wholeNumber)
      .option("--resume", "go on where an earlier run stopped (always done; the ledger knows)")
      .option("--trust-received-at", "believe the records' own received_at (simulation, backfill)"),
  ).action(async (paths: string[], options: IngestFileOptions) => {
    const { ingestFileCommand } = await import("./ingest/file.ts");
    await ingestFileCommand(environment(), paths, options);
  });

  addPlaceOptions(
    ingest.command("verify").description("Recompute sums, digests and chain of the ledger from the data"),
    "what was landed in this machine's segments, or in BigQuery",
  ).action(async (options: DestinationOptions) => {
    const { ingestVerifyCommand } = await import("./ingest/verify.ts");
    await ingestVerifyCommand(environment(), options);
  });

  ingest
    .command("repair")
    .description("Bring damaged segments back from a copy of the raw folder, each checked by the ledger's digest")
    .option("--from <folder>", "a copy of the raw folder, or of the home")
    .option("--set-aside", "move segments without a good copy to raw/.damaged, and go on without their rows")
    .option("--dry-run", "say what is damaged and what would be done, and change nothing")
    .action(async (options: IngestRepairOptions) => {
      const { ingestRepairCommand } = await import("./ingest/repair.ts");
      await ingestRepairCommand(environment(), options);
    });

  ingest
    .command("replay")
    .description("Run dead letters through today's code again")
    .option("--reason <code>", "only letters with this reason")
    .option("--since <when>", "only letters received since: 7d, 12h, a day or an instant")
    .option("--limit <n>", "at most so many letters, oldest first", wholeNumber)
    .option("--map <mapping.yaml>", "the mapping for letters of mapped files")
    .option("--trust-received-at", "believe the records' own received_at")
    .option("--dry-run", "say what would land, and change nothing")
    .action(async (options: IngestReplayOptions) => {
      const { ingestReplayCommand } = await import("./ingest/replay.ts");
      await ingestReplayCommand(environment(), options);
    });

  ingest
    .command("compact")
    .description("Merge neighbouring small segments; run it when nothing builds")
    .option("--dry-run", "say what would be merged, and change nothing")
    .action(async (options: { dryRun?: boolean }) => {
      const { ingestCompactCommand } = await import("./ingest/compact.ts");
      await ingestCompactCommand(environment(), options);
    });

  addDestinationOptions(
    ingest
      .command("retract")
      .description("Take landed rows back: models no longer count them; nothing is deleted, and it can be undone")
      .option("--batch <id>", "what a batch landed, of every table (this machine's segments only)")
      .option("--where <terms>", "rows of a table by source, type, campaign, ids and when they were received")
      .option("--undo <retraction>", "let the rows of a retraction count again")
      .option("--reason <text>", "why; it stays with the retraction")
      .option("--dry-run", "say how many rows of which table, and change nothing"),
  )
    .addHelpText(
      "after",
      `
Terms of --where are joined by "and":
  table = consents                 which raw table (default: events)
  source = webhook/mailgun         what its provenance says
  type = open, click               of events, one of these types
  campaign = spring-sale
  id = a1, a2      id in ids.txt   event ids, decision ids ...; or a file of them, one a line
  received >= 2026-01-31           from this instant on
  received < 2026-02-01T08:00:00Z  before this one

Only rows that have landed are meant, none to come. What was taken back and comes again lands again. Personal data is not removed by
this: \`inboxloop privacy erase\` does that (docs/reference/retractions.md).

Examples:
  inboxloop ingest retract --where 'source = webhook/mailgun and received >= 2026-01-31' --reason 'test traffic' --dry-run
  inboxloop ingest retract --undo 6c1a... --reason 'it was real'
`,
    )
    .action(async (options: IngestRetractOptions) => {
      const { ingestRetractCommand } = await import("./ingest/retract.ts");
      await ingestRetractCommand(environment(), options);
    });

  registerMoreIngest(ingest, environment);
};
