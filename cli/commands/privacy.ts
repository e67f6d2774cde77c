import type { RegisterCommand } from "../command.ts";

export const register: RegisterCommand = (program, environment) => {
  const noun = program
    .command("privacy")
    .description("What people may ask of us: to be forgotten, to have what we hold of them; and what goes by its age");

  noun
    .command("erase [who...]")
    .description("Take people out of everything that the home and the target's BigQuery hold, and keep them out")
    .option("--pending", "those whose requests came in through the door and wait (the default without a name)")
    .option("--dry-run", "say where they are, with how many rows, and change nothing")
    .option("--shred-unreadable", "also remove damaged bytes that nobody can open or search")
    .addHelpText(
      "after",
      `
<who> is a pseudonymous id (sha256:...), a file of ids or addresses, one a line, or - for standard input. Addresses are
taken from files and standard input alone, where no shell remembers them, and are never written anywhere.

Every id that is the same person goes as well. An erasure that was interrupted is finished first. Afterwards
\`inboxloop build\` brings counts up to date. Exit code 4 when something waits to land before it can go.
With a target in BigQuery: its raw tables, every table of the project's datasets, and what of it lies in the home.

Examples:
  inboxloop privacy erase --pending --dry-run
  inboxloop privacy erase - < address.txt
`,
    )
    .action(async (who: readonly string[], options) => {
      const { eraseCommand } = await import("./privacy/run.ts");
      await eraseCommand(environment(), who, options);
    });

  noun
    .command("status")
    .description("Requests that wait with their deadlines, what was erased, and models that must be trained anew")
    .addHelpText("after", "\nExit code 4 when a request or a model is overdue.\n")
    .action(async () => {
      const { statusCommand } = await import("./privacy/run.ts");
      await statusCommand(environment());
    });

  noun
    .command("verify")
    .description(
      "Read every byte of the home, and every text of the target's tables in BigQuery, for ids and messages of people who were erased, by their tokens",
    )
    .addHelpText(
      "after",
      "\nExit code 4 when one is found or a file could not be read. Ids are repeated nowhere.\n\nExamples:\n  inboxloop privacy verify\n  inboxloop privacy verify --target bigquery\n",
    )
    .action(async () => {
      const { verifyCommand } = await import("./privacy/run.ts");
      await verifyCommand(environment());
    });

  noun
    .command("readmit <who>")
    .description("Let somebody who was erased be a customer again; what was erased does not come back")
    .requiredOption("--reason <text>", "why; it stays in the journal of erasures, and must name nobody")
    .addHelpText(
      "after",
      `
<who> is a pseudonymous id, a file with one id or address, or - for standard input. From then on the door takes in what comes of this id,
and models count it. Ids that were linked to the person before, and their former messages, stay refused.

Example:
  inboxloop privacy readmit - --reason "signed up again, ticket 4711" < address.txt
`,
    )
    .action(async (who: string, options: { reason: string }) => {
      const { readmitCommand } = await import("./privacy/run.ts");
      await readmitCommand(environment(), who, options);
    });

  noun
    .command("retain")
    .description(
      "Take out what the data policy keeps no longer: rows of raw segments, of raw tables of the target's BigQuery, and of snapshots",
    )
    .option(
      "--project <dir>",
      "the project whose governance/policies.yaml says for how long (default: the one here, else Inboxloop's own)",
    )
    .option("--dry-run", "say what is too old, with how many rows, and change nothing")
    .addHelpText(
      "after",
      `
A row goes so many days after it was received, by whole days in UTC: what \`retention\` of the policy says of its table, else the shortest of its columns' classes.
Events that stop mail or take a consent back stay, with all that is said of their messages. One that was interrupted is finished first. Receipts are in
the journal governance/retentions of the target. Afterwards \`inboxloop build\` brings tables up to date.

Example:
  inboxloop privacy retain --dry-run
`,
    )
    .action(async (options: { dryRun?: boolean; project?: string }) => {
      const { retainCommand } = await import("./privacy/retain.ts");
      await retainCommand(environment(), options);
    });

  noun
    .command("budget")
    .description("What each audience outside was told in this period, and what it may still be told")
    .option(
      "--project <dir>",
      "the project whose governance/privacy-budget.yaml says so (default: the one here, else Inboxloop's own)",
    )
    .addHelpText(
      "after",
      `
Answers are given by \`inboxloop query --audience <name>\`; each adds its epsilon and delta to the journal governance/privacy_budget of the target.

Example:
  inboxloop privacy budget --json
`,
    )
    .action(async (options: { project?: string }) => {
      const { budgetCommand } = await import("./privacy/budget.ts");
      await budgetCommand(environment(), options);
    });

  noun
    .command("export <who>")
    .description(
      "Everything that the home, or the target's BigQuery, holds of a person, as NDJSON: a line for each row, with its table",
    )
    .option("--out <file>", "write it there, readable for its owner alone, instead of printing it")
    .option(
      "--role <role>",
      "refuse it to a role that does not see every class (default: INBOXLOOP_ROLE, else the target's)",
    )
    .addHelpText(
      "after",
      "\n<who> is a pseudonymous id, a file with one id or address, or - for standard input.\n\nExample:\n  inboxloop privacy export - --out person.ndjson < address.txt\n",
    )
    .action(async (who: string, options: { out?: string; role?: string }) => {
      const { refuseUnseen } = await import("../role.ts");
      await refuseUnseen(environment(), options.role, "privacy export");
      const { exportCommand } = await import("./privacy/run.ts");
      await exportCommand(environment(), who, options);
    });
};
