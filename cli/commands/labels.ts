import type { RegisterCommand } from "../command.ts";
import { renderTable } from "../table.ts";

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
};

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
