import { homeTrouble } from "../../../ingest/home-trouble.ts";
import { openLocalIngest } from "../../../ingest/ingest-files.ts";
import { compact, defaultCompaction, planCompaction } from "../../../ingest/segments/compact.ts";
import type { Environment } from "../../environment.ts";
import { ingestContext } from "./context.ts";
import { table } from "./render.ts";

/** `inboxloop ingest compact`. */
export async function ingestCompactCommand(
  environment: Environment,
  options: { readonly dryRun?: boolean },
): Promise<void> {
  try {
    const { sink } = await openLocalIngest(ingestContext(environment, { trustReceivedAt: false }));
    try {
      const steps = await planCompaction(sink, defaultCompaction);
      const done = options.dryRun ? 0 : await compact(sink, steps, environment.signal);
      const listed = steps.map((step) => ({ table: step.table, segments: step.parts.length, into: step.segment }));
      environment.console.result({ steps: listed, done, dry_run: options.dryRun === true }, () => {
        if (steps.length === 0) return "nothing to merge";
        const rows = listed.map((one) => [`raw.${one.table}`, one.segments, one.into] as const);
        return `${table(["table", "segments", "into"], rows)}\n\n${options.dryRun ? "nothing was changed" : `${done} merged`}`;
      });
    } finally {
      sink.close();
    }
  } catch (error) {
    throw homeTrouble(error, environment.home.raw);
  }
}
