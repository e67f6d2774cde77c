// Seals a home until a point, and is killed there: node seal-until.ts <home> <point>
import { setTimeout as sleep } from "node:timers/promises";
import { sealHome } from "../../../cli/commands/keys/seal-home.ts";
import { giveHomeKeys } from "../../../platform/home-seal.ts";

const [home = "", point = ""] = process.argv.slice(2);
giveHomeKeys(process.env);
await sealHome(home, {
  lock: { pid: process.pid, sleep: (ms) => sleep(ms), patienceMs: 100 },
  signal: new AbortController().signal,
  now: () => Date.parse("2026-02-01T00:00:00Z"),
  fault: (at) => {
    if (at === point) process.kill(process.pid, "SIGKILL");
  },
});
