import type { Command } from "commander";
import type { Evaluation } from "../../retrain/evaluate/evaluate.ts";
import type { RegisterCommand } from "../command.ts";
import { type DeciderOptions, decided, deciding } from "../deciding.ts";
import type { Environment } from "../environment.ts";
import { addWaiver } from "../waivers.ts";
import { renderCheck, renderLog, renderPlan, renderStatus, renderStory, show } from "./release/render.ts";
import { renderShadow, shadowOf } from "./release/shadow.ts";
import { type PlanCommandOptions, planOf, policyOf } from "./release/traffic.ts";
import { numberOption } from "./retrain/options.ts";

export const register: RegisterCommand = (program, environment) => {
  const noun = program
    .command("release")
    .description(
      "Take a model version from submission over shadow and canary to champion, or back; all of it in one log",
    );

  const verb = (usage: string, description: string): Command => decided(noun.command(usage).description(description));

  verb("submit <model>", "Offer a trained version for release")
    .option("--champion <model>", "evaluate it against this version first (default: the champion, if there is one)")
    .option(
      "--evaluation <file>",
      "submit with this evaluation (`inboxloop evaluate --json`) and make none; takes --waive",
    )
    .option("--waive <reason>", "why a file stands in for an evaluation made now; signed, and in the log for good")
    .option(
      "--waive-guardrail <guardrail=why>",
      "let a guardrail that cannot be measured not block, by its name and with a reason; signed, and in the log for good; repeatable",
      addWaiver(/^[a-z][a-z0-9-]*$/, "click-calibration=<why>"),
    )
    .option("--note <text>", "a word to the approver")
    .action(async (name: string, options: DeciderOptions & SubmitOptions) => {
      const { submit, releaseStatus } = await import("../../release/release.ts");
      const { failedGuardrails, waivedGuardrails } = await import("../../policy/guardrails.ts");
      const { refuseUnapprovedChanges } = await import("../running-things.ts");
      const world = environment();
      const env = await deciding(world, options);
      await refuseUnapprovedChanges(world, "release");
      const { model, artefact } = await artefactOf(world, name);
      const { state } = await releaseStatus(world.releaseLog);
      if (options.evaluation !== undefined && options.waiveGuardrail !== undefined) {
        const { UserError } = await import("../../errors/user-error.ts");
        throw new UserError("a guardrail is waived when the evaluation is made, and this one was made before", {
          code: "release.waiver",
          exit: "usage",
          next: "inboxloop evaluate --waive <guardrail=why> --json, or leave --evaluation out",
        });
      }
      const { evaluation, source } = await evaluationOf(world, name, model.digest, options, state.champion);
      const waived = waivedGuardrails(evaluation.guardrails);
      show(
        world,
        await submit(env, {
          version: model.name,
          model: model.digest,
          artefact,
          snapshot: model.record.lineage.snapshot.content.value,
          evaluation: {
            verdict: evaluation.verdict,
            champion: evaluation.champion?.name ?? null,
            failed: failedGuardrails(evaluation.guardrails),
            ...(Object.keys(waived).length > 0 ? { waived } : {}),
            source,
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
      const world = environment();
      const env = await deciding(world, options);
      const { artefact } = await artefactOf(world, name);
      show(world, await approve(env, name, { ...options, artefact }));
    });

  verb("shadow <model>", "Score with it beside the champion; customers see no difference").action(
    async (name: string, options: DeciderOptions) => {
      const { shadow } = await import("../../release/release.ts");
      show(environment(), await shadow(await deciding(environment(), options), name));
    },
  );

  noun
    .command("shadowed <model>")
    .description(
      "What a version in the shadow would have decided otherwise, by segment, and whether that was seen for long enough",
    )
    .option("--policy <file>", "a canary policy (YAML), instead of the default: its `shadow` is the rule")
    .addHelpText("after", "\nExit code 4 unless the verdict is `enough`.\n")
    .action(async (name: string, options: { policy?: string }) => {
      const { exitCodes } = await import("../../errors/user-error.ts");
      const world = environment();
      const policy = await policyOf({ ...options, canaries: 0 });
      const { segments, judged } = await shadowOf(world, name, (await artefactOf(world, name)).model.digest, policy);
      world.console.result({ ...judged, segments }, () => renderShadow(judged, segments));
      if (judged.verdict !== "enough") process.exitCode = exitCodes.check;
    });

  const planned = (command: Command): Command =>
    command
      .option(
        "--share <share>",
        "where the ramp ends (default: the policy's, 0.5)",
        numberOption("--share", { least: 0, most: 1 }),
      )
      .option("--days <days>", "days at most (default: the policy's, 28)", numberOption("--days", { least: 1 }))
      .option("--policy <file>", "a canary policy (YAML), instead of the default")
      .option(
        "--sends-per-day <n>",
        "of both arms (default: the last four weeks')",
        numberOption("--sends-per-day", { least: 1 }),
      )
      .option(
        "--complaint-rate <rate>",
        "the champion's (default: the last four weeks')",
        numberOption("--complaint-rate", { least: 0, most: 1 }),
      )
      .option(
        "--canaries <n>",
        "simulated canaries per true ratio",
        numberOption("--canaries", { whole: true, least: 50 }),
        600,
      );

  planned(
    noun
      .command("plan")
      .description("What a canary would see: the chance of each verdict by day, simulated by the code that judges"),
  )
    .addHelpText("after", "\nExit code 4 when the canary could not see what its policy promises.\n")
    .action(async (options: PlanCommandOptions) => {
      const { exitCodes } = await import("../../errors/user-error.ts");
      const world = environment();
      const plan = await planOf(world, await policyOf(options), options);
      world.console.result(plan, () => renderPlan(plan));
      if (plan.isBlind) process.exitCode = exitCodes.check;
    });

  planned(verb("canary <model>", "Let it decide for a share of people, as its plan says; a blind canary is refused"))
    .option(
      "--accept-blind <reason>",
      "begin although it cannot see what its policy promises; in the log and every status",
    )
    .option(
      "--without-shadow <reason>",
      "begin although its shadow has not shown what the policy asks for; in the log and its story",
    )
    .action(async (name: string, options: DeciderOptions & PlanCommandOptions & CanaryOptions) => {
      const { canary } = await import("../../release/release.ts");
      const { refuseUnapprovedChanges } = await import("../running-things.ts");
      const { refuseOtherMaturity } = await import("../../release/canary/read-evidence.ts");
      const world = environment();
      const env = await deciding(world, options);
      await refuseUnapprovedChanges(world, "release");
      const { model, artefact } = await artefactOf(world, name);
      const policy = await policyOf(options);
      refuseOtherMaturity(policy.matures_after_hours);
      const plan = await planOf(world, policy, options);
      const { acceptBlind, withoutShadow } = options;
      // Whoever goes on without one needs no warehouse for it.
      const judged = withoutShadow ? null : (await shadowOf(world, name, model.digest, policy)).judged;
      const start = { artefact, policy, plan, acceptBlind, shadow: judged, withoutShadow };
      show(world, await canary(env, name, start), () => renderPlan(plan));
    });

  verb(
    "check <model>",
    "Look at a running canary; a rule that fails rolls it back (exit code 4), else its ramp goes on",
  )
    .option("--release <id>", "release_id under which its decisions were logged (default: the model's name)")
    .option("--evidence <file>", "JSON with the evidence, instead of the warehouse; takes --waive")
    .option("--waive <reason>", "why a file stands in for the warehouse; signed by --key, and in the log for good")
    .action(async (name: string, options: DeciderOptions & EvidenceOptions) => {
      const { check } = await import("../../release/release.ts");
      const { sendAlerts } = await import("../../release/decide.ts");
      const { exitCodes } = await import("../../errors/user-error.ts");
      const world = environment();
      const env = await deciding(world, options);
      if (options.dryRun !== true) await sendAlerts(env);
      const { evidence, source, placement } = await evidenceOf(world, name, options);
      const decision = await check(env, name, evidence, source);
      const { attributeChange } = await import("../../release/canary/attribute-change.ts");
      const cause = placement === null ? null : attributeChange(placement);
      show(world, decision, () => renderCheck(decision, cause), { check: decision.check, cause });
      if (decision.check.verdict === "fail" || decision.check.verdict === "sample-ratio-mismatch")
        process.exitCode = exitCodes.check;
    });

  verb("promote <model>", "Let it decide for everybody; only from a canary that passes on the evidence as it is now")
    .option("--release <id>", "release_id under which its decisions were logged (default: the model's name)")
    .action(async (name: string, options: DeciderOptions & EvidenceOptions) => {
      const { promote, releaseStatus } = await import("../../release/release.ts");
      const { refuseUnapprovedChanges } = await import("../running-things.ts");
      const world = environment();
      const env = await deciding(world, options);
      await refuseUnapprovedChanges(world, "release");
      const { artefact } = await artefactOf(world, name);
      const { state } = await releaseStatus(world.releaseLog);
      const evidence = state.canary === name ? (await evidenceOf(world, name, options)).evidence : null;
      show(world, await promote(env, name, { artefact, evidence }));
    });

  verb("rollback <model>", "Deactivate a version and tell the deliverability team; its predecessor decides again")
    .requiredOption("--reason <text>", "why")
    .action(async (name: string, options: DeciderOptions & { reason: string }) => {
      const { rollback } = await import("../../release/release.ts");
      show(environment(), await rollback(await deciding(environment(), options), name, options.reason));
    });

  verb("review <model>", "Say that a promoted version was looked at again")
    .requiredOption("--after <when>", "day, week or month")
    .requiredOption("--note <text>", "what was found")
    .action(async (name: string, options: DeciderOptions & { after: string; note: string }) => {
      const { review } = await import("../../release/release.ts");
      const { reviewKinds } = await import("../../release/events.ts");
      const { UserError } = await import("../../errors/user-error.ts");
      const which = reviewKinds.find((kind) => kind === options.after);
      if (!which) {
        throw new UserError(`--after takes ${reviewKinds.join(", ")}, not "${options.after}"`, {
          code: "release.review",
          exit: "usage",
        });
      }
      show(environment(), await review(await deciding(environment(), options), name, which, options.note));
    });

  noun
    .command("status")
    .description("Where every version stands, what is paused, which reviews are overdue, and the head to decide on")
    .action(async () => {
      const { releaseStatus } = await import("../../release/release.ts");
      const { reviewsOf } = await import("../../release/reviews.ts");
      const world = environment();
      const status = await releaseStatus(world.releaseLog);
      const { champion, canary, previous, versions, paused } = status.state;
      const reviews = reviewsOf(status.state, world.now());
      world.console.result(
        {
          head: status.head,
          champion,
          canary,
          previous,
          paused: Object.fromEntries(paused),
          reviews,
          versions: [...versions.values()],
        },
        () => renderStatus(status, world.now()),
      );
    });

  noun
    .command("explain <model>")
    .description(
      "The whole story of a version: what it is, who decided what on which evidence, what its canary could see",
    )
    .action(async (name: string) => {
      const { releaseStatus } = await import("../../release/release.ts");
      const { reviewsOf } = await import("../../release/reviews.ts");
      const { UserError } = await import("../../errors/user-error.ts");
      const world = environment();
      const status = await releaseStatus(world.releaseLog);
      const found = status.state.versions.get(name);
      if (!found) {
        throw new UserError(`no version "${name}" was submitted`, {
          code: "release.unknown",
          exit: "usage",
          next: "inboxloop release status",
        });
      }
      const reviews = reviewsOf(status.state, world.now());
      const entries = status.entries.filter(({ event }) => "version" in event && event.version === name);
      world.console.result({ ...found, reviews: reviews.filter((r) => r.version === name), entries }, () =>
        renderStory(name, status, reviews),
      );
    });

  noun
    .command("log")
    .description("Every decision, the oldest first; the chain of hashes is checked as it is read")
    .action(async () => {
      const { releaseStatus } = await import("../../release/release.ts");
      const status = await releaseStatus(environment().releaseLog);
      environment().console.result(status.entries, () => renderLog(status));
    });
};

interface SubmitOptions {
  readonly champion?: string;
  readonly evaluation?: string;
  readonly waive?: string;
  readonly waiveGuardrail?: Readonly<Record<string, string>>;
  readonly note?: string;
}

interface EvidenceOptions {
  readonly release?: string;
  readonly evidence?: string;
  readonly waive?: string;
}

async function artefactOf(world: Environment, name: string) {
  const { findModel } = await import("../../scoring/model.ts");
  const { artefactDigest } = await import("../../scoring/artefact.ts");
  const model = await findModel(await world.target.models.refresh(), name);
  return { model, artefact: await artefactDigest(model) };
}

/** The evaluation that goes with a submission: one made now, or a file's that somebody vouches for. */
async function evaluationOf(
  world: Environment,
  name: string,
  digest: string,
  options: SubmitOptions,
  champion: string | null,
) {
  if (options.evaluation === undefined) {
    const { evaluate } = await import("../../retrain/evaluate/evaluate.ts");
    const { artefactFolders } = await import("../artefacts.ts");
    const evaluation: Pick<Evaluation, "verdict" | "champion" | "guardrails"> = await evaluate(
      { ...(await artefactFolders(world)), signal: world.signal },
      { candidate: name, champion: options.champion ?? champion ?? undefined, waive: options.waiveGuardrail },
    );
    return { evaluation, source: { kind: "computed" as const } };
  }
  const { evaluationSummary } = await import("../../retrain/evaluate/evaluation-summary.ts");
  const { text, source } = await vouchedFor(options.evaluation, options.waive);
  return { evaluation: evaluationSummary(text, options.evaluation, digest), source };
}

interface CanaryOptions {
  readonly acceptBlind?: string;
  readonly withoutShadow?: string;
}

/** What the canary has seen: read from the warehouse now, or from a file that somebody vouches for. */
async function evidenceOf(world: Environment, name: string, options: EvidenceOptions) {
  const { parseCanaryEvidence, readCanaryEvidence } = await import("../../release/canary/read-evidence.ts");
  if (options.evidence !== undefined) {
    const { text, source } = await vouchedFor(options.evidence, options.waive);
    return { evidence: parseCanaryEvidence(text, options.evidence), source, placement: null };
  }
  const { releaseStatus } = await import("../../release/release.ts");
  const { state } = await releaseStatus(world.releaseLog);
  const baseline = state.versions.get(name)?.canary?.baseline ?? state.champion ?? "";
  const warehouse = await world.target.openWarehouse();
  try {
    const question = { release: options.release ?? name, candidate: name, champion: baseline };
    const { readPlacement } = await import("../../release/canary/read-placement.ts");
    return {
      placement: await readPlacement(warehouse, question, world.signal),
      evidence: await readCanaryEvidence(warehouse, question, world.signal),
      source: { kind: "computed" as const },
    };
  } finally {
    await warehouse.close();
  }
}

/** A file that stands in for what would be worked out: only with a reason, which is signed with the decision. */
async function vouchedFor(path: string, waiver: string | undefined) {
  const { readFile } = await import("node:fs/promises");
  const { createHash } = await import("node:crypto");
  const { UserError } = await import("../../errors/user-error.ts");
  if (waiver === undefined) {
    throw new UserError("a file stands in for figures worked out now only with a reason", {
      code: "release.waiver",
      exit: "usage",
      where: path,
      next: 'give --waive "<why>", or leave the file out',
    });
  }
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new UserError(`cannot be read: ${cause.message}`, {
      code: "release.file",
      exit: "usage",
      where: path,
      cause,
    });
  });
  const digest = createHash("sha256").update(text).digest("hex");
  return { text, source: { kind: "file" as const, digest, waiver } };
}
