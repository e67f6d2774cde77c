import type { LabelAgreement } from "../../console/labels/read-agreement.ts";
import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";
import type { ReviewOptions } from "./labels/review.ts";
import { numberOption } from "./retrain/options.ts";

/** A row of labels.voters. Numbers come as the warehouse gives them. */
interface Voter {
  readonly question: string;
  readonly voter: string;
  readonly owner: string;
  readonly voter_group: number | bigint;
  readonly is_fitted: boolean;
  readonly votes_cast: number | bigint;
  readonly coverage: number | null;
  readonly overlap: number | null;
  readonly conflict: number | null;
  readonly declared_confidence: number;
  readonly accuracy: number | null;
  readonly accuracy_low: number | null;
  readonly accuracy_high: number | null;
  readonly measured_accuracy: number | null;
  readonly measured_on: number | bigint;
  readonly recent_accuracy: number | null;
  readonly weight: number;
}

/** Hangs `inboxloop labels` on the program: what the labelling functions are worth. */
export const register: RegisterCommand = (program, environment) => {
  const labels = program.command("labels").description("What labels are made of, and what that is worth");
  labels
    .command("report")
    .description("Every labelling function: coverage, overlap, conflict, estimated and measured accuracy")
    .option("--question <name>", "one question only: read, engaged or unwanted")
    .addHelpText("after", "\nVoters of one group depend on each other and count as one. Build labels.voters first.\n")
    .action(async (options: { question?: string }) => {
      const { UserError } = await import("../../errors/user-error.ts");
      const { default: functions } = await import("../../includes/labelling_functions.js");
      const asked = functions.questions.map(({ name }) => name);
      if (options.question !== undefined && !asked.includes(options.question)) {
        throw new UserError(`"${options.question}" is no question; there are ${asked.join(", ")}`, {
          code: "labels.question",
          exit: "usage",
          next: "inboxloop labels report --question read",
        });
      }
      const world = environment();
      const warehouse = await world.target.openWarehouse();
      try {
        const { rows } = await warehouse.query("select * from labels.voters order by question, voter_group, voter", {
          signal: world.signal,
        });
        const all = rows as unknown as readonly Voter[];
        const voters = all.filter(({ question }) => options.question === undefined || question === options.question);
        world.console.result({ voters }, () => renderVoters(voters));
      } finally {
        await warehouse.close();
      }
    });

  labels
    .command("review")
    .description("Put messages before a person, on the terminal or a page, and land what the person says of them")
    .requiredOption("--by <name>", "who says it; the same name for the same person")
    .option("--limit <n>", "messages at most", numberOption("--limit", { whole: true, least: 1, most: 10_000 }), 200)
    .option(
      "--random <share>",
      "share that chance picks, to measure the rest against",
      numberOption("--random", { least: 0, most: 1 }),
      0.2,
    )
    .option(
      "--second <share>",
      "share that other people have labelled, to measure agreement",
      numberOption("--second", { least: 0, most: 1 }),
      0.1,
    )
    .option("--page", "serve a page on this machine instead")
    .option(
      "--port <port>",
      "of the page; 0 takes any free one",
      numberOption("--port", { whole: true, least: 0, most: 65_535 }),
      0,
    )
    .addHelpText(
      "after",
      "\nThe rest are messages that the label model is unsure of, unlike each other. A key is a class; . skips, z takes back, q finishes.\nWhat was said lands when the session is over; one that was interrupted goes on where it was.\n\nExample:\n  inboxloop labels review --by ann --page\n",
    )
    .action(async (options: ReviewOptions) => {
      const { reviewCommand } = await import("./labels/review.ts");
      const review = options.page
        ? (await import("./labels/review-on-page.ts")).reviewOnPage
        : (await import("./labels/review-on-terminal.ts")).reviewOnTerminal(process.stdin);
      const world = environment();
      const done = await reviewCommand(world, options, review);
      world.console.result(
        done,
        () => `${done.labelled} labelled, ${done.skipped} skipped, ${done.left} left; ${done.landed} labels landed`,
      );
    });

  labels
    .command("agreement")
    .description(
      "How far people agree beyond chance (Cohen's kappa), and what the choice of messages is worth against chance",
    )
    .addHelpText("after", "\nReads labels.human_answers; labels count as soon as they have landed.\n")
    .action(async () => {
      const { leastInCommon, readAgreement } = await import("../../console/labels/read-agreement.ts");
      const world = environment();
      const warehouse = await world.target.openWarehouse();
      try {
        const agreement = await readAgreement(warehouse, world.signal);
        for (const { first, second, n } of agreement.pairs.filter((one) => one.of === "class" && one.n < leastInCommon))
          world.console.warn(
            `${first} and ${second} have ${n} messages in common; intervals hold from ${leastInCommon} on`,
          );
        world.console.result(agreement, () => renderAgreement(agreement));
      } finally {
        await warehouse.close();
      }
    });
};

