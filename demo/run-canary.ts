import { join } from "node:path";
import { ingestContext } from "../cli/commands/ingest/context.ts";
import type { Environment } from "../cli/environment.ts";
import type { Verdict } from "../policy/guardrails.ts";
import { type CanaryCheck, checkCanary } from "../release/canary/check-canary.ts";
import { readCanaryCounts } from "../release/canary/read-counts.ts";
import { canary, check, promote, rollback, shadow } from "../release/release.ts";
import type { Evaluation } from "../retrain/evaluate/evaluate.ts";
import type { Model } from "../scoring/model.ts";
import { DAY_MS } from "../simulate/config.ts";
import type { DemoResult } from "./demo-result.ts";
import { build, compileAhead, ingest, withWarehouse } from "./local-steps.ts";
import type { Decided, Policies } from "./policy-decisions.ts";
import type { Releases } from "./releases.ts";
import type { Simulator } from "./simulator.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Mails to each customer before each further look at a canary, and looks at most. */
const furtherRound = 2;
const mostLooks = 4;

/** Where canaries run: the world after its period, and the desk that decides about them. */
export interface CanaryField {
  readonly world: Environment;
  readonly watch: Stopwatch;
  readonly folder: string;
  readonly simulator: Simulator;
  readonly policies: Policies;
  readonly releases: Releases;
  readonly projectDir: string;
}

/**
 * Both policies decide for the same customers, half each by their id; the world answers; the guardrails look. What an earlier run of this demo
 * has seen stands in the release log, and is not looked at again.
 */
export async function runCanary(
  field: CanaryField,
  candidate: Model,
  champion: Model,
  evaluation: Promise<Evaluation>,
  begins: Date,
  firstRound: number,
  despite: string | undefined,
): Promise<DemoResult["canaries"][number]> {
  const { releases, world } = field;
  await releases.submit(candidate, await evaluation, despite);
  if ((await releases.stageOf(candidate)) === "approved") {
    await shadow(releases.as("ada"), candidate.name);
    await canary(releases.as("ada"), candidate.name, 0.5);
  }
  const before = await releases.looksAt(candidate);
  let startsAt = begins.getTime();
  for (let look = 1; ; look++) {
    const mails = look === 1 ? firstRound : furtherRound;
    const round: Round = { look, mails, startsAt, endsAt: startsAt + mails * 2 * DAY_MS };
    startsAt = round.endsAt;
    if (look < before.length) continue;
    const { verdict, results, counts } =
      look === before.length ? checkCanary(before) : await lookAgain(field, candidate, champion, round);
    world.console.note(`canary ${candidate.name}, look ${look}: ${verdict}`);
    if (verdict !== "insufficient-evidence" || look === mostLooks) {
      const ends = await conclude(releases, candidate, verdict, look);
      return { candidate: candidate.name, rounds: look, ends, guardrails: results, counts };
    }
  }
}

/** Mails to everybody between two instants, before one look. */
interface Round {
  readonly look: number;
  readonly mails: number;
  readonly startsAt: number;
  readonly endsAt: number;
}

async function lookAgain(
  { world, watch, folder, simulator, policies, releases, projectDir }: CanaryField,
  candidate: Model,
  champion: Model,
  { look, mails, startsAt, endsAt }: Round,
): Promise<CanaryCheck> {
  const { name } = candidate;
  const label = `${name}-look-${look}`;
  const asOf = new Date(endsAt + 8 * DAY_MS);
  compileAhead(world, projectDir, asOf);
  const made = simulator.canary({
    dir: join(folder, label),
    label,
    release: name,
    startsAt,
    mail: assignments(
      { policy: await policies.of(candidate), name },
      { policy: await policies.of(champion), name: champion.name },
    ),
    mails,
    idKey: ingestContext(world, { trustReceivedAt: true }).keys.ids.active,
  });
  await Promise.all([made.result, watch.time("ingest", () => ingest(world, made.files, `canary ${name}: ingest`))]);
  await watch.time("build", () => build(world, projectDir, asOf, `canary ${name}: build`, ["monitoring.canary"]));
  const counts = await withWarehouse(world, (warehouse) =>
    readCanaryCounts(warehouse, { release: name, candidate: name, champion: champion.name }, world.signal),
  );
  return (await check(releases.as("inboxloop"), name, counts)).check;
}

/** Promotes what passed. What failed was rolled back by its check; what is undecided is now: a canary does not go on for ever. */
async function conclude(
  releases: Releases,
  candidate: Model,
  verdict: Verdict,
  looks: number,
): Promise<DemoResult["canaries"][number]["ends"]> {
  if ((await releases.stageOf(candidate)) === "canary") {
    if (verdict === "pass") await promote(releases.as("ben"), candidate.name);
    else await rollback(releases.as("ben"), candidate.name, `not shown to do no harm in ${looks} looks`);
  }
  return verdict === "pass" ? "promoted" : verdict === "fail" ? "rolled back" : "undecided";
}

interface Arm {
  readonly name: string;
  readonly policy: readonly Decided[];
}

/** One mail to everybody, half of the customers decided for by each arm, by their id. */
const assignments = (candidate: Arm, champion: Arm) =>
  candidate.policy.map(({ userId }, i) => {
    const isCandidate = Number.parseInt(userId.slice(-2), 16) % 2 === 0;
    const { name, policy } = isCandidate ? candidate : champion;
    const variant = policy[i]?.variant ?? "suppress";
    return { userId, arm: isCandidate ? "candidate" : "champion", variant, modelVersion: name };
  });
