import { join } from "node:path";
import { expect } from "vitest";
import { decideBatch } from "../../../cli/commands/decide/run.ts";
import { createEnvironment } from "../../../cli/environment.ts";
import { campaignsOf, readPolicies } from "../../../cli/policies.ts";
import { writeConstantModel } from "../../serve/support/constant-model.ts";
import { copyTables } from "./copy-tables.ts";
import type { TwoTargets } from "./two-targets.ts";

export const targets = ["local", "bigquery"] as const;
export type TargetName = (typeof targets)[number];

/** What decisions, their hand-over and `why` read of a build. */
const tables = [
  "features.decision_inputs",
  "features.reputation_now",
  "identity.persons",
  "events.events",
  "events.messages",
];

/**
 * Signals on both targets, and what decisions read of them: built here, and copied to BigQuery, where a build gives the same (models.test.ts); `views` over raw rows
 * are made there.
 */
export async function fillBoth(
  at: TwoTargets,
  signals: readonly object[],
  asOf: Date,
  views: readonly string[],
): Promise<void> {
  const file = at.write("signals.ndjson", signals);
  for (const target of targets) await at.run(target, ["ingest", "file", file, "--trust-received-at"]);
  const isTrouble = ({ outcome }: { outcome: string }) => outcome === "failed";
  const built = await at.build("local", asOf.toISOString(), tables, ["--include-deps"]);
  expect(built.actions.filter(isTrouble)).toEqual([]);
  const made = await at.build("bigquery", asOf.toISOString(), views);
  expect(made.actions.filter(isTrouble)).toEqual([]);
  const [here, there] = [await at.warehouse("local"), await at.warehouse("bigquery")];
  await copyTables(here, there, tables);
  for (const warehouse of [here, there]) await warehouse.close();
}

/** What a batch of one moment decides on a target by one model, in this process: the same clock for both. */
export async function decideOn(
  at: TwoTargets,
  target: TargetName,
  { asOf, campaigns, pageRows }: { readonly asOf: Date; readonly campaigns: string[]; readonly pageRows: number },
) {
  const home = join(at.folder, target);
  const champion = await writeConstantModel(join(home, "models"), "m1", {
    conversion: 0.1,
    complaint: 0.01,
    unsubscribe: 0.02,
  });
  const options = { target, home, json: true, quiet: true };
  const world = { ...(await createEnvironment(options, new AbortController().signal)), cwd: at.folder };
  const fixed = { ...world, now: () => asOf };
  try {
    const { summary } = await decideBatch(
      fixed,
      {
        campaigns: campaignsOf(campaigns, await readPolicies(fixed, "policies")),
        occasion: "o1",
        now: asOf.getTime(),
        lineup: { champion, canary: null, shadow: null },
        pauses: [],
      },
      { pageRows, trustReceivedAt: true },
    );
    return summary;
  } finally {
    await world.target.close();
  }
}
