// Thirteen weeks under one policy, in a home whose world has ended and whose champion stands. Started by quarter.ts.
//
// tsx bench/quarter/arm.ts <home> <policy> <events> <seed> <weeks>

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createEnvironment } from "../../cli/environment.ts";
import { ingestKeys } from "../../cli/ingest-keys.ts";
import { build, compileAhead, ingest } from "../../demo/local-steps.ts";
import { Mailings } from "../../demo/mailings.ts";
import { Simulator } from "../../demo/simulator.ts";
import { Stopwatch } from "../../demo/stopwatch.ts";
import { DAY_MS, HOUR_MS, worldConfig, worldEnd } from "../../simulate/config.ts";

const [home, policy, events, seed, weeks] = process.argv.slice(2);
/** Days of a week on which a mail goes out; it is decided in the morning. */
const mailDays = [1, 4];
const decidedAfterMs = 5.5 * HOUR_MS;

const root = resolve(import.meta.dirname, "../..");
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
const world = await createEnvironment({ home: home!, quiet: true }, stop.signal);
const watch = new Stopwatch(() => performance.now());
const config = worldConfig({ seed: Number(seed), events: Number(events) });
const begins = worldEnd(config);
const simulator = new Simulator(world, watch, config);
const text = await readFile(join(import.meta.dirname, `${policy}.yaml`), "utf8");
const mailings = await Mailings.open(world, watch, { [policy!]: text });

const hear = async (upTo: number) => {
  const made = simulator.writeUntil(upTo);
  await Promise.all([made.result, ingest(world, made.files, "ingest")]);
};

try {
  await simulator.beginCanary({
    dir: join(world.home.root, "quarter"),
    // The same for every policy: people who are mailed alike have the same luck.
    label: "quarter",
    startsAt: begins,
    complaintFactor: 1,
    orderFactor: 1,
    idKey: ingestKeys(world).ids.active,
  });
  for (let week = 0; week < Number(weeks); week++) {
    const [first, next] = [7 * week, 7 * (week + 1)];
    const time = { asOf: new Date(begins + next * DAY_MS), receivedFrom: new Date(begins + first * DAY_MS) };
    compileAhead(world, root, time);
    const days = mailDays.map((day) => first + day);
    for (const [i, campaign] of (await simulator.announce(days, first)).entries()) {
      await hear(days[i]!);
      await mailings.decide(campaign, new Date(begins + days[i]! * DAY_MS + decidedAfterMs), policy);
      await simulator.mail(mailDays.length * week + i, await mailings.sends(campaign));
    }
    await hear(next);
    await build(world, root, time, "build", ["features.decision_inputs"]);
    process.stderr.write(`${policy}: week ${week + 1} of ${weeks}\n`);
  }
  await simulator.endCanary().result;
} finally {
  await simulator.close();
}
