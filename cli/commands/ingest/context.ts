import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { loadIngestKeys } from "../../../ingest/door/keys.ts";
import type { IngestContext } from "../../../ingest/ingest-files.ts";
import { optOutAddresses } from "../../../ingest/mail/opt-out.ts";
import type { Environment } from "../../environment.ts";
import { type DestinationOptions, destinationOf } from "./destination.ts";

/** The ingester's world, from the command line's. */
export function ingestContext(
  environment: Environment,
  options: { readonly trustReceivedAt: boolean; readonly batchRecords?: number | undefined } & DestinationOptions,
): IngestContext {
  return {
    raw: environment.home.raw,
    erasures: environment.home.erasures,
    keys: loadIngestKeys(environment.settings, environment.home.state, randomBytes),
    now: environment.now,
    randomBytes,
    sleep: (ms) => sleep(ms),
    pid: process.pid,
    trustReceivedAt: options.trustReceivedAt,
    isOptOutAddress: optOutAddresses(environment.settings["INBOXLOOP_UNSUBSCRIBE_ADDRESSES"]),
    batchRecords: options.batchRecords,
    fault: faultFrom(environment.settings),
    bigQuery: destinationOf(environment, options),
  };
}

/**
 * For the kill tests: INBOXLOOP_FAULT_AT=<n> dies by SIGKILL at the n-th boundary between two durable writes, counted
 * from 1; `<point>:<n>` at the n-th one of that name.
 */
function faultFrom(settings: Environment["settings"]): ((point: string) => void) | undefined {
  const setting = settings["INBOXLOOP_FAULT_AT"];
  if (!setting) return undefined;
  const [name, times] = setting.includes(":") ? setting.split(":") : [undefined, setting];
  let left = Number(times);
  return (point) => {
    if (name !== undefined && name !== point) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, "SIGKILL");
  };
}
