import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import rawTables from "../includes/raw_tables.js";
import { evaluationGuardrails } from "../policy/guardrails.ts";
import { defaultCanaryPolicy } from "../release/canary/canary-policy.ts";
import type { Thing } from "../release/changes.ts";
import type { ThingKind } from "../release/control/rights.ts";
import { digestOf } from "../scoring/model-record.ts";
import { compileProject } from "../warehouse/dataform/compile.ts";
import { dataPolicyOf, dataPolicyThings } from "./data-policy.ts";
import { type ProjectOptions, projectDirOf } from "./dataform-project.ts";
import type { Environment } from "./environment.ts";

/** Which models are whose: by folder or name of the definition. */
const kindOf = (file: string): ThingKind | null => {
  if (file.endsWith("governance/consents.sqlx")) return "consent-rules";
  if (file.endsWith("features/segment_members.sqlx")) return "segments";
  return file.includes("definitions/features/") ? "features" : null;
};

/**
 * Everything that runs and is somebody's to change, with the digest of what runs: the SQL as compiled without an as-of instant (so that a day that
 * passes is no change), the guardrails, the shape of events, each policy's
 * file, the data policy. Models are released, not changed.
 */
export async function runningThings(world: Environment, options: ProjectOptions = {}): Promise<readonly Thing[]> {
  const projectDir = projectDirOf(options, world.cwd);
  const { graph } = await compileProject({ projectDir, cacheDir: `${world.home.state}/compiled`, vars: {} });
  const models = graph.actions.flatMap((action): readonly Thing[] => {
    const thing = "query" in action && action.kind !== "assertion" ? kindOf(action.file) : null;
    if (thing === null || !("query" in action)) return [];
    return [{ thing, name: `${action.target.schema}.${action.target.name}`, digest: digestOf(action.query) }];
  });
  const tables = (rawTables.names as readonly string[]).map((name) => [name, rawTables.columns(name)]);
  const folder = join(projectDir, "policies");
  const files = (await readdir(folder).catch(() => [])).filter((file) => /\.ya?ml$/.test(file)).sort();
  const policies = await Promise.all(
    files.map(async (file) => policyThing(file, await readFile(join(folder, file), "utf8"))),
  );
  const dataPolicy = await dataPolicyOf(projectDir);
  return [
    { thing: "event-schema", name: "raw", digest: digestOf(tables) },
    { thing: "guardrails", name: "canary", digest: digestOf(defaultCanaryPolicy) },
    { thing: "guardrails", name: "evaluation", digest: digestOf(evaluationGuardrails) },
    ...models,
    ...policies,
    ...(dataPolicy ? dataPolicyThings(dataPolicy) : []),
  ];
}

/** A policy's file as a thing that is somebody's to change. */
const policyThing = (file: string, text: string): Thing => ({
  thing: "policies",
  name: basename(file).replace(/\.ya?ml$/, ""),
  digest: digestOf(text),
});

/** Refuses to decide under policies of which one has not its approvals, where the rights enforce them. */
export const refuseUnapprovedPolicies = (
  world: Environment,
  act: string,
  policies: readonly { readonly policy: { readonly file: string }; readonly text: string }[],
): Promise<void> =>
  refuseUnapprovedThings(world, act, async () => policies.map(({ policy, text }) => policyThing(policy.file, text)));

/**
 * Refuses an act while something that runs, of a risk class that the rights enforce, has not its approvals; by name. Does nothing where nobody has
 * rights yet, or nothing is enforced.
 */
export const refuseUnapprovedChanges = (world: Environment, act: string, options: ProjectOptions = {}): Promise<void> =>
  refuseUnapprovedThings(world, act, () => runningThings(world, options));

async function refuseUnapprovedThings(
  world: Environment,
  act: string,
  things: () => Promise<readonly Thing[]>,
): Promise<void> {
  const { readPeople } = await import("../release/control/people.ts");
  const { governanceOf } = await import("./deciding.ts");
  const people = await readPeople(governanceOf(world));
  if (!people || people.rights.enforce.length === 0) return;
  const { refuseUnapproved } = await import("../release/changes.ts");
  const { releaseStatus, verifySignatures } = await import("../release/decide.ts");
  const status = await releaseStatus(world.releaseLog);
  verifySignatures(status, people, world.releaseLog);
  refuseUnapproved(people.rights, status.state, await things(), act);
}