const interval = (low: number | null, high: number | null): string =>
  low === null || high === null ? "-" : `${low.toFixed(2)} to ${high.toFixed(2)}`;

function renderAgreement({ pairs, origins }: LabelAgreement): string {
  if (pairs.length + origins.length === 0) return "nobody has labelled anything yet: inboxloop labels review --by you";
  const right = (title: string) => ({ title, align: "right" as const });
  const agreed = renderTable(
    [
      { title: "first" },
      { title: "second" },
      { title: "of" },
      right("in common"),
      right("agree"),
      right("by chance"),
      right("kappa"),
      right("95 % interval"),
    ],
    pairs.map((one) => [
      one.first,
      one.second,
      one.of,
      String(one.n),
      percent(one.observed),
      percent(one.expected),
      one.kappa === null ? "-" : one.kappa.toFixed(2),
      interval(one.low, one.high),
    ]),
  );
  const worth = renderTable(
    [
      { title: "question" },
      { title: "put before people" },
      right("answers"),
      right("other than the model"),
      right("95 % interval"),
    ],
    origins.map(({ question, origin, overturned }) => [
      question,
      origin,
      String(overturned.n),
      percent(overturned.share),
      `${percent(overturned.low)} to ${percent(overturned.high)}`,
    ]),
  );
  return [
    pairs.length === 0 ? "no two people labelled the same message" : agreed,
    ...(origins.length === 0 ? [] : [worth]),
  ].join("\n\n");
}

const percent = (share: number | null): string => (share === null ? "-" : `${(100 * share).toFixed(1)} %`);

function renderVoters(voters: readonly Voter[]): string {
  const right = (title: string) => ({ title, align: "right" as const });
  const table = renderTable(
    [
      { title: "question" },
      { title: "voter" },
      { title: "owner" },
      right("group"),
      right("coverage"),
      right("overlap"),
      right("conflict"),
      right("declared"),
      right("accuracy"),
      right("95 % interval"),
      right("by people"),
      right("of late"),
      right("weight"),
    ],
    voters.map((one) => [
      one.question,
      one.voter,
      one.owner,
      String(one.voter_group),
      percent(one.coverage),
      percent(one.overlap),
      percent(one.conflict),
      percent(one.declared_confidence),
      percent(one.accuracy),
      one.accuracy_low === null ? "-" : `${percent(one.accuracy_low)} to ${percent(one.accuracy_high)}`,
      one.measured_accuracy === null ? "-" : `${percent(one.measured_accuracy)} of ${one.measured_on}`,
      percent(one.recent_accuracy),
      one.weight.toFixed(2),
    ]),
  );
  const unfitted = [...new Set(voters.filter(({ is_fitted }) => !is_fitted).map(({ question }) => question))];
  const note = unfitted.map(
    (question) =>
      `${question}: three independent groups meet on too few messages; accuracies follow from what is declared and from people`,
  );
  return [table, ...note].join("\n");
}
