import { setTimeout as sleep } from "node:timers/promises";
import { journalFile } from "../../../platform/journal/journal-file.ts";
import { releaseLogKind } from "../../../release/log.ts";

/** Writes eight decisions on a release log, each on the head that it sees, and says how often somebody else was first. Arguments: log, name. */
const [path, name] = process.argv.slice(2) as [string, string];
const log = journalFile(path, releaseLogKind, { pid: process.pid, sleep: (ms) => sleep(ms), patienceMs: 60_000 });
let movedOn = 0;
for (let n = 0; n < 8; ) {
  const { head } = await log.read();
  const event = { kind: "paused", what: `${name}${n}`, reason: "a test" } as const;
  const body = { at: "2026-01-31T10:00:00.000Z", by: name, event, signature: null };
  const outcome = await log.append([body], head);
  if (outcome.kind === "appended") n += 1;
  else movedOn += 1;
}
process.stdout.write(`${movedOn}\n`);
