import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors/user-error.ts";
import {
  type CheckedPolicy,
  type CheckedUse,
  checkDataPolicy,
  type PolicyFinding,
} from "../governance/data-policy/check.ts";
import { jsonKeysOf } from "../governance/data-policy/classes.ts";
import {
  type DataPolicy,
  dataPolicyFile,
  parseDataPolicy,
  wholePolicy,
} from "../governance/data-policy/data-policy.ts";
import features from "../includes/features.js";
import { readHomeText, writeWhole } from "../platform/home-files.ts";
import { inputsOf } from "../policy/inputs-of.ts";
import { type Thing, unapproved } from "../release/changes.ts";
import { riskClass } from "../release/control/rights.ts";
import { digestOf } from "../scoring/model-record.ts";
import { type OpenProject, type ProjectOptions, projectDirOf, withProject } from "./dataform-project.ts";
import { governanceOf } from "./deciding.ts";
import type { Environment } from "./environment.ts";
import { readPolicies } from "./policies.ts";

/** A project's data policy, with the file that it stands in. */
export interface StatedPolicy {
  readonly policy: DataPolicy;
  readonly text: string;
  readonly file: string;
}

/** The data policy of a project; null where it states none. */
export async function dataPolicyOf(projectDir: string): Promise<StatedPolicy | null> {
  const file = join(projectDir, dataPolicyFile);
  if (!existsSync(file)) return null;
  const text = await readFile(file, "utf8");
  return { policy: parseDataPolicy(text, file), text, file };
}

/** What of a data policy is somebody's to approve: all of it as `matrix`, and each grant of a sensitive use by its name. */
export const dataPolicyThings = ({ policy }: StatedPolicy): readonly Thing[] => [
  { thing: "data-policies", name: wholePolicy, digest: digestOf(policy) },
  ...policy.grants.map((grant): Thing => ({ thing: "data-policies", name: grant.name, digest: digestOf(grant) })),
];

export interface PolicyRequest {
  /** Uses beside those that the project states. */
  readonly more?: readonly CheckedUse[] | undefined;
  /** The folder of decision policies; not given, the project's `policies`, where there is one. */
  readonly policies?: string | undefined;
}

/** Checks a project's data policy over its lineage. Throws where it states none. */
export async function checkProjectPolicy(
  world: Environment,
  options: ProjectOptions,
  request: PolicyRequest = {},
): Promise<CheckedPolicy> {
  const projectDir = projectDirOf(options, world.cwd);
  const stated = await dataPolicyOf(projectDir);
  if (!stated) {
    throw new UserError("the project states no data policy", {
      code: "data-policy.none",
      exit: "config",
      where: join(projectDir, dataPolicyFile),
      next: "docs/reference/data-policy.md has one to begin with",
    });
  }
  const asked = await askedOf(world, projectDir, stated, request);
  return withProject(world, options, (project) => checkNow(project, stated, asked));
}

type Uses = CheckedPolicy["uses"];

/**
 * Refuses an act while something is used for one of the purposes (any, where none are named) that its class does not allow. A project that states no data
 * policy is not checked; what passed is not checked again before something changes. Gives the uses.
 */
export async function refuseForbiddenUses(
  world: Environment,
  act: string,
  options: ProjectOptions,
  request: PolicyRequest & { readonly purposes?: readonly string[] | undefined } = {},
): Promise<Uses> {
  const projectDir = projectDirOf(options, world.cwd);
  const stated = await dataPolicyOf(projectDir);
  if (!stated) return [];
  const asked = await askedOf(world, projectDir, stated, request);
  const { purposes } = request;
  const { uses, findings } = await withProject(world, options, async (project) => {
    const key = digestOf([project.digest, stated.text, asked.uses, [...asked.approved].sort(), asked.today]);
    const passed = join(world.home.state, "policy-checks", `${key}.json`);
    if (existsSync(passed)) return { uses: JSON.parse(await readHomeText(passed)) as Uses, findings: [] };
    const checked = await checkNow(project, stated, asked);
    if (checked.verdict === "pass") await writeWhole(passed, JSON.stringify(checked.uses));
    return checked;
  });
  const found = purposes
    ? findings.filter((one) => one.purposes?.some((purpose) => purposes.includes(purpose)))
    : findings;
  const [first] = found;
  if (first) throw refusal(act, first, found.length);
  return uses;
}

