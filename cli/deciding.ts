import type { Command } from "commander";
import type { ReleaseEnv } from "../release/decide.ts";
import type { Environment } from "./environment.ts";

/** Options of everything that somebody decides. */
export interface DeciderOptions {
  readonly key?: string;
  readonly seen?: string;
  readonly dryRun?: boolean;
}

/** Gives a command those options. */
export const decided = (command: Command): Command =>
  command
    .option("--key <file>", "private key of the person who decides (default: INBOXLOOP_KEY)")
    .option("--seen <head>", "the log's head that the decision is made on; refused when it has moved on")
    .option("--dry-run", "print what would be written and change nothing");

/** Who decides, by the key in hand; whom to tell of a rollback. Without a key it is the machinery. */
export async function deciding(world: Environment, options: DeciderOptions): Promise<ReleaseEnv> {
  const { readPeople, personWith } = await import("../release/control/people.ts");
  const { readPersonKey } = await import("../release/control/person-key.ts");
  const { UserError } = await import("../errors/user-error.ts");
  const { readFile } = await import("node:fs/promises");
  const people = await readPeople(governanceOf(world));
  const file = options.key ?? world.settings["INBOXLOOP_KEY"];
  const { alertSinks } = await import("./alert-sinks.ts");
  const env = {
    log: world.releaseLog,
    now: world.now,
    people,
    alerts: await alertSinks(world),
    dryRun: options.dryRun,
    seen: options.seen,
  };
  if (!file) return { ...env, person: null };
  const text = await readFile(file, "utf8").catch((cause: Error) => {
    throw new UserError(`the key cannot be read: ${cause.message}`, {
      code: "people.key",
      exit: "config",
      where: file,
      next: "inboxloop keys person <name>",
      cause,
    });
  });
  if (!people) {
    throw new UserError("nobody has rights here yet", {
      code: "people.none",
      exit: "config",
      where: governanceOf(world),
      next: "inboxloop keys person <name> --role modeller",
    });
  }
  return { ...env, person: personWith(people, readPersonKey(text, file), world.now()) };
}

/** Folder of rights.yaml and allowed_signers: INBOXLOOP_GOVERNANCE, else the home's. */
export const governanceOf = (world: Environment): string =>
  world.settings["INBOXLOOP_GOVERNANCE"] ?? world.home.governance;
