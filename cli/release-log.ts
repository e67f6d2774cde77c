import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors/user-error.ts";
import { type ReleaseLog, releaseLogId, releaseLogKind } from "../release/log.ts";
import { fileJournal } from "../targets/local.ts";
import type { Target } from "../targets/target.ts";

/** A release log in a file, as a local target keeps it. */
export const releaseLogFile = (path: string): ReleaseLog => fileJournal(path, releaseLogKind);

/**
 * The release log where the target keeps it. A log that was begun in the home's file, before the target kept one of its own, is not passed over: while
 * the target's is empty, reading refuses, since a champion that nobody knows of is a sender who is decided for by rules again.
 */
export function releaseLogIn(target: Target): ReleaseLog {
  const log = target.journal(releaseLogId, releaseLogKind);
  const inHome = join(target.home.root, `${releaseLogId}.ndjson`);
  if (log.where === inHome) return log;
  return {
    ...log,
    async read() {
      const state = await log.read();
      if (state.entries.length > 0 || !existsSync(inHome)) return state;
      throw new UserError(`nothing was released in ${log.where}, and the home holds a release log of its own`, {
        code: "release.log-elsewhere",
        exit: "config",
        where: inHome,
        next: `inboxloop --target ${target.name} change adopt ${inHome}   (or move that file away)`,
      });
    },
  };
}
