import { resolve } from "node:path";
import type { Command } from "commander";
import type { Assignment, CanaryResult } from "../../simulate/canary.ts";
import type { SimulationPlan, SimulationResult } from "../../simulate/write-world.ts";
import type { RegisterCommand } from "../command.ts";
import { wholeNumber } from "../whole-number.ts";

/** Hangs `inboxloop simulate` on the program: a seeded world of a sender, its readers and their machines. */
export const register: RegisterCommand = (program, environment) => {
  const simulate = program
    .command("simulate")
    .description("Make a seeded world of e-mail events, and the truth about it")
    .requiredOption("--out <dir>", "folder for events-*.ndjson, after/ and truth/")
    .option("--seed <n>", "another seed, another world", wholeNumber, 7)
    .option("--events <n>", "at least this many valid, distinct events", wholeNumber, 1_000_000)
    .option("--days <n>", "length of the period", wholeNumber, 90)
    .option("--start <day>", "first day of the period, YYYY-MM-DD", "2025-09-01")
    .option("--adversary <share>", "name=share of a kind of machine or person (repeatable)", adversaryShare, {})
    .option("--dry-run", "say what would be made, and make nothing")
    .action(async (options: SimulateOptions) => {
      const { withShares } = await import("../../simulate/adversary-shares.ts");
      const { worldConfig } = await import("../../simulate/config.ts");
      const { planWorld, writeWorld } = await import("../../simulate/write-world.ts");
      const { console, signal, cwd } = environment();
      const config = worldConfig({ ...options, startsOn: options.start, adversaries: withShares(options.adversary) });
      const dir = resolve(cwd, options.out);
      if (options.dryRun) {
        const plan = planWorld(config, dir);
        console.result(plan, () => renderPlan(plan));
        return;
      }
      const progress = console.progress("simulate");
      const result = await writeWorld(config, dir, {
        signal,
        onDay: (day) => progress.update(day + 1, config.days, "days"),
      });
      progress.done(`${count(result.events)} events of ${count(result.customers)} customers`);
      console.result(result, () => renderResult(result));
    });
  simulate
    .command("canary")
    .description("Carry a policy's decisions out in a simulated world, after its last day")
    .requiredOption("--world <dir>", "folder of the world, as `simulate --out` made it")
    .requiredOption("--assignments <file>", "NDJSON: user_id, arm, variant or suppress, model_version [, sent_at]")
    .option("--label <name>", "tells canaries of one world apart", "canary")
    .option("--release <id>", "release_id of the decisions (default: the label)")
    .option("--days-between <n>", "days between two sends to one customer", wholeNumber, 2)
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CanaryCommandOptions>();
      const { readWorldConfig } = await import("../../simulate/write-world.ts");
      const { worldAtEnd } = await import("../../simulate/history.ts");
      const { simulateCanary } = await import("../../simulate/canary.ts");
      const { readAssignments } = await import("../../simulate/read-assignments.ts");
      const { console, signal, cwd } = environment();
      const dir = resolve(cwd, options.out);
      const assignments = readAssignments(resolve(cwd, options.assignments));
      if (options.dryRun) {
        const plan = await countArms(assignments);
        console.result({ dir, arms: plan }, () => [`would write under ${dir}:`, ...armLines(plan)].join("\n"));
        return;
      }
      const progress = console.progress("canary");
      const result = await simulateCanary({
        ...worldAtEnd(readWorldConfig(resolve(cwd, options.world))),
        assignments,
        dir,
        label: options.label,
        ...(options.release === undefined ? {} : { release: options.release }),
        daysBetween: options.daysBetween,
        signal,
      });
      progress.done(`${count(result.stream.counts.lines)} lines`);
      console.result(result, () => renderCanary(result));
    });
};

interface CanaryCommandOptions {
  readonly out: string;
  readonly world: string;
  readonly assignments: string;
  readonly label: string;
  readonly release?: string;
  readonly daysBetween: number;
  readonly dryRun?: boolean;
}

async function countArms(assignments: AsyncIterable<Assignment>): Promise<Record<string, Record<string, number>>> {
  const arms: Record<string, Record<string, number>> = {};
  for await (const { arm, variant } of assignments) {
    arms[arm] ??= {};
    arms[arm][variant] = (arms[arm][variant] ?? 0) + 1;
  }
  return arms;
}

const armLines = (arms: Readonly<Record<string, Readonly<Record<string, number>>>>): string[] =>
  Object.entries(arms).map(
    ([arm, variants]) =>
      `  ${arm}: ${Object.entries(variants)
        .map(([name, n]) => `${count(n)} ${name}`)
        .join(", ")}`,
  );

interface SimulateOptions {
  readonly out: string;
  readonly seed: number;
  readonly events: number;
  readonly days: number;
  readonly start: string;
  readonly adversary: Readonly<Record<string, number>>;
  readonly dryRun?: boolean;
}

/** Gathers `--adversary name=share`; whether the name and the share are any is for the world to say. */
const adversaryShare = (text: string, before: Readonly<Record<string, number>>): Record<string, number> => {
  const [name, share] = text.split("=");
  return { ...before, [name!]: share === undefined || share === "" ? Number.NaN : Number(share) };
};

const count = (n: number): string => n.toLocaleString("en-US");
const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, n) => total + n, 0);

function renderPlan(plan: SimulationPlan): string {
  return [
    `would make under ${plan.dir}:`,
    `  at least ${count(plan.config.events)} events of ${count(plan.customers)} customers and ${plan.campaigns} campaigns`,
    `  from ${plan.from} to ${plan.to}, seed ${plan.config.seed}`,
  ].join("\n");
}

function renderCanary(result: CanaryResult): string {
  const perThousand = (n: number, of: number) => ((1000 * n) / Math.max(1, of)).toFixed(2);
  return Object.entries(result.arms)
    .map(
      ([name, arm]) =>
        `${name}: ${count(arm.sent)} sent, ${count(arm.suppressed)} suppressed, ${count(arm.refused)} not mailable; expected of 1,000 sends: ${perThousand(arm.expectedReportedComplaints, arm.sent)} reported complaints, ${perThousand(arm.expectedUnsubscribes, arm.sent)} unsubscribes, ${perThousand(arm.expectedConversions, arm.sent)} conversions`,
    )
    .join("\n");
}

function renderResult(result: SimulationResult): string {
  const { counts, files } = result.stream;
  const share = (n: number | undefined) => `${((100 * (n ?? 0)) / result.messages.messages).toFixed(3)} %`;
  const openedBy = (who: string) =>
    sum(Object.fromEntries(Object.entries(result.actors).filter(([key]) => key.startsWith(`open/${who}`))));
  const people = openedBy("person");
  const opens = openedBy("");
  return [
    `${files.length} files in ${result.dir}, ${count(counts.lines)} lines`,
    `  ${count(result.events)} events, ${count(sum(counts.rows))} rows of other tables, ${count(counts.duplicates)} duplicates, ${count(sum(counts.deadLetters))} that cannot land`,
    `  ${count(result.messages.messages)} messages: read ${share(result.messages.read)}, clicked ${share(result.messages.clicked)}, complained ${share(counts.events["complaint"])}, unsubscribed ${share(counts.events["unsubscribe"])}, bounced ${share(counts.events["bounce"])}`,
    `  ${((100 * (opens - people)) / Math.max(1, opens)).toFixed(0)} % of opens by machines`,
    `  ${count(result.after.counts.lines)} lines arrived after the end (after/); the truth is in truth/`,
  ].join("\n");
}
