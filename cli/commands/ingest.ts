import type { RegisterCommand } from "../command.ts";

export const register: RegisterCommand = (program, environment) => {
  const ingest = program.command("ingest").description("Take signals in, and account for each one");

  ingest
    .command("file")
    .description("Ingest files: NDJSON in our own shape, plain or gzip")
    .argument("<paths...>", "files or globs")
    .option("--trust-received-at", "believe the records' own received_at (simulation, backfill)")
    .action(async (paths: string[], options: { trustReceivedAt?: boolean }) => {
      const { ingestFileCommand } = await import("./ingest/file.ts");
      await ingestFileCommand(environment(), paths, options);
    });
};
