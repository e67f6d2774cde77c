import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../errors/user-error.ts";
import { readOneClickToken } from "../../../ingest/collector/one-click.ts";
import { ispLookup } from "../../../ingest/door/isp-lookup.ts";
import type { IngestContext } from "../../../ingest/ingest-files.ts";
import { optOutAddresses } from "../../../ingest/mail/opt-out.ts";
import { providers } from "../../../ingest/sources/providers.ts";
import { readSettings, type Settings, settingsFile } from "../../../platform/settings.ts";
import { erasureJournal } from "../../../platform/tombstones.ts";
import type { Environment } from "../../environment.ts";
import { ingestKeys } from "../../ingest-keys.ts";
import { allowedAttributes } from "./allowed-attributes.ts";
import { type DestinationOptions, destinationOf } from "./destination.ts";

/** The ingester's world, from the command line's. */
export function ingestContext(
  environment: Environment,
  options: { readonly trustReceivedAt: boolean; readonly batchRecords?: number | undefined } & DestinationOptions,
): IngestContext {
  const settings = readSettings(environment.cwd);
  const keys = ingestKeys(environment);
  return {
    raw: environment.home.raw,
    // Where several machines write to one BigQuery, each knows whom another has erased.
    erasures:
      environment.target.kind === "bigquery"
        ? environment.target.journal("governance/erasures", erasureJournal)
        : environment.home.erasures,
    keys,
    now: environment.now,
    randomBytes,
    sleep: (ms) => sleep(ms),
    pid: process.pid,
    trustReceivedAt: options.trustReceivedAt,
    mail: {
      isOptOutAddress: optOutAddresses(environment.settings["INBOXLOOP_UNSUBSCRIBE_ADDRESSES"]),
      readLink: (token) => readOneClickToken(token, keys.ids.all),
    },
    sources: declaredSources(settings),
    attributes: () => allowedAttributes(environment, settings.attributes),
    deviceReports: settings.device_reports,
    ispOfDomain: ispLookup(settings.isp_lookup, environment.cwd),
    batchRecords: options.batchRecords,
    fault: faultFrom(environment.settings),
    bigQuery: destinationOf(environment, options),
  };
}

/** What is declared of sources; a name that no provider has would be heard by nobody. */
function declaredSources({ sources }: Pick<Settings, "sources">): Settings["sources"] {
  const unknown = Object.keys(sources).find((name) => name !== "mail" && !providers.has(name));
  if (unknown === undefined) return sources;
  throw new UserError(`there is no source "${unknown}"`, {
    code: "settings.invalid",
    exit: "config",
    where: `sources.${unknown} in ${settingsFile}`,
    next: `name one of ${[...providers.keys(), "mail"].join(", ")}   (docs/reference/dimensions.md)`,
  });
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
