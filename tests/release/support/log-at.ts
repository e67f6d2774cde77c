import { setTimeout as sleep } from "node:timers/promises";
import { journalFile } from "../../../platform/journal/journal-file.ts";
import { type ReleaseLog, releaseLogKind } from "../../../release/log.ts";

/** The release log in a file, as a local target keeps it. */
export const logAt = (path: string): ReleaseLog =>
  journalFile(path, releaseLogKind, { pid: process.pid, sleep: (ms) => sleep(ms), patienceMs: 5_000 });
