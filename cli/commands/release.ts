import type { Command } from "commander";
import type { CheckDecision, Decision, ReleaseEnv, ReleaseStatus } from "../../release/release.ts";
import { whoDecides } from "../../release/stages.ts";
import type { Evaluation } from "../../retrain/evaluate/evaluate.ts";
import type { RegisterCommand } from "../command.ts";
import type { Environment } from "../environment.ts";
import { renderTable } from "../table.ts";
import { renderGuardrails } from "./evaluate.ts";
import { numberOption } from "./retrain/options.ts";

interface DeciderOptions {
  readonly by?: string;
  readonly seen?: string;
  readonly dryRun?: boolean;
}

export const register: RegisterCommand = (program, environment) => {
  const noun = program
    .command("release")
    .description(
      "Take a model version from submission over shadow and canary to champion, or back; all of it in one log",
    );

  const verb = (usage: string, description: string): Command =>
    noun
      .command(usage)
      .description(description)
      .option("--by <person>", "who decides (default: INBOXLOOP_USER, then USER)")
      .option("--seen <head>", "the log's head that the decision is made on; refused when it has moved on")
      .option("--dry-run", "print what would be written and change nothing");

  verb("submit <model>", "Offer a trained version for release")
    .option("--champion <model>", "evaluate it against this version first (default: the champion, if there is one)")
    .option("--evaluation <file>", "the evaluation to submit with it (`inboxloop evaluate --json`)")
    .option("--note <text>", "a word to the approver")
    .action(async (name: string, options: DeciderOptions & SubmitOptions) => {
      const { submit, releaseStatus } = await import("../../release/release.ts");
      const { failedGuardrails } = await import("../../policy/guardrails.ts");
      const { findModel } = await import("../../scoring/model.ts");
      const world = environment();
      const model = await findModel(await world.target.models.refresh(), name);
      const { state } = await releaseStatus(world.home.releaseLog);
      const evaluation = await evaluationOf(world, name, model.digest, options, state.champion);
      show(
        world,
        await submit(deciding(world, options), {
          version: model.name,
          model: model.digest,
          snapshot: model.record.lineage.snapshot.content.value,
          evaluation: {
            verdict: evaluation.verdict,
            champion: evaluation.champion?.name ?? null,
            failed: failedGuardrails(evaluation.guardrails),
          },
          note: options.note,
        }),
      );
    });

  verb("approve <model>", "Let a submitted version go on; by somebody other than its submitter")
    .option("--despite <reason>", "why, although its evaluation did not pass")
    .option("--note <text>", "a word for the log")
    .action(async (name: string, options: DeciderOptions & { despite?: string; note?: string }) => {
      const { approve } = await import("../../release/release.ts");
      show(environment(), await approve(deciding(environment(), options), name, options));
    });

  verb("shadow <model>", "Score with it beside the champion; customers see no difference").action(
    async (name: string, options: DeciderOptions) => {
      const { shadow } = await import("../../release/release.ts");
      show(environment(), await shadow(deciding(environment(), options), name));
    },
  );

  verb("canary <model>", "Let it decide for a share of the sends")
    .option("--share <share>", "share of the sends", numberOption("--share", { least: 0, most: 1 }), 0.05)
    .action(async (name: string, options: DeciderOptions & { share: number }) => {
      const { canary } = await import("../../release/release.ts");
      show(environment(), await canary(deciding(environment(), options), name, options.share));
    });

  verb("check <model>", "Look at a running canary; a guardrail that fails rolls it back (exit code 4)")
    .option("--release <id>", "release_id under which its decisions were logged (default: the model's name)")
    .option("--counts <file>", "JSON with both arms' counts, instead of monitoring.canary")
    .action(async (name: string, options: DeciderOptions & { release?: string; counts?: string }) => {
      const { check } = await import("../../release/release.ts");
      const { exitCodes } = await import("../../errors/user-error.ts");
      const world = environment();
      const counts = await countsOf(world, name, options);
      const decision = await check(deciding(world, options), name, counts);
      show(world, decision, () => renderCheck(decision));
      if (decision.check.verdict === "fail") process.exitCode = exitCodes.check;
    });

  verb("promote <model>", "Let it decide for everybody; only from a canary whose last check passed").action(
    async (name: string, options: DeciderOptions) => {
      const { promote } = await import("../../release/release.ts");
      show(environment(), await promote(deciding(environment(), options), name));
    },
  );

  verb("rollback <model>", "Deactivate a version and tell the deliverability team; its predecessor decides again")
    .requiredOption("--reason <text>", "why")
    .action(async (name: string, options: DeciderOptions & { reason: string }) => {
      const { rollback } = await import("../../release/release.ts");
      show(environment(), await rollback(deciding(environment(), options), name, options.reason));
    });

  noun
    .command("status")
    .description("Where every version stands, and the head to decide on")
    .action(async () => {
      const { releaseStatus } = await import("../../release/release.ts");
      const status = await releaseStatus(environment().home.releaseLog);
      const { champion, canary, previous, versions } = status.state;
      environment().console.result(
        { head: status.head, champion, canary, previous, versions: [...versions.values()] },
        () => renderStatus(status),
      );
    });

  noun
    .command("log")
    .description("Every decision, the oldest first; the chain of hashes is checked as it is read")
    .action(async () => {
      const { releaseStatus } = await import("../../release/release.ts");
      const status = await releaseStatus(environment().home.releaseLog);
      environment().console.result(status.entries, () => renderLog(status));
    });
};

interface SubmitOptions {
  readonly champion?: string;
  readonly evaluation?: string;
  readonly note?: string;
}