/** Refuses to freeze a table that is made of what models must not learn from. Says so where nobody knows what it is made of. */
export async function refuseForbiddenTraining(world: Environment, table = "training.examples"): Promise<void> {
  // Ids join rows, and gates choose them: neither is learned from. A gate is made of who refused, which may serve nothing else.
  const kept = [...(features.exampleKeys as readonly string[]), ...(features.exampleGates as readonly string[])];
  const keys = kept.map((column) => `${table}.${column}`);
  const use = { name: "snapshot", purposes: ["training"], of: [table] };
  const more: readonly CheckedUse[] = [
    { ...use, stage: "storage", except: [] },
    { ...use, stage: "transformation", except: keys },
  ];
  const uses = await refuseForbiddenUses(world, "snapshot create", {}, { purposes: ["training"], more });
  if (uses.some((one) => one.use === "snapshot" && one.columns === 0))
    world.console.warn(`${table} is none of this project's tables: nobody checked what it is made of`);
}

const refusal = (act: string, { message, path = [], where, next }: PolicyFinding, count: number): UserError =>
  new UserError(
    `${act} is refused by the data policy${count > 1 ? ` (${count} findings; inboxloop policy check has all of them)` : ""}: ${message}${path.length > 1 ? `\n  ${path.join(" <- ")}` : ""}`,
    { code: "data-policy.refused", exit: "check", where, next },
  );

interface Asked {
  readonly uses: readonly CheckedUse[];
  readonly approved: ReadonlySet<string>;
  readonly today: string;
}

async function askedOf(
  world: Environment,
  projectDir: string,
  stated: StatedPolicy,
  { more = [], policies }: PolicyRequest,
): Promise<Asked> {
  const folder = policies ?? join(projectDir, "policies");
  const hasPolicies = policies !== undefined || existsSync(folder);
  return {
    uses: [...more, ...(hasPolicies ? await usesOfPolicies(world, folder) : [])],
    approved: await approvedGrants(world, stated),
    today: world.now().toISOString().slice(0, 10),
  };
}

/** The inputs of each decision policy that are columns of features.decision_inputs: what they decide by is used for activation. */
async function usesOfPolicies(world: Environment, folder: string): Promise<readonly CheckedUse[]> {
  const found = await readPolicies(world, folder);
  return [...found.values()].flatMap(({ policy: { policy, file } }): readonly CheckedUse[] => {
    const of = inputsOf(policy).map((input) => `features.decision_inputs.${input}`);
    if (of.length === 0) return [];
    const { purpose } = policy.consent;
    return [{ name: `policy ${policy.name}`, stage: "activation", purposes: [purpose], of, except: [], where: file }];
  });
}

/** The grants whose text, as it stands, enough people have signed for: always, whatever `rights.yaml` enforces of other things. */
export async function approvedGrants(world: Environment, stated: StatedPolicy): Promise<ReadonlySet<string>> {
  if (stated.policy.grants.length === 0) return new Set();
  const { readPeople } = await import("../release/control/people.ts");
  const { releaseStatus, verifySignatures } = await import("../release/decide.ts");
  const people = await readPeople(governanceOf(world));
  if (!people) return new Set();
  const status = await releaseStatus(world.releaseLog);
  verifySignatures(status, people, world.releaseLog);
  const things = dataPolicyThings(stated).filter(({ name }) => name !== wholePolicy);
  const rights = { ...people.rights, enforce: [...riskClass.options] };
  const open = new Set(unapproved(rights, status.state, things).map(({ name }) => name));
  return new Set(things.map(({ name }) => name).filter((name) => !open.has(name)));
}

async function checkNow(project: OpenProject, stated: StatedPolicy, asked: Asked): Promise<CheckedPolicy> {
  const { lineageOf } = await import("../warehouse/dataform/lineage.ts");
  const { policy, file } = stated;
  const lineage = await lineageOf(project.graph, { columnsOf: project.columnsOf, jsonKeysOf: jsonKeysOf(policy) });
  return checkDataPolicy({
    policy,
    lineage,
    file,
    more: asked.uses,
    approved: asked.approved,
    today: asked.today,
  });
}
