import { join } from "node:path";
import type { BigQueryTarget } from "../../warehouse/bigquery/connect.ts";
import type { StreamKind } from "../../warehouse/bigquery/streams.ts";
import { keyName } from "../door/keys.ts";
import type { IngestContext } from "../ingest-files.ts";
import { BigQuerySink } from "./bigquery-sink.ts";

/** Where rows go that do not stay on this machine. */
export interface BigQueryDestination extends BigQueryTarget {
  /** The dataset of the raw tables. */
  readonly dataset: string;
  readonly kind: StreamKind;
  /** A folder of this machine: one a project and dataset, and one process at a time in it. */
  readonly state: string;
}

/** Opens Google's clients and the sink over them; what an earlier process left half done is finished first. */
export async function openBigQuerySink(
  context: IngestContext,
  destination: BigQueryDestination,
): Promise<BigQuerySink> {
  const { connectBigQuery, openAppendStreams } = await import("../../warehouse/bigquery/connect.ts");
  const warehouse = await connectBigQuery(destination);
  const streams = await openAppendStreams(destination);
  return BigQuerySink.open({
    state: join(destination.state, `${destination.projectId}.${destination.dataset}`),
    projectId: destination.projectId,
    dataset: destination.dataset,
    kind: destination.kind,
    streams,
    warehouse,
    idKey: keyName(context.keys.ids.active),
    lock: { pid: context.pid, sleep: context.sleep, patienceMs: 60_000, code: "ingest.locked" },
    now: () => context.now().getTime(),
    newId: () => context.randomBytes(8).toString("hex"),
    pause: (attempt) => context.sleep(Math.min(30_000, 50 * 2 ** attempt)),
    fault: context.fault,
  });
}
