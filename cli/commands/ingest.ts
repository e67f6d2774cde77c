import type { RegisterCommand } from "../command.ts";
import type { IngestFileOptions } from "./ingest/file.ts";

export const register: RegisterCommand = (program, environment) => {
  const ingest = program.command("ingest").description("Take signals in, and account for each one");

  ingest
    .command("file")
    .description(
      "Ingest files, each record exactly once: NDJSON in our own shape, provider payloads, or an export with a mapping",
    )
    .argument("<paths...>", "files or globs; plain or gzip")
    .option("--map <mapping.yaml>", "how a CSV, NDJSON or Parquet export becomes rows (docs/reference/mapping.md)")
    .option("--source <provider>", "the files hold this provider's webhook payloads: sendgrid, amazon_ses ...")
    .option("--table <name>", "raw table of NDJSON records that name none (default: events)")
    .option("--resume", "go on where an earlier run stopped (always done; the ledger knows)")
    .option("--trust-received-at", "believe the records' own received_at (simulation, backfill)")
    .action(async (paths: string[], options: IngestFileOptions) => {
      const { ingestFileCommand } = await import("./ingest/file.ts");
      await ingestFileCommand(environment(), paths, options);
    });
};
