import { Option } from "commander";
import type { CreatedSnapshot, Snapshot } from "../../retrain/snapshot/snapshot.ts";
import type { SnapshotVerdict } from "../../retrain/snapshot/verify-snapshot.ts";
import type { RegisterCommand } from "../command.ts";
import { type ProjectOptions, projectDirOf, varsOf } from "../dataform-project.ts";
import { renderTable } from "../table.ts";
import { addWaiver } from "../waivers.ts";
import { instantOption, numberOption } from "./retrain/options.ts";
import type { ProveOptions } from "./retrain/prove.ts";

interface CreateOptions extends Pick<ProjectOptions, "project" | "vars"> {
  readonly peopleShare?: number;
  readonly validateShare?: number;
  readonly validateDays?: number;
  readonly learnDays?: number;
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
      "--people-share <share>",
      "share of the people that nothing is ever learned from (default: 0.3)",
      shareOption("--people-share"),
    )
    .addOption(
      new Option("--validate-share <share>", "judge on this share of the sends, the latest (default: 0.25)")
        .argParser(shareOption("--validate-share"))
        .conflicts("validateDays"),
    )
    .option(
      "--validate-days <n>",
      "judge on the sends of the latest days: a window that rolls with the data",
      numberOption("--validate-days", { whole: true, least: 1 }),
    )
    .option(
      "--learn-days <n>",
      "learn from so many days before those that judge (default: all)",
      numberOption("--learn-days", { whole: true, least: 1 }),
    )
    .option("--project <dir>", "the Dataform project that the tables are built from, for the lock's provenance")
    .option("--vars <name=value>", "vars that it was built with; repeatable, or a=1,b=2", collect)
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
      const { provenanceOf } = await import("../provenance.ts");
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
            split: {
              ...(options.peopleShare !== undefined && { people_share: options.peopleShare }),
              ...(options.validateShare !== undefined && { validate: { share: options.validateShare } }),
              ...(options.validateDays !== undefined && { validate: { days: options.validateDays } }),
              ...(options.learnDays !== undefined && { learn_days: options.learnDays }),
            },
            ...(await provenanceOf(world, projectDirOf(options, world.cwd), varsOf(options))),
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
    .command("prove [row]")
    .description(
      "Prove that a row is among those of a snapshot's digest, or check such a proof; exit code 4 when it proves nothing",
    )
    .option("--snapshot <snapshot>", "the snapshot that the row is in (default: the newest)")
    .option("--out <file>", "write the proof there")
    .option("--check <file>", "check this proof; it takes the digest and nothing else")
    .option("--digest <hex>", "the digest to check it against (default: that of the snapshot here that has it)")
    .addHelpText(
      "after",
      "\nA row is named by its message id, or its number from 1 in order of time. The proof holds the row, and of the others hashes alone.\n\nExample:\n  inboxloop snapshot prove 17 --snapshot january --out row.json\n  inboxloop snapshot prove --check row.json --digest <the 64 hex digits that you trust>\n",
    )
    .action(async (row: string | undefined, options: ProveOptions) => {
      const { checkProofFile, proveRowToFile } = await import("./retrain/prove.ts");
      if (options.check !== undefined) await checkProofFile(environment(), options.check, options);
      else await proveRowToFile(environment(), row, options);
    });

  noun
    .command("diff <a> <b>")
    .description(
      "What differs between two snapshots: columns, rows gone, come and changed, counts by outcome and segment, provenance",
    )
    .option("--key <column>", "what tells rows apart (default: message_id)")
    .action(async (a: string, b: string, options: { readonly key?: string }) => {
      const { findSnapshot } = await import("../../retrain/snapshot/snapshot.ts");
      const { diffSnapshots } = await import("../../retrain/snapshot/diff-snapshots.ts");
      const { renderDiff } = await import("./retrain/render-diff.ts");
      const world = environment();
      const { snapshots } = world.target;
      const folder = await snapshots.refresh();
      const [first, second] = [await findSnapshot(folder, a), await findSnapshot(folder, b)];
      await snapshots.fetch(first.id);
      await snapshots.fetch(second.id);
      const found = await diffSnapshots(first, second, options.key);
      world.console.result(found, () => renderDiff(found));
    });

  noun
    .command("verify <snapshot>")
    .description("Recompute a snapshot's digest from its files; exit code 4 when it differs")
    .action(async (reference: string) => {
      const { findSnapshot } = await import("../../retrain/snapshot/snapshot.ts");
      const { verifySnapshot } = await import("../../retrain/snapshot/verify-snapshot.ts");
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

const shareOption = (option: string) => numberOption(option, { least: 0.01, most: 0.99 });
const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

const count = (n: number): string => n.toLocaleString("en-US");

function renderCreated(made: CreatedSnapshot): string {
  if (made.kind === "planned")
    return `-- would freeze these rows\n${made.query}\n\n-- under the digest of\n${made.digestQuery}`;
  const { lock, files } = made.lock;
  return [
    `snapshot ${made.id} ${made.kind === "created" ? "created" : "was already there"}`,
    `content  ${lock.content.algorithm} ${lock.content.value}`,
    `rows     ${count(lock.rows)} in ${files.length} file, ${count(files.reduce((sum, f) => sum + f.bytes, 0))} bytes`,
    ...(lock.split
      ? [
          `learn    ${count(lock.split.learn)} rows`,
          `validate ${count(lock.split.validate)} rows ${lock.split.cut === null ? "" : `sent from ${lock.split.cut} on `}to other people${lock.split.post_ai === undefined ? "" : `, ${count(lock.split.post_ai)} of them post-AI`}`,
          `left out ${count(lock.split.left_out)} rows that are on neither side`,
        ]
      : []),
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
