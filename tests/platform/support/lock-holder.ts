import { appendFileSync } from "node:fs";
import { withLock } from "../../../platform/journal/lock.ts";

/** Takes a lock three times and says when it is in and out. Arguments: lock, log, name. */
const [path, log, name] = process.argv.slice(2) as [string, string, string];
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
for (let turn = 0; turn < 3; turn++) {
  await withLock(path, { pid: process.pid, sleep, patienceMs: 60_000 }, async (held) => {
    appendFileSync(log, `${name}${turn} in\n`);
    await sleep(60);
    held.check();
    appendFileSync(log, `${name}${turn} out\n`);
  });
  await sleep(5);
}
