import { join } from "node:path";
import { createIdHasher } from "../../ingest/id-hasher.ts";
import { readCanaryCounts } from "../../retrain/canary/read-counts.ts";
import type { Model } from "../../retrain/model.ts";
import { canary, check, promote, shadow } from "../../retrain/release/release.ts";
import { simulateCanary } from "../../simulate/canary.ts";
import { DAY_MS } from "../../simulate/config.ts";
import type { worldAtEnd } from "../../simulate/history.ts";
import { ingestContext } from "../commands/ingest/context.ts";
import type { Environment } from "../environment.ts";
import type { DemoResult } from "./demo-result.ts";
import { build, filesOf, ingest, withWarehouse } from "./local-steps.ts";
import type { Policies, policyDecisions } from "./policy-decisions.ts";
import type { Releases } from "./releases.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Mails to each customer before each further look at a canary, and looks at most. */
const furtherRound = 2;
const mostLooks = 4;

/** Where canaries run: the world after its period, and the desk that decides about them. */
export interface CanaryField {
  readonly world: Environment;
  readonly watch: Stopwatch;
  readonly folder: string;
  readonly after: ReturnType<typeof worldAtEnd>;
  readonly policies: Policies;
  readonly releases: Releases;
  readonly projectDir: string;
}

/** Both policies decide for the same customers, half each by their id; the world answers; the guardrails look. */
export async function runCanary(
  field: CanaryField,
  candidate: Model,
  champion: Model,
  begins: Date,
  firstRound: number,
  despite: string | undefined,
): Promise<DemoResult["canaries"][number]> {
  const { world, watch, releases } = field;
  await releases.submit(candidate, champion, despite);
  if ((await releases.stageOf(candidate)) === "approved") {
    await shadow(releases.as("ada"), candidate.name);
    await canary(releases.as("ada"), candidate.name, 0.5);
  }
  const decided = await watch.time("decide", async () => ({
    candidate: await field.policies.of(candidate),
    champion: await field.policies.of(champion),
  }));
  const naming = createIdHasher(ingestContext(world, { trustReceivedAt: true }).keys.ids.active);
  let startsAt = begins.getTime();
  for (let look = 1; ; look++) {
    const mails = look === 1 ? firstRound : furtherRound;
    const label = `${candidate.name}-look-${look}`;
    const made = await watch.time("simulate", () =>
      simulateCanary({
        ...field.after,
        assignments: assignments(decided, candidate.name, champion.name, mails),
        dir: join(field.folder, label),
        label,
        release: candidate.name,
        startsAt,
        pseudonymise: naming,
        signal: world.signal,
      }),
    );
    startsAt += mails * 2 * DAY_MS;
    await watch.time("ingest", () =>
      ingest(world, filesOf(join(field.folder, label), made.stream), `canary ${candidate.name}: ingest`),
    );
    const asOf = new Date(startsAt + 8 * DAY_MS);
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
      return { candidate: candidate.name, rounds: look, ends, guardrails: results, counts };
    }
  }
}

/** Half of the customers to each arm, by their id; everybody is decided for as often as mails go out. */
function* assignments(
  decided: Readonly<Record<"candidate" | "champion", Awaited<ReturnType<typeof policyDecisions>>>>,
  candidate: string,
  champion: string,
  mails: number,
) {
  for (let mail = 0; mail < mails; mail++) {
    for (const [index, { userId }] of decided.candidate.entries()) {
      const arm = Number.parseInt(userId.slice(-2), 16) % 2 === 0 ? "candidate" : "champion";
      const variant = decided[arm][index]?.variant ?? "suppress";
      yield { userId, arm, variant, modelVersion: arm === "candidate" ? candidate : champion };
    }
  }
}