function deciding(world: Environment, options: DeciderOptions): ReleaseEnv {
  return {
    log: world.home.releaseLog,
    now: world.now,
    by: options.by ?? world.settings["INBOXLOOP_USER"] ?? world.settings["USER"] ?? "unknown",
    alerts: [
      {
        name: "stderr",
        send: async (alert) => world.console.warn(`to the ${alert.team} team: ${alert.message}`),
      },
      {
        name: "alerts.ndjson",
        send: async (alert) => {
          const { fileAlerts } = await import("../../release/alert-sinks.ts");
          await fileAlerts(`${world.home.root}/alerts.ndjson`).send(alert);
        },
      },
    ],
    dryRun: options.dryRun,
    seen: options.seen,
  };
}

/** The evaluation that goes with a submission: a file's, or one made now. */
async function evaluationOf(
  world: Environment,
  name: string,
  digest: string,
  options: SubmitOptions,
  champion: string | null,
): Promise<Pick<Evaluation, "verdict" | "champion" | "guardrails">> {
  if (options.evaluation === undefined) {
    const { evaluate } = await import("../../retrain/evaluate/evaluate.ts");
    const { artefactFolders } = await import("../artefacts.ts");
    return evaluate(
      { ...(await artefactFolders(world)), signal: world.signal },
      { candidate: name, champion: options.champion ?? champion ?? undefined },
    );
  }
  const { evaluationSummary } = await import("../../retrain/evaluate/evaluation-summary.ts");
  return evaluationSummary(await readText(options.evaluation), options.evaluation, digest);
}

async function readText(path: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const { UserError } = await import("../../errors/user-error.ts");
  return readFile(path, "utf8").catch((cause: Error) => {
    throw new UserError(`cannot be read: ${cause.message}`, {
      code: "release.file",
      exit: "usage",
      where: path,
      cause,
    });
  });
}

async function countsOf(world: Environment, name: string, options: { release?: string; counts?: string }) {
  const { parseCanaryCounts, readCanaryCounts } = await import("../../release/canary/read-counts.ts");
  if (options.counts !== undefined) return parseCanaryCounts(await readText(options.counts), options.counts);
  const { releaseStatus } = await import("../../release/release.ts");
  const { state } = await releaseStatus(world.home.releaseLog);
  const baseline = state.versions.get(name)?.canary?.baseline ?? state.champion ?? "";
  const warehouse = await world.target.openWarehouse();
  try {
    const question = { release: options.release ?? name, candidate: name, champion: baseline };
    return await readCanaryCounts(warehouse, question, world.signal);
  } finally {
    await warehouse.close();
  }
}

function show(world: Environment, decision: Decision, render?: () => string): void {
  const { champion, canary, versions } = decision.state;
  const data = {
    dry_run: decision.dryRun,
    head: decision.head,
    events: decision.events,
    champion,
    canary,
    versions: [...versions.values()].map(({ version, stage }) => ({ version, stage })),
  };
  world.console.result(data, () => {
    const lines = decision.events.map((e) => `${decision.dryRun ? "would write" : "wrote"}  ${describe(e)}`);
    return [...(render ? [render(), ""] : []), ...lines, `head   ${decision.head.slice(0, 16)}`].join("\n");
  });
}

/** A decision of the release log in words. */
export function describe(event: Decision["events"][number]): string {
  switch (event.kind) {
    case "submitted":
      return `submitted ${event.version}, evaluation ${event.evaluation?.verdict ?? "missing"}`;
    case "approved":
      return `approved ${event.version}${event.despite ? ` despite its evaluation: ${event.despite}` : ""}`;
    case "shadow_started":
      return `${event.version} runs in the shadow of the champion`;
    case "canary_started":
      return `${event.version} decides for ${(100 * event.share).toFixed(1)} % of the sends, beside ${event.baseline}`;
    case "canary_checked":
      return `canary ${event.version} checked: ${event.verdict}`;
    case "promoted":
      return `${event.version} is champion${event.replaces ? `; ${event.replaces} retires` : ""}`;
    case "rolled_back":
      return `${event.version} is deactivated (${event.reason}); ${whoDecides(event.active)}`;
    case "alerted":
      return `${event.delivered ? "told" : "could not tell"} ${event.sink}: ${event.message}`;
  }
}

const renderCheck = (decision: CheckDecision): string =>
  `canary ${decision.check.verdict}\n${renderGuardrails(decision.check.results)}`;

function renderStatus({ head, state }: ReleaseStatus): string {
  const rows = [...state.versions.values()].map((v) => [
    v.version,
    v.stage,
    v.evaluation ?? "",
    v.submittedBy,
    v.approvedBy ?? "",
    v.canary?.verdict ?? "",
    v.since,
    v.reason ?? "",
  ]);
  const table = renderTable(
    ["version", "stage", "evaluation", "submitted by", "approved by", "canary", "since", "reason"].map((title) => ({
      title,
    })),
    rows,
  );
  return [
    `champion ${state.champion ?? "none: the rules decide"}`,
    `canary   ${state.canary ?? "none"}`,
    `head     ${head}`,
    ...(rows.length > 0 ? ["", table] : []),
  ].join("\n");
}

const renderLog = ({ entries }: ReleaseStatus): string =>
  entries.length === 0
    ? "nothing was released yet"
    : renderTable(
        ["at", "by", "what", "hash"].map((title) => ({ title })),
        entries.map((e) => [e.at, e.by, describe(e.event), e.hash.slice(0, 12)]),
      );
