import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Environment } from "../cli/environment.ts";
import { UserError } from "../errors/user-error.ts";
import { readHomeText, writeWhole } from "../platform/home-files.ts";
import { readProjectSources } from "../warehouse/dataform/project-sources.ts";
import type { DemoOptions } from "./run-demo.ts";

const claim = z.object({ seed: z.number(), events: z.number(), models: z.string() });

/**
 * Takes a home for one demo: an empty one, or one in which the same demo was begun before. Simulated people are not mixed into data that are there, nor
 * the tables of other models into its own. Throws UserError `demo.other-home`.
 */
export async function claimHome(world: Environment, { seed, events, projectDir }: DemoOptions): Promise<void> {
  const { root, raw, models, warehouse } = world.home;
  const file = join(root, "demo", "begun.json");
  const wanted = { seed, events, models: await modelsDigest(projectDir) };
  const refuse = (why: string): never => {
    throw new UserError(`this home ${why}`, {
      code: "demo.other-home",
      exit: "usage",
      where: root,
      next: "inboxloop demo --home <an empty folder>",
    });
  };
  if (existsSync(file)) {
    const begun = claim.parse(JSON.parse(await readHomeText(file)));
    if (begun.seed !== seed || begun.events !== events)
      refuse(`has a demo of seed ${begun.seed} and ${begun.events.toLocaleString("en-US")} events`);
    if (begun.models !== wanted.models) refuse("has a demo that was begun with other models");
    return;
  }
  if ([raw, models, warehouse].some((path) => existsSync(path))) refuse("has data in it that are not this demo's");
  await mkdir(join(root, "demo"), { recursive: true });
  await writeWhole(file, `${JSON.stringify(wanted)}\n`);
}

/** A digest of the files that the project's tables are made by. */
async function modelsDigest(projectDir: string): Promise<string> {
  const { files } = await readProjectSources(projectDir, {});
  const hash = createHash("sha256");
  for (const [path, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${path}\0`).update(content).update("\0");
  return hash.digest("hex");
}
