import type { Source } from "../pipeline.ts";
import type { SpoolMessage } from "./spool-frame.ts";

/** What the collector puts accepted messages on: the local spool, or Pub/Sub. */
export interface BusWriter {
  /** Resolves once every message would survive a power cut (or the bus has taken them); rejects when none may count. */
  publish(messages: readonly SpoolMessage[]): Promise<unknown>;
  close(): Promise<void>;
}

/** What the pipeline reads from it; `Source.ack` comes after the commit. */
export type BusSource = Source;
