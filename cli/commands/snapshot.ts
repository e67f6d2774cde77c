import type { CreatedSnapshot, Snapshot, SnapshotVerdict } from "../../retrain/snapshot/snapshot.ts";
import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";
import { addWaiver } from "../waivers.ts";
import { instantOption, numberOption } from "./retrain/options.ts";

interface CreateOptions {
  readonly asOf?: Date;
  readonly from?: Date;
  readonly to?: Date;
  readonly name?: string;
  readonly table?: string;
  readonly sample?: readonly string[];
  readonly dryRun?: boolean;
  readonly waive?: Readonly<Record<string, string>>;
}

export const register: RegisterCommand = (program, environment) => {
  const noun = program.command("snapshot").description("Freeze training sets by their content, find and verify them");

  noun
    .command("create")
    .description(
      "Freeze the mature, consented examples as Parquet with a lock; the same data again is the same snapshot",
    )
    .option("--as-of <time>", "only messages whose outcome window had closed by then", instantOption("--as-of"))
    .option("--from <time>", "sent at or after", instantOption("--from"))
    .option("--to <time>", "sent before", instantOption("--to"))
    .option("--name <name>", "a name to find it by; names move, digests do not")
    .option("--table <table>", "read examples from another table than training.examples")
    .option(
      "--sample <method rows...>",
      "stratified <rows>: so many rows, each stratum (isp, region, label) by its share",
    )
    .option(
      "--waive <feature=why>",
      "take a feature that tells an outcome implausibly well; once for each",
      addWaiver(/^\w+$/, "loyalty_days='counted by hand, before the send'"),
    )
    .option("--dry-run", "print the query and change nothing")
    .addHelpText("after", "\nExample:\n  inboxloop snapshot create --as-of 2026-02-01 --name january\n")
    .action(async (options: CreateOptions) => {
      const { createSnapshot } = await import("../../retrain/snapshot/snapshot.ts");
      const world = environment();
      const { snapshots } = world.target;
      const sampleRows = sampleOption(options.sample);
      const { refuseForbiddenTraining } = await import("../data-policy.ts");
      await refuseForbiddenTraining(world, options.table);
      const warehouse = await world.target.openWarehouse();
      try {
        const progress = world.console.progress("snapshot");
        const made = await createSnapshot(
          { warehouse, snapshots: await snapshots.refresh(), now: world.now, signal: world.signal },
          {
            ...(options.asOf && { asOf: options.asOf }),
            ...(options.from && { from: options.from }),
            ...(options.to && { to: options.to }),
            ...(options.name !== undefined && { name: options.name }),
            ...(options.table !== undefined && { table: options.table }),
            ...(sampleRows !== undefined && { sampleRows }),
            dryRun: options.dryRun === true,
            ...(options.waive && { waive: options.waive }),
          },
        );
        if (made.kind !== "planned") await snapshots.publish(made.id);
        if (made.kind !== "planned" && options.name !== undefined) await snapshots.publish(`names/${options.name}`);
        progress.done(made.kind);
        world.console.result(made, () => renderCreated(made));
      } finally {
        await warehouse.close();
      }
    });

  noun
    .command("list")
    .description("Every snapshot, the newest first")
    .action(async () => {
      const { listSnapshots } = await import("../../retrain/snapshot/snapshot.ts");
      const found = await listSnapshots(await environment().target.snapshots.refresh());
      environment().console.result(found, () => renderList(found));
    });

  noun
    .command("show <snapshot>")
    .description("The lock of a snapshot: what was asked, what was found")
    .action(async (reference: string) => {
      const { findSnapshot } = await import("../../retrain/snapshot/snapshot.ts");
      const found = await findSnapshot(await environment().target.snapshots.refresh(), reference);
      environment().console.result(found, () => `${found.path}\n${JSON.stringify(found.lock, null, 2)}`);
    });

  noun
    .command("verify <snapshot>")
    .description("Recompute a snapshot's digest from its files; exit code 4 when it differs")
    .action(async (reference: string) => {
      const { findSnapshot, verifySnapshot } = await import("../../retrain/snapshot/snapshot.ts");
      const { exitCodes } = await import("../../errors/user-error.ts");
      const world = environment();
      const { snapshots } = world.target;
      const found = await findSnapshot(await snapshots.refresh(), reference);
      await snapshots.fetch(found.id);
      const verdict = await verifySnapshot(found, world.signal);
      world.console.result(verdict, () => renderVerdict(verdict));
      if (verdict.verdict === "fail") process.exitCode = exitCodes.check;
    });
};

function sampleOption(words: readonly string[] | undefined): number | undefined {
  if (words === undefined) return undefined;
  const [method, rows, ...rest] = words;
  return numberOption("--sample stratified", { whole: true, least: 1 })(
    method === "stratified" && rows !== undefined && rest.length === 0 ? rows : words.join(" "),
  );
}

const count = (n: number): string => n.toLocaleString("en-US");

function renderCreated(made: CreatedSnapshot): string {
  if (made.kind === "planned")
    return `-- would freeze these rows\n${made.query}\n\n-- under the digest of\n${made.digestQuery}`;
  const { lock, files } = made.lock;
  return [
    `snapshot ${made.id} ${made.kind === "created" ? "created" : "was already there"}`,
    `content  ${lock.content.algorithm} ${lock.content.value}`,
    `rows     ${count(lock.rows)} in ${files.length} file, ${count(files.reduce((sum, f) => sum + f.bytes, 0))} bytes`,
    ...Object.entries(made.lock.made.waived ?? {}).map(([name, why]) => `waived   ${name}: ${why}`),
    `at       ${made.path}`,
  ].join("\n");
}

function renderList(found: readonly Snapshot[]): string {
  if (found.length === 0) return "no snapshots; next: inboxloop snapshot create";
  return renderTable(
    [
      { title: "snapshot" },
      { title: "rows", align: "right" },
      { title: "as of" },
      { title: "sent from" },
      { title: "sent to" },
      { title: "made at" },
      { title: "name" },
    ],
    found.map(({ id, lock }) => [
      id,
      count(lock.lock.rows),
      lock.spec.as_of ?? "",
      lock.spec.sent_from ?? "",
      lock.spec.sent_to ?? "",
      lock.made.at,
      lock.made.name ?? "",
    ]),
  );
}

function renderVerdict(verdict: SnapshotVerdict): string {
  const lines = [
    `${verdict.verdict}  ${verdict.id}`,
    `expected ${count(verdict.expected.rows)} rows ${verdict.expected.content}`,
    verdict.actual ? `actual   ${count(verdict.actual.rows)} rows ${verdict.actual.content}` : "actual   not readable",
  ];
  return [...lines, ...verdict.changedFiles.map((name) => `changed  ${name}`)].join("\n");
}
