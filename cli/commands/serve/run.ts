import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../errors/user-error.ts";
import { createIdsOf } from "../../../ingest/door/id-hasher.ts";
import type { LoadedPolicy } from "../../../policy/load-policy.ts";
import { configuredCallers } from "../../../serve/service/callers.ts";
import { runService } from "../../../serve/service/run-service.ts";
import { defaultServiceLimits } from "../../../serve/service/server.ts";
import { decisionKey } from "../../decision-key.ts";
import type { Environment } from "../../environment.ts";
import { ingestKeys } from "../../ingest-keys.ts";
import { readPolicies } from "../../policies.ts";
import { refuseUnapprovedPolicies } from "../../running-things.ts";
import { type StatusOptions, statusListener } from "../../status-listener.ts";
import { onlineOf } from "./online-of.ts";
import { workBeside } from "./work-beside.ts";

export interface ServeOptions extends StatusOptions {
  readonly host: string;
  readonly policies: string;
  readonly rate?: number;
}

/** Reads the policies again and again; a text that was found approved is not asked about anew. */
function approvedPolicies(world: Environment, folder: string): () => Promise<ReadonlyMap<string, LoadedPolicy>> {
  let approved: ReadonlySet<string> = new Set();
  return async () => {
    const read = await readPolicies(world, folder);
    const unknown = [...read.values()].filter(({ text }) => !approved.has(text));
    if (unknown.length > 0) await refuseUnapprovedPolicies(world, "serve", unknown);
    approved = new Set([...read.values()].map(({ text }) => text));
    return new Map([...read].map(([name, { policy }]) => [name, policy]));
  };
}

/** `inboxloop serve`. Ends with 0 when it is told to stop. */
export async function serveCommand(world: Environment, options: ServeOptions): Promise<void> {
  const callers = configuredCallers(world.settings);
  if (callers.names.length === 0) {
    throw new UserError("nobody may call: no key is set", {
      code: "serve.nobody-may-call",
      exit: "config",
      next: "INBOXLOOP_SERVE_KEY_<CALLER>=decide+read:<key>   (docs/reference/decisions.md)",
    });
  }
  const limits = {
    ...defaultServiceLimits,
    ...(options.rate === undefined ? {} : { perSecond: options.rate, burst: options.rate * 2 }),
  };
  const outcome = await runService(
    {
      host: options.host,
      port: options.port,
      status: statusListener(options),
      online: onlineOf(world),
      state: world.home.state,
      releaseLog: world.releaseLog,
      models: () => world.target.models.refresh(),
      key: decisionKey(world),
      readPolicies: approvedPolicies(world, options.policies),
      callerOf: callers.callerOf,
      idsOf: createIdsOf(ingestKeys(world).ids),
      limits,
      now: () => world.now().getTime(),
      ticks: () => performance.now(),
      sleep: (ms) => sleep(ms),
      workBeside: (told) => workBeside(world, told),
      drainMs: 20_000,
      log: world.console.note,
      listening: ({ address, status, inForce }) => {
        world.console.note(`status on ${status}`);
        world.console.note(`listening on ${address}`);
        world.console.note(`in force: ${inForce}; callers: ${callers.names.join(", ")}`);
      },
    },
    world.signal,
  );
  world.console.result(outcome, () =>
    outcome.queued === 0 ? "every decision has landed" : `${outcome.queued} decisions wait for the next start`,
  );
}
