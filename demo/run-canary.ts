import { join } from "node:path";
import { ingestContext } from "../cli/commands/ingest/context.ts";
import { decisionKey } from "../cli/decision-key.ts";
import type { Environment } from "../cli/environment.ts";
import { seededRandom } from "../platform/seeded-random.ts";
import { assign } from "../release/assignment.ts";
import { type CanaryPolicy, canaryPolicy, defaultCanaryPolicy } from "../release/canary/canary-policy.ts";
import type { CanaryEvidence } from "../release/canary/evidence.ts";
import { type CanaryPlan, planCanary } from "../release/canary/plan-canary.ts";
import { readCanaryEvidence } from "../release/canary/read-evidence.ts";
import { readTraffic } from "../release/canary/read-traffic.ts";
import { canary, check, promote, rollback, shadow } from "../release/release.ts";
import type { Evaluation } from "../retrain/evaluate/evaluate.ts";
import { artefactDigest } from "../scoring/artefact.ts";
import type { Model } from "../scoring/model.ts";
import { DAY_MS } from "../simulate/config.ts";
import type { DemoResult } from "./demo-result.ts";
import { build, compileAhead, ingest, withWarehouse } from "./local-steps.ts";
import type { Decided, Policies } from "./policy-decisions.ts";
import type { Releases } from "./releases.ts";
import type { Simulator } from "./simulator.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Mails to each customer before a look: the first at the ramp's first share, then more at its last. Looks at most. */
const mailsBefore = (look: number): number => (look === 1 ? 1 : 4);
const mostLooks = 3;
/** Days after a round's last mail until its sends have matured and are looked at. */
const maturing = 4;
/** Days from a round's first mail to its look. */
const daysBefore = (look: number): number => 2 * mailsBefore(look) + maturing;

/**
 * Readers of the demo's canaries press "spam" so much more often than those of its history: a test that keeps its promises wants hundreds of
 * complaints, and 25,000 customers with the history's rates would give them in a year.
 */
const complaintFactor = 10;
/** It is December: a click ends in an order more often, as odds. A revenue guardrail wants hundreds of orders as well. */
const orderFactor = 3;

/** Errors, margins and metrics as by default; a ramp of two steps, for a world with one mail in two days and few looks. */
const demoPolicy: CanaryPolicy = canaryPolicy.parse({
  ...defaultCanaryPolicy,
  version: "demo-1",
  ramp: [
    { share: 0.1, hours: 48 },
    { share: 0.5, hours: 24 },
  ],
  look_every_hours: 24,
  days: Array.from({ length: mostLooks }, (_, i) => daysBefore(i + 1)).reduce((a, b) => a + b, 0),
});

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
 * Both policies decide for the same customers, by a keyed hash of each; the world answers; the guardrails look. What an earlier run of this demo
 * has seen stands in the release log, and is not looked at again.
 */
export async function runCanary(
  field: CanaryField,
  candidate: Model,
  champion: Model,
  evaluation: Promise<Evaluation>,
  begins: Date,
  despite: string | undefined,
): Promise<DemoResult["canaries"][number] & { readonly endsAt: Date }> {
  const { releases, world } = field;
  const judged = await evaluation;
  releases.goesOnTo(begins);
  await releases.submit(candidate, judged, despite);
  const plan = await planFor(field, candidate);
  const stage = await releases.stageOf(candidate);
  if (stage === "approved") await shadow(releases.as("ada"), candidate.name);
  if (stage === "approved" || stage === "shadow") {
    const artefact = await artefactDigest(candidate);
    const acceptBlind = plan.isBlind
      ? "a demo of so few events shows how a canary goes, not how its models differ"
      : undefined;
    await canary(releases.as("ada"), candidate.name, { artefact, policy: demoPolicy, plan, acceptBlind });
  }
  const before = (await releases.stateOf(candidate))?.canary?.looks.length ?? 0;
  let startsAt = begins.getTime();
  for (let look = 1; ; look++) {
    const mails = mailsBefore(look);
    const endsAt = startsAt + daysBefore(look) * DAY_MS;
    const round: Round = { look, mails, startsAt, endsAt };
    startsAt = endsAt;
    if (look < before) continue;
    releases.goesOnTo(new Date(endsAt));
    const seen = look === before ? undefined : await lookAgain(field, candidate, champion, round);
    const found = await releases.lastLookAt(candidate);
    if (!found) throw new Error(`no look at ${candidate.name} is in the log`);
    world.console.note(`canary ${candidate.name}, look ${look}: ${found.verdict}`);
    if (found.verdict !== "insufficient-evidence" || look === mostLooks) {
      const ends = await conclude(field, candidate, champion, found.verdict, look, seen);
      const { results, counts } = found;
      return {
        candidate: candidate.name,
        rounds: look,
        ends,
        guardrails: results,
        counts,
        saw: plan.sees,
        share: found.split?.found ?? null,
        plain: found.plain,
        endsAt: new Date(endsAt),
      };
    }
  }
}

