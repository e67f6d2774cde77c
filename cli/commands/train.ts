import { InvalidArgumentError, Option } from "commander";
import { UserError } from "../../errors/user-error.ts";
import { mostSettings } from "../../retrain/trainer/boosting/settings.ts";
import type { ForeignRequest } from "../../retrain/trainer/foreign/train-with.ts";
import type { TrainingJob } from "../../retrain/trainer/job.ts";
import type { TrainRequest } from "../../retrain/trainer/train.ts";
import { aucInWords, hasSay } from "../../scoring/has-say.ts";
import type { Model } from "../../scoring/model.ts";
import type { OutcomeRecord } from "../../scoring/model-record.ts";
import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";
import { addWaiver } from "../waivers.ts";
import { aliasOption, numberOption } from "./retrain/options.ts";

interface TrainOptions {
  readonly snapshot?: string;
  readonly name?: string;
  readonly seed?: number;
  readonly rows?: number;
  readonly threads?: number;
  readonly complaintCost?: number;
  readonly unsubscribeCost?: number;
  readonly sendCost?: number;
  readonly conversionValue?: number;
  readonly outcome?: readonly { readonly name: string; readonly column: string }[];
  readonly feature?: readonly { readonly name: string; readonly type: "number" | "category" }[];
  readonly weight?: string;
  readonly highPrecision?: boolean;
  readonly balance?: string;
  readonly soft?: TrainingJob["soft"];
  readonly monotone?: TrainingJob["monotone"];
  readonly search?: number;
  readonly trainer?: string;
  readonly update?: string;
  readonly trainerMinutes?: number;
  readonly trainerMegabytes?: number;
  readonly keep?: boolean;
  readonly dryRun?: boolean;
  readonly waive?: Readonly<Record<string, string>>;
  readonly project?: string;
  readonly region?: string;
  readonly bucket?: string;
  readonly image?: string;
  readonly machine?: string;
  readonly serviceAccount?: string;
  readonly spot?: boolean;
  readonly restarts?: number;
  readonly alias?: readonly string[];
  readonly follow?: boolean;
}

const nameAndColumn = (text: string, example: string): readonly [name: string, column: string] => {
  const [, name, column] = /^([a-z][a-z0-9_]*)=([A-Za-z_][A-Za-z0-9_]*)$/.exec(text) ?? [];
  if (!name || !column) throw new InvalidArgumentError(`it is ${example}`);
  return [name, column];
};

const outcomeOption = (text: string, earlier: TrainOptions["outcome"] = []): NonNullable<TrainOptions["outcome"]> => {
  const [name, column] = nameAndColumn(text, "name=column, like visit=did_visit");
  return [...earlier, { name, column }];
};

const softOption = (text: string, earlier: TrainOptions["soft"] = {}): NonNullable<TrainOptions["soft"]> => {
  const [outcome, column] = nameAndColumn(text, "outcome=column, like click=p_engaged");
  return { ...earlier, [outcome]: column };
};

const featureOption = (text: string, earlier: TrainOptions["feature"] = []): NonNullable<TrainOptions["feature"]> => {
  const [, name, type] = /^([A-Za-z_][A-Za-z0-9_]*):(number|category)$/.exec(text) ?? [];
  if (!name || !type) throw new InvalidArgumentError("it is column:number or column:category");
  return [...earlier, { name, type: type as "number" | "category" }];
};

const monotoneOption = (text: string, earlier: TrainingJob["monotone"] = []): NonNullable<TrainOptions["monotone"]> => {
  const [, outcome, feature, direction] = /^([a-z][a-z0-9_]*):([A-Za-z_][A-Za-z0-9_]*)=(up|down)$/.exec(text) ?? [];
  if (!outcome || !feature || !direction)
    throw new InvalidArgumentError("it is outcome:feature=up or =down, like complaint:complaints_before=up");
  return [...earlier, { outcome, feature, direction: direction as "up" | "down" }];
};

const money = (option: string) => numberOption(option, { least: 0 });

