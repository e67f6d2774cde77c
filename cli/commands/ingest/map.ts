import { eventCoverage } from "../../../ingest/event-coverage.ts";
import type { Environment } from "../../environment.ts";
import { table } from "./render.ts";

/** `inboxloop ingest map`. */
export function ingestMapCommand({ console, settings }: Environment): void {
  const coverage = eventCoverage(settings);
  console.result(coverage, () => {
    const rows = coverage.types.map(
      (one) => [one.event_type, one.configured.join(", ") || "-", one.possible.join(", ") || "-"] as const,
    );
    return [
      table(["event type", "delivered now by", "would also be, once configured or exported, by"], rows),
      "",
      `only a client of your own can tell (/v1/events): ${coverage.only_your_own.join(", ") || "nothing"}`,
      `nothing that is configured delivers: ${coverage.not_delivered.join(", ") || "nothing is missing"}`,
    ].join("\n");
  });
}