/** What the canary will be able to see: the mails that it gets at most, and the history's rates in this more fretful time. */
async function planFor({ world, policies }: CanaryField, candidate: Model): Promise<CanaryPlan> {
  const traffic = await withWarehouse(world, (warehouse) => readTraffic(warehouse, world.signal));
  if (!traffic) throw new Error("the demo's history has no mail");
  const mails = Array.from({ length: mostLooks }, (_, i) => mailsBefore(i + 1)).reduce((a, b) => a + b, 0);
  const mailed = (await policies.of(candidate)).filter(({ variant }) => variant !== "suppress").length;
  const complaints = Math.min(0.5, (traffic.rates.complaints ?? 0) * complaintFactor);
  return planCanary(
    demoPolicy,
    {
      ...traffic,
      sendsPerDay: Math.max(1, Math.round((mailed * mails) / demoPolicy.days)),
      rates: { ...traffic.rates, complaints },
    },
    { canaries: 200, random: seededRandom },
  );
}

/** Mails to everybody between two instants, before one look. */
interface Round {
  readonly look: number;
  readonly mails: number;
  readonly startsAt: number;
  readonly endsAt: number;
}

const cohortModels = ["monitoring.canary", "monitoring.canary_cohorts", "monitoring.canary_people"];

async function lookAgain(
  field: CanaryField,
  candidate: Model,
  champion: Model,
  { look, mails, startsAt, endsAt }: Round,
): Promise<CanaryEvidence> {
  const { world, watch, folder, simulator, policies, releases, projectDir } = field;
  const { name } = candidate;
  const label = `${name}-look-${look}`;
  // All that was received before the round has been built in.
  const time = { asOf: new Date(endsAt), receivedFrom: new Date(startsAt) };
  compileAhead(world, projectDir, time);
  const share = (await releases.stateOf(candidate))?.canary?.share ?? 0;
  const made = simulator.canary({
    dir: join(folder, label),
    label,
    release: name,
    startsAt,
    mail: assignments(
      { policy: await policies.of(candidate), name },
      { policy: await policies.of(champion), name: champion.name },
      { key: decisionKey(world), release: name, share },
    ),
    mails,
    complaintFactor,
    orderFactor,
    idKey: ingestContext(world, { trustReceivedAt: true }).keys.ids.active,
  });
  await Promise.all([made.result, watch.time("ingest", () => ingest(world, made.files, `canary ${name}: ingest`))]);
  await watch.time("build", () => build(world, projectDir, time, `canary ${name}: build`, cohortModels));
  const evidence = await evidenceOf(field, candidate, champion);
  await check(releases.as("inboxloop"), name, evidence);
  return evidence;
}

const evidenceOf = ({ world }: CanaryField, candidate: Model, champion: Model): Promise<CanaryEvidence> =>
  withWarehouse(world, (warehouse) =>
    readCanaryEvidence(
      warehouse,
      { release: candidate.name, candidate: candidate.name, champion: champion.name },
      world.signal,
    ),
  );

/** Promotes what passed. What failed was rolled back by its check; what is undecided is now: a canary does not go on for ever. */
async function conclude(
  field: CanaryField,
  candidate: Model,
  champion: Model,
  verdict: string,
  looks: number,
  seen: CanaryEvidence | undefined,
): Promise<DemoResult["canaries"][number]["ends"]> {
  const { releases } = field;
  if ((await releases.stageOf(candidate)) === "canary") {
    if (verdict === "pass") {
      const artefact = await artefactDigest(candidate);
      const evidence = seen ?? (await evidenceOf(field, candidate, champion));
      await promote(releases.as("ben"), candidate.name, { artefact, evidence });
    } else await rollback(releases.as("ben"), candidate.name, `not shown to do no harm in ${looks} looks`);
  }
  return verdict === "pass" ? "promoted" : verdict === "fail" ? "rolled back" : "undecided";
}

interface Arm {
  readonly name: string;
  readonly policy: readonly Decided[];
}

/** One mail to everybody; who decides for a customer is drawn by a keyed hash of them, as in production. */
const assignments = (
  candidate: Arm,
  champion: Arm,
  draw: { readonly key: Uint8Array; readonly release: string; readonly share: number },
) =>
  candidate.policy.map(({ userId }, i) => {
    const { arm } = assign({ ...draw, person: userId });
    const { name, policy } = arm === "candidate" ? candidate : champion;
    return { userId, arm, variant: policy[i]?.variant ?? "suppress", modelVersion: name, share: draw.share };
  });