export const register: RegisterCommand = (program, environment) => {
  const command = program
    .command("train")
    .description(
      "Train a model version from a snapshot: one forest per outcome, calibrated on people it had not seen, or what a program of yours writes; with its lineage",
    )
    .option("--snapshot <snapshot>", "name, id or digest of a snapshot; needed")
    .option("--name <name>", "the version's name")
    .option("--seed <n>", "of everything random", numberOption("--seed", { whole: true }))
    .option(
      "--rows <n>",
      "rows that an outcome learns from, at most: every positive, and weighted negatives (default: 1,000,000)",
      numberOption("--rows", { whole: true, least: 100 }),
    )
    .option("--threads <n>", "outcomes trained at once", numberOption("--threads", { whole: true, least: 1, most: 64 }))
    .option(
      "--conversion-value <money>",
      "worth of a conversion (default: the mean revenue of one)",
      money("--conversion-value"),
    )
    .option("--complaint-cost <money>", "cost of a complaint", money("--complaint-cost"))
    .option("--unsubscribe-cost <money>", "cost of an unsubscribe", money("--unsubscribe-cost"))
    .option("--send-cost <money>", "cost of a send", money("--send-cost"))
    .option("--outcome <name=column>", "learn this outcome, a BOOL column of the snapshot; repeatable", outcomeOption)
    .option("--feature <column:type>", "learn from this column, number or category; repeatable", featureOption)
    .option(
      "--weight <column>",
      "how much each row counts when the forests grow: sample_weight of training.examples, or another number column",
    )
    .option(
      "--high-precision",
      "learn from rows with trusted labels alone (is_trusted), for a critical retrain; the rest still calibrates and measures",
    )
    .option(
      "--balance <column>",
      "let the values of this category count alike when the forests grow, so that a large mailbox provider or region does not decide for the small (a row at most ten times); isp, region, stratum or another",
    )
    .option(
      "--soft <outcome=column>",
      "let the forest learn how likely the outcome was, a number column from 0 to 1 (p_engaged is the label model's answer), in place of what happened; what happened still calibrates and measures; once for each",
      softOption,
    )
    .option(
      "--monotone <outcome:feature=up|down>",
      "an outcome's score may only rise, or only fall, with this number feature; repeatable",
      monotoneOption,
    )
    .option(
      "--search <n>",
      `try so many settings for each outcome, at most ${mostSettings}, and keep the one with the least loss over people not learned from; takes about so many times as long`,
      numberOption("--search", { whole: true, least: 1, most: mostSettings }),
    )
    .option(
      "--waive <feature=why>",
      "learn from a feature that tells an outcome implausibly well; once for each",
      addWaiver(/^\w+$/, "loyalty_days='counted by hand, before the send'"),
    )
    .addOption(
      new Option(
        "--trainer <command>",
        "train with this program instead: it reads the rows to learn from and writes ONNX graphs with a manifest (docs/cookbooks/your-own-trainer.md)",
      ).conflicts(["rows", "threads", "balance", "soft", "monotone", "search"]),
    )
    .option(
      "--trainer-minutes <n>",
      "end the program after so long (default: 60)",
      numberOption("--trainer-minutes", { whole: true, least: 1, most: 10_000 }),
    )
    .option(
      "--trainer-megabytes <n>",
      "take no more than this from it (default: 256)",
      numberOption("--trainer-megabytes", { whole: true, least: 1, most: 100_000 }),
    )
    .addOption(
      new Option(
        "--update <model>",
        "keep this version's forests, and fit their calibration anew to what was sent since: slopes by trusted labels alone, levels by the latest rows, each moved by a factor of 2 at most",
      ).conflicts([
        ...[
          "trainer",
          "outcome",
          "feature",
          "weight",
          "highPrecision",
          "balance",
          "soft",
          "monotone",
          "search",
          "rows",
        ],
        ...["seed", "complaintCost", "unsubscribeCost", "sendCost", "conversionValue", "waive", "dryRun"],
      ]),
    )
    .option("--keep", "keep the folder that the program reads and the one that it writes")
    .option("--project <id>", "Google Cloud project (vertex)")
    .option("--region <region>", "Vertex AI region (vertex)")
    .option("--bucket <name>", "Cloud Storage bucket for snapshots and models (vertex)")
    .option("--image <uri>", "container image of this repository's Dockerfile (vertex)")
    .option("--machine <type>", "machine type (vertex)")
    .option("--service-account <email>", "account that the job runs as (vertex)")
    .option(
      "--spot",
      "on machines that may be taken away while they run, for less money; Google begins anew by itself (vertex)",
    )
    .option(
      "--restarts <n>",
      "submit anew so often when a machine was taken away for good (vertex; default: 3 with --spot)",
      numberOption("--restarts", { whole: true, least: 0, most: 20 }),
    )
    .option(
      "--alias <alias>",
      "another alias of the registered version, beside the one of its name; repeatable (vertex)",
      aliasOption,
    )
    .option("--no-follow", "submit and come back; `train attach` goes on (vertex)")
    .option("--dry-run", "print what would run and change nothing; for vertex, the requests")
    .addHelpText(
      "after",
      "\nExample:\n  inboxloop train --snapshot january --name champion\n  inboxloop train --snapshot january --name boosted --trainer 'venv/bin/python lightgbm_trainer.py'\n  inboxloop train --snapshot february --update champion --name champion-feb\n\nWith --target vertex it trains as a Vertex AI CustomJob, which goes on when the terminal is lost (docs/reference/vertex.md), else in a child process of this one.\n",
    )
    .action(async (options: TrainOptions) => {
      const world = environment();
      const snapshotAsked = needed(options.snapshot);
      const { refuseUnapprovedChanges } = await import("../running-things.ts");
      await refuseUnapprovedChanges(world, "train");
      const given = {
        conversion_value: options.conversionValue,
        complaint_cost: options.complaintCost,
        unsubscribe_cost: options.unsubscribeCost,
        send_cost: options.sendCost,
      };
      const request = {
        snapshot: snapshotAsked,
        name: options.name,
        seed: options.seed,
        rowsPerOutcome: options.rows,
        threads: options.threads,
        outcomes: options.outcome,
        features: options.feature,
        weight: options.weight,
        balance: options.balance,
        soft: options.soft,
        monotone: options.monotone,
        search: options.search,
        only: options.highPrecision === true ? "is_trusted" : undefined,
        waive: options.waive,
        policy: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      };
      if (world.trainsOnVertex) {
        const here =
          options.trainer !== undefined ? "--trainer" : options.update !== undefined ? "--update" : undefined;
        if (here !== undefined) {
          throw new UserError(`${here} works on this machine, and --target vertex trains elsewhere`, {
            code: "cli.trainer",
            exit: "usage",
            next: "leave out one of them",
          });
        }
        const { trainOnVertex } = await import("./retrain/train-on-vertex.ts");
        await trainOnVertex(world, request, options);
        return;
      }
      const { planTraining, train } = await import("../../retrain/trainer/train.ts");
      const { findSnapshot } = await import("../../retrain/snapshot/snapshot.ts");
      const { artefactFolders } = await import("../artefacts.ts");
      const folders = await artefactFolders(world);
      if (options.dryRun) {
        const snapshot = await findSnapshot(folders.snapshots, snapshotAsked);
        const job = planTraining(request, snapshot, folders.models, world.now());
        world.console.result(job, () => `would train:\n${JSON.stringify(job, null, 2)}`);
        return;
      }
      const progress = world.console.progress("train");
      const env = {
        ...folders,
        now: world.now,
        signal: world.signal,
        onProgress: (_step: string, done: number, total: number) =>
          progress.update(done, total, options.trainer === undefined ? "outcomes" : "steps"),
        onNote: world.console.note,
      };
      const trainElsewhere = async (): Promise<Model> => {
        const { trainWith } = await import("../../retrain/trainer/foreign/train-with.ts");
        return trainWith({ ...env, settings: world.settings, cwd: world.cwd }, foreignRequest(request, options));
      };
      const update = async (base: string): Promise<Model> => {
        const { updateModel } = await import("../../retrain/trainer/update-model.ts");
        return updateModel(env, { model: base, snapshot: snapshotAsked, name: options.name });
      };
      const model =
        options.update !== undefined
          ? await update(options.update)
          : options.trainer === undefined
            ? await train(env, request)
            : await trainElsewhere();
      await world.target.models.publish(model.name);
      progress.done(model.name);
      world.console.result(model, () => renderModel(model));
    });
  command
    .command("attach <job>")
    .description(
      "Go on with a job of Vertex AI, by its model's name or the job's: follow it, bring the model, register it, import its evaluation",
    )
    .action(async (job: string) => (await import("./retrain/train-on-vertex.ts")).attach(environment(), job));
  command
    .command("cancel <job>")
    .description("Ask Vertex AI to stop a job")
    .action(async (job: string) => (await import("./retrain/train-on-vertex.ts")).cancel(environment(), job));
  command
    .command("jobs")
    .description("Jobs of Vertex AI that were submitted from this home, and how they stand")
    .action(async () => (await import("./retrain/train-on-vertex.ts")).jobs(environment()));
};

