import { join } from "node:path";
import type { Environment } from "../cli/environment.ts";
import { ingestKeys } from "../cli/ingest-keys.ts";
import { seededRandom } from "../platform/seeded-random.ts";
import { type CanaryPolicy, canaryPolicy, defaultCanaryPolicy } from "../release/canary/canary-policy.ts";
import type { CanaryEvidence } from "../release/canary/evidence.ts";
import { type CanaryPlan, planCanary } from "../release/canary/plan-canary.ts";
import { readCanaryEvidence } from "../release/canary/read-evidence.ts";
import { readTraffic } from "../release/canary/read-traffic.ts";
import { canary, check, promote, rollback, shadow } from "../release/release.ts";
import type { Evaluation } from "../retrain/evaluate/evaluate.ts";
import { artefactDigest } from "../scoring/artefact.ts";
import type { Model } from "../scoring/model.ts";
import { DAY_MS, HOUR_MS } from "../simulate/config.ts";
import type { DemoResult } from "./demo-result.ts";
import { build, compileAhead, ingest, withWarehouse } from "./local-steps.ts";
import type { Mailings } from "./mailings.ts";
import type { Releases } from "./releases.ts";
import type { Simulator } from "./simulator.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Mails to each customer before a look: the first at the ramp's first share, then more at its last. Looks at most. */
const mailsBefore = (look: number): number => (look === 1 ? 1 : 4);
const mostLooks = 3;
/** Days between two mails, and from a round's last mail until its sends, an evening later, have matured and are looked at. */
const betweenMails = 2;
const maturing = 5;
/** Days from a round's begin to its look: its campaigns are told of on the first day, and go out from the second on. */
const daysBefore = (look: number): number => betweenMails * (mailsBefore(look) - 1) + 1 + maturing;
/** When mails are decided, of their day: each goes out at the reader's own hour until the next morning. */
const decidedAfterMs = 5.5 * HOUR_MS;

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
  readonly mailings: Mailings;
  readonly releases: Releases;
  readonly projectDir: string;
}

/**
 * The release log names both models, the product's batch decides each mail with them, the world answers; the guardrails look. A demo that goes on
 * lives through its rounds again: what was decided, heard and looked at before stands as it was.
 */
export async function runCanary(
  field: CanaryField,
  candidate: Model,
  champion: Model,
  evaluation: Promise<Evaluation>,
  begins: Date,
  despite: string | undefined,
): Promise<DemoResult["canaries"][number] & { readonly endsAt: Date }> {
  const { releases, simulator, world, watch } = field;
  const { name } = candidate;
  const judged = await evaluation;
  releases.goesOnTo(begins);
  await releases.submit(candidate, judged, despite);
  await simulator.beginCanary({
    dir: join(field.folder, name),
    label: name,
    startsAt: begins.getTime(),
    complaintFactor,
    orderFactor,
    idKey: ingestKeys(world).ids.active,
  });
  const plan = await planFor(field, judged);
  const stage = await releases.stageOf(candidate);
  if (stage === "approved") await shadow(releases.as("ada"), name);
  if (stage === "approved" || stage === "shadow") {
    const artefact = await artefactDigest(candidate);
    const acceptBlind = plan.isBlind
      ? "a demo of so few events shows how a canary goes, not how its models differ"
      : undefined;
    // Its readers wait for nobody: the canary begins on the day of the approval.
    const withoutShadow = "the demo's time is short: a shadow that lasts a day comes first elsewhere";
    await canary(releases.as("ada"), name, {
      artefact,
      policy: demoPolicy,
      plan,
      acceptBlind,
      shadow: null,
      withoutShadow,
    });
  }
  const before = (await releases.stateOf(candidate))?.canary?.looks.length ?? 0;
  let day = 0;
  let mailed = 0;
  for (let look = 1; ; look++) {
    const until = day + daysBefore(look);
    const endsAt = new Date(begins.getTime() + until * DAY_MS);
    const time = { asOf: endsAt, receivedFrom: new Date(begins.getTime() + day * DAY_MS) };
    compileAhead(world, field.projectDir, time);
    await sendRound(field, name, { begins, day, until, mails: mailsBefore(look), mailed });
    mailed += mailsBefore(look);
    day = until;
    await watch.time("build", () => build(world, field.projectDir, time, `canary ${name}: build`, roundModels));
    releases.goesOnTo(endsAt);
    const evidence = await evidenceOf(field, candidate, champion);
    if (look > before) await check(releases.as("inboxloop"), name, evidence);
    const found = await releases.lookAt(candidate, look);
    if (!found) throw new Error(`look ${look} at ${name} is not in the log`);
    world.console.note(`canary ${name}, look ${look}: ${found.verdict}`);
    if (found.verdict !== "insufficient-evidence" || look === mostLooks) {
      const ends = await conclude(releases, candidate, evidence, found.verdict, look);
      const last = simulator.endCanary();
      const [{ arms }] = await Promise.all([last.result, ingest(world, last.files, `canary ${name}: ingest`)]);
      return {
        candidate: name,
        rounds: look,
        ends,
        mails: Object.values(arms).reduce((sum, { assigned }) => sum + assigned, 0),
        not_mailable: Object.values(arms).reduce((sum, { refused }) => sum + refused, 0),
        guardrails: found.results,
        counts: found.counts,
        saw: plan.sees,
        share: found.split?.found ?? null,
        plain: found.plain,
        endsAt,
      };
    }
  }
}

