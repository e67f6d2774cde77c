import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { SnapshotRequest } from "../retrain/snapshot/snapshot.ts";
import { digestOf } from "../scoring/model-record.ts";
import { compileProject } from "../warehouse/dataform/compile.ts";
import { sqlDigest } from "../warehouse/dataform/plan.ts";
import { readProjectSources } from "../warehouse/dataform/project-sources.ts";
import type { Environment } from "./environment.ts";

const run = promisify(execFile);
const sha256 = (value: string) => ({ algorithm: "sha256", value });

/**
 * What a project's tables are worked out by, as it stands with these vars: digests of the compiled graph and of the consent rules in it, wherever it
 * is built, its vars, and the commit that it is of, where it is of one.
 */
export async function provenanceOf(
  world: Pick<Environment, "home" | "signal">,
  projectDir: string,
  vars: Readonly<Record<string, string>>,
): Promise<Required<Pick<SnapshotRequest, "provenance">> & Pick<SnapshotRequest, "git">> {
  const [{ graph }, { settings }, git] = await Promise.all([
    compileProject({ projectDir, vars, cacheDir: `${world.home.state}/compiled`, signal: world.signal }),
    readProjectSources(projectDir, vars),
    commitOf(projectDir),
  ]);
  const digests = graph.actions.map((action) => [action.id, sqlDigest(action)] as const).sort();
  const consents = graph.actions.find(({ file }) => file.endsWith("governance/consents.sqlx"));
  // YAML holds JSON.
  const { vars: all = {} } = parse(settings.text) as { readonly vars?: Readonly<Record<string, unknown>> };
  return {
    provenance: {
      graph: sha256(digestOf(digests)),
      vars: Object.fromEntries(Object.entries(all).map(([name, value]) => [name, String(value)])),
      ...(consents && { consent_rules: sha256(sqlDigest(consents)) }),
    },
    ...(git && { git }),
  };
}

/** The commit of the repository that a folder is in, and whether its files there differ from it; undefined where there is no repository, or no git. */
async function commitOf(folder: string): Promise<SnapshotRequest["git"]> {
  try {
    const { stdout: commit } = await run("git", ["-C", folder, "rev-parse", "HEAD"]);
    const { stdout: changed } = await run("git", ["-C", folder, "status", "--porcelain", "--", "."]);
    return { commit: commit.trim(), dirty: changed.trim() !== "" };
  } catch {
    return undefined;
  }
}