/** Commander asks for the options of a command before those of its verbs, which have no snapshot. */
function needed(snapshot: string | undefined): string {
  if (snapshot !== undefined) return snapshot;
  throw new UserError("training needs --snapshot", {
    code: "train.snapshot",
    exit: "usage",
    next: "inboxloop snapshot list",
  });
}

const foreignRequest = (request: TrainRequest, options: TrainOptions): ForeignRequest => ({
  ...request,
  command: options.trainer!,
  keep: options.keep === true,
  limits: {
    ...(options.trainerMinutes !== undefined && { seconds: 60 * options.trainerMinutes }),
    ...(options.trainerMegabytes !== undefined && { bytes: 1_000_000 * options.trainerMegabytes }),
  },
});

const figure = (value: number | null, digits = 3): string => (value === null ? "" : value.toFixed(digits));

/** A trained version for a person: figures on its latest rows, by outcome. */
export function renderModel(model: Model): string {
  const { lineage, outcomes } = model.record;
  const table = renderTable(
    [
      { title: "outcome" },
      { title: "learned from", align: "right" },
      { title: "trees", align: "right" },
      { title: "AUC", align: "right" },
      { title: "95 % interval" },
      { title: "log loss", align: "right" },
      { title: "ECE", align: "right" },
      { title: "predicted", align: "right" },
      { title: "observed", align: "right" },
      { title: "in a policy" },
    ],
    outcomes.map((o) => [
      o.name,
      (o.sample.kept_positives + o.sample.kept_negatives).toLocaleString("en-US"),
      o.model.kind === "forest" ? String(o.model.trees) : o.model.kind === "onnx" ? "ONNX" : "none",
      aucInWords(o),
      o.validation.auc === null ? "" : `${figure(o.validation.auc_low)} to ${figure(o.validation.auc_high)}`,
      figure(o.validation.log_loss, 4),
      figure(o.validation.ece, 4),
      figure(o.validation.predicted_rate, 4),
      figure(o.validation.observed_rate, 4),
      hasSay(o) ? "its scores" : "the base rate",
    ]),
  );
  return [
    `model ${model.name} ${model.digest}`,
    `by ${lineage.trainer.name} ${lineage.trainer.version}`,
    `from snapshot ${lineage.snapshot.id}, ${lineage.features.list.length} features (version ${lineage.features.version}), seed ${lineage.seed}`,
    `fitted to sends before ${lineage.fitted_before}; figures are of the rows that its snapshot sets aside: later sends, to other people`,
    ...(lineage.updates === undefined
      ? []
      : [`forests of ${lineage.updates.name} ${lineage.updates.digest.slice(0, 8)}`]),
    ...outcomes.flatMap(chosenInWords),
    ...Object.entries(model.record.made.waived ?? {}).map(([name, why]) => `waived ${name}: ${why}`),
    "",
    table,
  ].join("\n");
}

/** Which of several settings an outcome was learned with; nothing where there was no choice. */
function chosenInWords({ name, model }: OutcomeRecord): readonly string[] {
  if (model.kind !== "forest" || model.searched === undefined) return [];
  const [first] = model.searched;
  const chosen = model.searched.find((one) => one.is_chosen)!;
  const changes = Object.entries(chosen.change).map(([setting, value]) => `${setting} ${value}`);
  const better = `log loss over people not learned from ${figure(chosen.log_loss, 5)}, the default's ${figure(first!.log_loss, 5)}`;
  return [
    `${name}: ${changes.length === 0 ? "the default settings" : changes.join(", ")} of ${model.searched.length} tried (${better})`,
  ];
}
