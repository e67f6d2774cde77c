import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../errors/user-error.ts";
import { type LoadedPolicy, parsePolicy } from "../policy/load-policy.ts";
import type { Environment } from "./environment.ts";

export interface PolicyFile {
  readonly policy: LoadedPolicy;
  readonly text: string;
}

/** The policies of a folder, by name. Two files of one name are refused: a decision names its policy by it. */
export async function readPolicies(world: Environment, folder: string): Promise<ReadonlyMap<string, PolicyFile>> {
  const dir = resolve(world.cwd, folder);
  const files = (await readdir(dir).catch(() => [])).filter((file) => /\.ya?ml$/.test(file)).sort();
  if (files.length === 0) {
    throw new UserError("there is no policy", {
      code: "policy.none",
      exit: "usage",
      where: dir,
      next: "docs/cookbooks/policies.md has five to begin with; --policies <folder> says where they are",
    });
  }
  const found = new Map<string, PolicyFile>();
  for (const file of files) {
    const text = await readFile(join(dir, file), "utf8");
    const policy = parsePolicy(text, join(folder, file));
    const { name } = policy.policy;
    const other = found.get(name);
    if (other) {
      throw new UserError(`two policies are called ${name}`, {
        code: "policy.twice",
        exit: "config",
        where: `${other.policy.file}, ${policy.file}`,
      });
    }
    found.set(name, { policy, text });
  }
  return found;
}

/** `spring=newsletter` is the campaign spring under the policy newsletter; a name alone is both. */
export function campaignsOf(
  stated: readonly string[],
  policies: ReadonlyMap<string, PolicyFile>,
): readonly ({ readonly campaign_id: string } & PolicyFile)[] {
  return stated.map((text) => {
    const [campaign_id = "", name = campaign_id] = text.split("=");
    const found = policies.get(name);
    if (!found || campaign_id === "") {
      throw new UserError(`no policy "${name}"; there is ${[...policies.keys()].join(", ")}`, {
        code: "policy.unknown",
        exit: "usage",
        next: `--campaign ${campaign_id || "<id>"}=${[...policies.keys()][0]}`,
      });
    }
    return { campaign_id, ...found };
  });
}