/** Some mails on the days of a canary, before one look. */
interface Round {
  readonly begins: Date;
  /** Its first day, and the day of its look, from the canary's first. */
  readonly day: number;
  readonly until: number;
  readonly mails: number;
  /** Mails of the rounds before. */
  readonly mailed: number;
}

/** Each mail is decided on all that was heard until then, sent, and answered. */
async function sendRound(
  { world, watch, simulator, mailings }: CanaryField,
  name: string,
  { begins, day, until, mails, mailed }: Round,
): Promise<void> {
  const hear = async (upTo: number) => {
    const made = simulator.writeUntil(upTo);
    await Promise.all([made.result, watch.time("ingest", () => ingest(world, made.files, `canary ${name}: ingest`))]);
  };
  const days = Array.from({ length: mails }, (_, i) => day + 1 + betweenMails * i);
  const campaigns = await simulator.announce(days, day);
  for (const [i, campaign] of campaigns.entries()) {
    await hear(days[i]!);
    await mailings.decide(campaign, new Date(begins.getTime() + days[i]! * DAY_MS + decidedAfterMs));
    await simulator.mail(mailed + i, await mailings.sends(campaign));
  }
  await hear(until);
}

/** What the canary will be able to see: the share of everybody's mails that its evaluation would send, at the history's rates in this more fretful time. */
async function planFor({ world, mailings }: CanaryField, judged: Evaluation): Promise<CanaryPlan> {
  const traffic = await withWarehouse(world, (warehouse) => readTraffic(warehouse, world.signal));
  if (!traffic) throw new Error("the demo's history has no mail");
  const mails = Array.from({ length: mostLooks }, (_, i) => mailsBefore(i + 1)).reduce((a, b) => a + b, 0);
  const mailed = (await mailings.mailable()) * judged.policy.candidate_send_share;
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

/** What a look reads, and what the next mails are decided on. */
const roundModels = [
  "monitoring.canary",
  "monitoring.canary_cohorts",
  "monitoring.canary_people",
  "monitoring.canary_placements",
  "features.decision_inputs",
];

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
  releases: Releases,
  candidate: Model,
  evidence: CanaryEvidence,
  verdict: string,
  looks: number,
): Promise<DemoResult["canaries"][number]["ends"]> {
  if ((await releases.stageOf(candidate)) === "canary") {
    if (verdict === "pass") {
      const artefact = await artefactDigest(candidate);
      await promote(releases.as("ben"), candidate.name, { artefact, evidence });
    } else await rollback(releases.as("ben"), candidate.name, `not shown to do no harm in ${looks} looks`);
  }
  return verdict === "pass" ? "promoted" : verdict === "fail" ? "rolled back" : "undecided";
}
