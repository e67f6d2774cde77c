// A command of the product on a home whose world ended in the past: its clock begins at a stated instant. Started by bench/serve.ts.
//
// tsx bench/in-its-time.ts <serve | push | decide> <home> <instant> [occasion]

import { join } from "node:path";
import { decideCommand } from "../cli/commands/decide/run.ts";
import { pushCommand } from "../cli/commands/features/run.ts";
import { serveCommand } from "../cli/commands/serve/run.ts";
import { createEnvironment } from "../cli/environment.ts";

const [command, home, instant, occasion] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
const began = Date.now();
const world = {
  ...(await createEnvironment({ home: home!, json: true }, stop.signal)),
  now: () => new Date(Date.parse(instant!) + Date.now() - began),
};
const policies = join(world.home.root, "policies");
const cpu = process.cpuUsage();
const since = performance.now();
if (command === "serve")
  await serveCommand(world, { host: "127.0.0.1", port: 0, statusHost: "127.0.0.1", policies, rate: 1_000_000 });
else {
  const done =
    command === "push"
      ? await pushCommand(world, { pageRows: 5000 })
      : await decideCommand(world, { campaign: ["bench=newsletter"], policies, pageRows: 7000, occasion: occasion! });
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - since) / 1000;
  process.stdout.write(
    `${JSON.stringify({ done, seconds, cpu_seconds: (user + system) / 1e6, rss_mb: process.resourceUsage().maxRSS / 1024 })}\n`,
  );
}
