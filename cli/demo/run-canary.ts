import { join } from "node:path";
import { readCanaryCounts } from "../../retrain/canary/read-counts.ts";
import type { Evaluation } from "../../retrain/evaluate.ts";
import type { Model } from "../../retrain/model.ts";
import { canary, check, promote, rollback, shadow } from "../../retrain/release/release.ts";
import { DAY_MS } from "../../simulate/config.ts";
import { ingestContext } from "../commands/ingest/context.ts";
import type { Environment } from "../environment.ts";
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

/** Both policies decide for the same customers, half each by their id; the world answers; the guardrails look. */
export async function runCanary(
  field: CanaryField,
  candidate: Model,
  champion: Model,
  evaluation: Promise<Evaluation>,
  begins: Date,
  firstRound: number,
  despite: string | undefined,
): Promise<DemoResult["canaries"][number]> {
  const { world, watch, releases } = field;
  await releases.submit(candidate, await evaluation, despite);
  if ((await releases.stageOf(candidate)) === "approved") {
    await shadow(releases.as("ada"), candidate.name);
    await canary(releases.as("ada"), candidate.name, 0.5);
  }
  const mail = assignments(
    { policy: await field.policies.of(candidate), name: candidate.name },
    { policy: await field.policies.of(champion), name: champion.name },
  );
  const idKey = ingestContext(world, { trustReceivedAt: true }).keys.ids.active;
  let startsAt = begins.getTime();
  for (let look = 1; ; look++) {
    const mails = look === 1 ? firstRound : furtherRound;
    const label = `${candidate.name}-look-${look}`;
    const dir = join(field.folder, label);
    const endsAt = startsAt + mails * 2 * DAY_MS;
    const asOf = new Date(endsAt + 8 * DAY_MS);
    compileAhead(world, field.projectDir, asOf);
    const made = field.simulator.canary({ dir, label, release: candidate.name, startsAt, mail, mails, idKey });
    startsAt = endsAt;
    await Promise.all([
      made.result,
      watch.time("ingest", () => ingest(world, made.files, `canary ${candidate.name}: ingest`)),
    ]);
    await watch.time("build", () =>
      build(world, field.projectDir, asOf, `canary ${candidate.name}: build`, ["monitoring.canary"]),
    );
    const counts = await withWarehouse(world, (warehouse) =>
      readCanaryCounts(
        warehouse,
        { release: candidate.name, candidate: candidate.name, champion: champion.name },
        world.signal,
      ),
    );
    const stage = await releases.stageOf(candidate);
    if (stage !== "canary") {
      // An earlier run of this demo had decided already.
      const ends = stage === "deactivated" ? "rolled back" : "promoted";
      return { candidate: candidate.name, rounds: look, ends, guardrails: [], counts };
    }
    const decision = await check(releases.as("inboxloop"), candidate.name, counts);
    const { verdict, results } = decision.check;
    world.console.note(`canary ${candidate.name}, look ${look}: ${verdict}`);
    if (verdict === "pass") await promote(releases.as("ben"), candidate.name);
    if (verdict !== "insufficient-evidence" || look === mostLooks) {
      const ends = verdict === "pass" ? "promoted" : verdict === "fail" ? "rolled back" : "undecided";
      // A canary does not go on for ever, and the next one has to wait for it.
      if (ends === "undecided") {
        await rollback(releases.as("ben"), candidate.name, `not shown to do no harm in ${look} looks`);
      }
      return { candidate: candidate.name, rounds: look, ends, guardrails: results, counts };
    }
  }
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
