import { exitCodes, UserError } from "../../../errors/user-error.ts";
import { namedMapping } from "../../../ingest/mapping/schema.ts";
import { parseSince, replay } from "../../../ingest/replay.ts";
import type { Environment } from "../../environment.ts";
import { ingestContext } from "./context.ts";
import { table } from "./render.ts";

export interface IngestReplayOptions {
  readonly reason?: string;
  readonly since?: string;
  readonly limit?: number;
  readonly dryRun?: boolean;
  readonly map?: string;
  readonly trustReceivedAt?: boolean;
}

/** `inboxloop ingest replay`. */
export async function ingestReplayCommand(environment: Environment, options: IngestReplayOptions): Promise<void> {
  const since = options.since === undefined ? undefined : parseSince(options.since, environment.now());
  if (options.since !== undefined && since === undefined) {
    throw new UserError(`--since ${options.since} is no time`, {
      code: "ingest.bad-since",
      exit: "usage",
      next: "--since 7d, --since 2026-01-31, --since 2026-01-31T08:00:00Z",
    });
  }
  const outcome = await replay(
    ingestContext(environment, { trustReceivedAt: options.trustReceivedAt === true }),
    {
      reason: options.reason,
      since,
      limit: options.limit,
      dryRun: options.dryRun === true,
      mapping: options.map === undefined ? undefined : namedMapping(options.map, environment.cwd),
    },
    environment.signal,
  );
  environment.console.result(outcome, () => {
    const rest = Object.entries(outcome.refused).map(([reason, count]) => [reason, count] as const);
    const verb = outcome.dry_run ? "would land" : "settled";
    const head = `${outcome.selected} dead letters selected, ${outcome.accepted} ${verb}`;
    return rest.length > 0 ? `${head}\n\n${table(["still refused", "letters"], rest)}` : head;
  });
  if (environment.signal.aborted) process.exitCode = exitCodes.interrupted;
}
